"""What is asked over HTTP."""

# pyright: reportMissingImports=false

import uuid
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.peers.django_service.models import Video

KEY_ID = "benchmark-key"
TOKEN_LIFE = timedelta(hours=4)
SIGNING_KEY: Any = load_pem_private_key(settings.SIGNING_KEY_PEM, password=None)


class SubscriptionRequired(APIException):
    """No plan that would let the viewer watch."""

    status_code = 402
    default_detail = "Subscription required"


class NotReady(APIException):
    """The video is not published."""

    status_code = 409
    default_detail = "Video is not ready"


class PlaybackIn(serializers.Serializer):
    """What a client says of itself."""

    device_id = serializers.CharField(max_length=200, required=False, allow_null=True)


class PlaybackOut(serializers.Serializer):
    """Leave to watch."""

    session_id = serializers.UUIDField()
    video_id = serializers.UUIDField()
    playback_id = serializers.CharField()
    url = serializers.CharField()
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class StartPlayback(APIView):
    """Play a video."""

    def post(self, request: Any, video_id: uuid.UUID) -> Response:
        PlaybackIn(data=request.data).is_valid(raise_exception=True)
        now = timezone.now()
        video = get_object_or_404(Video, pk=video_id)
        if video.status != "published":
            raise NotReady
        subscription = (
            request.user.subscriptions.filter(status__in=("active", "trialing", "past_due"), current_period_end__gt=now)
            .order_by("-current_period_end")
            .first()
        )
        if video.access != "free" and subscription is None:
            raise SubscriptionRequired
        expires_at = now + TOKEN_LIFE
        if subscription is not None:
            expires_at = min(expires_at, subscription.current_period_end)
        claims = {"sub": video.playback_id, "aud": "v", "exp": expires_at, "kid": KEY_ID}
        token = jwt.encode(claims, SIGNING_KEY, algorithm="RS256", headers={"kid": KEY_ID})
        answer = {
            "session_id": uuid.uuid4(),
            "video_id": video.id,
            "playback_id": video.playback_id,
            "url": f"https://stream.mux.com/{video.playback_id}.m3u8?token={token}",
            "token": token,
            "expires_at": expires_at,
        }
        return Response(PlaybackOut(answer).data)


class Alive(APIView):
    """That it serves."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Any) -> Response:
        return Response({"alive": True})
