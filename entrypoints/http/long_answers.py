"""Answers that take long: who reads on is still who they were when they asked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from time import monotonic
from typing import Any

from litestar import Request

from application.audit import REPLAY_PAUSES_SECONDS
from application.errors import NotSignedIn, Unavailable
from application.ports.secrets import SignedIn
from application.signing_in import SigningIn
from entrypoints.http.before import LOOK_AGAIN_SECONDS
from entrypoints.http.problems import PROBLEM


async def while_signed_in(
    request: Request[Any, Any, Any], signing_in: SigningIn, blocks: AsyncGenerator[bytes, None]
) -> AsyncIterator[bytes]:
    """The blocks, to a caller behind a SignedInAs guard. One who was signed out, disabled or given another role gets
    no more of them: raises NotSignedIn, so that the answer breaks off and does not look whole.
    """
    viewer: SignedIn = request.scope["state"]["viewer"]
    looked = monotonic()
    async with aclosing(blocks):
        async for block in blocks:
            if monotonic() - looked > LOOK_AGAIN_SECONDS:
                if not await _is_still(viewer, signing_in):
                    request.scope["state"][PROBLEM] = "session_ended"
                    raise NotSignedIn("This session has ended.", "session_ended")
                looked = monotonic()
            yield block


async def _is_still(viewer: SignedIn, signing_in: SigningIn) -> bool:
    """Asked again while the database is away, as it is for what is read. Raises Unavailable."""
    for pause in REPLAY_PAUSES_SECONDS:
        with suppress(Unavailable):
            return await signing_in.still(viewer)
        await asyncio.sleep(pause)
    return await signing_in.still(viewer)
