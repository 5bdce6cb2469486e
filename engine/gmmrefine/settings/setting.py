"""What a user setting is: the form that all of the table have in common."""

import math
from dataclasses import dataclass
from typing import Any, Tuple

from gmmrefine.settings.kinds import EMPTY, EXPECTED, METAVARS, Path

NONE = "none"


@dataclass(frozen=True)
class Setting:
    """One user setting.

    Parameters
    ----------
    name : str
        snake_case name; the option is ``--name-with-dashes``, the form parameter its camelCase.
    default : object
        Value when the user says nothing. None makes the setting optional; the help says what happens then.
    kind : type
        ``int``, ``float``, ``str``, ``bool``, or one of ``kinds`` for what lies on disk.
    help : str
        What it does, in a microscopist's words, with the reason for the default.
    unit : str
        Physical unit, or empty.
    choices : tuple of str
        The only values allowed, if not empty.
    advanced : bool
        Shown to experts only: in the form, and by ``--help-all``.
    label : str
        Short text of the form row; made from the name when empty.
    minimum, maximum : float or None
        Closed limits of a number.
    none_was : object
        What stood for none in earlier versions, and still does; 0 and '' when None.
    """

    name: str
    default: Any
    kind: type
    help: str
    unit: str = ""
    choices: Tuple[str, ...] = ()
    advanced: bool = False
    label: str = ""
    minimum: Any = None
    maximum: Any = None
    none_was: Any = None

    @property
    def option(self) -> str:
        """Command line spelling, e.g. ``--initial-resolution``."""
        return "--" + self.name.replace("_", "-")

    @property
    def form_name(self) -> str:
        """Scipion form spelling, e.g. ``initialResolution``."""
        head, *tail = self.name.split("_")
        return head + "".join(word.capitalize() for word in tail)

    @property
    def form_label(self) -> str:
        """Label of the form row, with the unit."""
        text = self.label or self.name.replace("_", " ").capitalize()
        return f"{text} ({self.unit})" if self.unit else text

    @property
    def metavar(self) -> str:
        """What stands for the value in a help text."""
        return self.kind.metavar if issubclass(self.kind, Path) else METAVARS[self.kind]

    @property
    def is_optional(self) -> bool:
        """Whether it may be none."""
        return self.default is None

    @property
    def is_path(self) -> bool:
        """Whether it names a file or folder that decides the result."""
        return issubclass(self.kind, Path)

    @property
    def default_text(self) -> str:
        """The default as a user would give it."""
        return NONE if self.default is None else str(self.default)

    def read(self, value: Any) -> Any:
        """The value that a command line, a form or an earlier record means.

        Parameters
        ----------
        value : object
            Text, or what JSON or a form keeps.

        Raises
        ------
        ValueError
            Not of this kind; the text says what is expected.
        """
        if value is None and self.is_optional:
            return None
        if self.kind is bool:
            return value not in (False, 0, None, "False", "false", "no", "")
        if issubclass(self.kind, str):
            text = str(value)
            return None if self.is_optional and text in ("", NONE) else self.kind(text)
        if self.is_optional and str(value).strip().lower() in ("", NONE):
            return None
        try:
            number = (int if self.kind is int else float)(value)
        except (TypeError, ValueError):
            wanted = f"{EXPECTED[self.kind]} or {NONE}" if self.is_optional else EXPECTED[self.kind]
            raise ValueError(f"'{value}': expected {wanted}") from None
        if self.is_optional and number == (EMPTY[self.kind] if self.none_was is None else self.none_was):
            return None
        return number

    def check(self, value: Any) -> None:
        """Refuse a value outside the limits.

        Raises
        ------
        ValueError
            The text says what was found and what is expected.
        """
        if value is None and self.is_optional:
            return
        if self.choices and value not in self.choices:
            raise ValueError(f"{value}: expected one of {', '.join(self.choices)}.")
        if self.kind not in (int, float):
            return
        if self.kind is float and not math.isfinite(value):
            raise ValueError(f"{value}: expected a finite number.")
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            expected = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
            raise ValueError(f"{value:g}: expected {expected} {self.unit}".rstrip() + ".")
