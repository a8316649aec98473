"""Cloudflare Stream over httpx: six requests, for which its SDK (57 MB) would be too much."""
