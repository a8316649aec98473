"""What nobody's deliveries say of somebody is found by an address that stands by itself."""

from collections.abc import Sequence

import pytest

from application.nobodys import Nobodys, standing_alone

pytestmark = pytest.mark.anyio

WORDS = ["anna@example.com", "+48600733911", "cus_anna", "zoë@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        '"email":"anna@example.com"',
        "<Anna@Example.COM>",
        '"+48600733911"',
        '{"id": "cus_anna"}',
        r'"zo\u00eb@example.com"',
    ],
)
def test_an_address_is_found_however_it_is_written(text: str) -> None:
    assert standing_alone(WORDS).search(text)


@pytest.mark.parametrize(
    "text",
    [
        '"joanna@example.com"',
        "anna@example.com.pl",
        "anna@example.com-pany.io",
        '"+486007339110"',
        "cus_annabel",
        "x.anna@example.com",
    ],
)
def test_a_part_of_somebody_elses_is_not(text: str) -> None:
    assert not standing_alone(WORDS).search(text)


class Kept:
    """Two to a page."""

    def __init__(self, bodies: dict[int, bytes | None]) -> None:
        self.bodies = bodies

    async def page(self, *, after: int, limit: int) -> list[tuple[int, bytes | None]]:
        assert limit > 0
        return [(id, body) for id, body in sorted(self.bodies.items()) if id > after][:2]

    async def forget(self, ids: Sequence[int]) -> None:
        for id in ids:
            del self.bodies[id]


async def test_every_page_is_looked_through() -> None:
    kept = Kept({1: b"of boris@example.com", 2: None, 3: b"\xff", 4: b"of anna@example.com", 5: b"of anna@example.com"})

    await Nobodys(deliveries=kept).forget_about(WORDS)

    assert sorted(kept.bodies) == [1, 2, 3]


async def test_of_whom_nothing_is_known_any_more_nothing_is_looked_for() -> None:
    kept = Kept({1: b"anything"})

    await Nobodys(deliveries=kept).forget_about([])

    assert sorted(kept.bodies) == [1]
