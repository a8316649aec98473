"""The sandbox server, wired to this installation's business time and webhook address."""

from collections.abc import Iterator
from contextlib import contextmanager

from litestar import Litestar

from adapters.postgres.clock import PostgresMovableClock, RealClock
from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe import stripe_simulator
from adapters.sandbox.twilio import twilio_simulator
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings, listed


@contextmanager
def sandbox_app(settings: Settings, dsn: str, webhook_url: str | None = None) -> Iterator[Litestar]:
    """The server of the simulated providers, on the business time of this database.

    Their events go to `webhook_url`; None: to this installation.
    """
    settings = with_development_secrets(settings)
    movable = PostgresMovableClock(dsn) if settings.sandbox_clock else None
    simulator = stripe_simulator(
        store_path=settings.data_dir / "sandbox" / "stripe.sqlite3",
        public_url=settings.sandbox_address,
        webhook_url=webhook_url or f"http://127.0.0.1:{settings.port}/v1/webhooks/stripe",
        webhook_secret=listed(settings.stripe_webhook_secrets)[0],
        clock=(movable or RealClock()).now,
    )
    try:
        yield create_sandbox_app([simulator, twilio_simulator()])
    finally:
        if movable is not None:
            movable.close()
