"""What happens to customers, subscriptions, invoices and sessions, and when: the rules of billing."""
