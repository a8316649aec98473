"""The usual handler of Stripe's webhooks, with FastAPI, SQLAlchemy and the SDK: a process of its own.

As their guides have it: the SDK verifies and parses the event, one transaction looks whether it was there already,
writes a row of the payment log and updates the subscription's row. It is well served: uvicorn with uvloop and httptools
as ours is, asyncpg, a pool as large as there are connections to fill it, no access log and no metrics, and the garbage
collector is kept away from what was made at the start. Nothing in it asks Stripe again.

It runs in .venv-peers, and imports nothing of ours:

    .venv-peers/bin/python benchmarks/usual_handler.py DATABASE_URL WEBHOOK_SECRET FD
"""

# pyright: reportMissingImports=false

import gc
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import stripe
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from sqlalchemy import DateTime, String, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

POOL = 20
PATH = "/webhooks/stripe"


class Base(DeclarativeBase):
    """The tables of this program."""


class PaymentLog(Base):
    """One row to a webhook."""

    __tablename__ = "payment_logs"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(255), unique=True)
    event_type: Mapped[str] = mapped_column(String(255), index=True)
    customer_id: Mapped[str | None] = mapped_column(String(255), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Subscription(Base):
    """How it stands, by the last webhook."""

    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_subscription_id: Mapped[str] = mapped_column(String(255), unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(String(255), index=True)
    status: Mapped[str] = mapped_column(String(32))
    current_period_end: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def create_app(engine: AsyncEngine, secret: str) -> FastAPI:
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        gc.collect()
        gc.freeze()
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post(PATH)
    async def receive(
        request: Request,
        session: Annotated[AsyncSession, Depends(session)],
        stripe_signature: Annotated[str, Header()],
    ) -> dict[str, bool]:
        payload = await request.body()
        try:
            event = stripe.Webhook.construct_event(payload, stripe_signature, secret)
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise HTTPException(400, str(error)) from error
        await handle(session, event, json.loads(payload))
        return {"received": True}

    return app


async def handle(session: AsyncSession, event: stripe.Event, payload: dict[str, Any]) -> None:
    """Durable when it returns."""
    known = await session.scalar(select(PaymentLog.id).where(PaymentLog.event_id == event.id))
    if known is not None:
        return
    told, now = event.data.object, datetime.now(UTC)
    log = PaymentLog(
        event_id=event.id,
        event_type=event.type,
        customer_id=told["customer"],
        payload=payload,
        received_at=now,
    )
    session.add(log)
    query = select(Subscription).where(Subscription.stripe_subscription_id == told["id"])
    subscription = (await session.execute(query)).scalar_one()
    subscription.status = told["status"]
    subscription.current_period_end = datetime.fromtimestamp(told["items"]["data"][0]["current_period_end"], UTC)
    subscription.updated_at = now
    await session.commit()


def main(url: str, secret: str, fd: int) -> None:
    engine = create_async_engine(url, pool_size=POOL, max_overflow=0)
    app = create_app(engine, secret)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="none", access_log=False)
    with socket.socket(proto=socket.IPPROTO_TCP, fileno=fd) as listening:
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
