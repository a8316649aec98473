"""What is done about a renewal that was not paid: when it is tried again, and what the subscription becomes in the end.

In Stripe this is a setting of the account ("Manage failed payments"); here a control sets it.
"""

from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life.periods import DAY_SECONDS
from adapters.sandbox.stripe.shapes import StripeObject

SETTING = "dunning"

Day = Annotated[int, msgspec.Meta(ge=1, le=365)]
Days = Annotated[tuple[Day, ...], msgspec.Meta(max_length=20)]


class Dunning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`retry_days` are counted from when the invoice was finalized; after the last one has failed comes `then`.

    `past_due` leaves the subscription as it is. `unpaid` goes on with drafts that nobody is asked to pay.
    """

    retry_days: Days = (1, 3, 5, 7)
    then: Literal["cancel", "unpaid", "past_due", "pause"] = "cancel"


def setting(moment: Moment) -> Dunning:
    kept = moment.store.setting(SETTING)
    return msgspec.json.decode(kept, type=Dunning) if kept else Dunning()


def set_to(moment: Moment, dunning: Dunning) -> None:
    """For what fails from now on; a retry that is planned already takes place. Refused where the days do not rise."""
    if any(day >= following for day, following in pairwise(dunning.retry_days)):
        raise StripeRefusal("Each of retry_days must be later than the one before.", param="retry_days")
    moment.store.set(SETTING, msgspec.json.encode(dunning).decode())


def next_attempt(moment: Moment, invoice: StripeObject) -> int | None:
    """When an open invoice that fails now would be tried again; None: never."""
    since = invoice["status_transitions"]["finalized_at"]
    later = [since + day * DAY_SECONDS for day in setting(moment).retry_days]
    return next((at for at in later if at > moment.at), None)
