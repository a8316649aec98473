"""What the stored examples say: one fact to a file, named by the tag under which it is stored.

An example is added with its fact and never changed after a release: `python -m tests.golden.store` stores the new ones.
"""

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from domain.account.account import (
    AccountDisabled,
    AccountEnabled,
    AccountRegistered,
    AccountRegisteredByPhone,
    RoleChanged,
)
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, GrantWithdrawn
from domain.account.contacts import AccountRenamed, EmailChanged, EmailVerified, PhoneChanged, PhoneReleased
from domain.account.customers import CustomerBound, CustomerDeletionRequested, CustomerGone
from domain.account.erasure import ErasureRequested, PersonalDataErased
from domain.account.sign_ins import PasswordChanged, RefreshTokenReused
from domain.payment.dunning import NoticeFellDue
from domain.payment.payment import (
    DisputeChanged,
    PaymentActionRequired,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PaymentWithdrawn,
    RefundFailed,
)
from domain.payment.refunds import RefundAccepted, RefundRefused, RefundRequested
from domain.plan.plan import (
    PlanCreated,
    PlanDetails,
    PlanReturned,
    PlanRevised,
    PlanWithdrawn,
    PriceBound,
    PriceRefused,
    PriceRequested,
    PriceRetired,
)
from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    Span,
)
from domain.shared.fact import NO_CAUSE, NOBODY, Actor, Cause, Fact
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.checkout import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutOpened,
    CheckoutRequested,
)
from domain.subscription.facts import (
    AccessRestored,
    AccessRevoked,
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    DuplicateFound,
    FurtherItem,
    FurtherItemsChanged,
    GraceStarted,
    ItemRestored,
    ItemRevoked,
    PlanChanged,
    PlanChangeRequested,
    PlanDropped,
    RequestDropped,
    ResumptionRequested,
    StatusChanged,
    SubscriptionEnded,
    SubscriptionFoundAgain,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from domain.video.facts import (
    CaptionsProvided,
    CaptionsRemoved,
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)

ANNA = UUID("00000000-0000-4000-8000-00000000a22a")
SUBSCRIPTION = UUID("11111111-0000-5000-8000-000000000001")
PAYMENT = UUID("22222222-0000-5000-8000-000000000001")
CHECKOUT = UUID("33333333-0000-4000-8000-000000000001")
VIDEO = UUID("44444444-0000-4000-8000-000000000001")
SIGN_IN = UUID("77777777-0000-4000-8000-000000000001")
ERASURE = UUID("77777777-0000-4000-8000-000000000002")

MARCH = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
APRIL = datetime(2027, 4, 1, 12, 0, tzinfo=UTC)
MAY = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)
RECORDED_AT = datetime(2027, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)

COOKING = PlanTerms(
    plan_id=UUID("55555555-0000-4000-8000-000000000001"),
    name="Cooking",
    price=Money(999, "USD"),
    interval="month",
    features=("hd", "sd"),
    stream_limit=2,
    max_height=1080,
)
CINEMA = PlanTerms(
    plan_id=UUID("55555555-0000-4000-8000-000000000002"), name="Cinéma", price=Money(14_999, "JPY"), interval="year"
)

VIEWER = Actor("viewer", str(ANNA))
PLATFORM, TOLD = Actor("provider", "mux"), Cause("webhook", "mux-event-1")
ADMIN = Actor("admin", "66666666-0000-4000-8000-000000000001")
STRIPE = Actor("provider", "stripe")
UPLOADER = Actor("admin", "upload-link")
TRANSCODER = Actor("system", "transcoder")
ERASER = Actor("system", "erasure")
REQUEST = Cause("request", "0f8fad5b-d9cb-469f-a165-70867728950e")
WEBHOOK = Cause("webhook", "evt_1")
SWEEP = Cause("sweep", "stripe")
COMMAND = Cause("command", f"transcode-{VIDEO}")


F = TypeVar("F", bound=Fact)


def stored(number: int, actor: Actor, cause: Cause, fact: F) -> F:
    """With what the ledger and the use case put on it."""
    return replace(fact, position=number, recorded_at=RECORDED_AT, fact_id=UUID(int=number), actor=actor, cause=cause)


ACCOUNT = (
    stored(
        1,
        VIEWER,
        REQUEST,
        AccountRegistered(account_id=ANNA, email="anna@example.com", name="Anna Żółć", role="viewer"),
    ),
    stored(2, ADMIN, REQUEST, RoleChanged(account_id=ANNA, before="viewer", after="auditor")),
    stored(3, VIEWER, REQUEST, CustomerBound(account_id=ANNA, provider="stripe", customer_id="cus_anna")),
    stored(4, ADMIN, REQUEST, AccountDisabled(account_id=ANNA, reason="chargebacks")),
    stored(5, ADMIN, REQUEST, AccountEnabled(account_id=ANNA, reason="settled")),
)

