"""What may be bought."""
