"""Events on their way: signed and retried; dropped, repeated, delayed, shuffled or held back when a test says so."""

import time

import pytest

from tests.adapters.sandbox.stripe.conftest import Start
from tests.adapters.sandbox.stripe.harness import Clock, Receiver, Sandbox, eventually, plain, unix


def customers(sandbox: Sandbox, how_many: int) -> list[str]:
    """Makes so many customers; the ids of their events, in order."""
    for _ in range(how_many):
        sandbox.api.customers.create()
    return [event.id for event in sandbox.happened()]


def arrived(receiver: Receiver) -> list[str]:
    return [event.id for event in receiver.events]


def statuses(sandbox: Sandbox, **wanted: str) -> list[str]:
    return [one["status"] for one in sandbox.http.get("/_sandbox/deliveries", params=wanted).json()["items"]]


def test_every_event_arrives_signed_with_business_time(sandbox: Sandbox, receiver: Receiver, clock: Clock) -> None:
    sandbox.deliveries(parallel=1)

    made = customers(sandbox, 3)
    sandbox.settle()

    assert arrived(receiver) == made
    assert receiver.signed_at == [unix(clock.now)] * 3
    assert plain(receiver.events[0].data.object)["object"] == "customer"
    assert statuses(sandbox) == ["delivered"] * 3
    assert sandbox.api.events.list({"delivery_success": False}).data == []
    assert sandbox.api.events.retrieve(made[0]).pending_webhooks == 0


def test_an_event_that_is_not_taken_comes_again(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.answers += [500, 302]

    [made] = customers(sandbox, 1)
    sandbox.settle()

    assert arrived(receiver) == [made] * 3
    [delivery] = sandbox.http.get("/_sandbox/deliveries").json()["items"]
    assert delivery == {"event": made, "status": "delivered", "attempts": 3, "last_response": "200"}


def test_a_receiver_that_is_away_gets_it_later(start: Start, receiver: Receiver) -> None:
    with start("http://127.0.0.1:1/webhook") as sandbox:
        [made] = customers(sandbox, 1)
        eventually(lambda: sandbox.http.get("/_sandbox/deliveries").json()["items"][0]["attempts"] > 0)
        assert statuses(sandbox) == ["pending"]
        assert [event.id for event in sandbox.api.events.list({"delivery_success": False}).data] == [made]
        assert sandbox.api.events.retrieve(made).pending_webhooks == 1

    with start(receiver.url) as sandbox:
        sandbox.settle()

    assert arrived(receiver) == [made]


def test_dropped_events_are_given_up_unsent(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(drop=True)

    made = customers(sandbox, 3)
    sandbox.settle()

    assert receiver.events == []
    assert statuses(sandbox, status="failed") == ["failed"] * 3
    assert len(sandbox.api.events.list({"delivery_success": False}).data) == 3
    sent = sandbox.http.post(f"/_sandbox/deliveries/{made[1]}/send")
    assert sent.json()["status"] == "delivered"
    assert arrived(receiver) == [made[1]]


def test_the_same_seed_drops_the_same_ones(sandbox: Sandbox, receiver: Receiver) -> None:
    def survivors() -> list[int]:
        sandbox.deliveries(drop=0.5, seed=7, parallel=1)
        before = len(sandbox.happened())
        made = customers(sandbox, 12)[before:]
        sandbox.settle()
        return [made.index(id) for id in arrived(receiver) if id in made]

    first = survivors()

    assert 0 < len(first) < 12
    assert survivors() == first


def test_an_event_that_was_not_dropped_at_first_is_not_dropped_later(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.answers.append(500)
    customers(sandbox, 1)
    eventually(lambda: len(receiver.events) == 1)

    sandbox.deliveries(drop=True)
    sandbox.settle()

    assert statuses(sandbox) == ["delivered"]


def test_every_event_can_come_several_times(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(repeat=2)

    made = customers(sandbox, 2)
    sandbox.settle()

    assert sorted(arrived(receiver)) == sorted(made * 3)


def test_events_can_come_late(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(delay_seconds=0.4)
    begun = time.monotonic()

    customers(sandbox, 1)
    sandbox.settle()

    assert time.monotonic() - begun > 0.4
    assert len(receiver.events) == 1


def test_events_can_be_held_back_and_come_in_another_order(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(hold=True)
    made = customers(sandbox, 10)
    time.sleep(0.2)
    assert receiver.events == []
    assert sandbox.pending() == 10

    sandbox.deliveries(shuffle=True, parallel=1, seed=3)
    sandbox.settle()

    assert arrived(receiver) != made
    assert sorted(arrived(receiver)) == sorted(made)


def test_a_held_event_can_be_sent_alone(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.deliveries(hold=True)
    made = customers(sandbox, 2)

    answer = sandbox.http.post(f"/_sandbox/deliveries/{made[1]}/send").json()

    assert (answer["event"], answer["status"], answer["last_response"]) == (made[1], "delivered", "200")
    assert arrived(receiver) == [made[1]]
    assert sandbox.pending() == 1


def test_a_delivered_event_can_be_sent_again_freshly_signed(sandbox: Sandbox, receiver: Receiver, clock: Clock) -> None:
    [made] = customers(sandbox, 1)
    sandbox.settle()
    first = unix(clock.now)
    clock.pass_(hours=1)

    sandbox.http.post(f"/_sandbox/deliveries/{made}/send")

    assert arrived(receiver) == [made, made]
    assert receiver.signed_at == [first, first + 3600]
    assert receiver.events[1].created == receiver.events[0].created
    assert sandbox.http.post("/_sandbox/deliveries/evt_0/send").status_code == 404


def test_without_an_address_events_are_only_listed(start: Start) -> None:
    with start(None) as sandbox:
        [made] = customers(sandbox, 1)

        assert sandbox.pending() == 0
        assert sandbox.http.post(f"/_sandbox/deliveries/{made}/send").status_code == 400
        assert sandbox.api.events.retrieve(made).pending_webhooks == 0


def test_deliveries_are_listed_in_pages(sandbox: Sandbox) -> None:
    made = customers(sandbox, 5)
    sandbox.settle()

    first = sandbox.http.get("/_sandbox/deliveries", params={"limit": 3}).json()
    rest = sandbox.http.get("/_sandbox/deliveries", params={"limit": 3, "cursor": first["next_cursor"]}).json()

    assert [one["event"] for one in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "mode",
    [
        {"drop": 1.5},
        {"drop": "all"},
        {"repeat": 11},
        {"repeat": -1},
        {"delay_seconds": -1},
        {"parallel": 0},
        {"loose": 1},
    ],
)
def test_a_mode_that_makes_no_sense_is_refused(sandbox: Sandbox, mode: dict[str, object]) -> None:
    answer = sandbox.http.put("/_sandbox/deliveries", json={"mode": mode})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
