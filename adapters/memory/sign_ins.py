"""Credentials, sessions and refresh tokens in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from adapters.memory.ledger import MemoryLedger
from adapters.memory.reads import MemoryReadModels
from adapters.memory.tables import MemoryTables, TableRow
from application.ports.ledger import GuardedRow, UpdateIf
from application.ports.sign_in import Credential, Holder, RefreshReused, Session, SignedInPlace
from application.projections.access import AccountStanding
from domain.access.standing import Standing


@dataclass
class TokenRow:
    """One refresh token."""

    session_id: UUID
    expires_at: datetime
    spent: bool = False


class MemorySignIns:
    """Credentials are those that appends have put into the tables, roles and epochs those of the facts."""

    def __init__(self, tables: MemoryTables, ledger: MemoryLedger) -> None:
        self._tables = tables
        self._read_models = MemoryReadModels(ledger)
        self._tokens: dict[bytes, TokenRow] = {}
        self._numbers = count(1)

    async def credential(self, email_index: bytes) -> Credential | None:
        owner = await self.account_at("email", email_index)
        return await self.credential_of(owner) if owner else None

    async def credential_of(self, account_id: UUID) -> Credential | None:
        for row in self._tables.rows("credentials", account_id=account_id):
            return Credential(account_id, row["password_hash"], self._epoch(account_id))
        return None

    async def account_at(self, kind: str, index: bytes) -> UUID | None:
        for claim in self._tables.rows("claims", kind=kind, blind_index=index):
            owner: UUID = claim["owner"]
            return owner
        return None

    async def holder(self, kind: str, index: bytes) -> Holder | None:
        owner = await self.account_at(kind, index)
        if owner is None:
            return None
        standing = self._standing(owner)
        return Holder(owner, self._epoch(owner), standing is not None and standing.disabled is not None)

    async def open_session(
        self,
        *,
        session_id: UUID,
        account_id: UUID,
        epoch: int,
        refresh_digest: bytes,
        now: datetime,
        expires_at: datetime,
    ) -> Session | None:
        standing = self._standing(account_id)
        if standing is None or standing.sign_in_epoch != epoch:
            return None
        session = {
            "session_id": session_id,
            "account_id": account_id,
            "number": next(self._numbers),
            "epoch": epoch,
            "started_at": now,
            "refreshed_at": None,
            "expires_at": expires_at,
            "ended": False,
            "reuse_recorded": False,
        }
        if standing.disabled is not None:
            return self._seen(session)
        if not self._tables.rows("claims", owner=account_id, kind=["email", "phone"]):
            return None
        self._tables.insert("sessions", session)
        self._tokens[refresh_digest] = TokenRow(session_id, expires_at)
        return self._seen(session)

    async def rotate(
        self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime, longest: timedelta
    ) -> Session | None:
        token = self._tokens.get(spent)
        if token is None:
            return None
        session = self._row(token.session_id)
        if token.spent:
            session["ended"] = True
            raise RefreshReused(session["session_id"], session["account_id"], recorded=session["reuse_recorded"])
        if token.expires_at <= now or not self._is_live(session, now):
            return None
        token.spent = True
        session["refreshed_at"], session["expires_at"] = now, min(expires_at, session["started_at"] + longest)
        self._tokens[new] = TokenRow(token.session_id, session["expires_at"])
        return self._seen(session)

    def reuse_recorded(self, session_id: UUID) -> GuardedRow:
        return UpdateIf("sessions", {"session_id": session_id, "reuse_recorded": False}, {"reuse_recorded": True})

    def kept(self, session_id: UUID, account_id: UUID, *, epoch: int) -> GuardedRow:
        where = {"session_id": session_id, "account_id": account_id, "epoch": epoch - 1}
        return UpdateIf("sessions", where, {"epoch": epoch}, required=False)

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        if token := self._tokens.get(refresh_digest):
            self._row(token.session_id)["ended"] = True

    async def end_place(self, session_id: UUID, account_id: UUID, *, now: datetime) -> bool:
        for row in self._tables.rows("sessions", session_id=session_id, account_id=account_id):
            if self._is_live(row, now):
                row["ended"] = True
                return True
        return False

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        for row in self._tables.rows("sessions", session_id=session_id):
            return self._seen(row) if self._is_live(row, now) else None
        return None

    async def places(
        self, account_id: UUID, *, before: int | None, limit: int, now: datetime
    ) -> Sequence[SignedInPlace]:
        live = [row for row in self._tables.rows("sessions", account_id=account_id) if self._is_live(row, now)]
        below = [row for row in reversed(live) if before is None or row["number"] < before]
        return [SignedInPlace(**{name: row[name] for name in SignedInPlace.__struct_fields__}) for row in below[:limit]]

    def _row(self, session_id: UUID) -> TableRow:
        """Looked up at each use: an append that is refused puts the rows of before back."""
        return self._tables.rows("sessions", session_id=session_id)[0]

    def _is_live(self, row: TableRow, now: datetime) -> bool:
        return bool(not row["ended"] and row["expires_at"] > now and row["epoch"] == self._epoch(row["account_id"]))

    def _epoch(self, account_id: UUID) -> int:
        standing = self._standing(account_id)
        return standing.sign_in_epoch if standing else 0

    def _standing(self, account_id: UUID) -> Standing | None:
        row = self._read_models.row(AccountStanding, account_id)
        return row.standing if row else None

    def _seen(self, row: TableRow) -> Session:
        """Whom the read model does not know can do nothing."""
        standing = self._standing(row["account_id"])
        return Session(
            session_id=row["session_id"],
            account_id=row["account_id"],
            role=standing.role if standing else "viewer",
            disabled=standing is None or standing.disabled is not None,
            started_at=row["started_at"],
            expires_at=row["expires_at"],
        )
