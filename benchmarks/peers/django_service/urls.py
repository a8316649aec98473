"""Where what is."""

# pyright: reportMissingImports=false

from django.urls import path

from benchmarks.peers.django_service.views import Alive, StartPlayback

urlpatterns = [
    path("alive", Alive.as_view()),
    path("videos/<uuid:video_id>/playback", StartPlayback.as_view()),
]
