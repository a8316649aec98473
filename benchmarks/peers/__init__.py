"""What ours is held against, written as people write it; each a process of its own, in .venv-peers."""
