"""Phone numbers: signing in by a code, and changing the number to one that has proved itself by a code."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from application.errors import NotSignedIn
from application.notices import Notices
from application.password_rules import PasswordCheck
from application.ports.addresses import NumberInvalid, PhoneNumbers
from application.ports.codes import Codes, NewCode
from application.ports.ledger import Delete, GuardedRow, Insert, Position, RowTaken
from application.ports.secrets import BlindIndex
from application.ports.sign_in import Holder, SignIns
from application.ports.world import Clock, Identifiers
from application.recall import Asked, Recalled, Records, again_when_moved
from application.signing_in import SigningIn, Tokens
from application.tracing import note_account
from application.wording import Wording
from domain.account.account import Account
from domain.account.contacts import PhoneTaken
from domain.shared.fact import Actor, Cause, Refusal


class PhoneInvalid(Refusal):
    """It is no phone number in E.164, such as +48600100200."""


class InvalidCode(Refusal):
    """The code is wrong, over, used before, or has been tried too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """Use cases of numbers; codes are about real time."""

    records: Records
    sign_ins: SignIns
    signing_in: SigningIn
    codes: Codes
    notices: Notices
    wording: Wording
    password: PasswordCheck
    blind_index: BlindIndex
    numbers: PhoneNumbers
    real_time: Clock
    identifiers: Identifiers

    async def ask_sign_in(self, phone: str, *, is_familiar: bool = False) -> timedelta:
        """Send a code, whether the number has an account or not; how long the code is good for.

        Familiar is who comes from a network from which the number has signed in before: no stranger ends such a code.

        Raises PhoneInvalid, TooManyCodes, ChannelClosed.
        """
        canonical = self._canonical(phone)
        index = self.blind_index.of("phone", canonical)
        now = self.real_time.now()
        code = NewCode(
            kind="sign_in",
            subject=index,
            account_id=await self.sign_ins.account_at("phone", index),
            is_familiar=is_familiar,
            write=self.wording.sign_in_code(canonical),
        )
        return await self.codes.issue(code, now=now) - now

    async def sign_in(self, phone: str, code: str, *, cause: Cause, is_familiar: bool = False) -> Tokens:
        """The first time it makes the account. Raises PhoneInvalid; NotSignedIn: `invalid_code`, `account_disabled`."""
        canonical = self._canonical(phone)
        index = self.blind_index.of("phone", canonical)
        now = self.real_time.now()
        if await self.codes.check("sign_in", index, code, now=now, is_familiar=is_familiar) is None:
            note_account(await self.sign_ins.account_at("phone", index))
            raise NotSignedIn("The code is wrong or over.", "invalid_code")
        holder = await self.sign_ins.holder("phone", index) or await self._register(canonical, cause)
        return await self.signing_in.open_session(holder.account_id, epoch=holder.epoch)

    async def _register(self, phone: str, cause: Cause) -> Holder:
        """Where somebody was faster with the same number, theirs."""
        account_id = self.identifiers.new()
        facts = Account.register_by_phone(account_id=account_id, phone=phone)
        asked = Asked(Actor("viewer", str(account_id)), cause)
        claim = Insert("claims", self._claim(account_id, phone))
        try:
            await self.records.append(asked, (Recalled(account_id, None, 0), facts), rows=[claim])
        except RowTaken:
            holder = await self.sign_ins.holder("phone", self.blind_index.of("phone", phone))
            if holder is None:
                raise
            return holder
        return Holder(account_id)

    async def ask_change(self, account_id: UUID, *, phone: str, password: str) -> timedelta:
        """Send a code to the new number, good for so long; of one that somebody else has nobody is told anything.

        Raises PhoneInvalid, WrongPassword, TooBusy, TooManyCodes, ChannelClosed.
        """
        canonical = self._canonical(phone)
        credential = await self.password.require(account_id, password)
        holder = await self.sign_ins.account_at("phone", self.blind_index.of("phone", canonical))
        code = NewCode(
            kind="phone_change",
            subject=account_id.bytes,
            account_id=account_id,
            payload=canonical,
            write=self.wording.phone_change_code(canonical),
            password_hash=credential.password_hash,
            is_sent=holder in {None, account_id},
        )
        now = self.real_time.now()
        return await self.codes.issue(code, now=now) - now

    async def prove(self, account_id: UUID, code: str, asked: Asked) -> Position:
        """The number that the code was sent to is the account's from now on. Raises InvalidCode, PhoneTaken."""
        epoch = (await self.records.recall(Account, account_id)).existing().sign_in_epoch
        proof = await self.codes.check("phone_change", account_id.bytes, code, now=self.real_time.now())
        if proof is None or proof.payload is None:
            raise InvalidCode("The code is wrong or over.")
        phone = proof.payload

        async def once() -> Position:
            recalled = await self.records.recall(Account, account_id)
            if (account := recalled.existing()).disabled or account.sign_in_epoch != epoch:
                raise InvalidCode("The code is over: all sign-ins have been ended since it was looked at.")
            return await self._changed(recalled, phone, asked)

        try:
            return await again_when_moved(once)
        except RowTaken:
            raise PhoneTaken("Somebody has an account with this number.") from None

    async def _changed(self, recalled: Recalled[Account], phone: str, asked: Asked) -> Position:
        account = recalled.existing()
        if not (facts := account.change_phone(phone)):
            return (await self.records.append(asked)).position
        rows: list[GuardedRow] = [Insert("claims", self._claim(account.id, phone))]
        if account.phone is not None:
            rows.append(Delete("claims", self._claim(account.id, account.phone)))
        rows += await self.notices.rows(account, self.wording.phone_changed)
        return (await self.records.append(asked, (recalled, facts), rows=rows)).position

    def _canonical(self, phone: str) -> str:
        try:
            return self.numbers.canonical(phone)
        except NumberInvalid as reason:
            raise PhoneInvalid(str(reason)) from reason

    def _claim(self, account_id: UUID, phone: str) -> dict[str, object]:
        return {"kind": "phone", "blind_index": self.blind_index.of("phone", phone), "owner": account_id}
