"""A stored example of every fact, and of every shape that a fact has had."""
