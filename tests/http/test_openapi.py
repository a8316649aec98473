"""The document says what the API does: who may, what goes in, what comes out, and by what name it is refused."""

import json

import pytest
from litestar import Litestar

from tests.http.described import Described, described, operations, routes_alone


@pytest.fixture(scope="module")
def app() -> Litestar:
    return routes_alone()


@pytest.fixture(scope="module")
def document(app: Litestar) -> Described:
    return described(app)


def test_every_address_of_the_contract_that_is_built_is_in_it(document: Described) -> None:
    assert {name for name, _ in operations(document)} == {
        "DELETE /v1/admin/accounts/{account_id}/blocks/{block_id}",
        "DELETE /v1/admin/accounts/{account_id}/grants/{grant_id}",
        "DELETE /v1/playback/{session_id}",
        "GET /checkout/cancelled",
        "GET /checkout/success",
        "GET /health/live",
        "GET /health/ready",
        "GET /media/{token}/{video_id}/{path}",
        "GET /v1/admin/accounts",
        "GET /v1/admin/accounts/{account_id}",
        "PUT /v1/admin/accounts/{account_id}/role",
        "POST /v1/admin/accounts/{account_id}/disable",
        "POST /v1/admin/accounts/{account_id}/enable",
        "GET /v1/admin/payments",
        "GET /v1/admin/projections",
        "DELETE /v1/admin/videos/{video_id}/captions/{kind}/{language}",
        "GET /v1/admin/videos/{video_id}/captions",
        "PUT /v1/admin/videos/{video_id}/captions/{kind}/{language}",
        "GET /v1/admin/webhooks",
        "GET /v1/admin/webhooks/sweeps",
        "GET /v1/audit/accounts/{account_id}/access",
        "GET /v1/audit/accounts/{account_id}/timeline",
        "GET /v1/audit/events",
        "DELETE /v1/me/sessions/{session_id}",
        "GET /v1/me",
        "GET /v1/me/sessions",
        "PATCH /v1/me",
        "GET /v1/me/payments",
        "GET /v1/me/subscription",
        "GET /v1/me/subscriptions",
        "GET /v1/admin/subscriptions",
        "GET /v1/plans",
        "GET /v1/sandbox/messages",
        "GET /v1/videos",
        "GET /v1/videos/{video_id}",
        "POST /v1/admin/accounts/{account_id}/blocks",
        "POST /v1/admin/accounts/{account_id}/grants",
        "PATCH /v1/admin/plans/{plan_id}",
        "POST /v1/admin/payments/{id}/refund",
        "POST /v1/admin/plans",
        "POST /v1/admin/projections/{name}/rebuild",
        "POST /v1/admin/videos",
        "DELETE /v1/admin/videos/{video_id}",
        "PATCH /v1/admin/videos/{video_id}",
        "POST /v1/admin/videos/{video_id}/upload",
        "POST /v1/admin/videos/{video_id}/upload/complete",
        "POST /v1/admin/videos/{video_id}/upload/parts",
        "POST /v1/webhooks/cloudflare",
        "POST /v1/webhooks/mux",
        "POST /v1/admin/videos/{video_id}/publish",
        "POST /v1/admin/videos/{video_id}/unpublish",
        "POST /v1/admin/webhooks/sweep",
        "POST /v1/admin/webhooks/{id}/retry",
        "POST /v1/auth/email/verify",
        "POST /v1/auth/login",
        "POST /v1/auth/logout",
        "POST /v1/auth/otp",
        "POST /v1/auth/otp/verify",
        "POST /v1/auth/password/forgot",
        "POST /v1/auth/password/reset",
        "POST /v1/auth/refresh",
        "POST /v1/auth/register",
        "POST /v1/checkout",
        "POST /v1/me/billing-portal",
        "POST /v1/me/email",
        "GET /v1/me/export",
        "POST /v1/me/erasure",
        "POST /v1/me/erasure/code",
        "POST /v1/me/password",
        "POST /v1/me/phone",
        "POST /v1/me/phone/verify",
        "POST /v1/me/subscription/cancel",
        "POST /v1/me/subscription/change",
        "POST /v1/me/subscription/resume",
        "POST /v1/playback/{session_id}/heartbeat",
        "POST /v1/sandbox/clock",
        "POST /v1/videos/{video_id}/playback",
        "POST /v1/webhooks/stripe",
        "DELETE /uploads/{token}/{video_id}",
        "HEAD /uploads/{token}/{video_id}",
        "PATCH /uploads/{token}/{video_id}",
        "PUT /uploads/{token}/{video_id}",
        "PUT /v1/admin/accounts/{account_id}/customers/stripe",
    }


