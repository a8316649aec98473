"""Erasing a person: asked for by who knows the password or a code, and carried out by a worker, step by step."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from application.account_admin import AccountAdmin
from application.errors import ProviderRefused, ProviderUnavailable, Unavailable
from application.nobodys import Nobodys
from application.password_rules import PasswordCheck, WrongPassword
from application.phones import InvalidCode
from application.ports.codes import Codes, NewCode
from application.ports.erasures import Erasure, Erasures, OperationalRows, Traces
from application.ports.letters import Channel, ChannelClosed
from application.ports.reads import AccessReads
from application.ports.secrets import BlindIndex
from application.ports.vault import Vault
from application.ports.world import Clock
from application.recall import Asked, Recalled, Records, again_when_moved
from application.subscriptions import Subscriptions
from application.throttling import Subject, Throttling
from application.trials import Trials, has_had_one
from application.wording import Wording
from domain.account.account import Account, AccountEvent, AccountRegistered, AccountRegisteredByPhone
from domain.account.contacts import EmailChanged, EmailVerified, PhoneChanged
from domain.shared.fact import Actor, Cause, Fact, Refusal
from domain.shared.identity import derived_id
from domain.subscription.subscription import NoSubscription, SubscriptionOver

log = logging.getLogger(__name__)

ERASER: Final = Actor("system", "erasure")


class OneProofNeeded(Refusal):
    """Exactly one of the two is needed: the password, or the code that was sent for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequests:
    """Being signed in is not enough: a device may be left lying about, and what is erased does not come back."""

    admin: AccountAdmin
    records: Records
    erasures: Erasures
    password: PasswordCheck
    codes: Codes
    wording: Wording
    real_time: Clock

    async def send_code(self, account_id: UUID) -> timedelta:
        """To the e-mail address, else to the number; how long it is good for. Raises TooManyCodes, ChannelClosed."""
        account = (await self.records.recall(Account, account_id)).existing()
        channel, to = _reached(account)
        code = NewCode(
            kind="erasure",
            subject=account_id.bytes,
            account_id=account_id,
            payload=to,
            write=self.wording.erasure_code(channel, to),
        )
        now = self.real_time.now()
        return await self.codes.issue(code, now=now) - now

    async def by_proof(self, account_id: UUID, *, password: str | None, code: str | None, asked: Asked) -> Erasure:
        """Raises OneProofNeeded, WrongPassword, TooBusy, InvalidCode, LastAdmin."""
        if (password is None) == (code is None):
            raise OneProofNeeded("Either a password or a code is needed.")
        if password is not None:
            epoch = (await self.password.require(account_id, password)).epoch
            return await self.request(account_id, asked, still_good=partial(_refuse_former_password, epoch))
        proof = await self.codes.check("erasure", account_id.bytes, code or "", now=self.real_time.now())
        if proof is None:
            raise InvalidCode("The code is wrong or over.")
        return await self.request(account_id, asked, still_good=partial(_refuse_former_address, proof.payload))

    async def request(
        self, account_id: UUID, asked: Asked, *, still_good: Callable[[Account], None] = lambda _: None
    ) -> Erasure:
        """Asked for twice it is one. All sign-ins end in this append.

        Raises NotFound, LastAdmin, and what `still_good` raises of the account as it is at that moment.
        """
        erasure_id = self.records.identifiers.new()
        row = self.erasures.new(erasure_id, account_id)

        def decision(account: Account) -> Sequence[AccountEvent]:
            if account.erasure_id is None:
                still_good(account)
            return account.request_erasure(erasure_id)

        await self.admin.change(account_id, asked, decision, rows=[row])
        erasure = await self.erasures.of(account_id)
        assert erasure is not None, "its row was written with the fact"
        return erasure


def _refuse_former_password(epoch: int, account: Account) -> None:
    if account.sign_in_epoch != epoch:
        raise WrongPassword("All sign-ins have been ended since the password was looked at.")


def _refuse_former_address(sent_to: str | None, account: Account) -> None:
    """Nor one of before the codes said where they were sent: they are good for ten minutes."""
    if sent_to not in {account.email, account.phone} - {None}:
        raise InvalidCode("The code was sent to what the account has no more.")


