"""Video on our own disk: taken in, made into HLS by FFmpeg, and delivered under signed addresses."""
