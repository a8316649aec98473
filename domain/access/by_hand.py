"""What was given and taken by hand, as far as access is concerned: grants beside what is paid, blocks above all."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.access.deciding import Deciding, deciding
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, GrantWithdrawn
from domain.shared.moments import in_words


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It opens what any plan opens, and what asks for one of its features, in any height, on any number of devices."""

    stream_limit: ClassVar[None] = None
    max_height: ClassVar[None] = None

    grant_id: UUID
    features: tuple[str, ...] = ()
    until: datetime
    """Its end, or when it was withdrawn."""
    facts: dict[Literal["grant", "withdrawal"], Deciding]


class Block(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It closes everything; without `until` it has no end."""

    block_id: UUID
    until: datetime | None = None
    fact: Deciding

    def in_force(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def follow_grant(grants: Mapping[str, Grant], fact: AccessGranted | GrantWithdrawn) -> dict[str, Grant]:
    """The grants by id after one more fact; one that is over stays, to explain a refusal, until there is another."""
    if isinstance(fact, AccessGranted):
        kept = {id: grant for id, grant in grants.items() if fact.recorded_at < grant.until}
        given = Grant(grant_id=fact.grant_id, features=fact.features, until=fact.until, facts={"grant": deciding(fact)})
        return {**kept, str(fact.grant_id): given}
    if (grant := grants.get(str(fact.grant_id))) is None:
        return {**grants}
    facts = {**grant.facts, "withdrawal": deciding(fact)}
    return {**grants, str(fact.grant_id): replace(grant, until=min(grant.until, fact.recorded_at), facts=facts)}


def follow_block(blocks: Mapping[str, Block], fact: BlockPlaced | BlockLifted) -> dict[str, Block]:
    """The blocks by id after one more fact, without those that are lifted or over."""
    if isinstance(fact, BlockLifted):
        return {id: block for id, block in blocks.items() if id != str(fact.block_id)}
    kept = {id: block for id, block in blocks.items() if block.in_force(fact.recorded_at)}
    return {**kept, str(fact.block_id): Block(block_id=fact.block_id, until=fact.until, fact=deciding(fact))}


def way_out(blocks: Collection[Block]) -> str:
    """In words: what would end these blocks, of which there is at least one."""
    ends = [block.until for block in blocks if block.until is not None]
    lifting = "lift the block" if len(blocks) == 1 else f"lift the {len(blocks)} blocks"
    if len(ends) < len(blocks):
        return f"Support can {lifting}."
    return f"It ends by itself on {in_words(max(ends))}; before that, support can {lifting}."
