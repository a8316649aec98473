"""The facts of an account in plain words; none of them says whose it is, or what was written where."""

from typing import assert_never

from domain.account.account import (
    AccountDisabled,
    AccountEnabled,
    AccountEvent,
    AccountRegistered,
    AccountRegisteredByPhone,
    RoleChanged,
)
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, GrantWithdrawn
from domain.account.contacts import AccountRenamed, EmailChanged, EmailVerified, PhoneChanged, PhoneReleased
from domain.account.customers import CustomerBound, CustomerDeletionRequested, CustomerGone
from domain.account.erasure import ErasureRequested, PersonalDataErased
from domain.account.sign_ins import PasswordChanged, RefreshTokenReused
from domain.shared.moments import in_words

PASSWORDS = {
    "change": "The password was changed.",
    "reset": "The password was set anew by a link that was sent to the e-mail address.",
    "first": "The account was given its first password.",
}


def of_account(fact: AccountEvent) -> str:
    match fact:
        case AccountRegistered():
            return f"The account was registered as {_with_article(fact.role)}."
        case AccountRegisteredByPhone():
            return f"The account was registered as {_with_article(fact.role)}, by a phone number."
        case AccountRenamed():
            return "The name was changed."
        case EmailVerified():
            return "The e-mail address was verified."
        case EmailChanged():
            return "The e-mail address was changed to one that had been confirmed."
        case PhoneChanged():
            return "The phone number was changed to one that had been proved by a code."
        case PhoneReleased():
            return "The phone number was removed: it had been added before any reset of the password."
        case PasswordChanged():
            return PASSWORDS[fact.how]
        case RefreshTokenReused():
            return "A spent refresh token was used again, so that sign-in was ended."
        case RoleChanged():
            return f"The role changed from {fact.before} to {fact.after}."
        case CustomerBound():
            return f"The account was bound to the customer {fact.customer_id} at {fact.provider}."
        case CustomerGone():
            what = f"was deleted at {fact.provider}" if fact.deleted else f"is not known at {fact.provider} any more"
            return f"The account's customer {fact.customer_id} {what}."
        case CustomerDeletionRequested():
            return f"It was asked that the account's customer {fact.customer_id} be deleted at {fact.provider}."
        case AccountDisabled():
            return f"The account was disabled: {fact.reason}."
        case AccountEnabled():
            return f"The account was enabled again: {fact.reason}."
        case AccessGranted():
            opening = f" with {', '.join(fact.features)}" if fact.features else ""
            return f"Access{opening} was granted by hand until {in_words(fact.until)}: {fact.reason}."
        case GrantWithdrawn():
            return f"The access that was granted by hand until {in_words(fact.before_until)} was withdrawn."
        case BlockPlaced():
            until = f" until {in_words(fact.until)}" if fact.until else ""
            return f"The account was blocked{until}: {fact.reason}."
        case ErasureRequested():
            return "It was asked that everything personal about the account be erased."
        case PersonalDataErased():
            return "Everything personal about the account was erased."
        case BlockLifted():
            return "A block of the account was lifted."
        case _:
            assert_never(fact)


def _with_article(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
