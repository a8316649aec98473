"""The local video platform, on real FFmpeg and real files."""
