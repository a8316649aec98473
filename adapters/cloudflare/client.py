"""Asking Cloudflare: with a limit on each answer, and errors as the application knows them.

https://developers.cloudflare.com/api/resources/stream
"""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from adapters.cloudflare.objects import NewUpload, StreamVideo
from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from application.tracing import part

API = "https://api.cloudflare.com/client/v4"
DEADLINE_SECONDS = 45.0
PAUSES_SECONDS = (0.25, 1.0)
"""Before each further attempt at what may be asked again."""
OK, NO_SUCH_THING, TOO_MANY = 200, 404, 429
KEY_REFUSED = frozenset({401, 403})
PASSING = frozenset({408, 409, 425})
REFUSING = range(400, 500)
PATIENCE_SECONDS, PATIENCE_SECONDS_MAX = 5, 300
MESSAGE_LENGTH = 300

T = TypeVar("T")


class _Trouble(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Refused(msgspec.Struct, frozen=True):
    errors: list[_Trouble] = []


class Cloudflare:
    """Whatever it is asked raises ProviderUnavailable (ProviderBusy among it) or ProviderRefused; close it after."""

    def __init__(
        self,
        account_id: str,
        api_token: str,
        *,
        api_base: str = API,
        timeout_seconds: float = 10.0,
        through_proxy: bool,
    ) -> None:
        """`timeout_seconds` is the patience with one attempt. Raises ValueError: the account or the token is empty."""
        if not account_id.strip() or not api_token.strip():
            raise ValueError("the account at Cloudflare or its token is empty")
        self._http = httpx.AsyncClient(
            base_url=f"{api_base.rstrip('/')}/accounts/{quote(account_id.strip(), safe='')}/stream",
            headers={"Authorization": f"Bearer {api_token.strip()}"},
            timeout=timeout_seconds,
            trust_env=through_proxy,
        )
        self._timeout_seconds = timeout_seconds

    async def close(self) -> None:
        await self._http.aclose()

    async def direct_upload(self, wanted: Mapping[str, Any]) -> NewUpload:
        """For a form of up to 200 MB; sent once."""
        return _result(await self._once("POST", "/direct_upload", json=wanted), NewUpload)

    async def tus_upload(self, headers: Mapping[str, str]) -> NewUpload:
        """For a file in pieces (https://tus.io); sent once."""
        answer = await self._once("POST", "?direct_user=true", headers=headers)
        uid, url = answer.headers.get("stream-media-id"), answer.headers.get("location")
        if answer.is_error or not uid or not url:
            raise _refusal(answer)
        return NewUpload(uid, url)

    async def video(self, uid: str) -> StreamVideo | None:
        answer = await self._again("GET", f"/{quote(uid, safe='')}")
        return None if answer.status_code == NO_SUCH_THING else _result(answer, StreamVideo)

    async def delete(self, uid: str) -> None:
        """Nothing happens where there is none."""
        answer = await self._again("DELETE", f"/{quote(uid, safe='')}")
        if answer.is_error and answer.status_code != NO_SUCH_THING:
            raise _refusal(answer)

    async def _again(self, method: str, path: str) -> httpx.Response:
        """Up to three attempts, as long as it cannot answer."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                for pause in PAUSES_SECONDS:
                    try:
                        answer = await self._once(method, path)
                        if not answer.is_server_error:
                            return answer
                    except ProviderUnavailable:
                        pass
                    await asyncio.sleep(pause)
                return await self._once(method, path)
        except TimeoutError:
            raise ProviderUnavailable(f"Cloudflare did not answer within {DEADLINE_SECONDS:.0f} s.") from None

    async def _once(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with part(f"Cloudflare {method}", kind="client", attributes={"peer.service": "cloudflare"}):
                    return await self._http.request(method, path, **given)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderUnavailable("Cloudflare cannot be reached.") from error


def _result(answer: httpx.Response, kind: type[T]) -> T:
    """What is in the envelope of a good answer."""
    if answer.status_code != OK:
        raise _refusal(answer)
    try:
        found = msgspec.json.decode(answer.content, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(found["result"], type=kind)
    except (msgspec.DecodeError, KeyError, RecursionError) as error:
        raise ProviderUnavailable("Cloudflare's answer cannot be read.") from error


def _refusal(answer: httpx.Response) -> ProviderUnavailable | ProviderRefused:
    """Refused is what stays refused however often it is asked."""
    status = answer.status_code
    if status == TOO_MANY:
        return ProviderBusy("Cloudflare had too many questions (status 429).", retry_after_seconds=_patience(answer))
    if status in KEY_REFUSED:
        return ProviderUnavailable(f"Cloudflare does not accept our token (status {status}).")
    if status in PASSING or status not in REFUSING:
        return ProviderUnavailable(f"Cloudflare cannot answer now (status {status}).")
    try:
        troubles = msgspec.json.decode(answer.content, type=_Refused).errors
    except (msgspec.DecodeError, RecursionError):
        troubles = []
    said = f"Cloudflare refused (status {status}): "
    codes = ", ".join(str(one.code) for one in troubles) or "no reason was given"
    return ProviderRefused(
        said + ("; ".join(one.message for one in troubles)[:MESSAGE_LENGTH] or codes), kept=said + codes
    )


def _patience(answer: httpx.Response) -> int:
    """As long as Cloudflare says, in seconds, five minutes at most."""
    given = answer.headers.get("retry-after", "")
    return min(int(given), PATIENCE_SECONDS_MAX) if given.isascii() and given.isdecimal() else PATIENCE_SECONDS
