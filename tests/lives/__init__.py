"""Lives of subscriptions that nobody thought of, with everything going wrong that can; access must come out right."""
