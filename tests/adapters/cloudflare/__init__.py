"""Cloudflare Stream, over HTTP, on a simulated one."""
