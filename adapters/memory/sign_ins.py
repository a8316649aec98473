"""Credentials, sessions and refresh tokens in memory."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.memory.ledger import MemoryLedger
from adapters.memory.reads import MemoryReadModels
from adapters.memory.tables import MemoryTables
from application.ports.sign_in import Credential, RefreshReused, Session
from application.projections.access import AccountStanding


@dataclass
class SessionRow:
    """Where somebody is signed in."""

    session_id: UUID
    account_id: UUID
    expires_at: datetime
    ended: bool = False

    def is_live(self, now: datetime) -> bool:
        return not self.ended and self.expires_at > now


@dataclass
class TokenRow:
    """One refresh token."""

    session: SessionRow
    expires_at: datetime
    spent: bool = False


class MemorySignIns:
    """Credentials are those that appends have put into the tables, roles those of the facts."""

    def __init__(self, tables: MemoryTables, ledger: MemoryLedger) -> None:
        self._tables = tables
        self._read_models = MemoryReadModels(ledger)
        self._sessions: dict[UUID, SessionRow] = {}
        self._tokens: dict[bytes, TokenRow] = {}

    async def credential(self, email_index: bytes) -> Credential | None:
        for claim in self._tables.rows("claims", kind="email", blind_index=email_index):
            for row in self._tables.rows("credentials", account_id=claim["owner"]):
                return Credential(row["account_id"], row["password_hash"])
        return None

    async def open_session(
        self, *, session_id: UUID, account_id: UUID, refresh_digest: bytes, now: datetime, expires_at: datetime
    ) -> None:
        session = SessionRow(session_id, account_id, expires_at)
        self._sessions[session_id] = session
        self._tokens[refresh_digest] = TokenRow(session, expires_at)

    async def rotate(self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime) -> Session | None:
        token = self._tokens.get(spent)
        if token is None:
            return None
        if token.spent:
            token.session.ended = True
            raise RefreshReused
        if token.expires_at <= now or not token.session.is_live(now):
            return None
        token.spent = True
        token.session.expires_at = expires_at
        self._tokens[new] = TokenRow(token.session, expires_at)
        return self._seen(token.session)

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        if token := self._tokens.get(refresh_digest):
            token.session.ended = True

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        session = self._sessions.get(session_id)
        return self._seen(session) if session is not None and session.is_live(now) else None

    def _seen(self, session: SessionRow) -> Session:
        """Whom the read model does not know can do nothing."""
        row = self._read_models.row(AccountStanding, session.account_id)
        return Session(
            session_id=session.session_id,
            account_id=session.account_id,
            role=row.standing.role if row else "viewer",
            disabled=row is None or row.standing.disabled is not None,
        )
