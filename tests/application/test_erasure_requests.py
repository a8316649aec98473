"""What proves that an erasure is wanted counts at the moment at which it is recorded, not when it was looked at."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from application.erasing import ErasureRequests
from application.password_rules import PasswordCheck, WrongPassword
from application.phones import InvalidCode
from application.ports.erasures import Erasure
from application.ports.ledger import Delete, GuardedRow
from application.ports.sign_in import Credential
from domain.shared.fact import Cause
from tests.application.house import PASSWORD, House, asked_by

pytestmark = pytest.mark.anyio

REQUEST = Cause("request", "req_1")
EMAIL, NEW = "anna@example.com", "anna@kowalska.example"


class Erasures:
    """Those of one account; the row that goes with its facts is nothing here."""

    erasure_id = UUID(int=0)

    def new(self, erasure_id: UUID, account_id: UUID) -> GuardedRow:
        self.erasure_id = erasure_id
        return Delete("letters", {"account_id": account_id, "id": erasure_id})

    async def of(self, account_id: UUID) -> Erasure:
        return Erasure(id=self.erasure_id, account_id=account_id, status="requested")


def erasure_requests(house: House) -> ErasureRequests:
    erasures: Any = Erasures()
    return ErasureRequests(
        admin=house.account_admin,
        records=house.records,
        erasures=erasures,
        password=house.ways.emails.password,
        codes=house.ways.codes,
        wording=house.ways.wording,
        real_time=house.real_time,
    )


async def test_a_code_proves_as_long_as_the_account_has_what_it_was_sent_to(house: House) -> None:
    anna, asking = await house.registers(EMAIL), erasure_requests(house)
    await asking.send_code(anna)
    former = await house.ways.digits_for(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)
    await house.ways.emails.confirm(await house.ways.token_for(NEW), cause=REQUEST)

    with pytest.raises(InvalidCode):
        await asking.by_proof(anna, password=None, code=former, asked=asked_by(anna))
    assert (await house.accounts.account(anna)).erasure_id is None

    await asking.send_code(anna)
    code = await house.ways.digits_for(NEW)
    await asking.by_proof(anna, password=None, code=code, asked=asked_by(anna))
    assert (await house.accounts.account(anna)).erasure_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPasswordCheck(PasswordCheck):
    """Something happens once the password has been found to be right."""

    meanwhile: Callable[[], Awaitable[object]]

    async def require(self, account_id: UUID, password: str) -> Credential:
        credential = await PasswordCheck.require(self, account_id, password)
        await self.meanwhile()
        return credential


async def test_a_password_proves_nothing_once_it_was_reset(house: House) -> None:
    anna, asking = await house.registers(EMAIL), erasure_requests(house)
    await house.ways.new_passwords.forgot(EMAIL)
    link = await house.ways.token_for(EMAIL)
    slow = SlowPasswordCheck(
        sign_ins=house.sign_ins,
        passwords=asking.password.passwords,
        meanwhile=lambda: house.ways.new_passwords.reset(link, new="another long way", cause=REQUEST),
    )

    with pytest.raises(WrongPassword):
        await replace(asking, password=slow).by_proof(anna, password=PASSWORD, code=None, asked=asked_by(anna))
    assert (await house.accounts.account(anna)).erasure_id is None
