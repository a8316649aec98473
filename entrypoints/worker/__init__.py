"""The worker: everything that happens without anybody waiting for an answer."""
