# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The variables a Scipion session needs where no full Scipion is installed: for the demo and the tests.

pyworkflow reads them when it is imported, so they must be set before; this file imports nothing of Scipion.
"""

import os
import sys
from pathlib import Path

HOSTS = """[localhost]
PARALLEL_COMMAND = mpirun -np %_(JOB_NODES)d --bind-to none %_(COMMAND)s
"""


def scipionVariables(folder):
    """Environment variables of a Scipion session that keeps everything below one folder.

    Parameters
    ----------
    folder : str or Path
        Home of the session; made, with a hosts file in it, if it does not exist.

    Returns
    -------
    dict of str
        Names and values. Child processes run with this Python, and nothing is sent over the network.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    hosts = folder / "hosts.conf"
    if not hosts.exists():  # it may have been adapted
        hosts.write_text(HOSTS)
    return {
        "SCIPION_HOME": str(folder),
        "SCIPION_USER_DATA": str(folder),
        "SCIPION_HOSTS": str(hosts),
        "SCIPION_DOMAIN": "pwem",
        "SCIPION_PYTHON": sys.executable,
        "SCIPION_NOTIFY": "False",
        "SCIPION_TEST_NOSYNC": "True",
    }


def prepareScipion(folder):
    """Set the variables in this process, except those that a Scipion launcher has already set."""
    if "SCIPION_DOMAIN" not in os.environ:
        os.environ.update(scipionVariables(folder))
