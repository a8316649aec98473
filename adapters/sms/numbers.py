"""Phone numbers by the plans of the ITU's members, as the package phonenumbers (Google's libphonenumber) knows them."""

import re

import phonenumbers

from application.ports.addresses import NumberInvalid

WRITTEN = re.compile(r"\+[0-9][0-9 ().-]{4,38}")
"""As people write numbers; the package itself would find one in any text."""


class LibPhoneNumbers:
    """Nothing is asked of the network: whether a number is somebody's, a text message tells."""

    def canonical(self, phone: str) -> str:
        """The number in E.164: `+48 600-100-200` is +48600100200. Raises NumberInvalid.

        It has to begin with its country's code, and to be as long as numbers there are. Whether its digits have been
        given out is not asked: countries give out new ones all the time, and the package learns of it months later.
        """
        text = phone.strip()
        if not WRITTEN.fullmatch(text):
            raise NumberInvalid("A phone number begins with + and the code of its country, such as +48600100200.")
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            raise NumberInvalid("This is no phone number, or its country's code is not known.") from None
        if not phonenumbers.is_possible_number(number):
            raise NumberInvalid("No number of that country is as long as this one.")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
