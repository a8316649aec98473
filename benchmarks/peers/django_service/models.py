"""The tables, which are those of the other peer too."""

# pyright: reportMissingImports=false

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Account(AbstractBaseUser):
    """Somebody with a password."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = "email"

    class Meta:
        db_table = "accounts"


class Subscription(models.Model):
    """Of an account, as its provider told last."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.CharField(max_length=64)
    status = models.CharField(max_length=32)
    current_period_end = models.DateTimeField()

    class Meta:
        db_table = "subscriptions"

    def __str__(self) -> str:
        return f"{self.plan}, {self.status}"


class Video(models.Model):
    """One of the catalogue."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=255)
    description = models.TextField()
    category = models.CharField(max_length=64)
    access = models.CharField(max_length=32)
    status = models.CharField(max_length=32)
    playback_id = models.CharField(max_length=64)
    duration_seconds = models.FloatField()
    published_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "videos"

    def __str__(self) -> str:
        return f"{self.title}"
