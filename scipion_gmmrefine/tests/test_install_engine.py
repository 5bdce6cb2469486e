import os
import shutil
import stat
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from scipion_gmmrefine import install_engine

# Stands for a Python and for conda: makes environments that only write down what they are asked.
PYTHON = """#!/bin/sh
case "$*" in
  *ensurepip*) echo {version};;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  *) echo "$*" >> "$(dirname "$0")/asked";;
esac
"""
CONDA = """#!/bin/sh
if [ "$1" = create ]; then
  while [ "$1" != --prefix ]; do shift; done
  mkdir -p "$2/bin"; cp "$(dirname "$0")/python3" "$2/bin/python"
fi
"""


class TestInstallEngine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.programs, self.package = (Path(folder.name) / name for name in ("programs", "package"))
        self.programs.mkdir()
        self.package.mkdir()
        for name in ("bash", "sh", "mkdir", "cp", "dirname"):  # and no Python of this machine
            (self.programs / name).symlink_to(shutil.which(name))
        path = mock.patch.dict(os.environ, {"PATH": str(self.programs), "PYTHONPATH": "/scipion"})
        path.start()
        self.addCleanup(path.stop)

    def program(self, name, text):
        path = self.programs / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def install(self, requirement="gmmrefine{}==0.1.0", activation=""):
        with mock.patch.object(sys, "executable", str(self.programs / "python3")):
            install_engine.main([str(self.package), requirement, activation])
        return (self.package / "env" / "bin" / "asked").read_text().splitlines()

    def test_newest_python_that_fits_makes_the_environment(self):
        for name, version in (("python3.8", "3 8"), ("python3.11", "3 11"), ("python3", "3 13")):
            self.program(name, PYTHON.format(version=version))
        self.program("python3.12", "#!/bin/sh\nexit 127\n")  # as pyenv leaves for versions that are not chosen
        self.assertEqual(install_engine.newestPython(), str(self.programs / "python3.11"))
        self.assertEqual(
            self.install(), ["-m pip install --upgrade pip", "-m pip install gmmrefine[tf]==0.1.0", "-m gmmrefine doctor"]
        )

    def test_a_graphics_card_asks_for_cuda_from_python_3_9_on(self):
        self.program("python3", PYTHON.format(version="3 9"))
        self.program("nvidia-smi", "#!/bin/sh\necho 'GPU 0: NVIDIA H200'\n")
        self.assertEqual(self.install("-e /some/where{}")[1], "-m pip install -e /some/where[gpu]")
        self.program("python3", PYTHON.format(version="3 8"))
        self.assertEqual(self.install()[1], "-m pip install gmmrefine[tf]==0.1.0")

    def test_conda_makes_it_where_scipion_has_one(self):
        self.program("python3", PYTHON.format(version="3 11"))
        self.program("conda", CONDA)
        self.assertEqual(self.install(activation="true &&")[-1], "-m gmmrefine doctor")

    def test_a_conda_that_cannot_gives_way(self):
        self.program("python3", PYTHON.format(version="3 10"))
        self.program("conda", "#!/bin/sh\nexit 1\n")
        self.assertEqual(self.install()[-1], "-m gmmrefine doctor")

    def test_no_python_that_fits_is_said(self):
        self.program("python3", PYTHON.format(version="3 13"))
        with mock.patch.object(install_engine.shutil, "which", side_effect=lambda name: None), self.assertRaisesRegex(
            SystemExit, "Python 3.8 to 3.12"
        ):
            self.install()

    def test_a_failure_ends_it(self):
        self.program("python3", PYTHON.format(version="3 11").replace('  *) echo "$*"', '  *doctor*) exit 3;;\n  *) echo "$*"'))
        with self.assertRaisesRegex(SystemExit, "doctor' ended with code 3"):
            self.install()
