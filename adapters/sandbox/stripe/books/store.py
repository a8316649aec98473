"""Stripe's objects as JSON by kind and id, the agenda of what falls due, and a few settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from adapters.sandbox.stripe.books.database import Database
from adapters.sandbox.stripe.shapes import StripeObject

Wanted = str | int | Sequence[str]


@dataclass(frozen=True)
class Query:
    """Which objects of a kind: `where` maps dotted paths to a value or to several, `created` holds SQL comparisons."""

    kind: str
    where: Mapping[str, Wanted] = field(default_factory=dict)
    created: Sequence[tuple[str, int]] = ()
    undelivered: bool | None = None


@dataclass(frozen=True)
class Due:
    """Something that happens to an object at a moment of business time, in Unix seconds."""

    at: int
    what: str
    object_id: str


class Store:
    """Reads and writes within the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, kind: str, id: str) -> StripeObject | None:
        row = self._database.execute("SELECT body FROM objects WHERE kind = ? AND id = ?", kind, id).fetchone()
        return _decoded(row["body"]) if row else None

    def write(self, obj: StripeObject) -> None:
        """A new object goes to the end of its kind; a known one stays where it was."""
        self._database.execute(
            "INSERT INTO objects (kind, id, created, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            obj["object"],
            obj["id"],
            obj["_created"] if "_created" in obj else obj["created"],
            msgspec.json.encode(obj).decode(),
        )

    def drop(self, kind: str, id: str) -> None:
        self._database.execute("DELETE FROM objects WHERE kind = ? AND id = ?", kind, id)

    def newest(self, query: Query, *, limit: int, older_than: str | None = None) -> list[StripeObject]:
        return self._page(query, limit, cursor=older_than, comparison="<", order="DESC")

    def newer(self, query: Query, *, limit: int, than: str) -> list[StripeObject]:
        """Those just above `than`, newest first like every list."""
        return self._page(query, limit, cursor=than, comparison=">", order="ASC")[::-1]

    def _page(self, query: Query, limit: int, *, cursor: str | None, comparison: str, order: str) -> list[StripeObject]:
        conditions, parameters = _conditions(query)
        if cursor is not None:
            conditions.append(
                f"(created, position) {comparison}"  # noqa: S608 - the operators stand in this module
                " (SELECT created, position FROM objects WHERE kind = ? AND id = ?)"
            )
            parameters += [query.kind, cursor]
        statement = f"""
            SELECT body FROM objects WHERE {" AND ".join(conditions)}
            ORDER BY created {order}, position {order} LIMIT ?
        """  # noqa: S608 - only column names and operators of this module are put in
        rows = self._database.execute(statement, *parameters, limit).fetchall()
        return [_decoded(row["body"]) for row in rows]

    def plan(self, due: Due) -> None:
        self._database.execute(
            "INSERT INTO agenda (at, what, object_id) VALUES (?, ?, ?)"
            " ON CONFLICT (object_id, what) DO UPDATE SET at = excluded.at",
            due.at,
            due.what,
            due.object_id,
        )

    def forget_plans(self, object_id: str) -> None:
        self._database.execute("DELETE FROM agenda WHERE object_id = ?", object_id)

    def next_due(self) -> Due | None:
        row = self._database.execute("SELECT at, what, object_id FROM agenda ORDER BY at, position LIMIT 1").fetchone()
        return Due(row["at"], row["what"], row["object_id"]) if row else None

    def strike(self, due: Due) -> None:
        """Takes what has been done off the agenda."""
        self._database.execute("DELETE FROM agenda WHERE object_id = ? AND what = ?", due.object_id, due.what)

    def setting(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM settings WHERE name = ?", name).fetchone()
        return row["value"] if row else None

    def set(self, name: str, value: str | None) -> None:
        self._database.execute("DELETE FROM settings WHERE name = ?", name)
        if value is not None:
            self._database.execute("INSERT INTO settings (name, value) VALUES (?, ?)", name, value)


def _conditions(query: Query) -> tuple[list[str], list[object]]:
    conditions = ["kind = ?"]
    parameters: list[object] = [query.kind]
    for path, wanted in query.where.items():
        values = [wanted] if isinstance(wanted, str | int) else list(wanted)
        conditions.append(f"json_extract(body, '$.{path}') IN ({', '.join('?' * len(values))})")
        parameters += values
    for comparison, at in query.created:
        conditions.append(f"created {comparison} ?")
        parameters.append(at)
    if query.undelivered is not None:
        undelivered = "id IN (SELECT event_id FROM deliveries WHERE status <> 'delivered')"
        conditions.append(undelivered if query.undelivered else f"NOT {undelivered}")
    return conditions, parameters


def _decoded(body: str) -> StripeObject:
    return msgspec.json.decode(body, type=StripeObject)
