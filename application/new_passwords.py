"""New passwords: by who knows the one before, by a letter to who has forgotten it, and the first of an account."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.emails import InvalidToken, canonical_email
from application.errors import NotFound
from application.notices import Notices
from application.password_rules import PasswordCheck, WrongPassword, refuse_weak
from application.ports.addresses import Addresses
from application.ports.codes import RULES, Codes, NewCode, Proof
from application.ports.ledger import GuardedRow, Insert, Position, RowMoved, UpdateIf
from application.ports.letters import ChannelClosed
from application.ports.secrets import BlindIndex, Passwords, SignedIn
from application.ports.sign_in import Credential, SignIns
from application.ports.world import Clock
from application.recall import Asked, Records, again_when_moved
from application.wording import Wording
from domain.account.account import Account
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
            WrongPassword, RecentSignInNeeded, WeakPassword, TooBusy; RowMoved where another was faster.
        """
        account_id = viewer.account_id
        credential = await self._proved(viewer, current)
        account = (await self.records.recall(Account, account_id)).existing()
        await refuse_weak(self.passwords, new, email=account.email, name=account.name)
        row = _credential_row(account_id, credential, await self.passwords.hash(new), now=self.real_time.now())

        async def once() -> Position:
            recalled = await self.records.recall(Account, account_id)
            account = recalled.existing()
            kept = self.sign_ins.kept(viewer.session_id, account_id, epoch=account.sign_in_epoch + 1)
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

    async def _with_it(self, account: Account) -> list[GuardedRow]:
        ended = self.codes.ending(account.id, ["password_reset", "email_change", "phone_change"])
        return [ended, *await self.notices.rows(account, self.wording.password_changed)]

    async def forgot(self, email: str) -> timedelta:
        """Send a link to the address, good for so long, if an account has it: who asks is not told, in the same time.

        Raises EmailInvalid; TooManyCodes, alike for an address that nobody has.
        """
        canonical = canonical_email(self.addresses, email)
        index = self.blind_index.of("email", canonical)
        account_id = await self.sign_ins.account_at("email", index)
        code = NewCode(
            kind="password_reset",
            subject=index,
            account_id=account_id,
            payload=canonical,
            write=self.wording.password_reset(canonical) if account_id else None,
        )
        now = self.real_time.now()
        try:
            return await self.codes.issue(code, now=now) - now
        except ChannelClosed:
            return RULES[code.kind].life

    async def reset(self, token: str, *, new: str, cause: Cause) -> Position:
        """Whoever has the link reads what is sent to the address, which is verified by it.

        Raises InvalidToken, WeakPassword, TooBusy.
        """
        proof = await self.codes.find(token, "password_reset", now=self.real_time.now())
        if proof is None or proof.account_id is None or proof.payload is None:
            raise InvalidToken("This link was used before, or is over.")
        account_id = proof.account_id
        account = (await self.records.recall(Account, account_id)).existing()
        await refuse_weak(self.passwords, new, email=account.email, name=account.name)
        hashed = await self.passwords.hash(new)
        try:
            return await again_when_moved(lambda: self._reset(account_id, proof, hashed, cause))
        except (RowMoved, NotFound):
            raise InvalidToken("This link was used before, or is over.") from None

    async def _reset(self, account_id: UUID, proof: Proof, hashed: str, cause: Cause) -> Position:
        recalled = await self.records.recall(Account, account_id)
        account = recalled.existing()
        credential = await self.sign_ins.credential_of(account_id)
        facts = [*account.verify_email(proof.payload or ""), *account.change_password("reset")]
        rows = [
            self.codes.spending(proof),
            _credential_row(account_id, credential, hashed, now=self.real_time.now()),
            *await self._with_it(account),
        ]
        asked = Asked(Actor(account.role, str(account_id)), cause)
        return (await self.records.append(asked, (recalled, facts), rows=rows)).position


def _credential_row(account_id: UUID, known: Credential | None, hashed: str, *, now: datetime) -> GuardedRow:
    """In the place of the one that was known; where there is another by now, the append is refused."""
    if known is None:
        return Insert("credentials", {"account_id": account_id, "password_hash": hashed, "changed_at": now})
    where = {"account_id": account_id, "password_hash": known.password_hash}
    return UpdateIf("credentials", where, {"password_hash": hashed, "changed_at": now})
