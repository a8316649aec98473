"""Each fact in plain words, as support would tell it to the person it is about."""

import pytest
from msgspec.structs import replace

from domain.account.account import AccountRegistered, Role
from domain.account.by_hand import AccessGranted, BlockPlaced
from domain.payment.dunning import NoticeFellDue
from domain.payment.payment import PaymentFailed
from domain.subscription.facts import CancellationRequested, CollectionPaused
from domain.telling import tell
from tests.golden.examples import EXAMPLES
from tests.people import ANNA

SENTENCES = {
    "account.registered": "The account was registered as a viewer.",
    "account.registered_by_phone": "The account was registered as a viewer, by a phone number.",
    "account.renamed": "The name was changed.",
    "account.email_verified": "The e-mail address was verified.",
    "account.email_changed": "The e-mail address was changed to one that had been confirmed.",
    "account.phone_changed": "The phone number was changed to one that had been proved by a code.",
    "account.phone_released": "The phone number was removed: it had been added before any reset of the password.",
    "account.password_changed": "The password was set anew by a link that was sent to the e-mail address.",
    "account.refresh_token_reused": "A spent refresh token was used again, so that sign-in was ended.",
    "account.role_changed": "The role changed from viewer to auditor.",
    "account.customer_bound": "The account was bound to the customer cus_anna at stripe.",
    "account.customer_deletion_requested": "It was asked that the account's customer cus_anna be deleted at stripe.",
    "account.customer_gone": "The account's customer cus_anna was deleted at stripe.",
    "account.disabled": "The account was disabled: chargebacks.",
    "account.enabled": "The account was enabled again: settled.",
    "account.access_granted": "Access with hd, sd was granted by hand until 2027-05-01 12:00 UTC: the outage.",
    "account.grant_withdrawn": "The access that was granted by hand until 2027-05-01 12:00 UTC was withdrawn.",
    "account.blocked": "The account was blocked until 2027-04-01 12:00 UTC: chargebacks.",
    "account.unblocked": "A block of the account was lifted.",
    "dunning.notice_fell_due": (
        "The viewer is to be told that attempt 2 at the payment failed; it is tried again on 2027-04-01 12:00 UTC."
    ),
    "plan.created": "The plan Cooking was created at 9.99 USD (month).",
    "plan.price_requested": "A price of 9.99 USD was asked for at stripe.",
    "plan.price_bound": "The plan is sold at 9.99 USD through stripe (price_999).",
    "plan.changed": "What is said of the plan changed: features, max height.",
    "plan.price_refused": "stripe would not make the price of 9.99 USD: Invalid currency: xau.",
    "plan.price_retired": "The plan is not sold at 9.99 USD any more; who pays price_999 goes on.",
    "plan.withdrawn": "The plan is not sold any more; who has it keeps it.",
    "plan.returned": "The plan is sold again.",
    "prepaid.bought": "30 days of Thirty days were bought, from 2027-04-01 12:00 UTC until 2027-05-01 12:00 UTC.",
    "prepaid.duplicated": (
        "30 days of Thirty days were paid for, though there is access until 2027-05-01 12:00 UTC already."
    ),
    "prepaid.revoked": "What was bought gives no access any more: the payment was refunded.",
    "prepaid.restored": "What was bought gives access again: the payment is not refunded any more.",
    "prepaid.moved": "What was bought gives access from 2027-03-01 12:00 UTC until 2027-04-01 12:00 UTC now.",
    "checkout.requested": "A checkout of the plan Cooking for 9.99 USD was asked for.",
    "checkout.opened": "The payment page was opened, until 2027-03-01 12:00 UTC.",
    "checkout.failed": "The payment page could not be opened: No such price.",
    "checkout.completed": "The checkout was completed.",
    "checkout.expired": "The payment page expired unused.",
    "subscription.started": (
        "A subscription to Cooking started as trialing, its first period until 2027-04-01 12:00 UTC."
    ),
    "subscription.status_changed": "The subscription went from trialing to active.",
    "subscription.renewed": "A new period of the subscription began, until 2027-05-01 12:00 UTC.",
    "subscription.plan_changed": "The plan changed from Cooking to Cinéma.",
    "subscription.plan_dropped": "The subscription is not to Cooking any more, nor to another plan.",
    "subscription.grace_started": (
        "A renewal failed on 2027-04-01 12:00 UTC; access goes on until 2027-05-01 12:00 UTC."
    ),
    "subscription.cancellation_requested": "Cancellation at the end of the period was asked for.",
    "subscription.cancellation_scheduled": "The subscription was cancelled and ends on 2027-05-01 12:00 UTC.",
    "subscription.cancellation_withdrawn": "The cancellation was withdrawn; the subscription renews again.",
    "subscription.collection_paused": "Collection of payments was paused; access goes on.",
    "subscription.collection_resumed": "Collection of payments was resumed.",
    "subscription.ended": "The subscription ended on 2027-05-01 12:00 UTC (canceled).",
    "subscription.found_again": "The provider knows the subscription again: it did not end on 2027-05-01 12:00 UTC.",
    "subscription.further_items_changed": "Beside its plan the subscription now has Cinéma.",
    "subscription.access_revoked": "Access was revoked: the payment for the period was disputed.",
    "subscription.access_restored": "Access was given back: the payment for the period is not disputed any more.",
    "subscription.item_revoked": "Access to what Cinéma gives was revoked: the payment for its period was refunded.",
    "subscription.item_restored": "Cinéma gives access again: the payment for its period is not refunded any more.",
    "payment.refunded": "4.00 USD was refunded; 5.99 USD of the payment is left.",
    "payment.refund_failed": "The refund of 4.00 USD failed; 5.99 USD of the payment is left.",
    "payment.dispute_changed": "The dispute was lost about the payment of 9.99 USD (fraudulent).",
    "payment.succeeded": "9.99 USD was paid.",
    "payment.failed": "The payment of 9.99 USD failed (attempt 2); the next try is on 2027-04-01 12:00 UTC.",
    "subscription.resumption_requested": "It was asked that the subscription goes on.",
    "subscription.plan_change_requested": "A change of the plan from Cooking to Cinéma was asked for.",
    "subscription.request_dropped": "What was asked for came to nothing: No such price.",
    "subscription.duplicate_found": "This is a second live subscription to Cooking, beside an older one.",
    "payment.withdrawn": "The payment of 9.99 USD, which had failed, is not asked for any more.",
    "payment.action_required": "The payment of 9.99 USD (attempt 2) waits for the viewer to confirm it.",
    "payment.refund_requested": "A refund of 4.00 USD was asked for: No sound.",
    "payment.refund_accepted": "The refund of 4.00 USD is on its way.",
    "payment.refund_refused": "The refund of 4.00 USD was refused: The charge is disputed.",
    "video.created": "The video “Bread” was created, for subscribers.",
    "video.upload_received": "An upload of 1048576 bytes was received.",
    "video.made_ready": "The video is ready: 61 s in 240p, 720p.",
    "video.described": "The video is described as “Rye bread”, for free.",
    "video.upload_granted": "The platform waits for the upload upload-1 until 2027-05-01 12:00 UTC.",
    "video.taken_in": "The platform has the upload, as asset-1.",
    "video.deleted": "The video was deleted.",
    "video.failed": "The upload could not be used (not_a_video): It is a picture.",
    "video.captions_provided": "The captions “Português” (pt-BR) of the video were provided.",
    "video.captions_removed": "The subtitles in en of the video were removed.",
    "video.published": "The video was published.",
    "video.unpublished": "The video was taken out of the catalogue.",
    "account.erasure_requested": "It was asked that everything personal about the account be erased.",
    "account.personal_data_erased": "Everything personal about the account was erased.",
}


