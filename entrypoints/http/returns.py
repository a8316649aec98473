"""Where the provider's payment page sends a viewer back to, when the client app names no page of its own."""

from litestar import Controller, get


class ReturnController(Controller):
    path = "/checkout"
    tags = ("Subscriptions",)

    @get("/success", operation_id="return_from_payment", summary="Back from paying", media_type="text/plain")
    async def success(self) -> str:
        """Coming back proves nothing: access follows from what the provider says."""
        return "Thank you. Your subscription opens as soon as the payment is confirmed; you can close this page.\n"

    @get("/cancelled", operation_id="return_unpaid", summary="Back without paying", media_type="text/plain")
    async def cancelled(self) -> str:
        """Nothing was bought."""
        return "Nothing was paid. You can close this page, and try again whenever you like.\n"
