"""Asking Mux: in threads, with a deadline over all attempts, and the SDK loaded with the first question."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from adapters.mux.objects import MuxAsset, MuxUpload
from application.errors import ProviderBusy, ProviderUnavailable
from application.tracing import part

if TYPE_CHECKING:
    from adapters.mux.sdk import Sdk

THREADS = 8
# For one call of the port with all its attempts.
DEADLINE_SECONDS = 45.0
PAUSES_SECONDS = (0.25, 1.0)
"""Before each further attempt at what may be asked again."""

T = TypeVar("T")


class MuxClient:
    """Whatever it is asked raises ProviderUnavailable (ProviderBusy among it) or ProviderRefused; close it after."""

    def __init__(
        self,
        token_id: str,
        token_secret: str,
        *,
        api_base: str | None = None,
        timeout_seconds: float = 10.0,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        """`timeout_seconds` is the patience with one attempt; `pauses_seconds` come before further ones.

        Raises:
            ValueError: the token or its secret is empty.
        """
        if not token_id.strip() or not token_secret.strip():
            raise ValueError("the token of Mux or its secret is empty")
        self._token = (token_id.strip(), token_secret.strip())
        self._api_base = api_base.rstrip("/") if api_base else None
        self._timeout_seconds, self._pauses = timeout_seconds, tuple(pauses_seconds)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mux")
        self._loading = Lock()

    async def close(self) -> None:
        """Give threads and connections back; what is under way ends by its timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if "_loaded" in self.__dict__:
            self._loaded.close()

    async def create_upload(self, *, name: str, cors_origin: str, timeout_seconds: int, test: bool) -> MuxUpload:
        """One attempt: of two that went through one would be left over."""
        return await self._ask(
            "create upload",
            lambda sdk: sdk.create_upload(
                name=name, cors_origin=cors_origin, timeout_seconds=timeout_seconds, test=test
            ),
            once=True,
        )

    async def upload(self, upload_id: str) -> MuxUpload | None:
        return await self._ask("read upload", lambda sdk: sdk.upload(upload_id))

    async def cancel_upload(self, upload_id: str) -> None:
        """Refused for one that waits no more; nothing happens where there is none."""
        await self._ask("cancel upload", lambda sdk: sdk.cancel_upload(upload_id))

    async def asset(self, asset_id: str) -> MuxAsset | None:
        return await self._ask("read asset", lambda sdk: sdk.asset(asset_id))

    async def delete_asset(self, asset_id: str) -> None:
        """Nothing happens where there is none."""
        await self._ask("delete asset", lambda sdk: sdk.delete_asset(asset_id))

    async def _ask(self, what: str, question: Callable[["Sdk"], T], *, once: bool = False) -> T:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                with part(f"Mux: {what}", kind="client", attributes={"peer.service": "mux"}):
                    for pause in () if once else self._pauses:
                        try:
                            return await self._once(question)
                        except ProviderBusy:
                            raise
                        except ProviderUnavailable:
                            await asyncio.sleep(pause)
                    return await self._once(question)
        except TimeoutError:
            raise ProviderUnavailable(f"Mux did not answer within {DEADLINE_SECONDS:.0f} s.") from None

    async def _once(self, question: Callable[["Sdk"], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._answer, question))

    def _answer(self, question: Callable[["Sdk"], T]) -> T:
        with self._loading:
            sdk = self._loaded
        return question(sdk)

    @cached_property
    def _loaded(self) -> "Sdk":
        from adapters.mux.sdk import Sdk  # noqa: PLC0415 - only who asks Mux pays for it

        return Sdk(*self._token, api_base=self._api_base, timeout_seconds=self._timeout_seconds)
