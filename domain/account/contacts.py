"""What an account is called and reached by: its name, its e-mail address, its phone number."""

from domain.shared.fact import AccountFact, Personal, Refusal


class AccountRenamed(AccountFact, frozen=True, tag="account.renamed"):
    before: Personal[str]
    after: Personal[str]


class EmailVerified(AccountFact, frozen=True, tag="account.email_verified"):
    """Whoever has the account reads what is sent to this address, which it has had already."""

    email: Personal[str]


class EmailChanged(AccountFact, frozen=True, tag="account.email_changed"):
    """The new address has confirmed it, and so is verified; an account that began with a phone had none before."""

    before: Personal[str]
    after: Personal[str]


class PhoneChanged(AccountFact, frozen=True, tag="account.phone_changed"):
    """The new number was proved by a code that was sent to it."""

    before: Personal[str]
    after: Personal[str]


class PhoneReleased(AccountFact, frozen=True, tag="account.phone_released"):
    """It was added before any letter to the address had set the password, and then one did."""

    before: Personal[str]


ContactEvent = AccountRenamed | EmailVerified | EmailChanged | PhoneChanged | PhoneReleased


class EmailTaken(Refusal):
    """Somebody has an account with this address."""


class PhoneTaken(Refusal):
    """Somebody has an account with this number."""
