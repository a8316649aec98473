"""What nobody's deliveries say of somebody is found by an address that stands by itself."""

import json
from collections.abc import Sequence

import pytest

from adapters.memory.customers import MemoryCustomers
from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.tables import MemoryTables
from application.nobodys import Nobodys, Sought, SoughtByDigest
from application.ports.erasures import Told
from application.ports.inbox import Customer
from tests.people import StoppedClock

pytestmark = pytest.mark.anyio

WORDS = ["anna@example.com", "+48600733911", "cus_anna", "zoë@example.com"]
IN_JSON = json.dumps({"note": "for\nanna@example.com"})


INDEX = MemoryBlindIndex()
DIGESTS = [INDEX.of("email" if "@" in word else "phone", word) for word in (*WORDS, "o'neill@example.com")]


def sought() -> list[Sought | SoughtByDigest]:
    """By what they are, and by their digests alone."""
    return [Sought(WORDS), SoughtByDigest(DIGESTS, INDEX)]


@pytest.mark.parametrize(
    "text",
    [
        '"email":"anna@example.com"',
        "<Anna@Example.COM>",
        '"+48600733911"',
        '{"id": "cus_anna"}',
        r'"zo\u00eb@example.com"',
        r'"Zo\u00CB@example.com"',
        IN_JSON,
        json.dumps({"metadata": IN_JSON}),
        r'"Gift for\tanna@example.com"',
        r'"\u003canna@example.com\u003e"',
        r'"anna\u0040example.com"',
        r'"\ud83d\ude00anna@example.com"',
        "https://buy.example.com/x?prefilled_email=anna%40example.com&phone=1",
        "https://buy.example.com/x?next=%2Fpay%3Fphone%3D%252B48600733911",
        "=?anna@example.com-paid",
        "anna@example.com_paid",
        "mailto:anna@example.com. Thanks",
        "delete+stripe/cus_anna",
    ],
)
def test_an_address_is_found_however_it_is_written(text: str) -> None:
    for one in sought() if "cus_" not in text else sought()[:1]:
        assert one.stands_in(text.encode()), one


def test_an_apostrophe_may_be_a_part_of_an_address() -> None:
    assert SoughtByDigest(DIGESTS, INDEX).stands_in(b"O'Neill@example.com")


@pytest.mark.parametrize(
    "text",
    [
        '"joanna@example.com"',
        "anna@example.com.pl",
        "anna@example.com-pany.io",
        '"+486007339110"',
        "cus_annabel",
        "x.anna@example.com",
        "joe%2Banna@example.com",
        r'"jo\u0061nna@example.com"',
    ],
)
def test_a_part_of_somebody_elses_is_not(text: str) -> None:
    for one in sought():
        assert not one.stands_in(text.encode()), one


@pytest.mark.parametrize("text", ["\\", r"\u00e", r"\ud83d", "%", "%4", r"[" * 5_000, r"\\" * 5_000, "%25" * 5_000])
def test_what_is_badly_escaped_is_read_as_far_as_it_can_be(text: str) -> None:
    for one in sought():
        assert one.stands_in(f"anna@example.com {text}".encode()), one
        assert not one.stands_in(text.encode()), one


class Kept:
    """Two to a page."""

    def __init__(self, bodies: dict[int, bytes | None], customers: dict[int, Customer] | None = None) -> None:
        self.bodies = bodies
        self.customers = customers or {}

    async def page(self, *, after: int, limit: int) -> list[Told]:
        assert limit > 0
        page = [(id, body) for id, body in sorted(self.bodies.items()) if id > after][:2]
        return [Told(id=id, customer=self.customers.get(id), body=body) for id, body in page]

    async def forget(self, ids: Sequence[int]) -> None:
        for id in ids:
            del self.bodies[id]


def nobodys(kept: Kept, *, bound: Sequence[Customer] = ()) -> Nobodys:
    tables, blind_index = MemoryTables(), MemoryBlindIndex()
    for one in bound:
        kind = f"{one.provider}_customer"
        tables.insert("claims", {"kind": kind, "blind_index": blind_index.of(kind, one.customer_id), "owner": 1})
    return Nobodys(
        deliveries=kept, customers=MemoryCustomers(tables, blind_index, StoppedClock()), blind_index=blind_index
    )


async def test_every_page_is_looked_through() -> None:
    kept = Kept({1: b"of boris@example.com", 2: None, 3: b"\xff", 4: b"of anna@example.com", 5: b"of anna@example.com"})

    await nobodys(kept).forget_about(WORDS)

    assert sorted(kept.bodies) == [1, 2, 3]


async def test_what_is_about_an_accounts_customer_is_theirs() -> None:
    boris, unknown = Customer("stripe", "cus_boris"), Customer("stripe", "cus_unknown")
    kept = Kept({1: b"of anna@example.com", 2: b"of anna@example.com"}, {1: boris, 2: unknown})

    await nobodys(kept, bound=[boris]).forget_about(WORDS)

    assert sorted(kept.bodies) == [1]


async def test_of_whom_nothing_is_known_any_more_nothing_is_looked_for() -> None:
    kept = Kept({1: b"anything"})

    await nobodys(kept).forget_about([])

    assert sorted(kept.bodies) == [1]
