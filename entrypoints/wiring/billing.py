"""What has to do with the payment provider, wired."""

from datetime import timedelta

from adapters.eventstore.history import PostgresHistory
from adapters.postgres.unnamed import PostgresUnnamedDeliveries
from application.convergence import Convergence
from application.customers import CustomerBinding
from application.dunning import Dunning
from application.finding import Finding
from application.plans import Plans
from application.sweeps import Sweeping
from application.webhooks import Webhooks
from domain.subscription.truth import BillingPolicy
from entrypoints.settings import Settings
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.ports import Ports


def convergence(settings: Settings, base: Foundation, ports: Ports, binding: CustomerBinding) -> Convergence:
    return Convergence.by(
        BillingPolicy(
            grace=timedelta(days=settings.grace_days_past_due),
            lease_slack=timedelta(days=settings.lease_slack_days),
            pause_collection_grants=settings.pause_collection_grants,
            full_refund_revokes=settings.full_refund_revokes,
            dispute_open_suspends=settings.dispute_open_suspends,
            dispute_lost_revokes=settings.dispute_lost_revokes,
            double_checkout=settings.double_checkout,
        ),
        records=base.records,
        billing=ports.billing,
        inbox=ports.inbox,
        customers=ports.customers,
        binding=binding,
        access=ports.access,
        business_time=base.business_time,
    )


def webhooks(base: Foundation, ports: Ports) -> Webhooks:
    return Webhooks(
        billing=ports.billing,
        platforms=ports.platforms,
        inbox=ports.inbox,
        sweeps=ports.sweeps,
        business_time=base.business_time,
    )


def finding(base: Foundation, ports: Ports) -> Finding:
    return Finding(
        billing=ports.billing,
        inbox=ports.inbox,
        customers=ports.customers,
        unnamed=PostgresUnnamedDeliveries(base.pool),
        business_time=base.business_time,
    )


def sweeping(
    settings: Settings, base: Foundation, ports: Ports, convergence: Convergence, webhooks: Webhooks
) -> Sweeping:
    return Sweeping(
        sweeps=ports.sweeps,
        billing=ports.billing,
        webhooks=webhooks,
        convergence=convergence,
        customers=ports.customers,
        access=ports.access,
        history=PostgresHistory(base.pool, base.mapper, base.vault),
        positions=ports.positions,
        business_time=base.business_time,
        customers_per_second=settings.sweep_customers_per_second,
    )


def plans(base: Foundation, ports: Ports) -> Plans:
    return Plans(
        records=base.records,
        billing=ports.billing,
        reads=ports.plans,
        blind_index=base.blind_index,
        identifiers=base.records.identifiers,
    )


def dunning(base: Foundation, ports: Ports) -> Dunning:
    return Dunning(
        records=base.records,
        history=PostgresHistory(base.pool, base.mapper, base.vault),
        graces=ports.graces,
        positions=ports.positions,
        business_time=base.business_time,
    )
