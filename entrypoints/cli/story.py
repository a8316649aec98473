"""The main job, told step by step: each step does something real, checks it, and says what it saw."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from entrypoints.cli.client import Client, UnexpectedAnswer, wait_until
from entrypoints.cli.film import CannotPlay, Played, play

PASSWORD_BYTES = 12
TRANSCODE_SECONDS = 600.0
WEBHOOK_SECONDS = 15.0


@dataclass
class Story:
    """One run of the main job against a running service; a step that does not hold raises UnexpectedAnswer."""

    console: Console
    public: Client
    admin: Client
    auditor: Client
    ffmpeg: Path
    film: Path
    steps: int = 0
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def tell(self) -> None:
        """From an upload to the reason for the last refusal."""
        plan = self._make_plan()
        video_id, source = self._publish_film()
        viewer, account_id = self._register()
        self._is_refused(viewer, video_id, reason="no_subscription")
        self._pays(viewer, plan["id"])
        playback = self._watches(viewer, video_id, source)
        self._cannot_pass_it_on(playback)
        ends_at = self._cancels(viewer)
        self._moves_clock(ends_at + timedelta(days=1))
        self._is_refused(viewer, video_id, reason="ended")
        self._is_over(playback)
        self._explains(account_id, video_id, ends_at)

    def _make_plan(self) -> Any:
        body = {
            "name": "Kitchen",
            "description": "Every lesson, in HD.",
            "price": {"amount": 999, "currency": "USD"},
            "interval": "month",
            "features": ["hd", "sd"],
        }
        plan = self.admin.post("/v1/admin/plans", body, expect=201)
        self._say("An admin makes a plan", f"{plan['name']}, 9.99 USD a month, sold through Stripe")
        return plan

    def _publish_film(self) -> tuple[str, Played]:
        source = play(self.ffmpeg, str(self.film))
        body = {"title": "How to cut an onion", "access": "subscribers", "size": self.film.stat().st_size}
        created = self.admin.post("/v1/admin/videos", body, expect=201)
        video_id: str = created["video"]["id"]
        with self._progress() as progress:
            sending = progress.add_task("uploading", total=self.film.stat().st_size)
            self.admin.upload(
                created["upload"]["url"], self.film, on_bytes=lambda count: progress.advance(sending, count)
            )
            making = progress.add_task("transcoding", total=1.0)
            video = wait_until(
                lambda: self._finished(video_id, lambda done: progress.update(making, completed=done)),
                "the transcoding",
                timeout_seconds=TRANSCODE_SECONDS,
            )
            progress.update(making, completed=1.0)
        if video["status"] != "ready":
            raise UnexpectedAnswer(f"the video ended as {video['status']}: {video['error']}")
        self.admin.post(f"/v1/admin/videos/{video_id}/publish")
        heights = ", ".join(f"{rendition['height']}p" for rendition in video["renditions"])
        self._say("… uploads a film and publishes it", f"{source.frames} frames, now HLS in {heights}")
        return video_id, source

    def _finished(self, video_id: str, on_progress: Callable[[float], None]) -> Any:
        video = self.admin.get(f"/v1/videos/{video_id}")
        on_progress(video["progress"] or 0.0)
        return video if video["status"] in {"ready", "errored"} else None

    def _register(self) -> tuple[Client, str]:
        body = {
            "email": f"anna.{self.run}@example.com",
            "password": secrets.token_urlsafe(PASSWORD_BYTES),
            "name": "Anna",
        }
        registered = self.public.post("/v1/auth/register", body, expect=201)
        self._say("Anna registers", f"account {registered['account']['id']}")
        return self.public.signed_in(registered["access_token"]), registered["account"]["id"]

    def _is_refused(self, viewer: Client, video_id: str, *, reason: str) -> None:
        refused = viewer.post(f"/v1/videos/{video_id}/playback", {}, expect=402)
        access = refused["access"]
        if access["granted"] or access["reason"] != reason:
            raise UnexpectedAnswer(f"the reason was {access['reason']}, not {reason}")
        self._say("Anna asks to watch", f"402 {refused['code']}: [b]{reason}[/b]. {access['otherwise']}")
        for fact in access["deciding"]:
            self.console.print(f"       [dim]because of fact {fact['position']}: {fact['summary']}[/dim]")

    def _pays(self, viewer: Client, plan_id: str) -> None:
        checkout = viewer.post("/v1/checkout", {"plan_id": plan_id}, expect=201)
        viewer.submit(checkout["url"], outcome="pay")
        subscription = wait_until(
            lambda: self._granted(viewer), "access after the payment", timeout_seconds=WEBHOOK_SECONDS
        )
        until = subscription["access"]["until"]
        self._say(
            "Anna pays on Stripe's page", f"the signed webhook came; access until {until} if nothing more is heard"
        )

    def _granted(self, viewer: Client) -> Any:
        subscription = viewer.get("/v1/me/subscription")
        return subscription if subscription["access"]["granted"] else None

    def _watches(self, viewer: Client, video_id: str, source: Played) -> Any:
        playback = viewer.post(f"/v1/videos/{video_id}/playback", {"device_id": "kitchen-tablet"})
        viewer.post(f"/v1/playback/{playback['session_id']}/heartbeat", {"position_seconds": 7.5}, expect=204)
        try:
            played = play(self.ffmpeg, playback["url"])
        except CannotPlay as trouble:
            raise UnexpectedAnswer(f"the delivered HLS cannot be decoded: {trouble}") from trouble
        if played.frames != source.frames:
            raise UnexpectedAnswer(f"{played.frames} frames were delivered, {source.frames} were uploaded")
        self._say("Anna watches", f"{played.frames} of {source.frames} frames decoded from the signed HLS")
        return playback

    def _cannot_pass_it_on(self, playback: Any) -> None:
        head, token, tail = playback["url"].partition(playback["token"])
        changed = token[:-1] + ("A" if token[-1] != "A" else "B")
        self._expect_refused(f"{head}{changed}{tail}", "a changed token")
        other = tail.replace(playback["video_id"], "00000000-0000-4000-8000-000000000000")
        self._expect_refused(f"{head}{token}{other}", "the token on another video")
        self._say("Somebody changes the address", "403, for a changed token and for another video")

    def _cancels(self, viewer: Client) -> datetime:
        cancelled = viewer.post("/v1/me/subscription/cancel", {"at_period_end": True})
        if not cancelled["cancel_at_period_end"] or not cancelled["access"]["granted"]:
            raise UnexpectedAnswer("the cancelled subscription should last until its period ends")
        ends_at = datetime.fromisoformat(cancelled["access"]["until"])
        self._say("Anna cancels", f"what is paid for stays hers until {ends_at:%Y-%m-%d %H:%M} UTC")
        return ends_at

    def _moves_clock(self, moment: datetime) -> None:
        moved = self.public.post("/v1/sandbox/clock", {"now": moment.isoformat().replace("+00:00", "Z")})
        self._say("A month goes by", f"business time is {moved['now']}; Stripe and the ledger went through it in order")

    def _is_over(self, playback: Any) -> None:
        self._expect_refused(playback["url"], "an expired token")
        self._say("The old address is tried again", "403: its token ended with the access")

    def _expect_refused(self, url: str, what: str) -> None:
        if (status := self.public.status_of(url)) != HTTPStatus.FORBIDDEN:
            raise UnexpectedAnswer(f"{what} was answered {status} instead of 403")

    def _explains(self, account_id: str, video_id: str, ends_at: datetime) -> None:
        timeline = self.auditor.get(f"/v1/audit/accounts/{account_id}/timeline")
        facts = timeline["items"] if isinstance(timeline, dict) else timeline
        self._say("An auditor reads Anna's history", f"{len(facts)} facts, in plain words")
        for fact in facts:
            cause = f"{fact['cause']['kind']} {fact['cause']['id']}"
            self.console.print(
                f"       [dim]{fact['position']:>4}  {fact['at'][:16]}  {fact['summary']}  ({cause})[/dim]"
            )
        before = (ends_at - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        then = self.auditor.get(f"/v1/audit/accounts/{account_id}/access", at=before, video_id=video_id)
        if not then["granted"]:
            raise UnexpectedAnswer("an hour before the end Anna could watch, and the audit says she could not")
        self._say("… and asks about an hour before the end", f"she could watch then: {then['reason']}")

    def _progress(self) -> Progress:
        columns = (TextColumn("     {task.description:<12}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console)

    def _say(self, what: str, saw: str) -> None:
        self.steps += 1
        self.console.print(f"[green]{self.steps:>3}[/green]  [b]{what}[/b]: {saw}")
