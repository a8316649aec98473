"""A Stripe that nobody here has written: https://github.com/adrienverge/localstripe, in a process of its own."""
