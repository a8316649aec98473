"""Facts in their places, and the rows that follow from them."""

from collections.abc import Iterable
from typing import Any, TypeVar

from application.projections.projection import Projection, Row, fold_alone
from domain.shared.fact import Fact
from tests.domain.records import recorded

R = TypeVar("R", bound=Row)


def rows_of(projection: Projection, kind: type[R], *facts: Fact) -> dict[Any, R]:
    """The rows of one table that are left, by their keys; the facts are stamped from position 1 on."""
    return rows_after(projection, kind, recorded(*facts))


def rows_after(projection: Projection, kind: type[R], facts: Iterable[Fact]) -> dict[Any, R]:
    """The same, of facts that are stamped already."""
    folded = fold_alone(projection, facts).by_key[kind]
    return {key: row for key, row in folded.items() if isinstance(row, kind)}
