"""Builds the plugin as setuptools does, and tells setup.py when it is to be installed in place.

``pip install -e`` and Scipion's ``installp --devel`` ask for the hooks named *editable*; only then is the engine in the
folder beside the one that is required, so that no wheel or source archive names a folder of the machine it was built on.
"""

import os

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401  the hooks that stay as they are
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_wheel,
)


def _in_place(hook):
    def with_engine_beside(*args):
        os.environ["GMMREFINE_BUILD_IN_PLACE"] = "1"
        return hook(*args)

    return with_engine_beside


get_requires_for_build_editable = _in_place(build_meta.get_requires_for_build_editable)
prepare_metadata_for_build_editable = _in_place(build_meta.prepare_metadata_for_build_editable)
build_editable = _in_place(build_meta.build_editable)