def _reached(account: Account) -> tuple[Channel, str]:
    """Raises ChannelClosed."""
    if account.email is not None:
        return "email", account.email
    if account.phone is not None:
        return "sms", account.phone
    raise ChannelClosed("email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """Every step may be done again, so a worker that is killed leaves nothing but some to be done again.

    What needs the person's key comes before the key is destroyed, and the fact that says that all is done comes last.
    """

    records: Records
    erasures: Erasures
    rows: OperationalRows
    nobodys: Nobodys
    vault: Vault
    blind_index: BlindIndex
    throttling: Throttling
    subscriptions: Subscriptions
    access: AccessReads
    trials: Trials

    async def erase_due(self) -> bool:
        """Erase one person, if any is to be erased now. Raises DatabaseUnavailable."""
        erasure = await self.erasures.take_due()
        if erasure is None:
            return False
        try:
            await self.erase(erasure)
        except Unavailable:
            raise
        except Exception as trouble:  # noqa: BLE001 - one that nobody foresaw holds up no other
            # Without its words, which may repeat what is to be erased.
            log.error("an erasure failed", extra={"erasure": str(erasure.id), "error": type(trouble).__name__})  # noqa: TRY400 - a traceback may show it too
            await self.erasures.try_later(erasure.id, error=type(trouble).__name__)
        return True

    async def erase(self, erasure: Erasure) -> None:
        """All the steps, also those that have been done before."""
        account = (await self.records.recall(Account, erasure.account_id)).existing()
        facts = await self.records.ledger.read(erasure.account_id)
        subjects = [Subject("account", str(account.id)), *_addresses(facts)]
        claimed = await self.rows.claimed(account.id)
        traces = Traces(
            account_id=account.id,
            customers=account.every_customer(),
            recipients=[
                *(self.blind_index.of(one.kind, one.value) for one in subjects if one.kind != "account"),
                *claimed.values(),
            ],
            trials=await self._trials_of(account.id, subjects),
        )
        await self._end_subscriptions(erasure)
        await self._forget_among_nobodys(account, facts, claimed)
        forgetting: Sequence[Callable[[Traces], Awaitable[None]]] = (
            # As long as there are claims to find them by; and once more, when none can be made any more.
            self.rows.forget_letters,
            self.rows.forget_sign_ins,
            self.rows.forget_trials,
            self.rows.forget_letters,
            self.rows.forget_deliveries,
            self.rows.forget_plays,
            self.rows.forget_answers,
        )
        for forget in forgetting:
            await forget(traces)
        # Tries on her addresses are counted on: else whoever erases an account of theirs could guess anew.
        await self.throttling.forget(Subject("account", str(account.id)))
        await self.vault.shred(account.id)
        await self._finish(erasure)

    async def _forget_among_nobodys(
        self, account: Account, facts: Sequence[Fact], claimed: Mapping[str, bytes]
    ) -> None:
        """Of a ledger that was restored nothing personal can be read, and an address is found by its claim alone."""
        customers = [customer for _, customer in account.every_customer()]
        proved = [kind for kind in claimed if kind == "phone" or account.email_verified]
        readable = {"email": account.email, "phone": account.phone}
        digests = [claimed[kind] for kind in proved if readable[kind] is None]
        await self.nobodys.forget_about([*customers, *_proved(facts)], digests=digests)

    async def _trials_of(self, account_id: UUID, subjects: Sequence[Subject]) -> list[bytes]:
        """The marks of all addresses and numbers; none where there was no trial."""
        if not has_had_one(await self.access.standing(account_id)):
            return []
        emails, phones = ([one.value for one in subjects if one.kind == kind] for kind in ("email", "phone"))
        return [
            *(mark for email in emails for mark in self.trials.marks(email, None)),
            *(mark for phone in phones for mark in self.trials.marks(None, phone)),
        ]

    async def _end_subscriptions(self, erasure: Erasure) -> None:
        """At once: nobody is left who could end them later. Where the provider is away, the janitor asks again."""
        standing = await self.access.standing(erasure.account_id)
        for term in standing.terms.values() if standing else ():
            if term.ended_at is not None:
                continue
            seed = derived_id(f"erasure of {term.subscription_id}", erasure.id)
            try:
                await self.subscriptions.cancel(
                    erasure.account_id,
                    at_period_end=False,
                    subscription_id=term.subscription_id,
                    asked=_asked(erasure, seed),
                )
            except (NoSubscription, SubscriptionOver):
                continue
            except (ProviderUnavailable, ProviderRefused) as trouble:
                reason = {"subscription": str(term.subscription_id), "error": type(trouble).__name__}
                log.warning("the subscription of an erased person could not be ended now", extra=reason)

    async def _finish(self, erasure: Erasure) -> None:
        async def once() -> None:
            recalled: Recalled[Account] = await self.records.recall(Account, erasure.account_id)
            if facts := recalled.existing().finish_erasure():
                rows = [self.erasures.done(erasure.id)]
                await self.records.append(_asked(erasure), (recalled, facts), rows=rows)

        await again_when_moved(once)


def _asked(erasure: Erasure, seed: UUID | None = None) -> Asked:
    return Asked(ERASER, Cause("command", f"erasure {erasure.id}"), seed)


def _addresses(facts: Sequence[Fact]) -> list[Subject]:
    """Every address and number that the account has ever had, as far as it can still be read."""
    found: set[tuple[str, str | None]] = set()
    for fact in facts:
        match fact:
            case AccountRegistered():
                found.add(("email", fact.email))
            case EmailChanged():
                found |= {("email", fact.before), ("email", fact.after)}
            case AccountRegisteredByPhone():
                found.add(("phone", fact.phone))
            case PhoneChanged():
                found |= {("phone", fact.before), ("phone", fact.after)}
            case _:
                continue
    return [Subject("email" if kind == "email" else "phone", value) for kind, value in sorted(found, key=str) if value]


def _proved(facts: Sequence[Fact]) -> set[str]:
    """Of these what was shown to be the person's own; anybody may register with what is somebody else's."""
    found: set[str | None] = set()
    for fact in facts:
        match fact:
            case EmailVerified():
                found.add(fact.email)
            case EmailChanged() | PhoneChanged():
                found.add(fact.after)
            case AccountRegisteredByPhone():
                found.add(fact.phone)
            case _:
                continue
    return {value for value in found if value}
