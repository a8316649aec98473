"""The ways out of the house, as the settings make them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from application.mailbox import Mailbox
from application.ports.codes import NewCode
from application.ports.letters import ChannelClosed
from entrypoints.settings import Settings
from entrypoints.wiring import House, open_house
from tests.adapters.mail.mail_server import mail_server
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

PRODUCTION: dict[str, Any] = {
    "env": "production",
    "public_url": "https://videos.example.com",
    "jwt_secret": "a-secret-of-more-than-thirty-two-characters",
    "master_keys": "k1:" + "A" * 43 + "=",
    "stripe_secret_key": "sk_test_1",
    "stripe_webhook_secrets": "whsec_of-more-than-sixteen-characters",
}
PHONE = "+14155550100"


@pytest.fixture
async def developing(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(Settings(data_dir=tmp_path, sandbox_port=1), database) as house:
        yield house


def sign_in_code(house: House) -> NewCode:
    return NewCode(kind="sign_in", subject=b"Anna", account_id=None, write=house.post.wording.sign_in_code(PHONE))


async def test_in_development_nothing_has_to_be_set(developing: House) -> None:
    await developing.post.codes.issue(sign_in_code(developing), now=MONDAY)

    assert isinstance(developing.mailbox, Mailbox)
    (shown,) = await developing.mailbox.read(PHONE)
    assert "sign-in code" in shown.body


async def test_in_production_mail_leaves_by_the_server_that_is_set_and_is_kept_nowhere(
    database: str, tmp_path: Path
) -> None:
    with mail_server() as server:
        settings = Settings(data_dir=tmp_path, smtp_url=f"smtp://{server.address}", **PRODUCTION)
        async with open_house(settings, database) as house:
            reset = house.post.wording.password_reset("anna@example.org")
            code = NewCode(kind="password_reset", subject=b"Anna", account_id=None, write=reset)
            await house.post.codes.issue(code, now=datetime.now(UTC))

            assert await house.post.posting.send_due() == 1

            assert house.mailbox is None
            assert await house.post.letters.written(None, limit=10) == []
            assert (await house.health.readiness()).queues["letters"] == 0
            with pytest.raises(ChannelClosed):
                await house.post.codes.issue(sign_in_code(house), now=MONDAY)
    (received,) = server.received
    assert (received.sender, received.recipients) == ("no-reply@videos.example.com", ["anna@example.org"])
    message = message_from_bytes(received.data, policy=default)
    assert "https://videos.example.com/reset-password#token=" in message.get_content()


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("SMTP_URL", {"smtp_url": "https://mail.example.com"}),
        ("SMTP_URL", {"smtp_url": "smtp://user:secret@mail.example.com"}),
        ("MAIL_FROM", {"smtp_url": "smtps://mail.example.com", "mail_from": "nobody"}),
        ("MAIL_FROM", {"smtp_url": "smtps://mail.example.com", "public_url": "https://10.0.0.1"}),
    ],
)
async def test_what_cannot_be_used_is_named(database: str, tmp_path: Path, name: str, given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: ") as refused:
        async with open_house(Settings(data_dir=tmp_path, **{**PRODUCTION, **given}), database):
            pass
    assert "secret" not in str(refused.value)
