"""Words that every context uses."""
