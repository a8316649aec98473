"""Playback, a catalogue and a sign-in with FastAPI, SQLAlchemy and PyJWT, as their guides have them.

A dependency decodes the token and loads the account; the handler loads the video and the subscription, and signs an
RS256 token to an address, with a key that was loaded once. It is well served: uvicorn with uvloop and httptools as ours
is, asyncpg, a pool as large as there are connections to fill it, no access log and no metrics, no play session, and the
garbage collector is kept away from what was made at the start.

It runs in .venv-peers, and imports nothing of ours:

    .venv-peers/bin/python benchmarks/peers/fastapi_service.py DATABASE_URL JWT_SECRET SIGNING_KEY_FILE FD
"""

# pyright: reportMissingImports=false

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
import uvicorn
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

POOL = 20
KEY_ID = "benchmark-key"
TOKEN_LIFE = timedelta(hours=4)
ACCESS_LIFE = timedelta(minutes=15)


class Base(DeclarativeBase):
    """The tables of this program."""


class Account(Base):
    """Somebody with a password."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool]


class Subscription(Base):
    """Of an account, as its provider told last."""

    __tablename__ = "subscriptions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    plan: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(32))
    current_period_end: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Video(Base):
    """One of the catalogue."""

    __tablename__ = "videos"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str]
    category: Mapped[str] = mapped_column(String(64))
    access: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(32))
    playback_id: Mapped[str] = mapped_column(String(64))
    duration_seconds: Mapped[float]
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)


class VideoOut(BaseModel):
    """A video as clients see it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    description: str
    category: str
    access: str
    status: str
    duration_seconds: float
    published_at: datetime | None


class PageOut(BaseModel):
    """The newest videos, and where the next ones begin."""

    items: list[VideoOut]
    next_cursor: str | None


class PlaybackIn(BaseModel):
    """What a client says of itself."""

    device_id: str | None = None


class PlaybackOut(BaseModel):
    """Leave to watch."""

    session_id: UUID
    video_id: UUID
    playback_id: str
    url: str
    token: str
    expires_at: datetime


class LoginIn(BaseModel):
    """Who wants to sign in."""

    email: str
    password: str


class TokenOut(BaseModel):
    """Who has signed in."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - a word of OAuth's


def create_app(engine: AsyncEngine, secret: str, signing_key: Any) -> FastAPI:  # noqa: C901 - as people write
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    async def current_account(
        token: Annotated[str, Depends(bearer)], session: Annotated[AsyncSession, Depends(session)]
    ) -> Account:
        try:
            claims = jwt.decode(token, secret, algorithms=["HS256"])
        except jwt.PyJWTError as reason:
            raise HTTPException(401, "Could not validate credentials") from reason
        account: Account | None = await session.get(Account, UUID(claims["sub"]))
        if account is None or not account.is_active:
            raise HTTPException(401, "Could not validate credentials")
        return account

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/videos/{video_id}/playback")
    async def start_playback(
        video_id: UUID,
        asked: PlaybackIn,  # noqa: ARG001 - as a client says it
        account: Annotated[Account, Depends(current_account)],
        session: Annotated[AsyncSession, Depends(session)],
    ) -> PlaybackOut:
        now = datetime.now(UTC)
        video = await session.get(Video, video_id)
        if video is None:
            raise HTTPException(404, "Video not found")
        if video.status != "published":
            raise HTTPException(409, "Video is not ready")
        query = (
            select(Subscription)
            .where(Subscription.account_id == account.id)
            .where(Subscription.status.in_(("active", "trialing", "past_due")))
            .where(Subscription.current_period_end > now)
            .order_by(Subscription.current_period_end.desc())
            .limit(1)
        )
        subscription = await session.scalar(query)
        if video.access != "free" and subscription is None:
            raise HTTPException(402, "Subscription required")
        expires_at = now + TOKEN_LIFE
        if subscription is not None:
            expires_at = min(expires_at, subscription.current_period_end)
        claims = {"sub": video.playback_id, "aud": "v", "exp": expires_at, "kid": KEY_ID}
        token = jwt.encode(claims, signing_key, algorithm="RS256", headers={"kid": KEY_ID})
        return PlaybackOut(
            session_id=uuid4(),
            video_id=video.id,
            playback_id=video.playback_id,
            url=f"https://stream.mux.com/{video.playback_id}.m3u8?token={token}",
            token=token,
            expires_at=expires_at,
        )

    @app.get("/videos")
    async def list_videos(
        session: Annotated[AsyncSession, Depends(session)], limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> PageOut:
        query = select(Video).where(Video.status == "published").order_by(Video.published_at.desc()).limit(limit + 1)
        videos = list(await session.scalars(query))
        items = [VideoOut.model_validate(video) for video in videos[:limit]]
        return PageOut(items=items, next_cursor=str(items[-1].id) if len(videos) > limit else None)

    @app.post("/login")
    async def login(asked: LoginIn, session: Annotated[AsyncSession, Depends(session)]) -> TokenOut:
        account = await session.scalar(select(Account).where(Account.email == asked.email))
        if account is None:
            raise HTTPException(401, "Incorrect email or password")
        try:
            await asyncio.to_thread(hasher.verify, account.password, asked.password)
        except VerifyMismatchError as wrong:
            raise HTTPException(401, "Incorrect email or password") from wrong
        claims = {"sub": str(account.id), "exp": datetime.now(UTC) + ACCESS_LIFE}
        return TokenOut(access_token=jwt.encode(claims, secret, algorithm="HS256"))

    return app


def main(url: str, secret: str, key_file: str, fd: int) -> None:
    engine = create_async_engine(url, pool_size=POOL, max_overflow=0)
    signing_key = load_pem_private_key(Path(key_file).read_bytes(), password=None)
    app = create_app(engine, secret, signing_key)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="none", access_log=False)
    with socket.socket(proto=socket.IPPROTO_TCP, fileno=fd) as listening:
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
