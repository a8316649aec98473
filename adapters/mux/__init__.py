"""Mux Video through mux-python: uploads straight to it, its own transcoding and delivery, tokens signed by us."""
