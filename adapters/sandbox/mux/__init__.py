"""A Mux Video that runs on this machine: uploads, assets, signed webhooks, and playlists for who has a good token.

Beside the API (`/mux/video/v1`) there are its two hosts (`/mux/stream`, `/mux/image`) and controls for tests
(`/mux/_sandbox`). docs/sandbox.md says what is played and what is not.
"""
