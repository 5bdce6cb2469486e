"""A pair of what the two half sets have, each for itself."""

from dataclasses import dataclass
from typing import Callable, Generic, Tuple, TypeVar

Of = TypeVar("Of")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Halves(Generic[Of]):
    """What half set 1 and half set 2 have; nothing goes from one to the other by it.

    It cannot be looped over, so that what sees both half sets stands out in the code: ``both``, which a test allows by name to
    measures that the half sets are told (``runs/exchanges.py``) and to what is written after the last of these.

    Parameters
    ----------
    first, second : object
        Of half set 1 and of half set 2.
    """

    first: Of
    second: Of

    def map(self, function: Callable[..., Made], *others: "Halves") -> "Halves[Made]":
        """What a function makes of each half set by itself.

        Parameters
        ----------
        function : callable
            Called with what one half set has, here and in ``others``; never with anything of both.
        *others : Halves
            Further arguments.

        Returns
        -------
        Halves
        """
        return Halves(
            function(self.first, *(other.first for other in others)), function(self.second, *(other.second for other in others))
        )

    def both(self) -> Tuple[Of, Of]:
        """Both of them, for what may see both."""
        return self.first, self.second
