"""From a file that somebody sent to HLS: probed and transcoded by FFmpeg in a child of little rights, all or nothing.

For every platform whose videos our own worker makes ready.
"""