def test_the_clock_is_absent_where_it_cannot_be_moved(app: Litestar) -> None:
    in_production = routes_alone(business_clock=None)

    assert {route.path for route in app.routes} - {route.path for route in in_production.routes} == {
        "/v1/sandbox/clock"
    }


def test_every_operation_has_a_name_and_a_group(document: Described) -> None:
    named = list(operations(document))
    groups = {tag["name"] for tag in document["tags"]}

    assert len({operation["operationId"] for _, operation in named}) == len(named)
    assert [name for name, operation in named if not operation.get("summary")] == []
    assert [name for name, operation in named if not set(operation.get("tags", ["none"])) <= groups] == []


def test_what_is_for_admins_and_auditors_asks_for_a_token(document: Described) -> None:
    for name, operation in operations(document):
        if "/admin/" in name or "/audit/" in name:
            assert operation["security"] == [{"bearer": []}], name
            assert {"401", "403"} <= set(operation["responses"]), name
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_what_is_public_says_so(document: Described) -> None:
    public = {name for name, operation in operations(document) if operation["security"] == [{}]}

    assert {"GET /v1/plans", "GET /v1/videos", "POST /v1/auth/login", "GET /health/live"} <= public
    assert not any("/v1/me/" in f"{name}/" or "/admin" in name for name in public)


def test_a_body_takes_no_unknown_field_and_shows_an_example(document: Described) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if not content:
            continue
        assert schemas[content["schema"]["$ref"].rpartition("/")[2]]["additionalProperties"] is False, name
        assert content["example"], name


def test_every_good_answer_with_a_body_shows_an_example(document: Described) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status < "300" and "application/json" in answer.get("content", {}):
                assert answer["content"]["application/json"]["example"], name


def test_every_problem_is_named_with_an_example(document: Described) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status < "400" or name == "GET /health/ready":
                continue
            problem = answer["content"]["application/problem+json"]
            assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}, name
            for code, example in problem["examples"].items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, int(status)), name


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("POST /v1/auth/register", "409", "email_taken"),
        ("POST /v1/auth/register", "422", "weak_password"),
        ("POST /v1/auth/login", "401", "invalid_credentials"),
        ("POST /v1/auth/refresh", "401", "token_reused"),
        ("POST /v1/checkout", "409", "already_subscribed"),
        ("POST /v1/checkout", "422", "return_url_not_allowed"),
        ("POST /v1/me/subscription/cancel", "409", "subscription_ambiguous"),
        ("POST /v1/me/subscription/change", "409", "already_on_plan"),
        ("POST /v1/me/subscription/change", "409", "change_under_way"),
        ("POST /v1/me/subscription/change", "409", "payment_went_back"),
        ("POST /v1/me/subscription/change", "409", "payments_paused"),
        ("POST /v1/me/subscription/change", "409", "stream_moved"),
        ("POST /v1/me/subscription/change", "409", "subscription_ending"),
        ("POST /v1/me/subscription/change", "422", "plan_does_not_renew"),
        ("POST /v1/me/subscription/resume", "409", "payments_paused"),
        ("POST /v1/me/subscription/resume", "409", "subscription_ambiguous"),
        ("POST /v1/me/billing-portal", "422", "return_url_not_allowed"),
        ("POST /v1/admin/payments/{id}/refund", "422", "refund_exceeds_payment"),
        ("POST /v1/webhooks/stripe", "400", "invalid_signature"),
        ("POST /v1/videos/{video_id}/playback", "401", "not_signed_in"),
        ("POST /v1/videos/{video_id}/playback", "402", "subscription_required"),
        ("POST /v1/videos/{video_id}/playback", "402", "plan_upgrade_required"),
        ("POST /v1/videos/{video_id}/playback", "403", "account_blocked"),
        ("POST /v1/videos/{video_id}/playback", "409", "video_not_ready"),
        ("POST /v1/playback/{session_id}/heartbeat", "403", "session_ended"),
        ("GET /v1/videos", "400", "invalid_cursor"),
        ("GET /v1/me", "400", "unknown_position"),
        ("PUT /uploads/{token}/{video_id}", "413", "upload_too_large"),
        ("PATCH /uploads/{token}/{video_id}", "409", "upload_offset_conflict"),
        ("PATCH /uploads/{token}/{video_id}", "412", "tus_version_unsupported"),
        ("PATCH /uploads/{token}/{video_id}", "413", "upload_longer_than_announced"),
        ("PATCH /uploads/{token}/{video_id}", "423", "upload_in_use"),
        ("PATCH /uploads/{token}/{video_id}", "460", "checksum_mismatch"),
        ("POST /v1/admin/videos", "422", "upload_size_needed"),
        ("POST /v1/admin/plans", "503", "provider_unavailable"),
        ("PUT /v1/admin/accounts/{account_id}/customers/stripe", "409", "customer_bound_elsewhere"),
        ("PUT /v1/admin/accounts/{account_id}/customers/stripe", "422", "customer_unknown"),
        ("POST /v1/admin/accounts/{account_id}/grants", "422", "end_in_the_past"),
        ("POST /v1/admin/accounts/{account_id}/grants", "422", "end_too_far_ahead"),
        ("POST /v1/admin/accounts/{account_id}/blocks", "409", "too_many_by_hand"),
        ("DELETE /v1/admin/accounts/{account_id}/blocks/{block_id}", "404", "not_found"),
    ],
)
def test_the_refusals_of_the_contract_are_named(document: Described, operation: str, status: str, code: str) -> None:
    answer = dict(operations(document))[operation]["responses"][status]

    assert code in answer["content"]["application/problem+json"]["examples"]


