"""E-mail addresses by the rules of the network, through email-validator."""

from email_validator import EmailNotValidError, validate_email

from application.ports.addresses import AddressInvalid


class EmailValidatorAddresses:
    """Plays `Addresses`; nothing is looked up on the network."""

    def canonical(self, email: str) -> str:
        try:
            return validate_email(email, check_deliverability=False).normalized.casefold()
        except EmailNotValidError as reason:
            raise AddressInvalid(str(reason)) from reason
