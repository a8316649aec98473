"""What is true: facts, decisions and refusals; no I/O, no clock, no randomness."""
