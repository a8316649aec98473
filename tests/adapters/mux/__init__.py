"""Mux, through its SDK, on a simulated Mux."""
