"""The one error of the embedded PostgreSQL."""

REMEDY = "set DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL of your own"


class EmbeddedPostgresUnavailable(Exception):
    """The embedded PostgreSQL cannot run here; its text is one line that says what is missing and what to do."""

    def __init__(self, reason: str, remedy: str = REMEDY) -> None:
        super().__init__(" ".join(f"No embedded PostgreSQL: {reason}. To mend it, {remedy}.".split()))
