"""Settings in a text: the engine writes them as options, each front end as its users know them."""

import re
from typing import Callable

from gmmrefine.settings.concerns import SETTINGS
from gmmrefine.settings.setting import Setting

_OPTION = re.compile(r"--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")


def spelled(text: str, spell: Callable[[Setting], str]) -> str:
    """A text with every setting as ``spell`` names it; options that are no settings stay.

    Parameters
    ----------
    text : str
        Such as an error, with settings as options, ``--max-resolution``.
    spell : callable
        The name of a Setting.

    Returns
    -------
    str
    """

    def replaced(match: "re.Match[str]") -> str:
        setting = SETTINGS.get(match.group(1).replace("-", "_"))
        return match.group(0) if setting is None else spell(setting)

    return _OPTION.sub(replaced, text)
