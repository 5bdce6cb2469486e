"""Builds as a wheel of the engine the one that ``pip install -e engine`` would build: it points to the source."""

import os
from pathlib import Path

from setuptools import build_meta

ENGINE = Path(__file__).resolve().parents[2] / "engine"


def get_requires_for_build_wheel(config_settings=None):
    """What setuptools wants besides itself."""
    os.chdir(ENGINE)
    return build_meta.get_requires_for_build_editable(config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Name of the wheel made in a folder."""
    wheel_directory = os.path.abspath(wheel_directory)
    os.chdir(ENGINE)
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
