"""The templates as their files have them, for the tests."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from pyworkflow.template import LocalTemplate

import scipion_gmmrefine

FOLDER = Path(scipion_gmmrefine.__file__).parent / "templates"
SUFFIX = ".json.template"
COMMAND = "Without a window, with every value: scipion3 "


@dataclass
class Field:
    """A value that whoever starts a template may choose."""

    title: str
    default: str
    kind: int
    alias: str


class Template:
    """A template of this plugin."""

    def __init__(self, name):
        self.name = name
        self._template = LocalTemplate("scipion_gmmrefine", str(FOLDER / f"{name}{SUFFIX}"))
        self._parts = self._template.content.split("~")

    @property
    def fields(self):
        """All values that can be chosen."""
        return [
            Field(title, default, int(kind), alias)
            for title, default, kind, alias in (part.split("|") for part in self._parts[1::2])
        ]

    @property
    def steps(self):
        """Its protocols, the fields at their defaults."""
        parts = list(self._parts)
        parts[1::2] = [field.default for field in self.fields]
        return json.loads("".join(parts))

    @property
    def command(self):
        """Words of the command that the description ends with, after the name of Scipion's launcher."""
        _, _, command = self._template.description.partition(COMMAND)
        return shlex.split(command)

    @property
    def commandLine(self):
        """The same as it is written."""
        return self._template.description.partition(COMMAND)[2]


def everyTemplate():
    """All templates of this plugin by their names."""
    return {path.name[: -len(SUFFIX)]: Template(path.name[: -len(SUFFIX)]) for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}
