"""Gaussian mixture refinement of cryoEM particles: the engine, without Scipion.

Every command is a function here, made when first asked for: ``gmmrefine.refine("particles.star", "refined", iterations=2)``.
"""
from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name):
    """The function of a command."""
    if name.startswith("_"):
        raise AttributeError(name)
    functions = import_module("gmmrefine.python_api").functions()
    if name not in functions:
        raise AttributeError(f"module 'gmmrefine' has no attribute '{name}'; its commands are {', '.join(functions)}")
    return functions[name]
