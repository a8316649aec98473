"""mux-python itself, one attempt to a call. Importing it takes a quarter of a second and 25 MB: in a thread, late.

What it leaves to us: it has no timeout, tries again what had better not be sent twice, and refuses a whole answer for a
word in it that is newer than itself (https://github.com/muxinc/mux-python/issues/92).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import mux_python
from mux_python.exceptions import ApiException, OpenApiException
from urllib3.exceptions import HTTPError

from adapters.mux.objects import MuxAsset, MuxUpload
from adapters.mux.refusals import UnreadableAnswer, refusal
from application.errors import ProviderUnavailable

NO_SUCH_THING = 404

T = TypeVar("T")


def _take_new_words() -> None:
    """What is read out of an answer is made by the default configuration, whatever that of the client says."""
    tolerant = mux_python.Configuration()
    tolerant.client_side_validation = False
    mux_python.Configuration.set_default(tolerant)


_take_new_words()


class Sdk:
    """Blocks: call it in a thread. Every call raises ProviderUnavailable (ProviderBusy among it) or ProviderRefused."""

    def __init__(self, token_id: str, token_secret: str, *, api_base: str | None, timeout_seconds: float) -> None:
        """`timeout_seconds` is the patience with a connection, and with each piece of an answer."""
        configuration: Any = mux_python.Configuration(host=api_base, username=token_id, password=token_secret)
        configuration.retries = False
        self._client = mux_python.ApiClient(configuration)
        self._uploads = mux_python.DirectUploadsApi(self._client)
        self._assets = mux_python.AssetsApi(self._client)
        self._patience = {"_request_timeout": (timeout_seconds, timeout_seconds)}

    def close(self) -> None:
        """Give the connections back."""
        self._client.rest_client.pool_manager.clear()
        self._client.close()

    def create_upload(self, *, name: str, cors_origin: str, timeout_seconds: int, test: bool) -> MuxUpload:
        """`name` is ours for what will become of it. Sent twice, there are two."""
        wanted = mux_python.CreateUploadRequest(
            cors_origin=cors_origin,
            timeout=timeout_seconds,
            test=test,
            new_asset_settings=mux_python.CreateAssetRequest(
                playback_policies=["signed"],
                passthrough=name,
                meta=mux_python.AssetMetadata(external_id=name),
            ),
        )
        return _read(lambda: self._uploads.create_direct_upload(wanted, **self._patience), MuxUpload)

    def upload(self, upload_id: str) -> MuxUpload | None:
        return _found(lambda: _read(lambda: self._uploads.get_direct_upload(upload_id, **self._patience), MuxUpload))

    def cancel_upload(self, upload_id: str) -> None:
        _found(lambda: _asked(lambda: self._uploads.cancel_direct_upload(upload_id, **self._patience)))

    def asset(self, asset_id: str) -> MuxAsset | None:
        return _found(lambda: _read(lambda: self._assets.get_asset(asset_id, **self._patience), MuxAsset))

    def delete_asset(self, asset_id: str) -> None:
        _found(lambda: _asked(lambda: self._assets.delete_asset(asset_id, **self._patience)))


class _NoSuchThing(Exception):
    """404."""


def _found(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except _NoSuchThing:
        return None


def _read(ask: Callable[[], Any], kind: type[T]) -> T:
    answer = _asked(ask)
    try:
        return msgspec.convert(answer.data.to_dict(), kind)
    except (msgspec.ValidationError, AttributeError) as error:
        raise UnreadableAnswer from error


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ApiException as error:
        if error.status == NO_SUCH_THING:
            raise _NoSuchThing from error
        raise refusal(error.status, error.headers or {}, error.body) from error
    except HTTPError as error:
        raise ProviderUnavailable("Mux cannot be reached.") from error
    except (OpenApiException, AttributeError, KeyError, TypeError, ValueError) as error:
        # How the generated code fails over an answer that is of another shape, or no JSON, or no text at all.
        raise UnreadableAnswer from error
