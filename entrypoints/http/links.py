"""Which request follows from which answer: the `links` of the OpenAPI document, all of them.

https://spec.openapis.org/oas/v3.1.0#link-object
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from entrypoints.http.problems import POSITION_HEADER

CURSOR, NEXT = "cursor", "next_page"
METHODS: Final = ("get", "put", "post", "delete", "patch")


class Link(NamedTuple):
    """`parameters` and the fields of `body` are constants, or expressions for what was asked and answered.

    A body may need more than these fields. The name is that of the operation, unless it has one of its own.
    """

    to: str
    why: str
    parameters: Mapping[str, str] = {}
    body: Mapping[str, Any] = {}
    name: str = ""


def answered(pointer: str) -> str:
    """The place in the body of the answer."""
    return f"$response.body#/{pointer}"


def asked(pointer: str) -> str:
    """The place in the body of the request."""
    return f"$request.body#/{pointer}"


ANSWERED_ID = answered("id")
FIRST = answered("items/0/id")
THE_ACCOUNT = {"account_id": "$request.path.account_id"}

STAY_SIGNED_IN = (
    Link("refresh", "New tokens, before the access token is over.", body={"refresh_token": answered("refresh_token")}),
    Link("logout", "Ends this session.", body={"refresh_token": answered("refresh_token")}),
)


def _about_account(account_id: str) -> tuple[Link, ...]:
    """What is known of an account."""
    return (
        Link("read_timeline", "What has happened.", {"account_id": account_id}),
        Link("read_access", "What may be watched, and why.", {"account_id": account_id}),
        Link("list_payments", "What was paid.", {"account": account_id}),
        Link("list_subscriptions", "What was bought.", {"account": account_id}),
    )


def _with_account(account_id: str) -> tuple[Link, ...]:
    """What may be done with an account."""
    one = {"account_id": account_id}
    return (
        Link("give_role", "Another role.", one),
        Link("disable_account", "Shuts the person out.", one),
        Link("grant_access", "Access by hand.", one),
        Link("block_account", "No access, whatever is paid for.", one),
        Link("bind_customer", "A customer whom Stripe has already.", one),
    )


def _of_subscription(subscription_id: str) -> tuple[Link, ...]:
    one = {"subscription_id": subscription_id}
    return (
        Link("cancel_subscription", "It does not renew any more.", body=one),
        Link("resume_subscription", "It renews again.", body=one),
        Link("change_subscription", "Another plan.", body=one),
    )


def _of_video(video_id: str) -> tuple[Link, ...]:
    one = {"video_id": video_id}
    return (
        Link("read_video", "How far it is.", one),
        Link("publish_video", "Once it is ready: into the catalogue.", one),
        Link("unpublish_video", "Out of the catalogue.", one),
        Link("start_playback", "Once it is published: watch it.", one),
    )


LINKS: Mapping[str, tuple[Link, ...]] = {
    "register": (
        *STAY_SIGNED_IN,
        Link("login", "On another device.", body={"email": asked("email"), "password": asked("password")}),
        Link("read_account", "To those who look after it.", {"account_id": answered("account/id")}),
    ),
    "login": STAY_SIGNED_IN,
    "refresh": STAY_SIGNED_IN,
    "send_sign_in_code": (Link("sign_in_by_code", "With the code.", body={"phone": asked("phone")}),),
    "sign_in_by_code": STAY_SIGNED_IN,
    "list_my_sessions": (Link("end_my_session", "Sign out there.", {"session_id": FIRST}),),
    "list_accounts": (
        Link("read_account", "The first one.", {"account_id": FIRST}),
        *_about_account(FIRST),
        *_with_account(FIRST),
    ),
    "read_account": (
        *_about_account(ANSWERED_ID),
        *_with_account(ANSWERED_ID),
        Link("withdraw_grant", "The oldest.", {"account_id": ANSWERED_ID, "grant_id": answered("grants/0/id")}),
        Link("lift_block", "The oldest.", {"account_id": ANSWERED_ID, "block_id": answered("blocks/0/id")}),
    ),
    "give_role": (Link("read_account", "As it is now.", {"account_id": ANSWERED_ID}),),
    "disable_account": (Link("enable_account", "Lets the person in again.", {"account_id": ANSWERED_ID}),),
    "enable_account": (Link("disable_account", "Shuts the person out again.", {"account_id": ANSWERED_ID}),),
    "bind_customer": (Link("read_account", "With its customers.", THE_ACCOUNT),),
    "grant_access": (
        Link("withdraw_grant", "Takes it back.", {"account_id": answered("account_id"), "grant_id": ANSWERED_ID}),
        Link("read_access", "What may be watched now.", {"account_id": answered("account_id")}),
    ),
    "withdraw_grant": (Link("read_account", "With the grants that are left.", THE_ACCOUNT),),
    "block_account": (
        Link("lift_block", "Takes it back.", {"account_id": answered("account_id"), "block_id": ANSWERED_ID}),
        Link("read_access", "What may be watched now.", {"account_id": answered("account_id")}),
    ),
    "lift_block": (Link("read_account", "With the blocks that are left.", THE_ACCOUNT),),
    "list_plans": (Link("open_checkout", "Buy the first one.", body={"plan_id": FIRST}),),
    "create_plan": (
        Link("open_checkout", "Buy it.", body={"plan_id": ANSWERED_ID}),
        Link("change_plan", "As it is to be sold from now on.", {"plan_id": ANSWERED_ID}),
        Link("change_plan", "It is not sold any more.", {"plan_id": ANSWERED_ID}, {"active": False}, "withdraw_plan"),
        Link("list_plans", "What may be bought."),
    ),
    "change_plan": (Link("list_plans", "What may be bought."),),
    "open_checkout": (Link("read_subscription", "Whether it has been paid."),),
    "read_subscription": _of_subscription(ANSWERED_ID),
    "list_my_subscriptions": _of_subscription(FIRST),
    "cancel_subscription": _of_subscription(ANSWERED_ID),
    "resume_subscription": _of_subscription(ANSWERED_ID),
    "change_subscription": (
        *_of_subscription(ANSWERED_ID),
        Link("list_my_payments", "Whether the difference is paid."),
    ),
    "list_subscriptions": (Link("read_account", "Whose it is.", {"account_id": answered("items/0/account_id")}),),
    "list_payments": (
        Link("refund_payment", "The first one, or a part of it.", {"id": FIRST}),
        Link("read_account", "Whose it is.", {"account_id": answered("items/0/account_id")}),
    ),
    "refund_payment": (
        Link(
            "refund_payment",
            "What is left of it.",
            {"id": answered("payment_id")},
            {"amount": answered("refundable/amount")},
            "refund_the_rest",
        ),
        Link("list_payments", "With what went back."),
    ),
    "create_video": (
        Link("upload_video", "The file, to `upload.url`, which has the token too.", {"video_id": answered("video/id")}),
        *_of_video(answered("video/id")),
    ),
    "send_piece": (Link("read_video", "Whether it is a video.", {"video_id": "$request.path.video_id"}),),
    "upload_video": (Link("read_video", "Whether it is a video.", {"video_id": "$request.path.video_id"}),),
    "publish_video": _of_video(ANSWERED_ID),
    "unpublish_video": _of_video(ANSWERED_ID),
    "list_videos": _of_video(FIRST),
    "read_video": _of_video(ANSWERED_ID),
    "start_playback": (
        Link("beat_playback", "Every now and then while it plays.", {"session_id": answered("session_id")}),
        Link("end_playback", "When it does not play any more.", {"session_id": answered("session_id")}),
        Link(
            "read_media",
            "What plays: that is `url`.",
            {"token": answered("token"), "video_id": answered("video_id"), "path": "master.m3u8"},
        ),
    ),
    "beat_playback": (
        Link("end_playback", "When it does not play any more.", {"session_id": "$request.path.session_id"}),
    ),
    "list_webhooks": (Link("retry_webhook", "Ask about the first one again.", {"id": FIRST}),),
    "retry_webhook": (Link("list_webhooks", "What has become of it."),),
    "sweep_webhooks": (Link("list_webhooks", "What it found."),),
    "list_projections": (Link("rebuild_projection", "Build the first one anew.", {"name": answered("items/0/name")}),),
    "rebuild_projection": (Link("list_projections", "How far it is."),),
}


def link(document: Mapping[str, Any]) -> None:
    """Give the good answers of a document, which is corrected already, their links."""
    operations = {one["operationId"]: one for item in document["paths"].values() for one in each_of(item)}
    for operation_id, operation in operations.items():
        good = next(answer for status, answer in operation["responses"].items() if status < "300")
        links = {one.name or one.to: one for one in _links(operation_id, operation)}
        if links:
            good["links"] = {
                name: _described(one, records=POSITION_HEADER in good.get("headers", {}), target=operations[one.to])
                for name, one in links.items()
            }


def each_of(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations of one path."""
    return (operation for method, operation in item.items() if method in METHODS)


