"""Small simulated particles and their refinement, made once."""

from small_run import refined, simulated, swinging

__all__ = ["refined", "simulated", "swinging"]
