"""Who is seated for the benchmarks of playback is what the product would have recorded, and sends what it takes."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.eventstore.mapper import FactMapper, Placed
from application.projections.access import Title
from benchmarks.audience import PAID_UNTIL, Audience, account_id, playback_id, seat, sign_in_id, stored, video_id
from benchmarks.viewing import BODY, ISSUER, JWT_SECRET, Plays, our_tokens
from domain.access.access import Requirement, decide
from domain.access.standing import STANDING_FACTS, Standing, follow

pytestmark = pytest.mark.anyio

SMALL = Audience(accounts=3, videos=2, viewers=2)


def test_every_row_is_the_one_that_the_mapper_makes() -> None:
    mapper, rows = FactMapper(), list(stored(SMALL))

    assert [row[4] for row in rows] == list(range(1, SMALL.facts + 1))
    for stream, version, topic, state, position, recorded_at, account in rows:
        fact = mapper.decode(topic, state)
        assert (fact.position, fact.recorded_at, getattr(fact, "account_id", None)) == (position, recorded_at, account)
        assert mapper.encode(Placed(stream, version, fact, None)) == state
    assert len({row[:2] for row in rows}) == len({mapper.decode(row[2], row[3]).fact_id for row in rows}) == len(rows)


def test_everybody_may_watch_until_the_subscription_ends() -> None:
    standings = dict[UUID, Standing | None]()
    for _, _, topic, state, *_ in stored(SMALL):
        fact = FactMapper().decode(topic, state)
        if isinstance(fact, STANDING_FACTS):
            standings[fact.account_id] = follow(standings.get(fact.account_id), fact)

    assert set(standings) == {account_id(n) for n in range(3)}
    for standing in standings.values():
        answer = decide(standing, Requirement(feature="hd"), datetime.now(UTC))
        assert (answer.granted, answer.until) == (True, PAID_UNTIL)


async def test_the_read_models_are_made_and_the_viewers_signed_in(database: str) -> None:
    await seat(database, SMALL)

    with psycopg.connect(database) as connection:
        titles = connection.execute("SELECT * FROM access_1.titles ORDER BY playback_id").fetchall()
        signed_in = connection.execute("SELECT session_id, account_id FROM ops.sessions").fetchall()
    expected = [Title(video_id(n), False, "hd", "mux", True, playback_id(n), 5_400.0) for n in range(2)]
    assert [Title(*row) for row in titles] == sorted(expected, key=lambda title: title.playback_id)
    assert set(signed_in) == {(sign_in_id(n), account_id(n)) for n in range(2)}


def test_each_viewer_in_turn_sends_a_token_of_the_product() -> None:
    plays, tokens = Plays("/v1", our_tokens(SMALL), videos=2), JwtAccessTokens({"k1": JWT_SECRET.encode()}, ISSUER)
    films, viewers = set(), list[UUID]()
    for _ in range(20):
        head, _, body = plays.next().partition(b"\r\n\r\n")
        films.add(head.split(b" ")[1].decode())
        token = head.decode().partition("authorization: Bearer ")[2].split("\r\n")[0]
        viewers.append(tokens.verify(token, now=datetime.now(UTC)).account_id)
        assert body == BODY

    assert films == {f"/v1/videos/{video_id(n)}/playback" for n in range(2)}
    assert viewers == [account_id(n % 2) for n in range(20)]
