"""Phone numbers by ITU-T E.164: a plus sign, the code of a country, 15 digits at most."""

import re

from application.ports.addresses import NumberInvalid

WRITTEN = re.compile(r"\+[0-9][0-9 ().-]{4,38}")
"""As people write numbers."""
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class E164Numbers:
    """Nothing is asked of the network: whether a number is somebody's, a text message tells."""

    def canonical(self, phone: str) -> str:
        """The number in E.164: `+48 600-100-200` is +48600100200. Raises NumberInvalid."""
        text = phone.strip()
        number = re.sub(r"[ ().-]", "", text)
        if not WRITTEN.fullmatch(text) or not E164.fullmatch(number):
            raise NumberInvalid("A phone number begins with + and the code of its country, such as +48600100200.")
        return number
