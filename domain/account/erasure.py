"""The end of what is known about a person: their key is destroyed, and the facts about their money stay."""

from uuid import UUID

from domain.shared.fact import AccountFact, Refusal


class ErasureRequested(AccountFact, frozen=True, tag="account.erasure_requested"):
    """From now on nobody signs in to the account, and nothing that is personal is added to it."""

    erasure_id: UUID


class PersonalDataErased(AccountFact, frozen=True, tag="account.personal_data_erased"):
    """The key is destroyed, and everything is gone that is not a fact: every personal field reads as null."""

    erasure_id: UUID


ErasureEvent = ErasureRequested | PersonalDataErased


class AccountErased(Refusal):
    """The account has been erased, or is being erased; that cannot be taken back."""