PLAN = (
    stored(6, ADMIN, REQUEST, PlanCreated(terms=COOKING, description="Every pot.", trial_days=7, duration_days=None)),
    stored(
        7,
        ADMIN,
        REQUEST,
        PriceRequested(plan_id=COOKING.plan_id, provider="stripe", price=COOKING.price, idempotency_key="price-1"),
    ),
    stored(
        8,
        ADMIN,
        REQUEST,
        PriceBound(plan_id=COOKING.plan_id, provider="stripe", price_id="price_999", price=COOKING.price),
    ),
)

CHECKOUTS = (
    stored(
        9,
        VIEWER,
        REQUEST,
        CheckoutRequested(
            account_id=ANNA,
            checkout_id=CHECKOUT,
            provider="stripe",
            plan=COOKING,
            price_id="price_999",
            trial_days=0,
            idempotency_key="checkout-1",
        ),
    ),
    stored(
        10,
        VIEWER,
        REQUEST,
        CheckoutOpened(account_id=ANNA, checkout_id=CHECKOUT, provider_reference="cs_1", expires_at=MARCH),
    ),
    stored(11, VIEWER, REQUEST, CheckoutFailed(account_id=ANNA, checkout_id=CHECKOUT, reason="No such price")),
    stored(12, STRIPE, WEBHOOK, CheckoutCompleted(account_id=ANNA, checkout_id=CHECKOUT, provider_reference="cs_1")),
    stored(13, STRIPE, SWEEP, CheckoutExpired(account_id=ANNA, checkout_id=CHECKOUT, provider_reference="cs_1")),
)

SUBSCRIPTIONS = (
    stored(
        14,
        STRIPE,
        WEBHOOK,
        SubscriptionStarted(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            provider="stripe",
            provider_reference="sub_anna",
            customer_id="cus_anna",
            plan=COOKING,
            price_id="price_999",
            status="trialing",
            started_at=MARCH,
            period_start=MARCH,
            period_end=APRIL,
            trial_end=APRIL,
            ends_at=None,
            lease_until=APRIL,
        ),
    ),
    stored(
        15,
        STRIPE,
        WEBHOOK,
        StatusChanged(
            account_id=ANNA, subscription_id=SUBSCRIPTION, before="trialing", after="active", changed_at=APRIL
        ),
    ),
    stored(
        16,
        STRIPE,
        WEBHOOK,
        SubscriptionRenewed(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            period_start=APRIL,
            period_end=MAY,
            before_period_end=APRIL,
            trial_end=None,
            lease_until=MAY,
        ),
    ),
    stored(
        17,
        STRIPE,
        WEBHOOK,
        PlanChanged(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            before=COOKING,
            after=CINEMA,
            before_price_id="price_999",
            after_price_id="price_14999",
        ),
    ),
    stored(
        18,
        STRIPE,
        WEBHOOK,
        GraceStarted(account_id=ANNA, subscription_id=SUBSCRIPTION, since=APRIL, until=MAY),
    ),
    stored(
        19,
        VIEWER,
        REQUEST,
        CancellationRequested(
            account_id=ANNA, subscription_id=SUBSCRIPTION, at_period_end=True, idempotency_key="cancel-1"
        ),
    ),
    stored(
        20,
        VIEWER,
        REQUEST,
        CancellationScheduled(
            account_id=ANNA, subscription_id=SUBSCRIPTION, before_ends_at=None, ends_at=MAY, lease_until=MAY
        ),
    ),
    stored(
        21,
        STRIPE,
        WEBHOOK,
        CancellationWithdrawn(account_id=ANNA, subscription_id=SUBSCRIPTION, before_ends_at=MAY, lease_until=MAY),
    ),
    stored(22, STRIPE, WEBHOOK, CollectionPaused(account_id=ANNA, subscription_id=SUBSCRIPTION, grants_access=True)),
    stored(23, STRIPE, WEBHOOK, CollectionResumed(account_id=ANNA, subscription_id=SUBSCRIPTION)),
    stored(
        24,
        STRIPE,
        WEBHOOK,
        SubscriptionEnded(
            account_id=ANNA, subscription_id=SUBSCRIPTION, before="active", status="canceled", ended_at=MAY
        ),
    ),
    stored(
        106,
        STRIPE,
        WEBHOOK,
        SubscriptionFoundAgain(account_id=ANNA, subscription_id=SUBSCRIPTION, before_ended_at=MAY, status="active"),
    ),
)

