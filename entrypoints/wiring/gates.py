"""What a request passes before its use case, and those who may let others pass, wired."""

from adapters.mail.addresses import EmailValidatorAddresses
from adapters.postgres.account_reads import PostgresAccountReads
from adapters.postgres.idempotency import PostgresKeptAnswers
from adapters.postgres.throttles import PostgresThrottles
from adapters.sms.numbers import LibPhoneNumbers
from application.account_admin import AccountAdmin
from application.ports.codes import Codes
from application.ports.throttles import Rate
from application.throttling import Throttling
from application.trials import Trials
from entrypoints.settings import Settings, rates
from entrypoints.wiring.foundation import Foundation

PREFIX = "throttle_"


def throttling(settings: Settings, base: Foundation) -> Throttling:
    """A limit is named as its setting is, without the prefix."""
    limits = {
        name.removeprefix(PREFIX): [Rate(*rate) for rate in rates(getattr(settings, name))]
        for name in Settings.__struct_fields__
        if name.startswith(PREFIX)
    }
    return Throttling(
        throttles=PostgresThrottles(base.pool, base.blind_index, limits),
        addresses=EmailValidatorAddresses(),
        numbers=LibPhoneNumbers(),
        limits=frozenset(limits),
    )


def kept_answers(base: Foundation) -> PostgresKeptAnswers:
    return PostgresKeptAnswers(base.pool, base.vault, base.blind_index)


def trials(base: Foundation) -> Trials:
    return Trials(
        records=base.records,
        reads=PostgresAccountReads(base.pool, base.live, base.blind_index),
        blind_index=base.blind_index,
        addresses=EmailValidatorAddresses(),
    )


def account_admin(base: Foundation, codes: Codes) -> AccountAdmin:
    return AccountAdmin(
        records=base.records,
        reads=PostgresAccountReads(base.pool, base.live, base.blind_index),
        blind_index=base.blind_index,
        addresses=EmailValidatorAddresses(),
        codes=codes,
        business_time=base.business_time,
    )
