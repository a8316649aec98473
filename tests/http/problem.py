"""What every problem must be, whatever went wrong."""

from typing import Any

import httpx


def problem_in(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of an answer that must be this problem."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code"} <= set(body)
    assert body["status"] == status
    assert body["type"] == f"urn:problem-type:streamly:{code}"
    assert body["detail"]
    assert body["instance"] == answer.request.url.raw_path.decode().partition("?")[0]
    assert ("request_id" in body) == (status >= 500)
    assert "Traceback" not in answer.text
    return body
