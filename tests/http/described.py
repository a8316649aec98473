"""The API's document, made of the routes alone: no use case is called for it."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from litestar import Litestar

from entrypoints.http.app import PROVIDED, House, create_app
from entrypoints.http.openapi import true_document

Described = dict[str, Any]


def routes_alone(**instead: object) -> Litestar:
    """The application over a house in which nobody lives, and these."""
    parts = {
        name: SimpleNamespace(who_is=nobody, wait=nobody, requests=None)
        for name in (*PROVIDED, "reading", "throttling", "kept_answers", "spans", "health")
    }
    return create_app(cast("House", SimpleNamespace(**parts | instead)))


async def nobody(_: object) -> None:
    raise AssertionError("the document is made without asking anybody")


def described(app: Litestar) -> Described:
    """The document as its readers get it."""
    made: Described = json.loads(msgspec.json.encode(true_document(app)))
    return made


def operations(document: Described) -> Iterator[tuple[str, Described]]:
    """Each by its method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation
