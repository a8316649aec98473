"""The export: everything that is held about oneself, in the clear, and nothing of anybody else."""

import pytest

from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


async def test_everything_that_is_held_is_in_it(service: Service, admin: Person, anna: Person, film: bytes) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    video = await service.published_video(admin, film)
    await anna.http.post(f"/v1/videos/{video['id']}/playback", json={"device_id": "a telephone"})

    answer = await anna.http.get("/v1/me/export")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told = answer.json()
    assert told["account"]["email"] == anna.email
    assert told["access"]["account_id"] == str(anna.account_id)
    assert told["facts"][0]["type"] == "account.registered"
    assert (told["facts"][0]["email"], told["facts"][0]["name"]) == (anna.email, "Anna")
    assert [payment["amount"] for payment in told["payments"]] == [999]
    assert [one["status"] for one in told["subscriptions"]] == ["active"]
    assert len(told["sessions"]) == 1
    assert {letter["kind"] for letter in told["letters"]} == {code["kind"] for code in told["codes"]}
    assert [play["device_id"] for play in told["plays"]] == ["a telephone"]
    assert any('"object"' in webhook["body"] for webhook in told["webhooks"])


async def test_it_goes_on_page_by_page_to_the_last(service: Service, anna: Person, boris: Person) -> None:
    for number in range(120):
        renamed = await anna.http.patch("/v1/me", json={"name": f"Anna {number}"})
        assert renamed.status_code == 200, renamed.text

    told = (await anna.http.get("/v1/me/export")).json()

    assert [fact["after"] for fact in told["facts"] if fact["type"] == "account.renamed"] == [
        f"Anna {number}" for number in range(120)
    ]
    assert boris.email not in str(told)