PAYMENTS = (
    stored(
        25,
        STRIPE,
        WEBHOOK,
        PaymentSucceeded(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_1",
            subscription_reference="sub_anna",
            amount=Money(999, "USD"),
            paid_at=MARCH,
            receipt_url="https://pay.example/in_1",
        ),
    ),
    stored(
        26,
        STRIPE,
        WEBHOOK,
        PaymentFailed(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_2",
            subscription_reference=None,
            amount=Money(999, "USD"),
            attempt=2,
            next_attempt_at=APRIL,
        ),
    ),
)

VIDEOS = (
    stored(
        27,
        ADMIN,
        REQUEST,
        VideoCreated(
            video_id=VIDEO,
            title="Bread",
            description="Flour, water, salt.",
            category="baking",
            access="subscribers",
            requires="hd",
            platform="local",
        ),
    ),
    stored(
        101,
        ADMIN,
        REQUEST,
        VideoDescribed(
            video_id=VIDEO,
            title="Rye bread",
            description="Flour, water, salt, time.",
            category="baking",
            access="free",
            requires=None,
        ),
    ),
    stored(102, ADMIN, REQUEST, UploadGranted(video_id=VIDEO, upload_id="upload-1", expires_at=MAY)),
    stored(103, PLATFORM, TOLD, VideoTakenIn(video_id=VIDEO, asset_id="asset-1")),
    stored(104, ADMIN, REQUEST, VideoDeleted(video_id=VIDEO)),
    stored(28, UPLOADER, REQUEST, UploadReceived(video_id=VIDEO, size_bytes=1_048_576, sha256="ab" * 32)),
    stored(
        29,
        TRANSCODER,
        COMMAND,
        VideoMadeReady(
            video_id=VIDEO,
            playback_id="0123456789abcdef",
            duration_seconds=61.44,
            renditions=(Rendition(240, 400_000), Rendition(720, 2_500_000)),
        ),
    ),
    stored(30, TRANSCODER, COMMAND, VideoFailed(video_id=VIDEO, reason="not_a_video", detail="It is a picture.")),
    stored(
        105,
        ADMIN,
        REQUEST,
        CaptionsProvided(
            video_id=VIDEO, kind="captions", language="pt-BR", label="Português", sha256="cd" * 32, size_bytes=61_440
        ),
    ),
    stored(106, ADMIN, REQUEST, CaptionsRemoved(video_id=VIDEO, kind="subtitles", language="en")),
    stored(31, ADMIN, REQUEST, VideoPublished(video_id=VIDEO)),
    stored(32, NOBODY, NO_CAUSE, VideoUnpublished(video_id=VIDEO)),
)

ITEM = FurtherItem(price_id="price_14999", plan=CINEMA, period_end=MAY, lease_until=MAY)
RETURNED = (
    stored(
        33,
        STRIPE,
        WEBHOOK,
        FurtherItemsChanged(account_id=ANNA, subscription_id=SUBSCRIPTION, before=(), after=(ITEM,)),
    ),
    stored(
        34,
        STRIPE,
        WEBHOOK,
        AccessRevoked(
            account_id=ANNA, subscription_id=SUBSCRIPTION, why="disputed", payment_reference="in_1", since=MARCH
        ),
    ),
    stored(
        88,
        STRIPE,
        WEBHOOK,
        PlanDropped(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            before=COOKING,
            before_price_id="price_999",
            price_id="price_mug",
        ),
    ),
    stored(
        35,
        STRIPE,
        WEBHOOK,
        AccessRestored(account_id=ANNA, subscription_id=SUBSCRIPTION, before="disputed", since=APRIL),
    ),
    *(
        stored(
            number,
            STRIPE,
            WEBHOOK,
            kind(
                account_id=ANNA,
                payment_id=PAYMENT,
                provider="stripe",
                provider_reference="in_1",
                subscription_reference="sub_anna",
                refund_reference="re_1",
                amount=Money(400, "USD"),
                kept=Money(599, "USD"),
            ),
        )
        for number, kind in ((36, PaymentRefunded), (37, RefundFailed))
    ),
    stored(
        38,
        STRIPE,
        WEBHOOK,
        DisputeChanged(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_1",
            subscription_reference="sub_anna",
            dispute_reference="dp_1",
            amount=Money(999, "USD"),
            before="open",
            after="lost",
            reason="fraudulent",
            opened_at=MARCH,
        ),
    ),
)

