"""What people find in their letters and text messages, read as anybody can in development."""

import re

from tests.http.running import Service

TOKEN = re.compile(r"#token=(\S+)")
DIGITS = re.compile(r"\b(\d{6})\b")


async def messages_to(service: Service, to: str) -> list[dict[str, str]]:
    """Newest first."""
    answer = await service.public.get("/v1/sandbox/messages", params={"to": to})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, str]] = answer.json()["items"]
    return items


async def token_for(service: Service, email: str) -> str:
    """That of the link in the newest letter which has one."""
    return await _in_the_newest(service, TOKEN, email)


async def digits_for(service: Service, phone: str) -> str:
    """The code in the newest text message which has one."""
    return await _in_the_newest(service, DIGITS, phone)


async def _in_the_newest(service: Service, pattern: re.Pattern[str], to: str) -> str:
    found = [found for message in await messages_to(service, to) if (found := pattern.search(message["body"]))]
    return found[0][1]
