"""The use cases, as handlers ask for them: each by the name that it has in the house."""

from litestar.di import NamedDependency
from litestar.params import SkipValidation

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
from application.ports.world import Clock
from application.projection_admin import ProjectionAdmin
from application.refunds import Refunds
from application.resumable_uploads import ResumableUploads
from application.signing_in import SigningIn
from application.subscriptions import Subscriptions
from application.sweeps import Sweeping
from application.videos import Videos
from application.webhooks import Webhooks

GivenAccountAdmin = NamedDependency[SkipValidation[AccountAdmin]]
GivenAccounts = NamedDependency[SkipValidation[Accounts]]
GivenAudit = NamedDependency[SkipValidation[Audit]]
GivenBusinessClock = NamedDependency[SkipValidation[BusinessClock]]
GivenBusinessTime = NamedDependency[SkipValidation[Clock]]
GivenCaptions = NamedDependency[SkipValidation[Captions]]
GivenCheckouts = NamedDependency[SkipValidation[Checkouts]]
GivenCustomerBinding = NamedDependency[SkipValidation[CustomerBinding]]
GivenEmails = NamedDependency[SkipValidation[Emails]]
GivenErasureRequests = NamedDependency[SkipValidation[ErasureRequests]]
GivenExporting = NamedDependency[SkipValidation[Exporting]]
GivenGrants = NamedDependency[SkipValidation[Grants]]
GivenInbox = NamedDependency[SkipValidation[InboxOperation]]
GivenMailbox = NamedDependency[SkipValidation[Mailbox]]
GivenNewPasswords = NamedDependency[SkipValidation[NewPasswords]]
GivenPayments = NamedDependency[SkipValidation[Payments]]
GivenPhones = NamedDependency[SkipValidation[Phones]]
GivenPlans = NamedDependency[SkipValidation[Plans]]
GivenPlayback = NamedDependency[SkipValidation[Playback]]
GivenProjections = NamedDependency[SkipValidation[ProjectionAdmin]]
GivenRefunds = NamedDependency[SkipValidation[Refunds]]
GivenResumableUploads = NamedDependency[SkipValidation[ResumableUploads]]
GivenSigningIn = NamedDependency[SkipValidation[SigningIn]]
GivenSubscriptions = NamedDependency[SkipValidation[Subscriptions]]
GivenSweeping = NamedDependency[SkipValidation[Sweeping]]
GivenVideos = NamedDependency[SkipValidation[Videos]]
GivenWebhooks = NamedDependency[SkipValidation[Webhooks]]
