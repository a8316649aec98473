"""The adapters that several use cases share."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.intents import PostgresIntents
from adapters.postgres.paces import PostgresPace
from adapters.postgres.platform_tasks import PostgresPlatformTasks
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.read_model_states import PostgresReadModelStates
from adapters.postgres.reads import (
    PostgresAccessReads,
    PostgresCatalogueReads,
    PostgresGraceReads,
    PostgresPaymentReads,
    PostgresPlanReads,
)
from adapters.postgres.sweeps import PostgresSweeps
from adapters.stripe.billing import StripeBilling
from adapters.stripe.payments import PROVIDER
from application.platforms import Platforms
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.platforms import platforms_of


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The adapters that several use cases share."""

    access: PostgresAccessReads
    billing: StripeBilling
    catalogue: PostgresCatalogueReads
    customers: PostgresCustomers
    graces: PostgresGraceReads
    inbox: PostgresInbox
    intents: PostgresIntents
    jobs: PostgresTranscodeJobs
    payments: PostgresPaymentReads
    plans: PostgresPlanReads
    platform_tasks: PostgresPlatformTasks
    platforms: Platforms
    positions: PostgresPositions
    states: PostgresReadModelStates
    sweeps: PostgresSweeps


def ports_of(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Ports:
    billing = StripeBilling(
        settings.stripe_secret_key,
        listed(settings.stripe_webhook_secrets),
        api_base=settings.stripe_api_base or None,
        livemode="_live_" in settings.stripe_secret_key,
        pace=PostgresPace(base.pool, PROVIDER, most_per_second=settings.stripe_requests_per_second),
    )
    stack.push_async_callback(billing.close)
    return Ports(
        access=PostgresAccessReads(base.lookups, base.live),
        billing=billing,
        catalogue=PostgresCatalogueReads(base.pool, base.live),
        customers=PostgresCustomers(base.pool, base.blind_index),
        graces=PostgresGraceReads(base.pool, base.live),
        inbox=PostgresInbox(base.pool, base.vault),
        intents=PostgresIntents(base.pool),
        jobs=PostgresTranscodeJobs(base.pool),
        payments=PostgresPaymentReads(base.pool, base.live),
        plans=PostgresPlanReads(base.pool, base.live),
        platform_tasks=PostgresPlatformTasks(base.pool),
        platforms=platforms_of(settings, base, stack),
        positions=PostgresPositions(base.pool, base.listener),
        states=PostgresReadModelStates(base.pool),
        sweeps=PostgresSweeps(base.pool),
    )
