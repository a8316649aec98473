"""The simulated Stripe of one life, as everybody but the service uses it: its pages, its Dashboard, its API."""

from typing import Any

import httpx

from tests.people import StoppedClock

PAGE = 100
PAGES_MAX = 50
REFUSALS = range(400, 500)


class Stage:
    """One address for the simulators of all lives: each request goes to the one that is playing."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


class Stripe:
    """Objects are plain maps, as the API answers them; lists come oldest first."""

    def __init__(self, http: httpx.AsyncClient, clock: StoppedClock) -> None:
        """`clock` is its own: what it was advanced to counts from there."""
        self.clock = clock
        self.http = http

    async def read(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(f"/stripe/v1/{path}", params=query)
        return dict[str, Any](answer.raise_for_status().json())

    async def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = await self.read(path, limit=PAGE, **query, **after)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]
        raise AssertionError(f"{path} has no end")

    async def do(self, path: str, *, verb: str = "POST", **form: Any) -> dict[str, Any] | None:
        """What the API answers; None where it refuses."""
        answer = await self.http.request(verb, f"/stripe/v1/{path}", data=form)
        if answer.status_code in REFUSALS:
            return None
        return dict[str, Any](answer.raise_for_status().json())

    async def control(self, verb: str, path: str, **body: Any) -> dict[str, Any] | None:
        """What a control answers; None where it refuses."""
        answer = await self.http.request(verb, f"/stripe/_sandbox/{path}", json=body)
        if answer.status_code in REFUSALS:
            return None
        return dict[str, Any](answer.raise_for_status().json())

    async def press(self, page_url: str, **form: str) -> None:
        """A button of a hosted page."""
        await self.http.post(page_url, data=form)

    async def next_due(self) -> str | None:
        due = await self.control("GET", "next_due")
        assert due is not None
        return None if due["at"] is None else str(due["at"])

    async def unsent(self) -> list[str]:
        """The events that have not been delivered, oldest first."""
        page = await self.control("GET", "deliveries?status=pending&limit=1000")
        assert page is not None
        assert page["next_cursor"] is None, "more events than a life has"
        return [item["event"] for item in page["items"]]

    async def send(self, event_id: str) -> None:
        sent = await self.control("POST", f"deliveries/{event_id}/send")
        assert sent is not None
        assert sent["last_response"] == "200", sent
