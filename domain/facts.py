"""Every fact there is, by the tag it is stored under: the one list."""

from typing import get_args

from domain.account.account import AccountEvent
from domain.payment.dunning import NoticeFellDue
from domain.payment.payment import PaymentFact
from domain.plan.plan import PlanFact
from domain.prepaid.facts import PrepaidEvent
from domain.shared.fact import Fact
from domain.subscription.checkout import CheckoutFact
from domain.subscription.facts import SubscriptionEvent
from domain.video.facts import VideoFact

AnyFact = (
    AccountEvent | PlanFact | CheckoutFact | SubscriptionEvent | PrepaidEvent | PaymentFact | NoticeFellDue | VideoFact
)

FACTS: dict[str, type[Fact]] = {kind.tag(): kind for kind in get_args(AnyFact)}
