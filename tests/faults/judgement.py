"""All that must hold at any moment, and what more must hold once nobody writes."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels, RebuildUnderWay
from application.projections.every import PROJECTIONS
from application.projections.projection import Projection, Row, fold_alone, key_of
from domain.shared.fact import Fact
from tests.adapters.eventstore.house import stands
from tests.faults.ledger import Snapshot
from tests.faults.site import Site, patience
from tests.faults.verdict import judge_rows, judge_strangers, judge_tail, seen_by

SHOWN_MAX = 20
REBUILD_SECONDS = 30.0
"""The lock of a rebuild that was killed is free when the server has seen it, within this time."""

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname ~ %s"
GENERATIONS = "SELECT name || '_' || generation, name, generation, state FROM ledger.read_models"


def judge(site: Site) -> list[str]:
    """While everything runs: no acknowledged fact lost or doubled, no gap, nothing that nobody asked for."""
    for run in site.runs:
        run.read()
    answered = [dict(run.answered) for run in site.runs]
    seen = {tail.name: seen_by(tail) for tail in site.tails()}
    with site.database.connect() as connection:
        ledger = Snapshot(connection)
    for run in site.runs:
        run.read()
    troubles = [trouble for run in site.runs for trouble in run.wrong] + ledger.troubles()
    for run, before in zip(site.runs, answered, strict=True):
        troubles += run.judged(ledger, before)
    troubles += judge_rows(site.runs, ledger) + judge_strangers(site.runs, ledger, site.furnished)
    for name, ids in seen.items():
        troubles += judge_tail(name, ids, ledger)
    return troubles[:SHOWN_MAX]


def judge_read_models(site: Site) -> list[str]:
    """Each equals a rebuild, whoever writes meanwhile."""
    models = read_models(site)
    troubles = [
        f"{name} is degraded: {each.trouble}" for name, each in stands(site.database.owner).items() if each.trouble
    ]
    for name in PROJECTIONS:
        verified = patiently(lambda name=name: models.verify(name))
        troubles += [f"{name} at {verified.position} differs from a rebuild: {one}" for one in verified.differences]
    return troubles


def judge_generations(site: Site) -> list[str]:
    """There are the tables that the list of generations says, and nothing is left of a rebuild that was killed."""
    ours = "^(" + "|".join(PROJECTIONS) + ")_[0-9]+$"
    with site.database.connect() as connection:
        schemas = {name for (name,) in connection.execute(SCHEMAS, [ours])}
        known = {schema: (name, state) for schema, name, _, state in connection.execute(GENERATIONS)}
    troubles = [f"schema {schema} belongs to no generation" for schema in schemas - known.keys()]
    troubles += [f"generation {schema} has no schema" for schema in known.keys() - schemas]
    troubles += [f"{schema} is still being built" for schema, (_, state) in known.items() if state == "building"]
    live = sorted(name for name, state in known.values() if state == "live")
    return troubles if live == sorted(PROJECTIONS) else [*troubles, f"live are {live}"]


def judge_by_folding(site: Site) -> list[str]:
    """Nobody writes: the live tables hold what the steps make of the ledger in memory, one fact after the other."""
    decode = FactMapper().decode
    with site.database.connect() as connection:
        facts = [decode(fact.topic, bytes(fact.state)) for fact in Snapshot(connection).facts]
        live = {name: generation for _, name, generation, state in connection.execute(GENERATIONS) if state == "live"}
        return [
            trouble
            for name, projection in PROJECTIONS.items()
            for trouble in _differences(connection, projection, live[name], facts)
        ]


def _differences(
    connection: Connection[TupleRow], projection: Projection, generation: int, facts: list[Fact]
) -> list[str]:
    batch = fold_alone(projection, facts)
    troubles = []
    for table, kind in projection.tables.items():
        folded = {key: row for key, row in batch.by_key[kind].items() if row is not None}
        folded |= {key_of(row): row for row in batch.new[kind]}
        stored = _rows(connection, sql.Identifier(f"{projection.name}_{generation}", table), kind)
        troubles += [
            f"{projection.name}.{table} has {stored.get(key)}, where the facts give {folded.get(key)}"
            for key in folded.keys() | stored.keys()
            if folded.get(key) != stored.get(key)
        ]
    return troubles[:SHOWN_MAX]


def _rows(connection: Connection[TupleRow], table: sql.Identifier, kind: type[Row]) -> Mapping[Any, Row]:
    columns = sql.SQL(", ").join(map(sql.Identifier, kind.__struct_fields__))
    statement = sql.SQL("SELECT json_build_array({})::text FROM {}").format(columns, table)
    rows = [msgspec.json.decode(text, type=kind) for (text,) in connection.execute(statement)]
    return {key_of(row): row for row in rows}


def read_models(site: Site) -> ReadModels:
    """As the operator's command has them."""
    return ReadModels(site.database.app, PROJECTIONS, FactMapper())


def patiently(act: Any) -> Any:
    """What it returns, once no other rebuild is under way."""
    deadline = time.monotonic() + patience(REBUILD_SECONDS)
    while True:
        try:
            return act()
        except RebuildUnderWay:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
