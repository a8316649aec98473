"""New passwords: by who knows the one before, by a letter to who has forgotten it, and the first of an account."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from application.emails import InvalidToken, canonical_email
from application.errors import NotFound
from application.notices import Notices
from application.password_rules import PasswordCheck, WrongPassword, refuse_weak
from application.ports.addresses import Addresses
from application.ports.codes import RULES, Codes, NewCode, Proof
from application.ports.ledger import Delete, GuardedRow, Insert, Position, RowMoved, UpdateIf
from application.ports.letters import ChannelClosed
from application.ports.secrets import BlindIndex, Passwords, SignedIn
from application.ports.sign_in import Credential, SignIns
from application.ports.world import Clock
from application.recall import Asked, Records, again_when_moved
from application.tracing import note_account
from application.wording import PHONE_RELEASED, PHONE_STAYS, Wording
from domain.account.account import Account
from domain.account.contacts import PhoneReleased
from domain.shared.fact import Actor, Cause, Refusal

RECENT = timedelta(minutes=15)
"""So young a sign-in proves as much as a password, for an account that has none."""


class RecentSignInNeeded(Refusal):
    """Who has no password yet signs in anew, and sets the first one within 15 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasswords:
    """Each ends all other sign-ins and all letters on their way, and is told to the address of the account."""

    records: Records
    sign_ins: SignIns
    passwords: Passwords
    password: PasswordCheck
    codes: Codes
    notices: Notices
    wording: Wording
    blind_index: BlindIndex
    addresses: Addresses
    real_time: Clock

    async def change(self, viewer: SignedIn, *, current: str | None, new: str, asked: Asked) -> Position:
        """The sign-in by which it was changed goes on.

        Raises:
            WrongPassword, RecentSignInNeeded, WeakPassword, TooBusy; RowMoved where another was faster, or where all
            sign-ins have been ended meanwhile.
        """
        account_id = viewer.account_id
        account = (await self.records.recall(Account, account_id)).existing()
        epoch = account.sign_in_epoch
        credential = await self._proved(viewer, current)
        await refuse_weak(self.passwords, new, email=account.email, name=account.name)
        row = _credential_row(account_id, credential, await self.passwords.hash(new), now=self.real_time.now())

        async def once() -> Position:
            recalled = await self.records.recall(Account, account_id)
            account = recalled.existing()
            if account.disabled or account.sign_in_epoch != epoch:
                raise RowMoved("sessions")
            kept = self.sign_ins.kept(viewer.session_id, account_id, epoch=epoch + 1)
            rows = [row, kept, *await self._with_it(account)]
            decided = await self.records.append(asked, (recalled, account.change_password("change")), rows=rows)
            return decided.position

        return await again_when_moved(once)

    async def _proved(self, viewer: SignedIn, current: str | None) -> Credential | None:
        """None: the account has no password, and whoever asks has just signed in."""
        if current is not None:
            return await self.password.require(viewer.account_id, current)
        if await self.sign_ins.credential_of(viewer.account_id) is not None:
            raise WrongPassword("The password of the account is needed.")
        now = self.real_time.now()
        session = await self.sign_ins.session(viewer.session_id, now=now)
        if session is None or now - session.started_at > RECENT:
            raise RecentSignInNeeded("Sign in again, and set the first password within 15 minutes.")
        return None

    async def _with_it(self, account: Account, *, about_phone: str = "") -> list[GuardedRow]:
        ended = self.codes.ending(account.id, ["password_reset", "email_change", "phone_change"])
        told = partial(self.wording.password_changed, about_phone=about_phone)
        return [ended, *await self.notices.rows(account, told)]

    async def forgot(self, email: str) -> timedelta:
        """Send a link to the address, good for so long, if an account has it: who asks is not told, in the same time.

        To one that is disabled none is sent, and what somebody was quick enough to ask for ends as it is enabled.

        Raises EmailInvalid; TooManyCodes, alike for an address that nobody has.
        """
        canonical = canonical_email(self.addresses, email)
        index = self.blind_index.of("email", canonical)
        holder = await self.sign_ins.holder("email", index)
        code = NewCode(
            kind="password_reset",
            subject=index,
            account_id=holder.account_id if holder else None,
            payload=canonical,
            write=self.wording.password_reset(canonical),
            is_sent=holder is not None and not holder.disabled,
        )
        now = self.real_time.now()
        try:
            return await self.codes.issue(code, now=now) - now
        except ChannelClosed:
            return RULES[code.kind].life

    async def reset(self, token: str, *, new: str, cause: Cause) -> Position:
        """Whoever has the link reads what is sent to the address, which is verified by it.

        Whoever registered with the address and proved nothing may be somebody else: what let them in lets them in no
        more, be it a session, a change that was begun, or a number that they added.

        Raises InvalidToken, WeakPassword, TooBusy.
        """
        proof = await self.codes.find(token, "password_reset", now=self.real_time.now())
        if proof is None or proof.account_id is None or proof.payload is None:
            raise InvalidToken("This link was used before, or is over.")
        account_id = proof.account_id
        note_account(account_id)
        account = (await self.records.recall(Account, account_id)).existing()
        _refuse_worthless(account, proof)
        await refuse_weak(self.passwords, new, email=account.email, name=account.name)
        hashed = await self.passwords.hash(new)
        try:
            return await again_when_moved(lambda: self._reset(account_id, proof, hashed, cause))
        except (RowMoved, NotFound):
            raise InvalidToken("This link was used before, or is over.") from None

    async def _reset(self, account_id: UUID, proof: Proof, hashed: str, cause: Cause) -> Position:
        recalled = await self.records.recall(Account, account_id)
        account = recalled.existing()
        email = _refuse_worthless(account, proof)
        credential = await self.sign_ins.credential_of(account_id)
        facts = account.reset_password(email)
        released = any(isinstance(fact, PhoneReleased) for fact in facts)
        about_phone = PHONE_RELEASED if released else PHONE_STAYS if account.phone else ""
        rows = [
            self.codes.spending(proof),
            _credential_row(account_id, credential, hashed, now=self.real_time.now()),
            *([self._claim_of_phone(account)] if released else []),
            *await self._with_it(account, about_phone=about_phone),
        ]
        asked = Asked(Actor(account.role, str(account_id)), cause)
        return (await self.records.append(asked, (recalled, facts), rows=rows)).position

    def _claim_of_phone(self, account: Account) -> GuardedRow:
        """The number is anybody's again."""
        index = self.blind_index.of("phone", account.phone or "")
        return Delete("claims", {"kind": "phone", "blind_index": index, "owner": account.id})


def _refuse_worthless(account: Account, proof: Proof) -> str:
    """The address that the link proves. Raises InvalidToken."""
    if account.disabled:
        raise InvalidToken("The account is disabled: nothing that lets anybody in is changed.")
    if account.email is None or account.email != proof.payload:
        raise InvalidToken("This link was sent to an address that the account has no more.")
    return account.email


def _credential_row(account_id: UUID, known: Credential | None, hashed: str, *, now: datetime) -> GuardedRow:
    """In the place of the one that was known; where there is another by now, the append is refused."""
    if known is None:
        return Insert("credentials", {"account_id": account_id, "password_hash": hashed, "changed_at": now})
    where = {"account_id": account_id, "password_hash": known.password_hash}
    return UpdateIf("credentials", where, {"password_hash": hashed, "changed_at": now})
