"""How long a sign-in takes tells nobody who has an account, nor do many keep others waiting: `make soak` in small."""

from pathlib import Path

import pytest

from tests.faults.sign_ins import compare, flood

pytestmark = pytest.mark.anyio


async def test_an_answer_takes_as_long_and_says_the_same_whether_there_is_an_account(tmp_path: Path) -> None:
    compared = await compare(tmp_path, requests=100)

    assert [each.what for each in compared] == ["login", "forgot", "otp"]
    for each in compared:
        assert not each.tells, str(each)


async def test_others_are_answered_while_two_hundred_sign_in_at_once(tmp_path: Path) -> None:
    flooded = await flood(tmp_path, at_once=200, seconds=5)

    assert len(flooded.webhooks) > 20, str(flooded)
    assert flooded.bearable, str(flooded)