@pytest.mark.parametrize("tag", EXAMPLES)
def test_it_is_told_in_one_sentence(tag: str) -> None:
    assert tell(EXAMPLES[tag]) == SENTENCES[tag]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "told"),
    [("support", "a support"), ("auditor", "an auditor"), ("admin", "an admin")],
)
def test_a_role_has_its_article(role: Role, told: str) -> None:
    registered = AccountRegistered(account_id=ANNA, email=None, name=None, role=role)

    assert tell(registered) == f"The account was registered as {told}."


def test_it_names_nobody() -> None:
    registered = EXAMPLES["account.registered"]

    assert isinstance(registered, AccountRegistered)
    for personal in (registered.email, registered.name):
        assert personal
        assert personal not in tell(registered)


def test_what_differs_is_told_differently() -> None:
    at_once = replace(EXAMPLES["subscription.cancellation_requested"], at_period_end=False)
    denied = replace(EXAMPLES["subscription.collection_paused"], grants_access=False)
    given_up = replace(EXAMPLES["payment.failed"], next_attempt_at=None)

    assert isinstance(at_once, CancellationRequested)
    assert isinstance(denied, CollectionPaused)
    assert isinstance(given_up, PaymentFailed)
    assert tell(at_once) == "Cancellation at once was asked for."
    assert tell(denied) == "Collection of payments was paused; access stops."
    assert tell(given_up) == "The payment of 9.99 USD failed (attempt 2)."


def test_what_was_done_by_hand_is_told_with_what_it_opens_and_its_end() -> None:
    plain = replace(EXAMPLES["account.access_granted"], features=())
    for_good = replace(EXAMPLES["account.blocked"], until=None)

    assert isinstance(plain, AccessGranted)
    assert isinstance(for_good, BlockPlaced)
    assert tell(plain) == "Access was granted by hand until 2027-05-01 12:00 UTC: the outage."
    assert tell(for_good) == "The account was blocked: chargebacks."


def test_a_notice_says_what_the_viewer_is_to_be_told() -> None:
    failed = EXAMPLES["dunning.notice_fell_due"]
    assert isinstance(failed, NoticeFellDue)
    told = {
        "payment_failed": "attempt 2 at the payment failed",
        "grace_ending": "access ends on 2027-04-01 12:00 UTC, unless the open invoice is paid",
        "access_ended": "access ended on 2027-04-01 12:00 UTC, since the invoice was not paid",
    }

    waits = replace(failed, kind="action_required", about=None)
    assert tell(waits) == "The viewer is to be told that attempt 2 at the payment waits for her confirmation."
    assert tell(replace(failed, about=None)) == f"The viewer is to be told that {told['payment_failed']}."
    for kind in ("grace_ending", "access_ended"):
        assert tell(replace(failed, kind=kind)) == f"The viewer is to be told that {told[kind]}."
