"""What a user setting is: the form that all of ``settings`` have in common."""
from dataclasses import dataclass
from typing import Any, Tuple


@dataclass(frozen=True)
class Setting:
    """One user setting.

    Parameters
    ----------
    name : str
        snake_case name; the option is ``--name-with-dashes``, the form parameter its camelCase.
    default : object
        Value when the user says nothing. ``0`` or ``''`` means "measured" or "none" where the help says so.
    kind : type
        ``int``, ``float``, ``str`` or ``bool``.
    help : str
        What it does, in a microscopist's words, with the reason for the default.
    unit : str
        Physical unit, or empty.
    choices : tuple of str
        The only values allowed, if not empty.
    advanced : bool
        Shown to experts only in the form.
    label : str
        Short text of the form row; made from the name when empty.
    minimum, maximum : float or None
        Closed limits of a number.
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

    @property
    def option(self):
        """Command line spelling, e.g. ``--initial-resolution``."""
        return "--" + self.name.replace("_", "-")

    @property
    def form_name(self):
        """Scipion form spelling, e.g. ``initialResolution``."""
        head, *tail = self.name.split("_")
        return head + "".join(word.capitalize() for word in tail)

    @property
    def form_label(self):
        """Label of the form row, with the unit."""
        text = self.label or self.name.replace("_", " ").capitalize()
        return f"{text} ({self.unit})" if self.unit else text
