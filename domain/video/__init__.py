"""A film on its way from upload to viewers."""
