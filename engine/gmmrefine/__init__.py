"""Gaussian mixture refinement of cryoEM particles: the engine, without Scipion.

Every command is a function here, made when first asked for: ``gmmrefine.refine("particles.star", "refined", iterations=2)``.
"""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"
_ROOMS = ("heterogeneity", "report")  # folders of the engine that have the name of a command


class _Room(ModuleType):
    """A folder of the engine that is called as the command of its name."""

    @property
    def __signature__(self):
        import inspect

        return inspect.signature(self._command())

    def _command(self):
        return import_module("gmmrefine.python_api").functions()[self.__name__.rpartition(".")[2]]

    def __call__(self, *inputs, **settings):
        return self._command()(*inputs, **settings)


class _Engine(ModuleType):
    """This package. When Python has imported a room and puts it here, it must not hide the command of its name."""

    def __setattr__(self, name, value):
        if name in _ROOMS and type(value) is ModuleType:
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Engine


def __getattr__(name):
    """The function of a command."""
    names = import_module("gmmrefine.commands").COMMANDS.values()
    if name not in names:
        known = ", ".join(names)
        raise AttributeError(f"module 'gmmrefine' has no attribute '{name}'; its commands are {known}")
    return import_module("gmmrefine.python_api").functions()[name]
