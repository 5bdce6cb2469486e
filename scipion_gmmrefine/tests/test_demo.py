import os
import subprocess
import sys
import tempfile
import tkinter
import unittest
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from threading import Event
from unittest import mock

import pytest
from pyworkflow.project import Manager, Project

from scipion_gmmrefine import demo
from scipion_gmmrefine.demo import Places
from scipion_gmmrefine.environment import scipionVariables
from scipion_gmmrefine.follow import currentRuns

REPOSITORY = Path(demo.__file__).resolve().parents[1]


def filesBelow(folder):
    """Content of every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class DemoTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve() / "demo_project"

    def made(self, number=1):
        """A demo that has been run, and a project and settings of its user beside it."""
        places = Places(self.folder, number)
        for name in (
            places.projectFolder / "project.sqlite",
            places.data / "particles.star",
            places.pictures / "fsc.png",
            places.home / "projects" / "mine" / "project.sqlite",
        ):
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_text(f"{name} of demo {number}")
        (places.home / "hosts.conf").write_text("[localhost]\nMY_QUEUE = here\n")
        return places

    def main(self, *arguments):
        """Exit code, what is said, and the command that a demo starts, without running it."""
        said = StringIO()
        with mock.patch.object(demo.subprocess, "call", return_value=0) as call, redirect_stdout(said), redirect_stderr(said):
            code = demo.main([*arguments])
        return code, said.getvalue(), call.call_args


class TestPlaces(DemoTest):
    def test_first_demo_has_plain_names(self):
        places = Places.free(self.folder)
        self.assertEqual((places.project, places.data.name, places.pictures.name), ("gmm_demo", "data", "pictures"))
        self.assertIsNone(Places.last(self.folder))

    def test_next_one_is_put_beside_whatever_is_there(self):
        self.made()
        places = Places.free(self.folder)
        self.assertEqual((places.project, places.data.name, places.pictures.name), ("gmm_demo_2", "data_2", "pictures_2"))
        self.assertEqual(places.home, self.folder / "scipion")
        self.assertEqual(Places.last(self.folder).project, "gmm_demo")
        self.made(2)
        self.assertEqual((Places.free(self.folder).number, Places.last(self.folder).number), (3, 2))

    def test_files_that_are_no_demo_keep_their_names_too(self):
        (self.folder / "data").mkdir(parents=True)
        self.assertEqual(Places.free(self.folder).number, 2)
        self.assertIsNone(Places.last(self.folder))


class TestMain(DemoTest):
    def test_nothing_is_removed_or_changed(self):
        self.made()
        before = filesBelow(self.folder)
        code, said, started = self.main(str(self.folder))
        self.assertEqual(code, 0)
        self.assertEqual(filesBelow(self.folder), before)
        self.assertEqual(started[0][0][-3:], [str(self.folder), "--number", "2"])
        environment = started[1]["env"]
        self.assertEqual(environment["SCIPION_USER_DATA"], str(self.folder / "scipion"))
        self.assertEqual(environment["PATH"].split(os.pathsep)[0], str(Path(sys.executable).parent))
        self.assertIn(f"writes to {self.folder} only", said)

    def test_it_ends_with_two_short_commands(self):
        here = Path.cwd()
        self.addCleanup(os.chdir, here)
        os.chdir(REPOSITORY)
        self.assertEqual(demo.openCommand("demo_project"), "make gui")
        self.assertEqual(demo.openCommand("a b"), "make gui DEMO='a b'")
        os.chdir(self.folder.parent)
        self.assertEqual(demo.openCommand("demo_project"), f"{sys.executable} -m scipion_gmmrefine.demo --open")
        _, said, _ = self.main(str(self.folder))
        command = f"{sys.executable} -m scipion_gmmrefine.demo --open {self.folder}"
        self.assertEqual(
            said.splitlines()[-2:],
            [
                f"Open the project in Scipion's desktop:  {command}",
                f"Try the whole installation against a known truth:  {sys.executable} -m gmmrefine selftest",
            ],
        )

    def test_the_last_demo_is_opened(self):
        self.made()
        self.made(2)
        with mock.patch.object(tkinter, "Tk"):
            code, said, started = self.main("--open", str(self.folder))
        self.assertEqual((code, said), (0, f"Opening {self.folder}/scipion/projects/gmm_demo_2\n"))
        self.assertEqual(started[0][0][1:], ["-O", "-m", "scipion", "project", "gmm_demo_2"])
        self.assertEqual(started[1]["env"]["SCIPION_HOME"], str(self.folder / "scipion"))
        self.assertIn("MY_QUEUE", (self.folder / "scipion" / "hosts.conf").read_text())

    def test_without_a_display_one_line_says_so(self):
        self.made()
        with mock.patch.dict(os.environ):
            os.environ.pop("DISPLAY", None)
            code, said, started = self.main("--open", str(self.folder))
        self.assertEqual((code, started), (1, None))
        (line,) = said.splitlines()
        self.assertRegex(line, r"^No window can be opened here: .*display.*ssh -X.*pictures\.$")

    def test_without_a_demo_one_line_says_so(self):
        code, said, started = self.main("--open", str(self.folder))
        self.assertEqual((code, started), (1, None))
        self.assertEqual(said, f"There is no demo in {self.folder} yet. Make one first: make demo\n")


class TestPassingOn(DemoTest):
    def test_every_whole_line_is_told_once_and_in_order(self):
        self.folder.mkdir()
        path, told = self.folder / "gmmrefine.log", []
        with demo.passingOn(path, told.append, str), open(path, "w") as handle:
            for number in range(3):
                handle.write(f"line {number}\nhalf of")
                handle.flush()
                handle.write(" the next, ")
        self.assertEqual(told, ["line 0", "half of the next, line 1", "half of the next, line 2"])

    def test_between_lines_that_are_far_apart_the_progress_is_told(self):
        told, enough = [], Event()

        def tell(line):
            told.append(line)
            enough.set()

        with mock.patch.object(demo, "SECONDS_OF_SILENCE", 0), demo.passingOn(
            self.folder / "gmmrefine.log", tell, lambda: "refine poses, 7 s left"
        ):
            self.assertTrue(enough.wait(30))
        self.assertEqual(told[0], "... refine poses, 7 s left")


@pytest.mark.slow
@pytest.mark.timeout(3600)
class TestDemoTwice(DemoTest):
    def demo(self):
        """What a demo says; it must end well."""
        command = [sys.executable, "-m", "scipion_gmmrefine.demo", str(self.folder)]
        ended = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def test_a_project_of_the_user_survives_and_both_demos_are_finished(self):
        self.addCleanup(os.chdir, Path.cwd())
        said = self.demo()
        for step in range(1, 6):
            self.assertIn(f"{step} of 5. ", said)
        for told in ("iteration 3, half 2: refine poses", "→ 1000 particles", "→ Resolution: ", "rotation error (rms)"):
            self.assertIn(told, said)
        projects = Path(scipionVariables(self.folder / "scipion")["SCIPION_USER_DATA"]) / "projects"
        Manager(str(projects.parent)).createProject("mine")
        (projects / "gmm_demo" / "notes.txt").write_text("of the user")
        before = filesBelow(projects)
        self.demo()
        after = filesBelow(projects)
        self.assertEqual({path: after.get(path) for path in before}, before)
        self.assertEqual(sorted(path.name for path in projects.iterdir()), ["gmm_demo", "gmm_demo_2", "mine"])
        for name in ("gmm_demo", "gmm_demo_2"):
            self.assertEqual([run.getStatus() for run in currentRuns(str(projects / name))], 3 * ["finished"])
        self.assertTrue(Project(None, str(projects / "mine")).getDbPath())
