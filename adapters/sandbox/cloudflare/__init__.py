"""A Cloudflare Stream that runs on this machine: uploads by form, videos, a signed webhook, and playlists.

docs/sandbox.md says what is played and what is not.
"""
