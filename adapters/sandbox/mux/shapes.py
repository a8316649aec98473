"""Uploads, assets and events as Mux shows them (https://www.mux.com/docs/api-reference/video)."""

import secrets
import string
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from adapters.sandbox.mux.files import Film

MuxObject = dict[str, Any]
"""`object` says what it is and `_created` when it was made, in Unix seconds; neither is shown."""

LETTERS = string.ascii_letters + string.digits
HD = 720
STORED = ((2160, "UHD"), (1080, "FHD"), (HD, "HD"), (0, "SD"))


class AssetSettings(msgspec.Struct, frozen=True):
    playback_policies: list[str] = []
    passthrough: str | None = None
    meta: dict[str, str] | None = None


class NewUpload(msgspec.Struct, frozen=True):
    """What else Mux takes is taken, and changes nothing."""

    new_asset_settings: AssetSettings = AssetSettings()
    cors_origin: str | None = None
    timeout: int = 3_600
    test: bool = False


def new_id() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(44))


def shown(obj: MuxObject) -> MuxObject:
    return {name: value for name, value in obj.items() if name != "object" and not name.startswith("_")}


def upload(new: NewUpload, *, at: int, base: str) -> MuxObject:
    id, secret = new_id(), new_id()
    return {
        "object": "upload",
        "_created": at,
        "_secret": secret,
        "id": id,
        "status": "waiting",
        "url": f"{base}/upload/{id}/{secret}",
        "timeout": new.timeout,
        "test": new.test,
        "cors_origin": new.cors_origin,
        "new_asset_settings": msgspec.to_builtins(new.new_asset_settings),
    }


def asset(of: MuxObject, *, at: int) -> MuxObject:
    """Just made of an upload: nothing is known of it yet."""
    settings = of["new_asset_settings"]
    return {
        "object": "asset",
        "_created": at,
        "id": new_id(),
        "status": "preparing",
        "created_at": str(at),
        "upload_id": of["id"],
        "passthrough": settings.get("passthrough"),
        "meta": settings.get("meta"),
        "playback_ids": [{"id": new_id(), "policy": policy} for policy in settings["playback_policies"]],
        "video_quality": "basic",
        "ingest_type": "on_demand_direct_upload",
        "test": of["test"],
    }


def ready(film: Film) -> MuxObject:
    """What is known of an asset once it can be played."""
    side = min(film.width, film.height)
    track = {"type": "video", "id": new_id(), "max_width": film.width, "max_height": film.height}
    return {
        "status": "ready",
        "duration": film.seconds,
        "max_stored_resolution": next(name for height, name in STORED if side >= height),
        "resolution_tier": "720p" if side <= HD else "1080p",
        "tracks": [{**track, "duration": film.seconds, "max_frame_rate": 25.0}],
    }


def errored() -> MuxObject:
    message = "The input file does not appear to contain audio or video and could not be processed."
    return {"status": "errored", "errors": {"type": "invalid_input", "messages": [message]}}


def event(type: str, about: MuxObject, *, at: int) -> MuxObject:
    """Kept, with what is sent of it in `body`."""
    id, moment = str(uuid4()), datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", ".000000Z")
    body: MuxObject = {
        "type": type,
        "id": id,
        "created_at": moment,
        "object": {"type": about["object"], "id": about["id"]},
        "environment": {"name": "Sandbox", "id": "sandbox"},
        "data": shown(about),
        "request_id": None,
        "accessor": None,
        "accessor_source": None,
        "attempts": [],
    }
    return {"object": "event", "_created": at, "id": id, "body": body}
