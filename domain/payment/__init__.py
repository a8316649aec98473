"""Money that came, or did not."""
