"""What is bought and watched: plans, subscriptions, films, and the simulated Stripe behind them."""

import hmac
import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from entrypoints.cli.film import make_clip
from entrypoints.wiring import ffmpeg
from tests.abuse.installation import NEW_SECRET
from tests.abuse.running import STRIPE, Person, Service, new_number, until

FILM_READY_SECONDS = 60.0


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


async def plan_on_sale(service: Service, **given: Any) -> Any:
    """A monthly plan of its own, as the API shows it."""
    body = {"name": f"Cooking {new_number()}", "price": usd(999), "interval": "month"} | given
    created = await (await service.admin()).post("/v1/admin/plans", json=body)
    assert created.status_code == 201, created.text
    return created.json()


async def shared_plan(service: Service) -> Any:
    """One that nobody changes."""
    return await service.once("plan", lambda: plan_on_sale(service))


async def opened_checkout(person: Person, plan: Any) -> Any:
    opened = await person.http.post("/v1/checkout", json={"plan_id": plan["id"]})
    assert opened.status_code == 201, opened.text
    return opened.json()


async def pay(service: Service, checkout: Any) -> None:
    paid = await service.public.post(checkout["url"], data={"outcome": "pay"})
    assert paid.status_code == 303, paid.text


async def subscribe(service: Service, person: Person, plan: Any = None) -> None:
    """Paid on the simulated page, and settled by the worker."""
    await pay(service, await opened_checkout(person, plan or await shared_plan(service)))

    async def granted() -> bool:
        return bool((await subscription_of(person))["access"]["granted"])

    await until(granted)


async def subscription_of(person: Person) -> Any:
    answer = await person.http.get("/v1/me/subscription")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def access_of(person: Person) -> tuple[bool, str]:
    """Whether she may watch, and why."""
    access = (await subscription_of(person))["access"]
    return access["granted"], access["reason"]


async def payment_of(service: Service, person: Person) -> Any:
    """The newest, once it is there to be seen."""
    found: list[Any] = []

    async def there() -> bool:
        found[:] = (await person.http.get("/v1/me/payments")).json()["items"]
        return bool(found)

    await until(there)
    return found[0]


async def customer_of(service: Service, person: Person) -> str:
    shown = (await (await service.admin()).get(f"/v1/admin/accounts/{person.id}")).json()
    return str(shown["customers"]["stripe"])


async def published_film(service: Service, **given: Any) -> Any:
    """Uploaded, transcoded by the worker and published, as admins are shown it."""
    admin = await service.admin()
    body = {"title": f"Onions {new_number()}", "access": "subscribers"} | given
    created = (await admin.post("/v1/admin/videos", json=body)).json()
    sent = await service.public.put(created["upload"]["url"], content=film())
    assert sent.status_code == 204, sent.text
    processed = await when_processed(service, created["video"]["id"])
    assert processed["status"] == "ready", processed
    published = await admin.post(f"/v1/admin/videos/{created['video']['id']}/publish")
    assert published.status_code == 200, published.text
    return published.json()


async def shared_film(service: Service) -> Any:
    """For subscribers."""
    return await service.once("film", lambda: published_film(service))


async def shared_trailer(service: Service) -> Any:
    """For everybody."""
    return await service.once("trailer", lambda: published_film(service, access="free"))


async def when_processed(service: Service, video_id: str) -> Any:
    """A video once the worker is done with it, whatever came of it."""
    admin, found = await service.admin(), {}

    async def done() -> bool:
        answer = await admin.get(f"/v1/videos/{video_id}")
        if answer.status_code == 404:  # The read model has not come as far yet.
            return False
        found.update(answer.json())
        return found["status"] not in {"waiting", "processing"}

    await until(done, seconds=FILM_READY_SECONDS)
    return found


def film() -> bytes:
    """Two seconds, made once."""
    if not _FILM:
        with TemporaryDirectory(prefix="streamly-film-") as folder:
            path = Path(folder) / "film.mp4"
            make_clip(ffmpeg(), path, seconds=2, height=240)
            _FILM.append(path.read_bytes())
    return _FILM[0]


_FILM: list[bytes] = []


async def play(client: httpx.AsyncClient, video: Any) -> httpx.Response:
    return await client.post(f"/v1/videos/{video['id']}/playback", json={})


# Stripe


async def control(service: Service, path: str, body: Any) -> Any:
    """What only the simulator of Stripe lets one do; `PUT` for what stays so, `POST` for what happens."""
    verb = "PUT" if path in {"deliveries", "faults", "dunning", "events/suppressed"} else "POST"
    answer = await service.public.request(verb, f"{service.at.stripe}/_sandbox/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def at_stripe(service: Service, verb: str, path: str, **form: Any) -> Any:
    """A request to its API, as its owner makes it in the Dashboard."""
    query, body = (form, None) if verb == "GET" else (None, form)
    url = f"{service.at.stripe}/v1/{path}"
    answer = await service.public.request(verb, url, headers=STRIPE, params=query, data=body)
    assert answer.is_success, answer.text
    return answer.json()


def event(kind: str, obj: dict[str, Any], **given: Any) -> bytes:
    """A delivery's body, under an id of its own."""
    envelope = {
        "id": f"evt_abuse_{new_number()}",
        "object": "event",
        "type": kind,
        "created": 1_700_000_000,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": obj},
    }
    return json.dumps(envelope | given).encode()


def id_of(body: bytes) -> str:
    return str(json.loads(body)["id"])


def signature(body: bytes, *, at: datetime, secret: str = NEW_SECRET, scheme: str = "v1") -> str:
    """The header, as Stripe makes it."""
    stamp = int(at.timestamp())
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return f"t={stamp},{scheme}={made}"


def headers_for(service: Service, body: bytes, **given: Any) -> dict[str, str]:
    given.setdefault("at", service.at.business_now())
    return {"Stripe-Signature": signature(body, **given), "Content-Type": "application/json"}


async def deliver(service: Service, body: bytes, **given: Any) -> httpx.Response:
    """A webhook that Stripe has signed."""
    return await service.public.post("/v1/webhooks/stripe", content=body, headers=headers_for(service, body, **given))
