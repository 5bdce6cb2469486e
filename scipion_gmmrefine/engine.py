# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Starts the engine, a program of its own, and turns its last words into a protocol's error message."""

import errno
import importlib.util
import itertools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from uuid import uuid4

from pyworkflow.exceptions import PyworkflowException
from pyworkflow.utils import Environ

from gmmrefine import settings
from scipion_gmmrefine.constants import ENGINE_ERRORS, ENGINE_PACKAGE, REPORT_FILE

SECONDS_BETWEEN_LOOKS = 0.2
_NUMBERS = itertools.count()
# What the engine advises on a command line, and the same for someone in front of Scipion's forms.
ADVICE = {
    "use another folder with -o": "execute this protocol with Restart",
    "Use another folder with -o": "Execute this protocol with Restart",
    "Choose another one with -o": "Make room for it in the folder of the project, and execute again",
    "Repeat the same command to continue it": "Set them back to continue it",
    "give the same command with --take-over after": "execute with Continue after",
    "give the same command with --take-over": "execute with Continue",
}


class EngineFailure(PyworkflowException):
    """The engine ended badly; the text is what it said last."""


def hasTensorflow():
    """Whether this Python could run the engine."""
    return importlib.util.find_spec("tensorflow") is not None


def defaultPython(engineFolder):
    """Python that runs the engine: this one when it has TensorFlow, else the one the plugin's installer made."""
    return sys.executable if hasTensorflow() else os.path.join(engineFolder, "env", "bin", "python")


def engineEnviron(python):
    """Environment of the engine: quiet TensorFlow, and no packages of Scipion in another Python.

    Returns
    -------
    pyworkflow.utils.Environ
    """
    environ = Environ(os.environ)
    environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    environ["PYTHONUNBUFFERED"] = "1"
    if os.path.dirname(os.path.abspath(python)) != os.path.dirname(os.path.abspath(sys.executable)):
        environ.pop("PYTHONPATH", None)
        environ.pop("PYTHONHOME", None)
    return environ


def gpuPrefix(protocol):
    """``CUDA_VISIBLE_DEVICES=…`` for the command line, or nothing where the protocol's form has no GPU row.

    ``%(GPU)s`` is filled in by Scipion's executor, which knows the numbers that a queue gave.
    """
    if not protocol.allowsGpu():
        return ""
    if not protocol.usesGpu():
        return "CUDA_VISIBLE_DEVICES=-1 "
    return "CUDA_VISIBLE_DEVICES=%(GPU)s " if protocol.getGpuList() else ""


def runEngine(protocol, python, command, arguments, outputs, part=""):
    """Run one command of the engine as a job of a protocol.

    Parameters
    ----------
    protocol : pwem.protocols.EMProtocol
    python : str
        Python that has the engine.
    command : str
        Subcommand, such as ``refine``.
    arguments : list of str
        Its arguments, unquoted.
    outputs : list of str
        Files that must exist afterwards; the exit code alone is not to be had from a queue.
    part : str
        Tells runs apart that go on side by side in one protocol.

    Raises
    ------
    EngineFailure
        The engine stopped with an error or an output is missing.
    """
    errorFile = Path(protocol._getExtraPath(f"{ENGINE_ERRORS}{part}"))
    errorFile.unlink(missing_ok=True)
    words = ["-m", ENGINE_PACKAGE, command, *arguments]
    line = " ".join(shlex.quote(str(word)) for word in words) + f" 2> {shlex.quote(str(errorFile))}"
    prefix = gpuPrefix(protocol)
    if "%(GPU)s" in prefix:
        line = line.replace("%", "%%")  # the executor fills the whole line in, not only the program
    failed = False
    try:
        protocol.runJob(prefix + shlex.quote(python), line, env=engineEnviron(python), numberOfMpi=1)
    except CalledProcessError as error:
        protocol.info(f"The engine ended with an error: {error}")
        failed = True
    said = errorFile.read_text(errors="replace").strip() if errorFile.exists() else ""
    if said:
        protocol.error(said)
    missing = [name for name in outputs if not os.path.exists(name)]
    if failed or missing:
        raise EngineFailure(_lastWords(said, command, protocol) if said else f"The engine wrote no {', '.join(missing)}.")


def runEngineNow(python, command, arguments, folder, goesOn=None):
    """Run one command of the engine from a viewer and wait for it.

    Parameters
    ----------
    python : str
        Python that has the engine.
    command : str
    arguments : list of str
    folder : str
        Where its results are afterwards, in place of those of an earlier run. It writes beside it: another viewer may have the
        same at work.
    goesOn : callable, optional
        Asked several times a second, with the folder where the engine reports meanwhile, whether to wait on.

    Raises
    ------
    EngineFailure
        The engine stopped with an error, or is too old to know the command, or was given up.
    """
    parent, name = os.path.split(os.path.abspath(folder))
    made = os.path.join(parent, f".{name}.{uuid4().hex}")  # no other viewer's, on this computer or another
    try:
        said, code = _waitFor(
            [python, "-m", ENGINE_PACKAGE, command, *arguments, "-o", made],
            engineEnviron(python),
            lambda: goesOn is None or goesOn(made),
        )
        if "invalid choice" in said:
            raise EngineFailure(f"The engine of {python} has no command {command}. Update the package {ENGINE_PACKAGE} there.")
        if code:
            raise EngineFailure(_lastWords(said.strip() or f"{command} failed", command))
        _putInPlace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _putInPlace(made, folder):
    """Give a folder the name of an older one, which is removed; of several viewers that do so at once the last one stays."""
    while True:
        older = f"{made}.older"
        try:
            if os.path.isdir(folder):
                with suppress(FileNotFoundError):  # another viewer has moved it away
                    os.replace(folder, older)
            os.replace(made, folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            shutil.rmtree(older, ignore_errors=True)


def makeReport(python, folder, goesOn=None):
    """Have the engine write the report of a run.

    Parameters
    ----------
    python : str
        Python that has the engine.
    folder : str
        Of the run.
    goesOn : callable, optional
        Asked several times a second, with the folder, whether to wait on.

    Returns
    -------
    str
        The page.

    Raises
    ------
    EngineFailure
        The engine stopped with an error, or was given up.
    """
    said, code = _waitFor(
        [python, "-m", ENGINE_PACKAGE, "report", folder], engineEnviron(python), lambda: goesOn is None or goesOn(folder)
    )
    if code:
        raise EngineFailure(_lastWords(said.strip() or "report failed", "report"))
    return os.path.join(folder, REPORT_FILE)


def _waitFor(words, environ, goesOn):
    """Errors and exit code of a program that runs until it ends or nobody waits for it any more."""
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, env=dict(environ)) as program:
            while True:
                try:
                    program.wait(SECONDS_BETWEEN_LOOKS)
                    break
                except subprocess.TimeoutExpired:
                    if not goesOn():
                        program.terminate()
                        program.wait()
                        raise EngineFailure("Cancelled; nothing was changed.") from None
        errors.seek(0)
        return errors.read(), program.returncode


def _lastWords(said, command, protocol=None):
    """The engine's message, in the words of Scipion's forms; settings by the labels of a protocol's rows, where it has them."""
    message = said.splitlines()[-1].replace(f"{ENGINE_PACKAGE} {command}: ", "", 1)
    for commandLine, form in ADVICE.items():
        message = message.replace(commandLine, form)
    return settings.spelled(message, lambda setting: f"'{_labelOf(setting, protocol)}'")


def _labelOf(setting, protocol):
    row = None if protocol is None else protocol.getParam(setting.form_name)
    return setting.form_label if row is None else row.label.get()
