"""What is asked of the payment provider, wired: checkouts, subscriptions, refunds, and the janitor behind them."""

from dataclasses import dataclass

from adapters.eventstore.history import PostgresHistory
from adapters.postgres.checkout_turns import PostgresCheckoutTurns
from adapters.postgres.clock import RealClock
from adapters.postgres.subscription_reads import PostgresSubscriptionReads
from application.buying import Buying
from application.checkouts import Checkouts
from application.convergence import Convergence
from application.customer_deletions import CustomerDeletions
from application.customers import CustomerBinding
from application.intentions import Intentions
from application.janitor import Janitor
from application.policies.after_erasure import AfterErasure
from application.policies.duplicates import RefundingDuplicates
from application.refunds import Refunds
from application.return_urls import ReturnUrls
from application.subscription_commands import SubscriptionCommands
from application.subscriptions import Subscriptions
from entrypoints.settings import Settings, listed
from entrypoints.wiring import gates
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.ports import Ports


@dataclass(frozen=True, kw_only=True)
class Selling:
    """The use cases that ask something of the payment provider."""

    checkouts: Checkouts
    subscriptions: Subscriptions
    refunds: Refunds
    janitor: Janitor
    duplicates: RefundingDuplicates
    after_erasure: AfterErasure


def selling(
    settings: Settings, base: Foundation, ports: Ports, convergence: Convergence, binding: CustomerBinding
) -> Selling:
    intentions = Intentions(
        records=base.records, intents=ports.intents, business_time=base.business_time, real_time=RealClock()
    )
    commands = SubscriptionCommands(
        records=base.records, billing=ports.billing, convergence=convergence, intentions=intentions
    )
    return_urls = ReturnUrls(settings.address, (settings.address, *listed(settings.cors_origins)))
    buying = Buying(records=base.records, billing=ports.billing, binding=binding, business_time=base.business_time)
    checkouts = _checkouts(base, ports, convergence, buying, intentions, return_urls)
    refunds = Refunds(records=base.records, billing=ports.billing, convergence=convergence, intentions=intentions)
    return Selling(
        checkouts=checkouts,
        subscriptions=Subscriptions(
            records=base.records,
            billing=ports.billing,
            buying=buying,
            commands=commands,
            access=ports.access,
            plans=ports.plans,
            listing=PostgresSubscriptionReads(base.pool, base.live),
            return_urls=return_urls,
            business_time=base.business_time,
        ),
        refunds=refunds,
        janitor=Janitor(
            intentions=intentions,
            checkouts=checkouts,
            subscriptions=commands,
            refunds=refunds,
            customers=CustomerDeletions(
                records=base.records,
                billing=ports.billing,
                convergence=convergence,
                intentions=intentions,
                access=ports.access,
            ),
        ),
        duplicates=RefundingDuplicates(
            records=base.records,
            intentions=intentions,
            access=ports.access,
            history=PostgresHistory(base.pool, base.mapper, base.vault),
            business_time=base.business_time,
        ),
        after_erasure=AfterErasure(records=base.records, intentions=intentions, checkouts=checkouts, buying=buying),
    )


def _checkouts(
    base: Foundation,
    ports: Ports,
    convergence: Convergence,
    buying: Buying,
    intentions: Intentions,
    return_urls: ReturnUrls,
) -> Checkouts:
    return Checkouts(
        records=base.records,
        billing=ports.billing,
        convergence=convergence,
        buying=buying,
        turns=PostgresCheckoutTurns(base.pool, base.blind_index),
        trials=gates.trials(base),
        intentions=intentions,
        access=ports.access,
        identifiers=base.records.identifiers,
        business_time=base.business_time,
        return_urls=return_urls,
    )
