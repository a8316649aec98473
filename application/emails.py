"""E-mail addresses: proved by a link that was sent there, and changed once the new one has confirmed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from application.errors import NotFound
from application.notices import Notices
from application.password_rules import PasswordCheck
from application.ports.addresses import Addresses, AddressInvalid
from application.ports.codes import CodeKind, Codes, NewCode, Proof
from application.ports.ledger import Delete, GuardedRow, Insert, Position, RowMoved, RowTaken
from application.ports.letters import ChannelClosed
from application.ports.secrets import BlindIndex
from application.ports.sign_in import SignIns
from application.ports.world import Clock
from application.recall import Asked, Recalled, Records, again_when_moved
from application.tracing import note_account
from application.wording import Wording
from domain.account.account import Account
from domain.account.contacts import EmailTaken
from domain.shared.fact import Actor, Cause, Refusal

SENT_TO_THE_FORMER: Sequence[CodeKind] = ("email_verification", "email_change", "password_reset")
"""What a change of the address makes worthless."""


class EmailInvalid(Refusal):
    """It is no e-mail address."""


class InvalidToken(Refusal):
    """The link was used before, is over, or was never sent."""


def canonical_email(addresses: Addresses, email: str) -> str:
    """Raises EmailInvalid."""
    try:
        return addresses.canonical(email)
    except AddressInvalid as reason:
        raise EmailInvalid(str(reason)) from reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Emails:
    """Use cases of addresses; codes are about real time."""

    records: Records
    sign_ins: SignIns
    codes: Codes
    notices: Notices
    wording: Wording
    password: PasswordCheck
    blind_index: BlindIndex
    addresses: Addresses
    real_time: Clock

    async def verification(self, account_id: UUID, email: str) -> Sequence[GuardedRow]:
        """For the append that makes the account: the letter that asks whether the address is theirs."""
        letter = NewCode(
            kind="email_verification",
            subject=account_id.bytes,
            account_id=account_id,
            payload=email,
            write=self.wording.email_verification(email),
        )
        try:
            return await self.codes.rows(letter, now=self.real_time.now())
        except ChannelClosed:
            return ()

    async def ask_change(self, account_id: UUID, *, email: str, password: str) -> timedelta:
        """Send a link to the new address, good for so long; of one that somebody else has nobody is told anything.

        Raises EmailInvalid, WrongPassword, TooBusy, TooManyCodes, ChannelClosed.
        """
        canonical = canonical_email(self.addresses, email)
        credential = await self.password.require(account_id, password)
        holder = await self.sign_ins.account_at("email", self.blind_index.of("email", canonical))
        code = NewCode(
            kind="email_change",
            subject=account_id.bytes,
            account_id=account_id,
            payload=canonical,
            write=self.wording.email_change(canonical),
            password_hash=credential.password_hash,
            is_sent=holder in {None, account_id},
        )
        now = self.real_time.now()
        return await self.codes.issue(code, now=now) - now

    async def confirm(self, token: str, *, cause: Cause) -> Position:
        """The link of a new account's address, or of the address that an account is to change to.

        Raises InvalidToken, EmailTaken.
        """
        now = self.real_time.now()
        proof = await self.codes.find(token, "email_verification", "email_change", now=now)
        if proof is None or proof.account_id is None or proof.payload is None:
            raise InvalidToken("This link was used before, or is over.")
        account_id, email = proof.account_id, proof.payload
        note_account(account_id)
        try:
            return await again_when_moved(lambda: self._confirmed(account_id, email, proof, cause))
        except RowTaken:
            raise EmailTaken("Somebody has an account with this address.") from None
        except (RowMoved, NotFound):
            raise InvalidToken("This link was used before, or is over.") from None

    async def _confirmed(self, account_id: UUID, email: str, proof: Proof, cause: Cause) -> Position:
        recalled = await self.records.recall(Account, account_id)
        account = recalled.existing()
        asked = Asked(Actor(account.role, str(account_id)), cause)
        spent = self.codes.spending(proof)
        if proof.kind == "email_verification" or email == account.email:
            decided = await self.records.append(asked, (recalled, account.verify_email(email)), rows=[spent])
            return decided.position
        if account.disabled:
            raise InvalidToken("The account is disabled: nothing that lets anybody in is changed.")
        return await self._changed(recalled, account, email, asked, spent)

    async def _changed(
        self, recalled: Recalled[Account], account: Account, email: str, asked: Asked, spent: GuardedRow
    ) -> Position:
        rows: list[GuardedRow] = [spent, Insert("claims", self._claim(account.id, email))]
        if account.email is not None:
            rows.append(Delete("claims", self._claim(account.id, account.email)))
        rows.append(self.codes.ending(account.id, SENT_TO_THE_FORMER))
        rows += await self.notices.rows(account, self.wording.email_changed)
        return (await self.records.append(asked, (recalled, account.change_email(email)), rows=rows)).position

    def _claim(self, account_id: UUID, email: str) -> dict[str, object]:
        return {"kind": "email", "blind_index": self.blind_index.of("email", email), "owner": account_id}
