"""Faults under load: whoever is killed, what was acknowledged stays, once, in order, and the read models follow."""
