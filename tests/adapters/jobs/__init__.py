"""The durable queue of transcoding, on a real PostgreSQL, with workers that are killed."""
