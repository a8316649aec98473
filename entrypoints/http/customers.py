"""Whose customer at the payment provider is whose, for admins."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, put
from litestar.params import FromPath, JSONBody

from application.customers import CustomerUnknown
from application.errors import ProviderRefused, ProviderUnavailable
from domain.account.customers import CustomerBoundElsewhere, TooManyCustomers
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenCustomerBinding
from entrypoints.http.positions import at

CUSTOMER = "^cus_[A-Za-z0-9_]+$"

CustomerId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=255, pattern=CUSTOMER, examples=["cus_NffrFeUfNV2Hib"])
]


class CustomerToBind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    customer_id: CustomerId


class CustomerView(msgspec.Struct, frozen=True):
    """The account, and a customer that it is at Stripe."""

    account_id: UUID
    customer_id: CustomerId


class AdminCustomerController(Controller):
    path = "/admin/accounts/{account_id:uuid}/customers"
    tags = ("Accounts",)
    guards = (SignedInAs("admin"),)

    @put(
        "/stripe",
        operation_id="bind_customer",
        summary="Bind a Stripe customer to an account",
        refuses=(CustomerBoundElsewhere, CustomerUnknown, ProviderRefused, ProviderUnavailable, TooManyCustomers),
    )
    async def bind(
        self,
        account_id: FromPath[UUID],
        data: JSONBody[CustomerToBind],
        customer_binding: GivenCustomerBinding,
        asked: ByRequest,
    ) -> Response[CustomerView]:
        """For a customer that was there before the account, or beside the one that the account has.

        Stripe is asked whether there is such a customer; one that was deleted there is none. What was parked for it is
        processed. It stays bound; what is bought here is bought by the one bound first.
        """
        position = await customer_binding.bind_named(account_id, data.customer_id, asked)
        return at(position, CustomerView(account_id, data.customer_id))
