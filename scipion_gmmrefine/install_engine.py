# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Makes the engine's environment: what ``scipion3 installb gmmrefine`` runs.

A program of its own that needs the standard library only: python install_engine.py FOLDER REQUIREMENT [CONDA_ACTIVATION]
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CONDA_PYTHON = "3.11"
NEWEST, OLDEST = (3, 12), (3, 8)  # that the engine runs on
OLDEST_WITH_CUDA = (3, 9)  # from where on TensorFlow brings its CUDA libraries
IS_FIT = "import ensurepip, sys, venv; print(*sys.version_info[:2])"
NVIDIA_CARDS = Path("/proc/driver/nvidia/gpus")


def main(arguments):
    """Make the environment below a folder and try the engine in it.

    Parameters
    ----------
    arguments : list of str
        Folder, requirement with ``{}`` where the engine's extra goes, and the command that makes ``conda`` known to a shell.
    """
    folder, requirement, condaActivation = (*arguments, "")[:3]
    target = Path(folder).resolve() / "env"
    shutil.rmtree(target, ignore_errors=True)
    if not (hasConda(condaActivation) and madeByConda(target, condaActivation)):
        makeVenv(target)
    python = str(target / "bin" / "python")
    version = versionOf(python)
    extra = "gpu" if seesGpu() and version >= OLDEST_WITH_CUDA else "tf"
    say(f"Installing the engine with the extra [{extra}] for Python {version[0]}.{version[1]}")
    run([python, "-m", "pip", "install", "--upgrade", "pip"])
    run([python, "-m", "pip", "install", *requirement.format(f"[{extra}]").split(" ", 1)])
    run([python, "-m", "gmmrefine", "doctor"])


def hasConda(activation):
    """Whether Scipion knows a conda, or the shell does."""
    return bool(activation.strip()) or shutil.which("conda") is not None


def madeByConda(target, activation):
    """Whether conda could make the environment; sites without access to its channels have a conda that cannot."""
    line = f"{activation} conda create --yes --prefix '{target}' python={CONDA_PYTHON} pip"
    say(line)
    if subprocess.run(["bash", "-c", line], env=cleanEnviron(), check=False).returncode == 0:
        return True
    say("conda could not make the environment (see above); making it with Python's own venv instead")
    shutil.rmtree(target, ignore_errors=True)
    return False


def makeVenv(target):
    """Make the environment with the newest Python of this machine that the engine runs on."""
    run([newestPython(), "-m", "venv", str(target)])


def newestPython():
    """Path of that Python."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)] + ["python3"]
    candidates = [shutil.which(name) for name in names] + [sys.executable]
    fit = {path: versionOf(path) for path in candidates if path}
    fit = {path: version for path, version in fit.items() if version and OLDEST <= version <= NEWEST}
    if not fit:
        raise SystemExit(
            "The engine needs a Python 3.8 to 3.12 with venv and ensurepip; none was found. On Debian or Ubuntu: "
            "apt-get install python3-venv. Or set CONDA_ACTIVATION_CMD in scipion.conf."
        )
    return max(fit, key=fit.get)


def versionOf(python):
    """Its version as (major, minor), or None where it cannot make environments."""
    try:
        asked = subprocess.run([python, "-c", IS_FIT], env=cleanEnviron(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else None


def seesGpu():
    """Whether this machine has a graphics card of NVIDIA with its driver."""
    if NVIDIA_CARDS.is_dir() and any(NVIDIA_CARDS.iterdir()):
        return True
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


def cleanEnviron():
    """This environment without what would mix Scipion's packages into the engine's."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    }


def run(words):
    """Run a program; its failure ends the installation."""
    say(" ".join(words))
    code = subprocess.run(words, env=cleanEnviron(), check=False).returncode
    if code:
        raise SystemExit(f"The engine was not installed: '{' '.join(words)}' ended with code {code}.")


def say(line):
    """Print at once: pip writes to the same terminal."""
    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
