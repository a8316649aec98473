"""One run of one case: its bindings, deliveries, sweeps and checks in the order of their times."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

import httpx
import psycopg

from tests.stripe_cases.case import Case, Check, Delivery, told
from tests.stripe_cases.shop import INBOX, NEW_SECRET, OLD_SECRET, RENTAL, Shop, account, moment, signature

SWEPT_SECONDS = 3.0
Step = tuple[int, Callable[[], Awaitable[None]]]

GRANTED = 200
REFUSED = (402, 403)
HTTP_5XX = 500

CRASHING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO ops.inbox%'
        AND pid <> pg_backend_pid()
"""


@dataclass
class Story:
    """`run` ends every id of it, so that runs share a database."""

    shop: Shop
    case: Case
    run: str
    accounts: Mapping[str, UUID]
    statuses: list[int] = field(default_factory=list)
    admin: dict[str, str] = field(default_factory=dict)
    auditor: dict[str, str] = field(default_factory=dict)

    async def play(self, deliveries: Sequence[Delivery]) -> None:
        """Everything that the case tells, in the order of time; before time goes on, all has been settled.

        Raises AssertionError where it ends otherwise than the case says.
        """
        await self.begin()
        for at, step in sorted(self._deliveries_and_sweeps(deliveries) + self._checks(), key=lambda step: step[0]):
            await self.at(at)
            await step()
        await self._end(deliveries)

    async def begin(self) -> None:
        """Sign in, bind, buy what is bought on our page, and have a worker that sweeps where the case wants one."""
        self.admin, self.auditor = [await self.shop.as_role(each) for each in (self.shop.admin, self.shop.auditor)]
        await self._bind()
        if any(check.feature == RENTAL for check in self.case.checks):
            await self._open_checkout()

        if self.case.reconcile_at:
            await self.shop.workers.start_sweeps()

    async def finish(self, deliveries: Sequence[Delivery]) -> None:
        """The checks alone, after deliveries that were made otherwise."""
        for at, step in self._checks():
            await self.at(at)
            await step()
        await self._end(deliveries)

    async def _end(self, deliveries: Sequence[Delivery]) -> None:
        await self.shop.settled(self.run)
        await self._inbox_is_done(deliveries)
        await self._ledger_is_as_expected()

    def _deliveries_and_sweeps(self, deliveries: Sequence[Delivery]) -> list[Step]:
        groups = [(at, list(group)) for at, group in groupby(deliveries, key=lambda each: each.at)]
        return [
            *((at, partial(self._deliver_all, group)) for at, group in groups),
            *((at, self._sweep) for at in self.case.reconcile_at),
        ]

    def _checks(self) -> list[Step]:
        return [(check.at, partial(self._check, check)) for check in self.case.checks]

    async def at(self, seconds: int) -> None:
        """Time goes on when all that came has been settled."""
        await self.shop.settled(self.run)
        self.move(seconds)

    def move(self, seconds: int) -> None:
        self.shop.clock.moment = moment(seconds)

    async def _bind(self) -> None:
        """Before the story begins, unless it says when."""
        self.shop.clock.moment = moment(self.case.begins_at if self.case.bind_at is None else self.case.bind_at)
        for customer, user in self.case.bindings.items():
            path = f"/v1/admin/accounts/{self.accounts[user]}/customers/stripe"
            bound = await self.shop.http.put(path, json={"customer_id": customer}, headers=self.admin)
            assert bound.status_code == GRANTED, bound.text

    async def _open_checkout(self) -> None:
        """What is bought once is bought on our page: Stripe's session is the one that we opened."""
        for account_id in self.accounts.values():
            headers = await self.shop.as_role(account_id)
            opened = await self.shop.http.post("/v1/checkout", json={"plan_id": self.shop.rental_plan}, headers=headers)
            assert opened.status_code == 201, f"a rental cannot be bought: {opened.text}"

    async def _deliver_all(self, deliveries: Sequence[Delivery]) -> None:
        """At the same time, those of one parallel group at once."""
        for group, members in groupby(deliveries, key=lambda each: each.parallel_group):
            if group is None:
                for each in members:
                    await self._deliver(each)
            else:
                await asyncio.gather(*map(self._deliver, members))

    async def _deliver(self, delivery: Delivery) -> None:
        if delivery.fault == "crash_before_commit":
            await self._deliver_into_a_crash(delivery)
            return
        assert delivery.fault is None, delivery.fault
        answer = await self.send(delivery)
        assert answer.status_code == delivery.expect_http, f"{delivery}: {answer.text}"

    async def send(self, delivery: Delivery) -> httpx.Response:
        body = json.dumps(self.case.event(delivery.event), indent=2).encode()
        sent, header = self._signed(body, delivery.signature)
        headers = {"Stripe-Signature": header, "Content-Type": "application/json; charset=utf-8"}
        answer = await self.shop.http.post("/v1/webhooks/stripe", content=sent, headers=headers)
        self.statuses.append(answer.status_code)
        return answer

    def _signed(self, body: bytes, how: str) -> tuple[bytes, str]:
        """The bytes that go over the wire, and their signature."""
        now = int(self.shop.clock.now().timestamp())
        match how:
            case "good" | "body_reserialized":
                at, secrets = now, [NEW_SECRET]
            case "wrong_secret":
                at, secrets = now, ["whsec_of_somebody_else_entirely"]
            case "empty_secret":
                at, secrets = now, [""]
            case "timestamp-301" | "timestamp+86400":
                at, secrets = now + int(how.removeprefix("timestamp")), [NEW_SECRET]
            case "old_and_new":
                at, secrets = now, [OLD_SECRET, NEW_SECRET]
            case _:
                raise AssertionError(f"nobody signs like that: {how}")
        header = ",".join([f"t={at}", *(f"v1={signature(body, secret, at)}" for secret in secrets)])
        sent = json.dumps(json.loads(body), separators=(",", ":")).encode() if how == "body_reserialized" else body
        return sent, header

    async def _deliver_into_a_crash(self, delivery: Delivery) -> None:
        """The database session that keeps the delivery dies before its commit."""
        async with await psycopg.AsyncConnection.connect(self.shop.dsn) as blocking:
            await blocking.execute("LOCK TABLE ops.inbox IN SHARE MODE")
            sending = asyncio.create_task(self.send(delivery))
            async with asyncio.timeout(20):
                while not sending.done():
                    await self.shop.looking.execute(CRASHING)
                    await asyncio.sleep(0.01)
            await blocking.rollback()
        assert (await sending).status_code >= HTTP_5XX, (await sending).text
        assert await self.shop.look(INBOX, self.run) == []

    async def _sweep(self) -> None:
        """By hand, save where Stripe's own notice must have started one."""
        if any(event["type"].startswith("v2.core.health.") for event in self.case.events):
            return
        swept = await self.shop.http.post("/v1/admin/webhooks/sweep", headers=self.admin)
        assert swept.is_success, f"there is no sweep: {swept.text}"

    async def _check(self, check: Check) -> None:
        """After a sweep it may take a moment; else all that came has been settled."""
        patience = SWEPT_SECONDS if any(at <= check.at for at in self.case.reconcile_at) else 0.0
        deadline = asyncio.get_running_loop().time() + patience
        while (answers := await self._access(check)) != (check.access, check.access):
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(0.05)
        said = f"{check}: playback and audit say {answers}; {await self.shop.look(INBOX, self.run)}"
        assert answers == (check.access, check.access), said

    async def _access(self, check: Check) -> tuple[bool, bool]:
        """What playback says now, and what the auditor is told about this moment."""
        account_id, video_id = self.accounts[check.user], self.shop.videos[check.feature]
        as_viewer = await self.shop.as_role(account_id)
        played = await self.shop.http.post(f"/v1/videos/{video_id}/playback", headers=as_viewer)
        assert played.status_code in {GRANTED, *REFUSED}, played.text
        asked = {"at": moment(check.at).isoformat(), "video_id": str(video_id)}
        told_auditor = await self.shop.http.get(
            f"/v1/audit/accounts/{account_id}/access", params=asked, headers=self.auditor
        )
        return played.status_code == GRANTED, bool(told_auditor.raise_for_status().json()["granted"])

    async def _inbox_is_done(self, deliveries: Sequence[Delivery]) -> None:
        """Each event that was answered with 200 is there once; what is about a customer has been settled."""
        rows = await self.shop.look(INBOX, self.run)
        taken = {delivery.event for delivery in deliveries if delivery.expect_http == GRANTED}
        assert sorted(row[0] for row in rows) == sorted(taken)
        unsettled = [row for row in rows if row[1] != "done" and (row[3] is not None or row[1] != "parked")]
        assert unsettled == []

    async def facts(self, *, of: str) -> list[dict[str, Any]]:
        """The facts of a kind, about anybody of this story."""
        found = []
        for account_id in self.accounts.values():
            asked: dict[str, str | int] = {"account": str(account_id), "limit": 100}
            page = await self.shop.http.get("/v1/audit/events", params=asked, headers=self.auditor)
            found += [fact for fact in page.raise_for_status().json()["items"] if of in fact["type"]]
        return found

    async def _ledger_is_as_expected(self) -> None:
        for what, expected in self.case.ledger_expect.items():
            assert await self._seen(what, expected) == expected, what

    async def _seen(self, what: str, expected: Any) -> Any:
        """What is there, in the shape in which the case says what should be."""
        match what:
            case "alerts":
                return [each for each in expected if await self.facts(of=each.partition("_")[0])]
            case "first_http_status":
                return expected if self.statuses[0] >= HTTP_5XX else self.statuses[0]
            case "http_5xx":
                return sum(status >= HTTP_5XX for status in self.statuses)
            case "scheduled_end":
                return await self._scheduled_ends()
            case _:
                return await self._rows(what)

    async def _rows(self, what: str) -> int:
        started = {fact["stream"] for fact in await self.facts(of="subscription.started")}
        match what:
            case "events_recorded":
                return len(await self.shop.look(INBOX, self.run))
            case "payments_recorded":
                return len(await self.facts(of="payment.succeeded"))
            case "subscriptions":
                return len(started)
            case "subscription_rows_kept":
                return len(started & {fact["stream"] for fact in await self.facts(of="subscription.ended")})
            case _:
                raise AssertionError(f"nobody knows how to look for {what}")

    async def _scheduled_ends(self) -> dict[str, int]:
        """By Stripe's id of the subscription."""
        started = {fact["stream"]: fact["data"] for fact in await self.facts(of="subscription.started")}
        ends = {stream: data["ends_at"] for stream, data in started.items() if data.get("ends_at")}
        scheduled = await self.facts(of="subscription.cancellation_scheduled")
        ends |= {fact["stream"]: fact["data"]["ends_at"] for fact in scheduled}
        return {started[stream]["provider_reference"]: seconds(end) for stream, end in ends.items()}


def seconds(text: str) -> int:
    """Unix seconds of a time in an answer."""
    return int(datetime.fromisoformat(text).timestamp())


async def new_story(shop: Shop, number: str, run: str) -> Story:
    """A case with people and ids of its own, told to the scripted Stripe; after all that has been in this shop.

    The ledger's times never go back, and what an auditor is told rests on them.
    """
    begins_at = told(number, run=run).begins_at
    later = max(0, int(shop.clock.now().timestamp()) + 1 - begins_at)
    shop.clock.moment = moment(begins_at + later)
    accounts = {user: await account(shop.house) for user in told(number, run=run).users}
    ours = {user: str(account_id) for user, account_id in accounts.items()}
    case = told(number, run=run, later=later, ours=ours)
    shop.truth.tell(case)
    return Story(shop, case, run, accounts)