GRANT, BLOCK, NOTICE = (UUID(int=number) for number in (101, 201, 301))
BY_HAND = (
    stored(
        39,
        ADMIN,
        REQUEST,
        AccessGranted(account_id=ANNA, grant_id=GRANT, until=MAY, features=("hd", "sd"), reason="the outage"),
    ),
    stored(40, ADMIN, REQUEST, GrantWithdrawn(account_id=ANNA, grant_id=GRANT, before_until=MAY)),
    stored(41, ADMIN, REQUEST, BlockPlaced(account_id=ANNA, block_id=BLOCK, until=APRIL, reason="chargebacks")),
    stored(42, ADMIN, REQUEST, BlockLifted(account_id=ANNA, block_id=BLOCK, before_until=APRIL)),
)
NOTICES = (
    stored(
        43,
        Actor("system", "dunning"),
        Cause("fact", "26"),
        NoticeFellDue(
            account_id=ANNA,
            notice_id=NOTICE,
            kind="payment_failed",
            subscription_id=SUBSCRIPTION,
            invoice="in_2",
            attempt=2,
            failing_since=None,
            about=APRIL,
        ),
    ),
)

DETAILS = PlanDetails(
    name="Cooking",
    description="Every pot.",
    features=("hd", "sd"),
    stream_limit=2,
    max_height=1080,
    trial_days=7,
)
CHANGED = (
    stored(
        60,
        ADMIN,
        REQUEST,
        PlanRevised(
            plan_id=COOKING.plan_id,
            before=DETAILS,
            after=replace(DETAILS, features=("hd", "sd", "uhd"), max_height=None),
        ),
    ),
    stored(
        61,
        ADMIN,
        REQUEST,
        PriceRefused(
            plan_id=COOKING.plan_id,
            provider="stripe",
            price=COOKING.price,
            idempotency_key="price-1",
            reason="Invalid currency: xau",
        ),
    ),
    stored(
        62,
        ADMIN,
        REQUEST,
        PriceRetired(plan_id=COOKING.plan_id, provider="stripe", price_id="price_999", price=COOKING.price),
    ),
    stored(63, ADMIN, REQUEST, PlanWithdrawn(plan_id=COOKING.plan_id)),
    stored(64, ADMIN, REQUEST, PlanReturned(plan_id=COOKING.plan_id)),
)

THIRTY_DAYS = PlanTerms(
    plan_id=UUID("55555555-0000-4000-8000-000000000003"),
    name="Thirty days",
    price=Money(1299, "USD"),
    interval="once",
    features=("sd",),
)
PURCHASES = (
    stored(
        65,
        STRIPE,
        WEBHOOK,
        PrepaidBought(
            account_id=ANNA,
            purchase_id=CHECKOUT,
            provider="stripe",
            payment_reference="pi_1",
            plan=THIRTY_DAYS,
            duration_days=30,
            paid_at=MARCH,
            before_ends_at=APRIL,
            span=Span(APRIL, MAY),
        ),
    ),
    stored(
        66,
        STRIPE,
        WEBHOOK,
        PrepaidDuplicated(
            account_id=ANNA,
            purchase_id=CHECKOUT,
            provider="stripe",
            payment_reference="pi_1",
            plan=THIRTY_DAYS,
            duration_days=30,
            paid_at=MARCH,
            lasts_until=MAY,
            refund=True,
        ),
    ),
    stored(
        67,
        STRIPE,
        WEBHOOK,
        PrepaidRevoked(account_id=ANNA, purchase_id=CHECKOUT, why="refunded", payment_reference="pi_1", since=APRIL),
    ),
    stored(68, STRIPE, WEBHOOK, PrepaidRestored(account_id=ANNA, purchase_id=CHECKOUT, before="refunded", since=MAY)),
    stored(
        69,
        STRIPE,
        WEBHOOK,
        PrepaidMoved(account_id=ANNA, purchase_id=CHECKOUT, before=None, after=Span(MARCH, APRIL), since=MARCH),
    ),
)

