"""Between our adapter and localstripe: what Stripe's API has had since localstripe was written, from what that has.

It is of 2017-08-15. It has plans in place of prices, the period on the subscription and not on its items, the payment
intent on the invoice and no invoice payments; and no checkouts and no disputes at all. Statuses, amounts and times, and
what follows from what, are its own.
"""

import json
from typing import Any
from urllib.parse import parse_qs

import httpx

Thing = dict[str, Any]

ABSENT = ("/v1/checkout/sessions", "/v1/disputes")
JSON = (b"content-type", b"application/json")


def price_of(plan: Thing) -> Thing:
    recurring = {"interval": plan["interval"], "interval_count": plan["interval_count"]}
    told = {name: plan[name] for name in ("id", "active", "currency", "product")}
    return told | {"object": "price", "unit_amount": plan["amount"], "recurring": recurring}


def with_periods(subscription: Thing) -> Thing:
    period = {name: subscription[name] for name in ("current_period_start", "current_period_end")}
    items = [{**item, **period, "price": price_of(item["plan"])} for item in subscription["items"]["data"]]
    return {**subscription, "items": {**subscription["items"], "data": items}}


def invoice_payment(invoice: Thing) -> Thing:
    return {
        "id": f"inpay_{invoice['id']}",
        "object": "invoice_payment",
        "amount_paid": invoice["amount_paid"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "payment": {"type": "payment_intent", "payment_intent": invoice["payment_intent"]},
        "status": "paid",
        "status_transitions": {"paid_at": None},
    }


def listed(path: str, things: list[Thing]) -> Thing:
    return {"object": "list", "data": things, "has_more": False, "url": path}


class Gateway:
    """An ASGI application; what it does not know it hands on as it came."""

    def __init__(self, counterpart: httpx.AsyncClient) -> None:
        self._counterpart = counterpart

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, answer = await self._answer(scope, body)
        head = [JSON, (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, bytes]:
        path, query = scope["path"], scope["query_string"].decode()
        if path in ABSENT:
            return 200, json.dumps(listed(path, [])).encode()
        if path == "/v1/invoice_payments":
            return 200, json.dumps(listed(path, await self._invoice_payments(query))).encode()
        asked = path.replace("/v1/prices/", "/v1/plans/")
        headers = {"authorization": dict(scope["headers"])[b"authorization"].decode()}
        if body:
            headers["content-type"] = "application/x-www-form-urlencoded"
        target = f"{asked}?{query}" if query else asked
        answer = await self._counterpart.request(scope["method"], target, content=body, headers=headers)
        if not answer.is_success:
            return answer.status_code, answer.content
        return answer.status_code, json.dumps(self._as_today(path, answer.json())).encode()

    async def _invoice_payments(self, query: str) -> list[Thing]:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        intent, invoice_id = asked.get("payment[payment_intent]"), asked.get("invoice")
        answer = await self._counterpart.get("/v1/invoices", params={"limit": 100})
        invoices = answer.raise_for_status().json()["data"]
        return [
            invoice_payment(invoice)
            for invoice in invoices
            if invoice["payment_intent"] and (invoice["payment_intent"] == intent or invoice["id"] == invoice_id)
        ]

    def _as_today(self, path: str, answer: Thing) -> Thing:
        if path.startswith("/v1/prices/"):
            return price_of(answer)
        if answer["object"] == "subscription":
            return with_periods(answer)
        if path == "/v1/subscriptions":
            return answer | {"data": [with_periods(one) for one in answer["data"]]}
        return answer
