"""A catalogue to look at: an admin, two plans and three short videos, put in over the API as an operator would."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from entrypoints.cli.client import Client, wait_until
from entrypoints.cli.film import make_clip
from entrypoints.cli.people import make_account
from entrypoints.development_secrets import admin_password
from entrypoints.settings import Settings
from entrypoints.wiring import ffmpeg

ADMIN = "admin@example.com"
CLIP_SECONDS = 10
READY_SECONDS = 180.0

PLANS: tuple[dict[str, Any], ...] = (
    {
        "name": "Kitchen",
        "description": "Every lesson.",
        "price": {"amount": 999, "currency": "USD"},
        "interval": "month",
        "features": ["sd"],
    },
    {
        "name": "Chef",
        "description": "Every lesson, in HD.",
        "price": {"amount": 9990, "currency": "USD"},
        "interval": "year",
        "features": ["hd", "sd"],
    },
)
VIDEOS: tuple[dict[str, Any], ...] = (
    {"title": "Knives, and how to hold them", "category": "basics", "access": "free"},
    {"title": "How to cut an onion", "category": "basics", "access": "subscribers"},
    {"title": "The perfect omelette", "category": "eggs", "access": "subscribers", "requires": "hd"},
)


def seed_catalogue(settings: Settings, dsn: str) -> str:
    """Fill a catalogue that was not filled before; what to sign in with, in words."""
    password = admin_password(settings)
    signs_in = f"  the admin                       {ADMIN}, password {password}"
    if not make_account(settings, dsn, email=ADMIN, password=password, role="admin"):
        return signs_in
    with Client(settings.address) as public:
        tokens = public.post("/v1/auth/login", {"email": ADMIN, "password": password})
        with public.signed_in(tokens["access_token"]) as admin:
            for plan in PLANS:
                admin.post("/v1/admin/plans", plan, expect=201)
            _publish_all(admin)
    return signs_in


def _publish_all(admin: Client) -> None:
    """All are uploaded before the first is waited for, so that the worker is never idle."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for number, video in enumerate(VIDEOS):
            clip = Path(folder) / f"{number}.mp4"
            make_clip(ffmpeg(), clip, seconds=CLIP_SECONDS, hue=number * 120)
            created = admin.post("/v1/admin/videos", video, expect=201)
            admin.upload(created["upload"]["url"], clip, on_bytes=lambda _: None)
            made.append(created["video"]["id"])
    for video_id in made:
        wait_until(partial(_is_ready, admin, video_id), "a seeded video", timeout_seconds=READY_SECONDS)
        admin.post(f"/v1/admin/videos/{video_id}/publish")


def _is_ready(admin: Client, video_id: str) -> bool:
    return bool(admin.get(f"/v1/videos/{video_id}")["status"] == "ready")
