"""Why a use case cannot do what was asked, where the domain itself has nothing against it."""


class NotFound(Exception):
    """It does not exist, or is somebody else's: the one who asks cannot tell which."""


class NotAllowed(Exception):
    """Signed in, but not in a role that may do this."""


class NotSignedIn(Exception):
    """No good access token; `code` says how it failed, for the client."""

    def __init__(self, detail: str, code: str = "not_signed_in") -> None:
        super().__init__(detail)
        self.code = code


class Unavailable(Exception):
    """Something that is needed does not answer now; trying again after `retry_after_seconds` may help."""

    retry_after_seconds = 1


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or has no connection free in time."""


class LedgerBusy(Unavailable):
    """The queue of appends is full; nothing was recorded."""


class OutcomeUnknown(Unavailable):
    """The connection was lost around the commit and could not be had again: it may or may not be recorded."""


class ReadModelMoved(Unavailable):
    """A newer release has built a read model that this process would write by older rules; nothing was recorded."""

    retry_after_seconds = 5


class ReadModelNotReady(Unavailable):
    """A read model has no tables to be read yet."""


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or answers that it cannot now."""

    retry_after_seconds = 5


class ProviderBusy(ProviderUnavailable):
    """The provider has had too many questions: nobody should ask it anything for a while."""

    def __init__(self, message: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ProviderRefused(Exception):
    """The provider understood and said no; its message is in the text, and may repeat what it was asked.

    `kept` says it without the provider's own words: what stands on the ledger stays, also of whom has been erased.
    """

    def __init__(self, message: str, *, kept: str | None = None) -> None:
        super().__init__(message)
        self.kept = kept or message


class SubscriptionMoved(ProviderRefused):
    """The subscription does not sell any more, at the provider, what was to be exchanged for something else."""


class CustomerGone(ProviderRefused):
    """The payment provider has no such customer, any more: what its last deliveries say is all there is.

    That it was `deleted`, and its subscriptions with it, it says itself; a key of another account's would not know it
    either.
    """

    def __init__(self, message: str, *, kept: str | None = None, deleted: bool = False) -> None:
        super().__init__(message, kept=kept)
        self.deleted = deleted


class NotYetVisible(Unavailable):
    """The read models have not come as far as the read asked for within its time."""


class UnknownPosition(Exception):
    """A read asked for a position that the ledger has not reached."""
