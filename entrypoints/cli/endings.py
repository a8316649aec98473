"""The numbers with which commands end, so that scripts can tell them apart."""

NOT_WELL = 1
"""It was looked at, and something is wrong: a difference, a fact that cannot be read, a step that did not hold."""

FAILED = 3
"""Refused, or failed; 2 is click's, for a command that is called wrongly."""

INTERRUPTED = 130
"""As shells say that Ctrl-C ended a program."""
