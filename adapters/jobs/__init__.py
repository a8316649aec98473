"""The durable queue of transcoding, on a table of our own.

Procrastinate 3.10 was tried first. There a job that is deferred again while it is worked on, and whose first try then
fails or loses its worker, stays in `doing` for good: putting it back violates the unique index of the queueing lock.
Nor has it a fence: a worker that was only slow can end the try of the one that took over.
"""
