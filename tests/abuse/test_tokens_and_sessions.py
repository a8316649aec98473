"""Tokens that are forged, bent or over, and sign-ins that should have ended."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import httpx
import pytest

from tests.abuse.installation import JWT_KEY, KID
from tests.abuse.running import PASSWORD, ROUNDS, Person, Service, bearer
from tests.abuse.things import play, shared_trailer
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "another way to the lighthouse"
HEADER = {"alg": "HS256", "kid": KID, "typ": "at+jwt"}
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
"""


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def forged(
    claims: Mapping[str, Any],
    header: Mapping[str, Any] | None = None,
    *,
    key: str | bytes = JWT_KEY,
    signed: bool = True,
) -> str:
    """A token with this header, signed with this key or not at all; as it stands it is one of ours."""
    parts = [encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header or HEADER, claims)]
    secret = key.encode() if isinstance(key, str) else key
    mac = hmac.digest(secret, ".".join(parts).encode(), sha256) if signed else b""
    return ".".join([*parts, encoded(mac)])


async def refused(service: Service, token: str) -> None:
    answer = await service.public.get("/v1/me", headers=bearer(token))
    problem_in(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def everywhere(service: Service, token: str, *, path: str = "/v1/me") -> set[int]:
    """What a token is answered by each of the processes."""
    shots = [Shot("GET", path, headers=bearer(token))] * (2 * service.at.api_processes)
    return {answer.status_code for answer in await volley(service.at, shots)}


async def test_a_token_that_is_forged_as_ours_are_made_is_taken(service: Service) -> None:
    """Else the cases below would show nothing: each changes one thing in it."""
    anna = await service.sign_up()
    token = forged(claims_of(anna.access_token))

    assert (await service.public.get("/v1/me", headers=bearer(token))).json()["id"] == anna.id


@pytest.mark.abuse("AB-01")
@pytest.mark.parametrize("spelling", ["none", "None", "nOnE", "NONE", ""])
async def test_a_token_without_a_signature_is_none(service: Service, spelling: str) -> None:
    claims = claims_of((await service.sign_up()).access_token)

    for header in (HEADER | {"alg": spelling}, {"alg": spelling}, HEADER):
        unsigned = forged(claims, header, signed=False)
        await refused(service, unsigned)
        await refused(service, unsigned.rstrip("."))


@pytest.mark.abuse("AB-02")
async def test_nothing_that_is_public_signs_a_token(service: Service) -> None:
    """Ours are signed by a secret alone; still nobody may sign with what is written on any page."""
    claims = claims_of((await service.sign_up()).access_token) | {"role": "admin"}
    der = base64.b64decode("".join(PUBLIC_KEY.splitlines()[1:-1]))
    jwk = json.dumps({"kty": "EC", "crv": "P-256", "kid": KID})
    published = (await service.public.get("/schema/openapi.json")).content

    for key in (PUBLIC_KEY, der, jwk, KID, b"", b"\0", b"secret", b"development", published):
        for algorithm in ("HS256", "RS256", "ES256", "HS512", "EdDSA"):
            await refused(service, forged(claims, HEADER | {"alg": algorithm}, key=key))


@pytest.mark.abuse("AB-02")
async def test_who_changes_a_word_of_a_token_has_none(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    header, _, mac = anna.access_token.split(".")

    for changed in ({"role": "admin"}, {"sub": boris.id}, {"exp": int(time.time()) + 10**6}):
        payload = encoded(json.dumps(claims_of(anna.access_token) | changed).encode())
        await refused(service, f"{header}.{payload}.{mac}")
    of_another_session = forged(claims_of(anna.access_token) | {"sub": boris.id})
    problem_in(await service.public.get("/v1/me", headers=bearer(of_another_session)), 401, "session_ended")


@pytest.mark.abuse("AB-03")
async def test_no_header_of_a_token_leads_anywhere(service: Service) -> None:
    claims = claims_of((await service.sign_up()).access_token)
    visits: list[object] = []

    def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1") as listener:
        trap = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/keys"
        for more in (
            {"crit": ["x"], "x": 1},
            {"crit": ["b64"], "b64": False},
            {"jku": trap},
            {"x5u": trap},
            {"jwk": {"kty": "oct", "k": encoded(JWT_KEY.encode())}},
            {"x5c": ["AAAA"]},
            {"kid": "../../dev/null"},
            {"kid": "' OR 1=1"},
            {"kid": f"{KID}\0"},
            {"kid": ""},
            {"kid": trap},
            {"typ": "JWT"},
            {"zip": "DEF"},
        ):
            await refused(service, forged(claims, HEADER | more))
            await refused(service, forged(claims, HEADER | more, key=b""))
    assert visits == []


@pytest.mark.abuse("AB-04")
async def test_a_token_of_another_house_is_none(service: Service) -> None:
    claims = claims_of((await service.sign_up()).access_token)
    ours = str(claims["iss"])

    for other in (ours[:-1], f"{ours}x", f"{ours}.evil.example", ours.upper(), "", [ours], None, f"{ours}/"):
        await refused(service, forged(claims | {"iss": other}))
    await refused(service, forged({name: value for name, value in claims.items() if name != "iss"}))
    await refused(service, forged(claims, key="the key of the staging environment, also long"))


@pytest.mark.abuse("AB-05")
async def test_a_token_is_good_for_what_it_is_for(service: Service) -> None:
    anna, trailer = await service.sign_up(), await shared_trailer(service)
    started = (await play(anna.http, trailer)).json()
    letters = await service.public.get("/v1/sandbox/messages", params={"to": anna.email})
    by_letter = letters.json()["items"][0]["body"].partition("#token=")[2].split()[0]

    for other in (anna.refresh_token, started["token"], by_letter, anna.id):
        await refused(service, other)
    for other in (anna.access_token, started["token"], by_letter):
        answer = await service.public.post("/v1/auth/refresh", json={"refresh_token": other})
        assert answer.status_code in {400, 401}, answer.text
    for path in ("/v1/auth/email/verify", "/v1/auth/password/reset"):
        for other in (anna.refresh_token, started["token"]):
            body = {"token": other} | ({"password": NEW_PASSWORD} if path.endswith("reset") else {})
            problem_in(await service.public.post(path, json=body), 422, "invalid_token")
    reset = await service.public.post("/v1/auth/password/reset", json={"token": by_letter, "password": NEW_PASSWORD})
    problem_in(reset, 422, "invalid_token")


@pytest.mark.abuse("AB-05")
async def test_a_token_is_good_in_its_time_and_for_us_alone(service: Service) -> None:
    claims, now = claims_of((await service.sign_up()).access_token), int(time.time())

    for bent in (
        {"aud": "another-api"},
        {"aud": ["streamly-api", "another-api"]},
        {"exp": now - 31},
        {"exp": now - 1},
        {"exp": None},
        {"exp": "never"},
        {"exp": 10**18},
        {"nbf": now + 60},
        {"iat": now + 60},
        {"sub": "1"},
        {"sid": None},
    ):
        await refused(service, forged(claims | bent))


@pytest.mark.abuse("AB-06")
async def test_who_signs_out_is_out_and_stays_signed_in_elsewhere(service: Service) -> None:
    anna = await service.sign_up()
    elsewhere = await service.sign_in(anna.email)
    played = (await play(elsewhere.http, await shared_trailer(service))).json()
    assert (await service.public.get(played["url"])).status_code == 200

    await service.public.post("/v1/auth/logout", json={"refresh_token": elsewhere.refresh_token})

    await has_ended(service, elsewhere)
    await plays_no_more(service, elsewhere, played)
    assert await everywhere(service, anna.access_token) == {200}


@pytest.mark.abuse("AB-06")
@pytest.mark.parametrize("how", ["a new password", "disabled"])
async def test_what_ends_every_session_ends_it_everywhere(service: Service, how: str) -> None:
    anna = await service.sign_up()
    other = await service.sign_in(anna.email)
    played = (await play(other.http, await shared_trailer(service))).json()

    if how == "disabled":
        path, body = f"/v1/admin/accounts/{anna.id}/disable", {"reason": "fraud"}
        ended = await (await service.admin()).post(path, json=body)
    else:
        changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        ended = await anna.http.post("/v1/me/password", json=changed)
    assert ended.status_code in {200, 204}, ended.text

    await has_ended(service, other)
    await plays_no_more(service, other, played)
    assert await everywhere(service, anna.access_token) == ({401} if how == "disabled" else {200})


@pytest.mark.abuse("AB-06")
async def test_a_role_that_is_taken_back_is_over_everywhere(service: Service) -> None:
    """Also for an access token that says it: the role is the ledger's."""
    anna = await service.sign_up()
    role, admin = f"/v1/admin/accounts/{anna.id}/role", await service.admin()
    await admin.put(role, json={"role": "auditor"})
    auditor = await service.sign_in(anna.email)
    assert claims_of(auditor.access_token)["role"] == "auditor"
    assert await everywhere(service, auditor.access_token, path="/v1/audit/events") == {200}

    await admin.put(role, json={"role": "viewer"})

    assert await everywhere(service, auditor.access_token, path="/v1/audit/events") == {403}


async def has_ended(service: Service, person: Person) -> None:
    """At once and everywhere."""
    assert await everywhere(service, person.access_token) == {401}
    refreshed = await service.public.post("/v1/auth/refresh", json={"refresh_token": person.refresh_token})
    assert refreshed.status_code == 401, refreshed.text


async def plays_no_more(service: Service, person: Person, played: Any) -> None:
    """Neither what she has begun nor anything new, on any of the processes."""
    beat, url = f"/v1/playback/{played['session_id']}/heartbeat", httpx.URL(played["url"]).raw_path.decode()
    hers, trailer = bearer(person.access_token), await shared_trailer(service)
    for shot, status in (
        (Shot("GET", url), 403),
        (Shot("POST", beat, {"position_seconds": 1}, hers), 401),
        (Shot("POST", f"/v1/videos/{trailer['id']}/playback", {}, hers), 401),
    ):
        answers = await volley(service.at, [shot] * (2 * service.at.api_processes))
        assert {answer.status_code for answer in answers} == {status}, shot.path


@pytest.mark.abuse("AB-07")
async def test_a_refresh_token_that_comes_again_ends_its_family(service: Service) -> None:
    anna = await service.sign_up()
    elsewhere = await service.sign_in(anna.email)
    second = (await refresh(service, anna.refresh_token)).json()

    problem_in(await refresh(service, anna.refresh_token), 401, "token_reused")

    assert (await refresh(service, second["refresh_token"])).status_code == 401
    assert await everywhere(service, second["access_token"]) == {401}
    assert await everywhere(service, elsewhere.access_token) == {200}
    assert (await service.told(anna.id)).count("account.refresh_token_reused") == 1


@pytest.mark.abuse("AB-07")
async def test_of_twenty_refreshes_at_once_no_descendant_lives(service: Service) -> None:
    for _ in range(ROUNDS):
        anna = await service.sign_up()
        shot = Shot("POST", "/v1/auth/refresh", {"refresh_token": anna.refresh_token})

        answers = await volley(service.at, [shot] * 20)

        assert {answer.status_code for answer in answers} <= {200, 401}
        descendants = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(descendants) <= 1
        for tokens in descendants:
            assert await everywhere(service, tokens["access_token"]) == {401}
            assert (await refresh(service, tokens["refresh_token"])).status_code == 401
        assert (await service.told(anna.id)).count("account.refresh_token_reused") == 1


async def refresh(service: Service, token: str) -> httpx.Response:
    return await service.public.post("/v1/auth/refresh", json={"refresh_token": token})
