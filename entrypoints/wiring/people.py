"""What has to do with people and their ways in, wired."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.postgres.clock import RealClock
from adapters.postgres.sign_ins import PostgresSignIns
from adapters.sms.numbers import LibPhoneNumbers
from application.accounts import Accounts
from application.emails import Emails
from application.new_passwords import NewPasswords
from application.notices import Notices
from application.password_rules import PasswordCheck
from application.phones import Phones
from application.signing_in import SigningIn
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.letters import Correspondence


@dataclass(frozen=True, kw_only=True)
class People:
    """The use cases of accounts."""

    accounts: Accounts
    emails: Emails
    new_passwords: NewPasswords
    phones: Phones
    signing_in: SigningIn


def people(settings: Settings, base: Foundation, post: Correspondence, stack: AsyncExitStack) -> People:
    passwords, addresses, real_time = Argon2Passwords(), EmailValidatorAddresses(), RealClock()
    stack.callback(passwords.close)
    sign_ins, identifiers = PostgresSignIns(base.pool, base.live), base.records.identifiers
    signing_in = SigningIn(
        records=base.records,
        sign_ins=sign_ins,
        passwords=passwords,
        access_tokens=JwtAccessTokens(_signing_keys(settings), settings.address),
        refresh_tokens=RandomRefreshTokens(),
        blind_index=base.blind_index,
        addresses=addresses,
        real_time=real_time,
        identifiers=identifiers,
    )
    emails = Emails(
        records=base.records,
        sign_ins=sign_ins,
        codes=post.codes,
        notices=Notices(letters=post.letters, real_time=real_time),
        wording=post.wording,
        password=PasswordCheck(sign_ins=sign_ins, passwords=passwords),
        blind_index=base.blind_index,
        addresses=addresses,
        real_time=real_time,
    )
    return People(
        accounts=Accounts(
            records=base.records,
            passwords=passwords,
            blind_index=base.blind_index,
            addresses=addresses,
            identifiers=identifiers,
            emails=emails,
        ),
        emails=emails,
        new_passwords=_new_passwords(emails, passwords),
        phones=_phones(emails, signing_in),
        signing_in=signing_in,
    )


def _new_passwords(emails: Emails, passwords: Argon2Passwords) -> NewPasswords:
    return NewPasswords(
        records=emails.records,
        sign_ins=emails.sign_ins,
        passwords=passwords,
        password=emails.password,
        codes=emails.codes,
        notices=emails.notices,
        wording=emails.wording,
        blind_index=emails.blind_index,
        addresses=emails.addresses,
        real_time=emails.real_time,
    )


def _phones(emails: Emails, signing_in: SigningIn) -> Phones:
    return Phones(
        records=emails.records,
        sign_ins=emails.sign_ins,
        signing_in=signing_in,
        codes=emails.codes,
        notices=emails.notices,
        wording=emails.wording,
        password=emails.password,
        blind_index=emails.blind_index,
        numbers=LibPhoneNumbers(),
        real_time=emails.real_time,
        identifiers=signing_in.identifiers,
    )


def _signing_keys(settings: Settings) -> dict[str, bytes]:
    """By id; the first signs, all are accepted."""
    if not settings.jwt_keys:
        return {"k1": settings.jwt_secret.encode()}
    pairs = [entry.partition(":") for entry in listed(settings.jwt_keys)]
    return {kid: secret.encode() for kid, _, secret in pairs}