def test_what_records_facts_says_where_the_ledger_stands(document: Described) -> None:
    recording = {
        name
        for name, operation in operations(document)
        if any("Ledger-Position" in answer.get("headers", {}) for answer in operation["responses"].values())
    }

    assert recording == {
        "DELETE /v1/admin/accounts/{account_id}/blocks/{block_id}",
        "DELETE /v1/admin/accounts/{account_id}/grants/{grant_id}",
        "POST /v1/admin/accounts/{account_id}/blocks",
        "POST /v1/admin/accounts/{account_id}/grants",
        "PATCH /v1/admin/plans/{plan_id}",
        "POST /v1/admin/plans",
        "POST /v1/admin/videos",
        "DELETE /v1/admin/videos/{video_id}",
        "PATCH /v1/admin/videos/{video_id}",
        "DELETE /v1/admin/videos/{video_id}/captions/{kind}/{language}",
        "PUT /v1/admin/videos/{video_id}/captions/{kind}/{language}",
        "POST /v1/admin/videos/{video_id}/upload",
        "POST /v1/admin/videos/{video_id}/upload/complete",
        "POST /v1/admin/videos/{video_id}/publish",
        "POST /v1/admin/videos/{video_id}/unpublish",
        "PATCH /v1/me",
        "POST /v1/auth/email/verify",
        "POST /v1/auth/password/reset",
        "POST /v1/auth/register",
        "POST /v1/me/password",
        "POST /v1/me/phone/verify",
        "POST /v1/checkout",
        "POST /v1/admin/payments/{id}/refund",
        "POST /v1/me/subscription/cancel",
        "POST /v1/me/subscription/change",
        "POST /v1/me/subscription/resume",
        "POST /v1/videos/{video_id}/playback",
        "HEAD /uploads/{token}/{video_id}",
        "PATCH /uploads/{token}/{video_id}",
        "PUT /uploads/{token}/{video_id}",
        "PUT /v1/admin/accounts/{account_id}/customers/stripe",
        "PUT /v1/admin/accounts/{account_id}/role",
        "POST /v1/admin/accounts/{account_id}/disable",
        "POST /v1/admin/accounts/{account_id}/enable",
    }


def test_every_reference_leads_somewhere(document: Described) -> None:
    written = json.dumps(document)
    named = {part.partition('"')[0] for part in written.split('"#/components/schemas/')[1:]}

    assert named <= set(document["components"]["schemas"])
    assert not [name for name in document["components"]["schemas"] if "." in name or "[" in name]
