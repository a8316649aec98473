"""Playback with Django REST framework and simplejwt, as their guides have it; served by gunicorn's threads."""
