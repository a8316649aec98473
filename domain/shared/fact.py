"""What every fact on the ledger has in common, and how the domain says no."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast
from uuid import UUID

import msgspec

T = TypeVar("T")

Personal = Annotated[T | None, msgspec.Meta(extra={"personal": True})]
"""A field about a person: encrypted under that person's key, null once the key has been shredded."""

UNRECORDED = datetime(1, 1, 1, tzinfo=UTC)


class Actor(msgspec.Struct, frozen=True):
    """Who did it; `id` is an account id or the name of a provider or process, never an address."""

    kind: Literal["viewer", "support", "auditor", "admin", "provider", "system"]
    id: str = ""


class Cause(msgspec.Struct, frozen=True):
    """What made it happen: the request, webhook, command, sweep or earlier fact behind it.

    `unconfirmed_webhook`: by what it says itself, since the provider could not be asked; it is asked afterwards.
    """

    kind: Literal["request", "webhook", "unconfirmed_webhook", "command", "sweep", "fact", "unknown"]
    id: str = ""


NOBODY = Actor(kind="system")
NO_CAUSE = Cause(kind="unknown")
NO_ID = UUID(int=0)


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Something that happened, in the past tense, kept for ever.

    The tag is the name it is stored under: a class may be renamed, a tag may not.
    The first two fields are stamped by the ledger when it records the fact, the next three by the use case.
    """

    position: int = 0
    """Its place in the whole ledger, from 1, without gaps."""
    recorded_at: datetime = UNRECORDED
    """Business time at which the ledger recorded it; never runs back."""
    fact_id: UUID = NO_ID
    actor: Actor = NOBODY
    cause: Cause = NO_CAUSE

    @classmethod
    def tag(cls) -> str:
        """The stable name under which facts of this class are stored."""
        return str(cls.__struct_config__.tag)


class AccountFact(Fact, frozen=True, kw_only=True):
    """A fact about one account; its personal fields are encrypted under that account's key."""

    account_id: UUID


def account_of(fact: Fact) -> UUID | None:
    """The account that a fact is about, if it is about one."""
    return fact.account_id if isinstance(fact, AccountFact) else None


@cache
def personal_fields(kind: type[Fact]) -> tuple[str, ...]:
    """The names of the fields about a person; all of them hold text."""
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    return tuple(field.name for field in described.fields if _is_personal(field.type))


def _is_personal(described: msgspec.inspect.Type) -> bool:
    if not isinstance(described, msgspec.inspect.Metadata):
        return False
    extra = cast("dict[str, Any]", described.extra or {})  # pyright: ignore[reportUnknownMemberType]
    return bool(extra.get("personal"))


class Refusal(Exception):
    """The domain declines: the request was understood, and the answer is no.

    Its class names the reason, its `code` is that name in snake_case, `more` is what the one who asked needs to know.
    """

    code: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.more = more
