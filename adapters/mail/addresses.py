"""E-mail addresses by the rules of RFC 5321, 6531 and 5891, as the package email-validator knows them."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from application.ports.addresses import AddressInvalid

CHARACTERS_MAX = 254  # RFC 3696, erratum 1690

# The capitals whose lower case is that of another letter: they stay.
WITH_A_LOWER_CASE = re.compile("[^\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}\N{GREEK CAPITAL THETA SYMBOL}]+")


class EmailValidatorAddresses:
    """Nothing is asked of the network: whether an address can be delivered to, a letter tells."""

    def canonical(self, email: str) -> str:
        """The address in lower case, normalized, an international domain in its own script.

        It reaches the same mailbox as what was given, so that it may be written to: hence lower case and no case
        folding, which would turn `straße` into `strasse`. Raises AddressInvalid.
        """
        if len(email) > CHARACTERS_MAX:
            raise AddressInvalid(f"An e-mail address has at most {CHARACTERS_MAX} characters.")
        try:
            # As nothing is asked of the network, a domain reserved for tests (RFC 6761) is as good as any other.
            valid = validate_email(email, check_deliverability=False, test_environment=True)
        except EmailNotValidError as invalid:
            raise AddressInvalid(str(invalid)) from None
        lower = WITH_A_LOWER_CASE.sub(lambda found: found[0].lower(), valid.local_part)
        local = unicodedata.normalize("NFC", lower)
        return f"{local}@{valid.domain}"
