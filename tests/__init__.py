"""The tests mirror the four folders, and tell stories with named people and real amounts."""
