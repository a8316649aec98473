"""Everything that is held about oneself, as one JSON document that is written as it is read."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, get
from litestar.response import Stream

from application.exporting import Section
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenExporting, GivenSigningIn
from entrypoints.http.long_answers import while_signed_in
from entrypoints.http.views import AccountView, account_view

BLOCK_BYTES = 64 * 1024


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What it is made of; the account itself says what is claimed by it."""

    account: AccountView
    access: dict[str, Any] | None
    facts: list[dict[str, Any]]
    subscriptions: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    refreshes: list[dict[str, Any]]
    passwords: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    codes: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    plays: list[dict[str, Any]]
    intents: list[dict[str, Any]]
    customers: list[dict[str, Any]]
    objects: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    acts: list[dict[str, Any]]


class ExportController(Controller):
    path = "/me/export"
    tags = ("Accounts",)
    guards = (SignedInAs(),)

    @get(operation_id="export_me", summary="Everything held about me")
    async def export(
        self, request: Request[Any, Any, Any], viewer: Viewer, exporting: GivenExporting, signing_in: GivenSigningIn
    ) -> Export | Stream:
        """As long as there is something: it comes as it is read. One that breaks off is no whole JSON document."""
        account = await exporting.account(viewer.account_id)
        head = {"account": account_view(account), "access": await exporting.standing(viewer.account_id)}
        written = _written(msgspec.json.encode(head)[:-1], exporting.sections(account))
        headers = {"Content-Type": "application/json", "Content-Disposition": 'attachment; filename="streamly.json"'}
        return Stream(while_signed_in(request, signing_in, written), headers=headers)


async def _written(head: bytes, sections: Sequence[Section]) -> AsyncGenerator[bytes, None]:
    """In blocks; the next rows are read when the last block has been taken."""
    block = bytearray(head)
    for name, rows in sections:
        block += b',"' + name.encode() + b'":['
        between = b""
        async for row in rows:
            block += between + msgspec.json.encode(row)
            between = b","
            if len(block) >= BLOCK_BYTES:
                yield bytes(block)
                block.clear()
        block += b"]"
    yield bytes(block) + b"}"
