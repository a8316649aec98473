"""The sandbox server, wired to this installation's business time and webhook address."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from litestar import Litestar

from adapters.postgres.clock import PostgresMovableClock, RealClock
from adapters.sandbox.cloudflare.simulator import cloudflare_simulator
from adapters.sandbox.mux.simulator import mux_simulator
from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.simulator import Simulator
from adapters.sandbox.stripe import stripe_simulator
from adapters.sandbox.twilio.simulator import twilio_simulator
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings, listed


class BooksInUse(OSError):
    """Another sandbox keeps its books in this data folder."""


@contextmanager
def sandbox_app(settings: Settings, dsn: str, webhook_url: str | None = None) -> Iterator[Litestar]:
    """The server of the simulated providers, on the business time of this database.

    Stripe's events go to `webhook_url`; None: to this installation, as those of all others do.

    Raises:
        ValueError: there is no webhook secret in STRIPE_WEBHOOK_SECRETS. BooksInUse.
    """
    settings = with_development_secrets(settings)
    if not (webhook_secrets := listed(settings.stripe_webhook_secrets)):
        raise ValueError("STRIPE_WEBHOOK_SECRETS names no secret")
    with _alone(settings.data_dir / "sandbox"):
        yield from _sandbox_app(settings, dsn, webhook_url, webhook_secrets[0])


def _sandbox_app(settings: Settings, dsn: str, webhook_url: str | None, webhook_secret: str) -> Iterator[Litestar]:
    movable = PostgresMovableClock(dsn) if settings.sandbox_clock else None
    now = (movable or RealClock()).now
    simulator = stripe_simulator(
        store_path=settings.data_dir / "sandbox" / "stripe.sqlite3",
        public_url=settings.sandbox_address,
        webhook_url=webhook_url or f"http://127.0.0.1:{settings.port}/v1/webhooks/stripe",
        webhook_secret=webhook_secret,
        clock=now,
    )
    try:
        yield create_sandbox_app([simulator, twilio_simulator(), *_simulated_platforms(settings, now)])
    finally:
        if movable is not None:
            movable.close()


def _simulated_platforms(settings: Settings, now: Callable[[], datetime]) -> Iterator[Simulator]:
    """Only those that are used and have no token."""
    if settings.simulates_mux:
        yield mux_simulator(
            store_path=settings.data_dir / "sandbox" / "mux.sqlite3",
            public_url=settings.sandbox_address,
            webhook_url=f"http://127.0.0.1:{settings.port}/v1/webhooks/mux",
            webhook_secret=listed(settings.mux_webhook_secrets)[0],
            signing_private_key=settings.mux_signing_private_key,
            clock=now,
        )
    if settings.simulates_cloudflare:
        yield cloudflare_simulator(
            store_path=settings.data_dir / "sandbox" / "cloudflare.sqlite3",
            public_url=settings.sandbox_address,
            webhook_url=f"http://127.0.0.1:{settings.port}/v1/webhooks/cloudflare",
            webhook_secret=listed(settings.cloudflare_webhook_secrets)[0],
            signing_private_key=settings.cloudflare_signing_private_key,
            clock=now,
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two sandboxes on the same books would each do what falls due; the lock ends with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BooksInUse(f"another sandbox keeps its books in {folder}") from None
        yield
