"""Small simulated particles, made once."""

from small_run import simulated

__all__ = ["simulated"]
