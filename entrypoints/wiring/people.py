"""What has to do with people and their ways in, wired."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.postgres.clock import RealClock
from adapters.postgres.sign_ins import PostgresSignIns
from application.accounts import Accounts
from application.signing_in import SigningIn
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation


@dataclass(frozen=True, kw_only=True)
class People:
    """The use cases of accounts."""

    accounts: Accounts
    signing_in: SigningIn


def people(settings: Settings, base: Foundation, stack: AsyncExitStack) -> People:
    passwords, addresses = Argon2Passwords(), EmailValidatorAddresses()
    stack.callback(passwords.close)
    return People(
        accounts=Accounts(
            records=base.records,
            passwords=passwords,
            blind_index=base.blind_index,
            addresses=addresses,
            identifiers=base.records.identifiers,
        ),
        signing_in=SigningIn(
            records=base.records,
            sign_ins=PostgresSignIns(base.pool, base.live),
            passwords=passwords,
            access_tokens=JwtAccessTokens(_signing_keys(settings), settings.address),
            refresh_tokens=RandomRefreshTokens(),
            blind_index=base.blind_index,
            addresses=addresses,
            real_time=RealClock(),
            identifiers=base.records.identifiers,
        ),
    )


def _signing_keys(settings: Settings) -> dict[str, bytes]:
    """By id; the first signs, all are accepted."""
    if not settings.jwt_keys:
        return {"k1": settings.jwt_secret.encode()}
    pairs = [entry.partition(":") for entry in listed(settings.jwt_keys)]
    return {kid: secret.encode() for kid, _, secret in pairs}
