"""Gaussian mixture refinement of cryoEM particles: the engine, without Scipion."""

__version__ = "0.1.0"
