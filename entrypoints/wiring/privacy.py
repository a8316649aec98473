"""What has to do with erasing people, wired."""

from dataclasses import dataclass

from adapters.crypto.vault import PostgresVault
from adapters.eventstore.history import PostgresHistory
from adapters.postgres.clock import RealClock
from adapters.postgres.erasures import PostgresErasures, PostgresOperationalRows
from adapters.postgres.holdings import PostgresHoldings
from adapters.postgres.nobodys import PostgresNobodysDeliveries
from adapters.postgres.subscription_reads import PostgresSubscriptionReads
from application.erasing import Erasing, ErasureRequests
from application.exporting import Exporting
from application.nobodys import Nobodys
from application.subscriptions import Subscriptions
from entrypoints.settings import Settings
from entrypoints.wiring import gates
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.letters import Correspondence
from entrypoints.wiring.people import People
from entrypoints.wiring.ports import Ports


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """The use cases about what is kept of people."""

    requests: ErasureRequests
    erasing: Erasing
    exporting: Exporting
    vault: PostgresVault


def privacy(
    settings: Settings,
    base: Foundation,
    ports: Ports,
    people: People,
    post: Correspondence,
    subscriptions: Subscriptions,
) -> Privacy:
    erasures = PostgresErasures(base.pool)
    return Privacy(
        vault=base.vault,
        exporting=Exporting(
            records=base.records,
            history=PostgresHistory(base.pool, base.mapper, base.vault),
            holdings=PostgresHoldings(base.pool),
            inbox=ports.inbox,
            letters=post.sealed,
            answers=gates.kept_answers(base),
            blind_index=base.blind_index,
            access=ports.access,
            payments=ports.payments,
            subscriptions=PostgresSubscriptionReads(base.pool, base.live),
        ),
        requests=ErasureRequests(
            admin=gates.account_admin(base, post.codes),
            records=base.records,
            erasures=erasures,
            password=people.emails.password,
            codes=post.codes,
            wording=post.wording,
            real_time=RealClock(),
        ),
        erasing=Erasing(
            records=base.records,
            erasures=erasures,
            rows=PostgresOperationalRows(base.pool),
            nobodys=Nobodys(
                deliveries=PostgresNobodysDeliveries(base.pool, base.vault),
                customers=ports.customers,
                blind_index=base.blind_index,
            ),
            vault=base.vault,
            blind_index=base.blind_index,
            throttling=gates.throttling(settings, base),
            subscriptions=subscriptions,
            access=ports.access,
            trials=gates.trials(base),
        ),
    )
