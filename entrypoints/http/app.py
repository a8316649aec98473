"""The application: every controller, over the use cases of one house."""

from collections.abc import Sequence
from typing import Protocol

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from application.account_admin import AccountAdmin
from application.accounts import Accounts
from application.audit import Audit
from application.business_clock import BusinessClock
from application.captions import Captions
from application.checkouts import Checkouts
from application.customers import CustomerBinding
from application.emails import Emails
from application.erasing import ErasureRequests
from application.exporting import Exporting
from application.grants import Grants
from application.inbox_desk import InboxOperation
from application.mailbox import Mailbox
from application.new_passwords import NewPasswords
from application.payments import Payments
from application.phones import Phones
from application.plans import Plans
from application.playback import Playback
from application.ports.idempotency import KeptAnswers
from application.ports.world import Clock
from application.projection_admin import ProjectionAdmin
from application.reading import ReadingYourWrites
from application.refunds import Refunds
from application.resumable_uploads import ResumableUploads
from application.signing_in import SigningIn
from application.subscriptions import Subscriptions
from application.sweeps import Sweeping
from application.tracing import Spans
from application.videos import Videos
from application.webhooks import Webhooks
from entrypoints.http.admin_accounts import AdminAccountController, AdminRoleController
from entrypoints.http.admin_captions import AdminCaptionController
from entrypoints.http.admin_videos import AdminVideoController
from entrypoints.http.admin_webhooks import AdminWebhookController
from entrypoints.http.assembly import assemble
from entrypoints.http.audit import AuditController
from entrypoints.http.auth import AuthController
from entrypoints.http.auth_codes import AuthCodeController
from entrypoints.http.checkout import CheckoutController
from entrypoints.http.customers import AdminCustomerController
from entrypoints.http.direct_playback import PLAYBACK_PATH, start_playback
from entrypoints.http.erasure import ErasureController
from entrypoints.http.export import ExportController
from entrypoints.http.grants import AdminBlockController, AdminGrantController
from entrypoints.http.health import LOOK_SECONDS, HealthController, Ready, Recent
from entrypoints.http.me import MeController
from entrypoints.http.media import MediaController
from entrypoints.http.metrics import Metrics, MetricsController, Observed
from entrypoints.http.middleware import Ahead
from entrypoints.http.payments import AdminPaymentController, PaymentController
from entrypoints.http.plans import AdminPlanController, PlanController
from entrypoints.http.playback import PlaybackController
from entrypoints.http.projections import AdminProjectionController
from entrypoints.http.refunds import RefundController
from entrypoints.http.returns import ReturnController
from entrypoints.http.sandbox import ClockController, MailboxController
from entrypoints.http.sessions import SessionController
from entrypoints.http.subscription import PortalController, SubscriptionController
from entrypoints.http.subscriptions import AdminSubscriptionController, MySubscriptionsController
from entrypoints.http.throttled import Gate
from entrypoints.http.uploads import UploadController
from entrypoints.http.videos import CATALOGUE_PATH, VideoController
from entrypoints.http.webhooks import STRIPE_PATH, WebhookController, receive_stripe

VERSIONED: tuple[ControllerRouterHandler, ...] = (
    AdminAccountController,
    AdminBlockController,
    AdminCaptionController,
    AdminCustomerController,
    AdminGrantController,
    AdminPaymentController,
    AdminPlanController,
    AdminProjectionController,
    AdminRoleController,
    AdminSubscriptionController,
    AdminVideoController,
    AdminWebhookController,
    AuditController,
    AuthCodeController,
    AuthController,
    CheckoutController,
    ErasureController,
    ExportController,
    MeController,
    MySubscriptionsController,
    PaymentController,
    PlanController,
    PlaybackController,
    PortalController,
    RefundController,
    SessionController,
    SubscriptionController,
    VideoController,
    WebhookController,
)
BESIDE: tuple[ControllerRouterHandler, ...] = (
    HealthController,
    MediaController,
    MetricsController,
    ReturnController,
    UploadController,
)

PROVIDED = (
    "account_admin",
    "accounts",
    "audit",
    "business_clock",
    "business_time",
    "captions",
    "checkouts",
    "customer_binding",
    "emails",
    "erasure_requests",
    "exporting",
    "grants",
    "inbox",
    "mailbox",
    "metrics",
    "new_passwords",
    "payments",
    "phones",
    "plans",
    "playback",
    "projections",
    "refunds",
    "resumable_uploads",
    "signing_in",
    "subscriptions",
    "sweeping",
    "videos",
    "webhooks",
)


class House(Protocol):
    """The use cases, wired; handlers ask for each by its name here."""

    @property
    def account_admin(self) -> AccountAdmin: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def business_clock(self) -> BusinessClock | None:
        """None where time cannot be moved: then there is no address for it."""

    @property
    def business_time(self) -> Clock: ...
    @property
    def captions(self) -> Captions: ...
    @property
    def checkouts(self) -> Checkouts: ...
    @property
    def customer_binding(self) -> CustomerBinding: ...
    @property
    def emails(self) -> Emails: ...
    @property
    def erasure_requests(self) -> ErasureRequests: ...
    @property
    def exporting(self) -> Exporting: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def health(self) -> Ready: ...
    @property
    def inbox(self) -> InboxOperation: ...
    @property
    def mailbox(self) -> Mailbox | None:
        """None in production: then there is no address for it."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def new_passwords(self) -> NewPasswords: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def phones(self) -> Phones: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def playback(self) -> Playback: ...
    @property
    def projections(self) -> ProjectionAdmin: ...
    @property
    def reading(self) -> ReadingYourWrites: ...
    @property
    def refunds(self) -> Refunds: ...
    @property
    def resumable_uploads(self) -> ResumableUploads: ...
    @property
    def signing_in(self) -> SigningIn: ...
    @property
    def spans(self) -> Spans: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def sweeping(self) -> Sweeping: ...
    @property
    def throttling(self) -> Gate: ...
    @property
    def kept_answers(self) -> KeptAnswers: ...
    @property
    def videos(self) -> Videos: ...
    @property
    def webhooks(self) -> Webhooks: ...


def create_app(house: House, *, cors_origins: Sequence[str] = (), look_seconds: float = LOOK_SECONDS) -> Litestar:
    """Serves a house that is open, and stays open as long as it is served; health is looked at so often at most."""
    sandbox: list[ControllerRouterHandler] = []
    if house.business_clock:
        sandbox.append(ClockController)
    if house.mailbox:
        sandbox.append(MailboxController)
    return assemble(
        versioned=[*VERSIONED, *sandbox],
        beside=BESIDE,
        provided={name: getattr(house, name) for name in PROVIDED} | {"health": Recent(house.health, look_seconds)},
        who_is=house.signing_in.who_is,
        wait_for=house.reading.wait,
        throttling=house.throttling,
        kept_answers=house.kept_answers,
        observed=Observed(house.metrics.requests, house.spans),
        cors_origins=cors_origins,
        ahead=Ahead(
            direct={
                ("POST", STRIPE_PATH): receive_stripe(house.webhooks),
                ("POST", PLAYBACK_PATH): start_playback(house.signing_in, house.playback),
            },
            shared=[CATALOGUE_PATH],
        ),
    )
