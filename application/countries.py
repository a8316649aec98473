"""From which countries may be watched: those that are allowed, or all but those that are refused."""

import msgspec

from domain.shared.fact import Refusal


class NotInYourCountry(Refusal):
    """What is shown here may not be watched from where the viewer is, or it is not known where that is."""


class Countries(msgspec.Struct, frozen=True):
    """Countries by ISO 3166-1 alpha-2; with neither, the whole world. Only one of the two is of use."""

    allowed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def check(self, country: str | None) -> None:
        """Whether somebody may watch from there; None: nobody knows from where. Raises NotInYourCountry."""
        if not (self.allowed or self.refused):
            return
        if country is None:
            raise NotInYourCountry("It is not known from which country you ask.")
        if country in self.refused or (self.allowed and country not in self.allowed):
            raise NotInYourCountry("This may not be watched from your country.")


EVERYWHERE = Countries()