def _links(operation_id: str, operation: Mapping[str, Any]) -> Iterator[Link]:
    yield from LINKS.get(operation_id, ())
    if _takes(operation, CURSOR):
        yield Link(
            operation_id, "What comes after.", _same_list(operation) | {CURSOR: answered("next_cursor")}, name=NEXT
        )


def _same_list(operation: Mapping[str, Any]) -> dict[str, str]:
    """The list that was asked for: a cursor holds neither whose it is nor what it leaves out."""
    places = {one["name"]: one["in"] for one in operation["parameters"] if one["name"] != CURSOR}
    return {name: f"$request.{place}.{name}" for name, place in places.items() if place in {"path", "query"}}


def _takes(operation: Mapping[str, Any], parameter: str) -> bool:
    return any(one["name"] == parameter for one in operation["parameters"])


def _described(one: Link, *, records: bool, target: Mapping[str, Any]) -> dict[str, Any]:
    """As OpenAPI has it. What reads after something was recorded is to see it."""
    parameters = dict(one.parameters)
    if records and _takes(target, POSITION_HEADER):
        parameters[POSITION_HEADER] = f"$response.header.{POSITION_HEADER}"
    described: dict[str, Any] = {"operationId": one.to, "description": one.why}
    if parameters:
        described["parameters"] = parameters
    if one.body:
        described["requestBody"] = dict(one.body)
    return described
