"""The outbox of letters, and one-time codes, in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.memory.tables import MemoryTables
from application.ports.codes import LIMITS, RULES, TRIES_MAX, CodeKind, NewCode, Proof, TooManyCodes
from application.ports.ledger import Delete, GuardedRow, Insert, UpdateIf
from application.ports.letters import (
    ADDRESS_KINDS,
    Channel,
    ChannelClosed,
    DueLetter,
    Letter,
    LetterCounts,
    Written,
)
from application.ports.world import Clock
from application.sealed_letters import SealedLetters, seconds_until_another

BOTH: frozenset[Channel] = frozenset({"email", "sms"})


class MemoryLetters:
    """Rows of the table `letters`."""

    def __init__(
        self,
        tables: MemoryTables,
        sealed: SealedLetters,
        real_time: Clock,
        *,
        open_channels: Collection[Channel] = BOTH,
        keep_texts: bool = False,
    ) -> None:
        self._tables = tables
        self._sealed = sealed
        self._real_time = real_time
        self._open = open_channels
        self._keep_texts = keep_texts

    async def row(
        self, letter: Letter, *, account_id: UUID | None, now: datetime, expires_at: datetime | None = None
    ) -> GuardedRow | None:
        if letter.channel not in self._open:
            raise ChannelClosed(letter.channel)
        row = await self._sealed.letter(letter, account_id=account_id, now=now, expires_at=expires_at)
        return Insert("letters", row) if row else None

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[DueLetter]:
        now, due = self._real_time.now(), []
        waiting = [row for row in self._waiting() if row["due_at"] <= now]
        for row in sorted(waiting, key=lambda row: row["due_at"])[:limit]:
            row.update(attempts=row.get("attempts", 0) + 1, due_at=now + timedelta(seconds=seconds))
            letter = await self._sealed.open_letter(row)
            if letter is None:
                self._tables.change([Delete("letters", {"id": row["id"]})])
            elif row["expires_at"] <= now:
                await self.give_up(row["id"], error="too late", refused=False)
            else:
                due.append(DueLetter(id=row["id"], letter=letter, attempt=row["attempts"]))
        return due

    async def sent(self, id: UUID, *, reference: str) -> None:
        self._settle(id, status="sent", reference=reference)

    async def retry_later(self, id: UUID, *, error: str, seconds: float) -> None:
        for row in self._waiting(id=id):
            row.update(error=error, due_at=self._real_time.now() + timedelta(seconds=seconds))

    async def give_up(self, id: UUID, *, error: str, refused: bool) -> None:
        self._settle(id, status="refused" if refused else "failed", error=error)

    async def written(self, to: str | None, *, limit: int) -> Sequence[Written]:
        indexes = [self._sealed.blind_index.of(kind, to or "") for kind in ADDRESS_KINDS.values()]
        rows = [row for row in self._tables.rows("letters") if to is None or row["recipient"] in indexes]
        newest_first = sorted(rows, key=lambda row: row["written_at"], reverse=True)
        opened = [(await self._sealed.open_letter(row), row["written_at"]) for row in newest_first]
        readable = [(letter, at) for letter, at in opened if letter][:limit]
        return [Written(to=letter.to, subject=letter.subject, body=letter.body, at=at) for letter, at in readable]

    async def counts(self) -> LetterCounts:
        since = self._real_time.now() - timedelta(days=1)
        settled = [row["status"] for row in self._tables.rows("letters") if row.get("settled_at", since) > since]
        return LetterCounts(len(self._waiting()), settled.count("refused"), settled.count("failed"))

    def _waiting(self, **where: Any) -> list[dict[str, Any]]:
        return [row for row in self._tables.rows("letters", **where) if row.get("status", "waiting") == "waiting"]

    def _settle(self, id: UUID, **values: Any) -> None:
        for row in self._waiting(id=id):
            row.update(values, settled_at=self._real_time.now())
            if not self._keep_texts:
                row["sealed"] = None


class MemoryCodes:
    """Rows of the table `codes`."""

    def __init__(
        self, tables: MemoryTables, sealed: SealedLetters, *, open_channels: Collection[Channel] = BOTH
    ) -> None:
        self._tables = tables
        self._sealed = sealed
        self._open = open_channels

    async def issue(self, code: NewCode, *, now: datetime) -> datetime:
        made, letter = await self._sealed.code(code, now=now, open_channels=self._open)
        self._refuse_too_many(made, now)
        if code.account_id is None or self._may_have_one(code, made):
            for row in self._live(kind=made["kind"], subject=made["subject"], is_familiar=made["is_familiar"]):
                row["status"] = "ended"
            self._tables.change(_inserts(made, letter))
        expires_at: datetime = made["expires_at"]
        return expires_at

    def _may_have_one(self, code: NewCode, made: dict[str, Any]) -> bool:
        to = {"blind_index": made["recipient"]} if RULES[code.kind].to_their_own else {}
        if not self._tables.rows("claims", owner=code.account_id, kind=["email", "phone"], **to):
            return False
        known = self._tables.rows("credentials", account_id=code.account_id)
        return code.password_hash is None or code.password_hash in [row["password_hash"] for row in known]

    async def rows(self, code: NewCode, *, now: datetime) -> Sequence[GuardedRow]:
        return _inserts(*await self._sealed.code(code, now=now, open_channels=self._open))

    def _refuse_too_many(self, made: dict[str, Any], now: datetime) -> None:
        since = now - max(period for _, period in LIMITS)
        counted = [
            row["made_at"]
            for row in self._tables.rows("codes", kind=made["kind"], is_familiar=made["is_familiar"])
            if row["made_at"] > since
            and (row["subject"] == made["subject"] or (row["recipient"] and row["recipient"] == made["recipient"]))
        ]
        wait = seconds_until_another(counted, now)
        if wait is not None:
            raise TooManyCodes(wait)

    async def check(
        self, kind: CodeKind, subject: bytes, digits: str, *, now: datetime, is_familiar: bool = False
    ) -> Proof | None:
        tries = "familiar_tries" if is_familiar else "tries"
        for row in self._live(kind=kind, subject=subject):
            if row["expires_at"] <= now or row.get(tries, 0) >= TRIES_MAX:
                continue
            row[tries] = row.get(tries, 0) + 1
            if self._sealed.secrets.digest("digits", digits, salt=row["salt"]) == row["digest"]:
                row["status"] = "spent"
                return await self._sealed.proof(row)
        return None

    async def find(self, token: str, *kinds: CodeKind, now: datetime) -> Proof | None:
        digest = self._sealed.secrets.digest("token", token, salt=b"")
        for row in self._live(digest=digest, kind=list(kinds)):
            if row["expires_at"] > now:
                return await self._sealed.proof(row)
        return None

    def spending(self, proof: Proof) -> GuardedRow:
        return UpdateIf("codes", {"id": proof.id, "status": "live"}, {"status": "spent"})

    def ending(self, account_id: UUID, kinds: Sequence[CodeKind]) -> GuardedRow:
        where = {"account_id": account_id, "kind": list(kinds), "status": "live"}
        return UpdateIf("codes", where, {"status": "ended"}, required=False)

    def _live(self, **where: Any) -> list[dict[str, Any]]:
        return self._tables.rows("codes", status="live", **where)


def _inserts(made: dict[str, Any], letter: dict[str, Any] | None) -> list[GuardedRow]:
    return [Insert("codes", made), *([Insert("letters", letter)] if letter is not None else [])]
