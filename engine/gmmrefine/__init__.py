"""Gaussian mixture refinement of cryoEM particles: the engine, without Scipion.

Every command is a function here, made when first asked for: ``gmmrefine.refine("particles.star", "refined", iterations=2)``.
"""
from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name):
    """The function of a command."""
    names = import_module("gmmrefine.commands").COMMANDS.values()
    if name not in names:
        known = ", ".join(names)
        raise AttributeError(f"module 'gmmrefine' has no attribute '{name}'; its commands are {known}")
    return import_module("gmmrefine.python_api").functions()[name]
