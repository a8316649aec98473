"""The outside world, one technology to a package."""
