"""The surroundings that pyworkflow reads when it is first imported; must run before `scipion_gmmrefine` is."""
import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

HOSTS = "[localhost]\nPARALLEL_COMMAND = mpirun -np %_(JOB_NODES)d --bind-to none %_(COMMAND)s\n"


def _scipion_environment():
    home = Path(tempfile.mkdtemp(prefix="gmmrefine_scipion_"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "hosts.conf").write_text(HOSTS)
    return {
        "SCIPION_HOME": str(home),
        "SCIPION_USER_DATA": str(home / "userdata"),
        "SCIPION_HOSTS": str(home / "hosts.conf"),
        "SCIPION_DOMAIN": "pwem",
        "SCIPION_NOTIFY": "False",
        "SCIPION_TEST_NOSYNC": "True",
        "SCIPION_PYTHON": sys.executable,
        "MPLBACKEND": "Agg",
    }


if "SCIPION_HOME" not in os.environ:
    os.environ.update(_scipion_environment())
