"""A valid request to every operation of the OpenAPI document, by its examples, for people and things that there are."""

import hmac
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from tests.faults.mutants import Ask

ADMIN, PASSWORD = "admin@example.com", "correct horse battery"
"""The password is that of the document's examples."""
EXAMPLE_EMAIL = "anna@example.com"
MONTHLY = {"name": "Cooking", "price": {"amount": 999, "currency": "USD"}, "interval": "month"}

Ids = Mapping[str, str]


async def furnish(client: httpx.AsyncClient) -> tuple[list[str], Ids]:
    """The access tokens of an admin, whom there must be, and of a viewer; and an id that there is of most kinds.

    Each time new ones, so that whatever was done to the last is forgotten. Raises httpx.HTTPStatusError.
    """
    await client.post("/v1/auth/register", json={"email": EXAMPLE_EMAIL, "password": PASSWORD})
    admin = await _post(client, "/v1/auth/login", email=ADMIN, password=PASSWORD)
    viewer, other = [
        await _post(client, "/v1/auth/register", email=f"{uuid4()}@example.com", password=PASSWORD) for _ in range(2)
    ]
    sessions = await client.get("/v1/me/sessions", headers=_as(other["access_token"]))
    by_admin = _as(admin["access_token"])
    account = f"/v1/admin/accounts/{other['account']['id']}"
    grant = {"reason": "an outage", "until": "2028-01-01T00:00:00Z"}
    video = await _post(client, "/v1/admin/videos", by_admin, title="The lighthouse", access="free")
    ids = {
        "account_id": other["account"]["id"],
        "block_id": (await _post(client, f"{account}/blocks", by_admin, reason="chargebacks"))["id"],
        "grant_id": (await _post(client, f"{account}/grants", by_admin, **grant))["id"],
        "session_id": sessions.raise_for_status().json()["items"][0]["id"],
        "plan_id": (await _post(client, "/v1/admin/plans", by_admin, **MONTHLY))["id"],
        "video_id": video["video"]["id"],
        "token": video["upload"]["url"].split("/")[-2],
        "refresh_token": other["refresh_token"],
        "id": str(uuid4()),
        "name": "catalogue",
        "path": "master.m3u8",
        "kind": "subtitles",
        "language": "en",
    }
    return [admin["access_token"], viewer["access_token"]], ids


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _post(client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return (await client.post(path, json=body, headers=headers)).raise_for_status().json()


def valid_requests(document: Any, tokens: Sequence[str], ids: Ids, webhook_secret: str) -> list[Ask]:
    """Every operation but one, as each of these people."""
    asks = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] != "move_clock":  # It moves for everybody, and codes and tokens end.
                asks += [_ask(path, method.upper(), operation, token, ids, webhook_secret) for token in tokens]
    return asks


def _ask(path: str, method: str, operation: Any, token: str, ids: Ids, webhook_secret: str) -> Ask:
    given = operation["parameters"]
    for each in given:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", ids[each["name"]])
    headers = [("Host", "127.0.0.1"), ("Authorization", f"Bearer {token}")]
    if any(each["name"] == "Idempotency-Key" for each in given):
        headers.append(("Idempotency-Key", str(uuid4())))
    body: Any = None
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        headers.append(("Content-Type", media_type))
        body = _with_ids(content["example"], ids) if "example" in content else b"\x00\x00\x00\x18ftypmp42"
    if path.startswith("/v1/webhooks/"):
        body = _event()
        headers.append(("Stripe-Signature", _signature(body, webhook_secret)))
    parameters = tuple(each["name"] for each in given if each["in"] == "query")
    return Ask(method, path, parameters, (), tuple(headers), body)


def _with_ids(example: Any, ids: Ids) -> Any:
    """The example with those ids that are told in bodies."""
    return example | {name: ids[name] for name in ("plan_id", "refresh_token") if name in example}


def _event() -> bytes:
    subscription = {"id": "sub_1", "object": "subscription", "customer": "cus_of_nobody"}
    event = {"id": f"evt_{uuid4().hex}", "object": "event", "type": "customer.subscription.updated"}
    moment = {"created": 1_700_000_000, "livemode": False, "api_version": "2026-01-28.clover"}
    return msgspec.json.encode(event | moment | {"data": {"object": subscription}})


def _signature(body: bytes, secret: str) -> str:
    moment = int(time.time())
    return f"t={moment},v1=" + hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