OLDER = UUID("11111111-0000-5000-8000-000000000002")
INTENDED = (
    stored(
        80,
        VIEWER,
        REQUEST,
        ResumptionRequested(account_id=ANNA, subscription_id=SUBSCRIPTION, idempotency_key="resume-1"),
    ),
    stored(
        81,
        VIEWER,
        REQUEST,
        PlanChangeRequested(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            before=COOKING,
            after=CINEMA,
            before_price_id="price_999",
            after_price_id="price_14999",
            upgrade=True,
            idempotency_key="change-1",
        ),
    ),
    stored(
        82,
        VIEWER,
        REQUEST,
        RequestDropped(
            account_id=ANNA, subscription_id=SUBSCRIPTION, idempotency_key="change-1", reason="No such price"
        ),
    ),
    stored(
        83,
        STRIPE,
        WEBHOOK,
        DuplicateFound(
            account_id=ANNA, subscription_id=SUBSCRIPTION, of_subscription_id=OLDER, plan=COOKING, refund=True
        ),
    ),
    stored(
        84,
        STRIPE,
        WEBHOOK,
        PaymentWithdrawn(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_2",
            subscription_reference="sub_anna",
            amount=Money(999, "USD"),
        ),
    ),
    stored(
        85,
        ADMIN,
        REQUEST,
        RefundRequested(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_1",
            subscription_reference="sub_anna",
            amount=Money(400, "USD"),
            reason="No sound",
            idempotency_key="refund-1",
        ),
    ),
    stored(
        86,
        ADMIN,
        REQUEST,
        RefundAccepted(
            account_id=ANNA,
            payment_id=PAYMENT,
            amount=Money(400, "USD"),
            idempotency_key="refund-1",
            refund_reference="re_1",
        ),
    ),
    stored(
        87,
        ADMIN,
        REQUEST,
        RefundRefused(
            account_id=ANNA,
            payment_id=PAYMENT,
            amount=Money(400, "USD"),
            idempotency_key="refund-1",
            reason="The charge is disputed",
        ),
    ),
)

REACHED = (
    stored(88, VIEWER, REQUEST, AccountRegisteredByPhone(account_id=ANNA, phone="+48600100200", role="viewer")),
    stored(89, VIEWER, REQUEST, AccountRenamed(account_id=ANNA, before="Anna Żółć", after="Anna Kowalska")),
    stored(90, VIEWER, REQUEST, EmailVerified(account_id=ANNA, email="anna@example.com")),
    stored(
        91, VIEWER, REQUEST, EmailChanged(account_id=ANNA, before="anna@example.com", after="anna@kowalska.example")
    ),
    stored(92, VIEWER, REQUEST, PhoneChanged(account_id=ANNA, before="+48600100200", after="+48600100300")),
    stored(101, VIEWER, REQUEST, PhoneReleased(account_id=ANNA, before="+48600100300")),
    stored(93, VIEWER, REQUEST, PasswordChanged(account_id=ANNA, how="reset")),
    stored(94, VIEWER, REQUEST, RefreshTokenReused(account_id=ANNA, session_id=SIGN_IN)),
)

WAITING = (
    stored(
        96,
        STRIPE,
        WEBHOOK,
        PaymentActionRequired(
            account_id=ANNA,
            payment_id=PAYMENT,
            provider="stripe",
            provider_reference="in_2",
            subscription_reference="sub_anna",
            amount=Money(999, "USD"),
            attempt=2,
            action_url="https://pay.example/in_2",
        ),
    ),
)

ERASED: tuple[Fact, ...] = (
    stored(96, VIEWER, REQUEST, ErasureRequested(account_id=ANNA, erasure_id=ERASURE)),
    stored(97, ERASER, COMMAND, PersonalDataErased(account_id=ANNA, erasure_id=ERASURE)),
    stored(
        99,
        ERASER,
        Cause("fact", "97"),
        CustomerDeletionRequested(
            account_id=ANNA, provider="stripe", customer_id="cus_anna", idempotency_key="delete-stripe-cus_anna"
        ),
    ),
)

BY_ITEM = (
    stored(
        99,
        STRIPE,
        WEBHOOK,
        ItemRevoked(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            price_id="price_14999",
            plan=CINEMA,
            why="refunded",
            payment_reference="in_1",
            since=MARCH,
        ),
    ),
    stored(
        100,
        STRIPE,
        WEBHOOK,
        ItemRestored(
            account_id=ANNA,
            subscription_id=SUBSCRIPTION,
            price_id="price_14999",
            plan=CINEMA,
            before="refunded",
            since=APRIL,
        ),
    ),
)

GONE: tuple[Fact, ...] = (
    stored(98, STRIPE, WEBHOOK, CustomerGone(account_id=ANNA, provider="stripe", customer_id="cus_anna", deleted=True)),
)

EXAMPLES: dict[str, Fact] = {
    fact.tag(): fact
    for fact in (
        *ACCOUNT,
        *PLAN,
        *CHECKOUTS,
        *SUBSCRIPTIONS,
        *PAYMENTS,
        *VIDEOS,
        *RETURNED,
        *BY_HAND,
        *NOTICES,
        *CHANGED,
        *PURCHASES,
        *INTENDED,
        *REACHED,
        *WAITING,
        *ERASED,
        *BY_ITEM,
        *GONE,
    )
}
