"""What has to do with erasing people, wired."""

from dataclasses import dataclass

from adapters.postgres.clock import RealClock
from adapters.postgres.erasures import PostgresErasures, PostgresOperationalRows
from application.account_admin import AccountAdmin
from application.erasing import Erasing, ErasureRequests
from application.subscriptions import Subscriptions
from application.throttling import Throttling
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.letters import Correspondence
from entrypoints.wiring.people import People
from entrypoints.wiring.ports import Ports


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """The use cases about what is kept of people."""

    requests: ErasureRequests
    erasing: Erasing


def privacy(
    base: Foundation,
    ports: Ports,
    people: People,
    post: Correspondence,
    *,
    admin: AccountAdmin,
    subscriptions: Subscriptions,
    throttling: Throttling,
) -> Privacy:
    erasures = PostgresErasures(base.pool)
    return Privacy(
        requests=ErasureRequests(
            admin=admin,
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
            vault=base.vault,
            blind_index=base.blind_index,
            throttling=throttling,
            subscriptions=subscriptions,
            access=ports.access,
        ),
    )
