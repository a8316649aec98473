"""How letters and codes lie in their tables: nobody reads them without the key of their person or of their month."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from application.ports.codes import LIMITS, RULES, CodeSecrets, NewCode, Proof
from application.ports.letters import ADDRESS_KINDS, Channel, ChannelClosed, Letter
from application.ports.secrets import BlindIndex
from application.ports.vault import Cipher, Vault
from application.ports.world import Identifiers

WORTH_TELLING = timedelta(days=1)
NO_DIGEST = b""
"""Of a code that went to nobody: none has this digest."""

Row = dict[str, Any]


class LetterText(msgspec.Struct, frozen=True):
    """What of a letter is sealed."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLetters:
    """Makes the rows of the tables `letters` and `codes`, and reads them."""

    vault: Vault
    blind_index: BlindIndex
    secrets: CodeSecrets
    identifiers: Identifiers

    async def letter(
        self, letter: Letter, *, account_id: UUID | None, now: datetime, expires_at: datetime | None = None
    ) -> Row | None:
        """None when the person has been erased."""
        month = _month_of(account_id, now)
        cipher = await self._cipher(account_id, month, create=True)
        if cipher is None:
            return None
        id = self.identifiers.new()
        text = LetterText(letter.to, letter.subject, letter.body)
        return {
            "id": id,
            "channel": letter.channel,
            "kind": letter.kind,
            "recipient": self.blind_index.of(ADDRESS_KINDS[letter.channel], letter.to),
            "account_id": account_id,
            "month": month,
            "sealed": cipher.seal(msgspec.json.encode(text), _letters_place(id)),
            "written_at": now,
            "expires_at": expires_at or now + WORTH_TELLING,
            "due_at": now,
        }

    async def open_letter(self, row: Mapping[str, Any]) -> Letter | None:
        """None when the text has been dropped, or the person erased. Raises SealBroken."""
        if row["sealed"] is None:
            return None
        cipher = await self._cipher(row["account_id"], row["month"])
        if cipher is None:
            return None
        text = msgspec.json.decode(cipher.open(row["sealed"], _letters_place(row["id"])), type=LetterText)
        return Letter(channel=row["channel"], kind=row["kind"], to=text.to, subject=text.subject, body=text.body)

    async def code(self, code: NewCode, *, now: datetime, open_channels: Collection[Channel]) -> tuple[Row, Row | None]:
        """The code's row and that of its letter, None where it is not sent: then the code proves nothing.

        Raises ChannelClosed, alike for what is not sent: else a closed channel would tell who has an account.
        """
        rule, id, salt = RULES[code.kind], self.identifiers.new(), self.secrets.salt()
        secret, expires_at = self.secrets.new(rule.shape), now + rule.life
        letter = code.write(secret)
        if letter.channel not in open_channels:
            raise ChannelClosed(letter.channel)
        month = _month_of(code.account_id, now)
        cipher = await self._cipher(code.account_id, month, create=code.is_sent)
        row = None
        if code.is_sent:
            row = await self.letter(letter, account_id=code.account_id, now=now, expires_at=expires_at)
        digest = self.secrets.digest(rule.shape, secret, salt=salt)
        payload = cipher.seal(code.payload.encode(), _codes_place(id)) if cipher and code.payload is not None else None
        made = {
            "id": id,
            "kind": code.kind,
            "subject": code.subject,
            "is_familiar": code.is_familiar,
            "recipient": self.blind_index.of(ADDRESS_KINDS[letter.channel], letter.to),
            "account_id": code.account_id,
            "salt": salt,
            "digest": digest if row else NO_DIGEST,
            "month": month,
            "payload": payload,
            "made_at": now,
            "expires_at": expires_at,
            "status": "live",
        }
        return made, row

    async def proof(self, row: Mapping[str, Any]) -> Proof | None:
        """What a code's row proves; None when its person has been erased. Raises SealBroken."""
        payload = None
        if row["payload"] is not None:
            cipher = await self._cipher(row["account_id"], row["month"])
            if cipher is None:
                return None
            payload = cipher.open(row["payload"], _codes_place(row["id"])).decode()
        return Proof(id=row["id"], kind=row["kind"], account_id=row["account_id"], payload=payload)

    async def _cipher(self, account_id: UUID | None, month: str | None, *, create: bool = False) -> Cipher | None:
        if account_id is not None:
            return (await self.vault.of_persons([account_id], create=create)).get(account_id)
        assert month is not None, "what is nobody's is its month's"
        return await self.vault.of_letters(month)


def seconds_until_another(made: list[datetime], now: datetime) -> int | None:
    """How long nobody may have one more, after those of the last day that were made; None: no longer than now."""
    newest_first = sorted(made, reverse=True)
    waits = [
        newest_first[most - 1] + period - now
        for most, period in LIMITS
        if len(newest_first) >= most and newest_first[most - 1] + period > now
    ]
    return max(-(-wait // timedelta(seconds=1)) for wait in waits) if waits else None


def _month_of(account_id: UUID | None, now: datetime) -> str | None:
    return f"{now:%Y-%m}" if account_id is None else None


def _letters_place(id: UUID) -> bytes:
    """Where a text lives, so that it cannot be passed off as another's."""
    return f"letter|{id}".encode()


def _codes_place(id: UUID) -> bytes:
    return f"code|{id}".encode()
