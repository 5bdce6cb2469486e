import os
import shlex
import stat
import sys
import tempfile
import time
import unittest
from pathlib import Path
from subprocess import CalledProcessError, Popen, check_call
from unittest import mock

from scipion_gmmrefine.engine import EngineFailure, defaultPython, engineEnviron, gpuPrefix, runEngine, runEngineNow


class FakeProtocol:
    """Runs jobs as Scipion's executor does, by a shell."""

    def __init__(self, folder, gpus=(0,), useGpu=True):
        self.folder, self.gpus, self.useGpu, self.commands = folder, list(gpus), useGpu, []

    def _getExtraPath(self, *names):
        return str(self.folder.joinpath(*names))

    def allowsGpu(self):
        return self.useGpu is not None

    def usesGpu(self):
        return self.useGpu

    def getGpuList(self):
        return self.gpus

    def runJob(self, program, line, env=None, numberOfMpi=None):
        command = f"{program} {line}"
        if "%(GPU)s" in program:
            command = command % {"GPU": ",".join(map(str, self.gpus))}
        self.commands.append(command)
        check_call(command, shell=True, env=env)

    def getParam(self, name):
        return None

    def info(self, _message):
        pass

    error = info


class TestEngine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "a folder"
        self.folder.mkdir()

    def python(self, script):
        """A program that stands for the engine's Python."""
        path = self.folder / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def run_(self, script, outputs=(), arguments=(), **options):
        protocol = FakeProtocol(self.folder, **options)
        expected = [str(self.folder / name) for name in outputs]
        runEngine(protocol, self.python(script), "refine", list(arguments), expected)
        return protocol

    def test_last_line_of_the_engine_is_the_error(self):
        with self.assertRaisesRegex(EngineFailure, r"^particles\.star, row 3: no$"):
            self.run_("echo warming up >&2; echo 'particles.star, row 3: no' >&2; exit 1")

    def test_advice_for_a_command_line_becomes_advice_for_a_form(self):
        with self.assertRaisesRegex(
            EngineFailure,
            r"^other settings\. Set them back to continue it, or execute this "
            r"protocol with Restart\.$",
        ):
            self.run_(
                "echo 'other settings. Repeat the same command to continue it, or use another folder with -o.' >&2; exit 1"
            )

    def test_settings_are_named_as_in_the_form(self):
        with self.assertRaisesRegex(
            EngineFailure,
            r"^'Finest resolution for poses \(Å\)' 2 Å is too fine\. Set "
            r"'Molecule is dark in the images\?' to Yes, or --to x\.$",
        ):
            self.run_(
                "echo 'gmmrefine refine: --max-resolution 2 Å is too fine. Set --invert-contrast to Yes, or --to x.' "
                ">&2; exit 1"
            )

    def test_a_run_on_a_computer_that_died_is_gone_on_with_by_continue(self):
        with self.assertRaisesRegex(
            EngineFailure,
            r"^extra is in use\. Wait for it or stop it; if it is dead, execute with "
            r"Continue after 14:32:05\.$",
        ):
            self.run_(
                "echo 'extra is in use. Wait for it or stop it; if it is dead, give the same command with --take-over "
                "after 14:32:05.' >&2; exit 1"
            )

    def test_missing_output_is_an_error_although_the_job_ended_well(self):
        with self.assertRaisesRegex(EngineFailure, r"wrote no .*map\.mrc"):
            self.run_("exit 0", outputs=["map.mrc"])

    def test_arguments_with_blanks_and_percents_arrive_whole(self):
        said = self.folder / "said.txt"
        self.run_(
            f'for word in "$@"; do echo "$word" >> {shlex.quote(str(said))}; done; echo $CUDA_VISIBLE_DEVICES >> '
            f"{shlex.quote(str(said))}",
            arguments=["my file.star", "100% sure"],
            gpus=(2, 3),
        )
        self.assertEqual(said.read_text().splitlines(), ["-m", "gmmrefine", "refine", "my file.star", "100% sure", "2,3"])

    def test_runs_side_by_side_keep_their_messages_apart(self):
        protocol = FakeProtocol(self.folder)
        runEngine(protocol, self.python("echo note >&2"), "refine", [], [], part=".patch_02")
        self.assertEqual((self.folder / "engine.stderr.patch_02").read_text(), "note\n")
        self.assertFalse((self.folder / "engine.stderr").exists())

    def test_a_viewer_waits_for_the_engine_and_hears_its_error(self):
        target = self.folder / "result"
        target.mkdir()
        (target / "old").touch()
        runEngineNow(self.python('for last; do :; done; mkdir "$last"; echo "$3" > "$last/said"'), "fsc", ["a"], str(target))
        self.assertEqual([(path.name, path.read_text()) for path in target.iterdir()], [("said", "fsc\n")])
        beside = [path.name for path in self.folder.iterdir()]
        with self.assertRaisesRegex(EngineFailure, r"^a\.mrc: no such file$"):
            runEngineNow(self.python("echo 'gmmrefine fsc: a.mrc: no such file' >&2; exit 1"), "fsc", [], str(target))
        with self.assertRaisesRegex(EngineFailure, "has no command fsc. Update the package"):
            runEngineNow(self.python("echo \"invalid choice: 'fsc'\" >&2; exit 2"), "fsc", [], str(target))
        self.assertEqual([path.name for path in target.iterdir()], ["said"])  # an error takes nothing away
        self.assertEqual([path.name for path in self.folder.iterdir()], beside)

    def test_what_a_viewer_waits_for_can_be_given_up(self):
        target, looks = self.folder / "result", []
        target.mkdir()
        (target / "old").touch()
        python = self.python('for last; do :; done; mkdir "$last"; echo $$ > "$last/process"; exec sleep 600')

        def goesOn(folder):
            looks.append(Path(folder, "process").read_text() if Path(folder, "process").exists() else "")
            return not looks[-1]

        with self.assertRaisesRegex(EngineFailure, "Cancelled"):
            runEngineNow(python, "local-resolution", [], str(target), goesOn)
        self.assertFalse(os.path.exists(f"/proc/{int(looks[-1])}"))
        self.assertEqual([path.name for path in target.iterdir()], ["old"])
        self.assertFalse(list(self.folder.glob(".result.*")))

    def test_two_viewers_of_one_protocol_do_not_write_to_one_folder(self):
        """What the engine of one has in hand is not removed by the other."""
        target, go = self.folder / "result", self.folder / "go"
        python = self.python(
            'for last; do :; done; mkdir "$last"; echo "$4" > "$last/said"; '
            f'[ "$4" = slow ] && while [ ! -e {shlex.quote(str(go))} ]; do sleep 0.01; done; test -e "$last/said"'
        )
        viewer = (
            "import sys; from scipion_gmmrefine.engine import runEngineNow; "
            "runEngineNow(sys.argv[1], 'x', ['slow'], sys.argv[2])"
        )
        with Popen([sys.executable, "-c", viewer, python, str(target)]) as other:
            self.addCleanup(go.touch)
            while not any(self.folder.glob(".result.*/said")) and other.poll() is None:
                time.sleep(0.01)
            runEngineNow(python, "x", ["fast"], str(target))
            self.assertEqual((target / "said").read_text(), "fast\n")
            go.touch()
            self.assertEqual(other.wait(), 0)
        self.assertEqual((target / "said").read_text(), "slow\n")

    def test_three_viewers_at_once_leave_one_whole_result(self):
        """Each many times; nobody fails, no result is mixed, and nothing is left beside it."""
        target = self.folder / "result"
        python = self.python('for last; do :; done; mkdir "$last"; for n in 1 2 3 4; do echo "$4" > "$last/$n"; done')
        viewer = (
            "import sys; from scipion_gmmrefine.engine import runEngineNow\n"
            "for _ in range(12): runEngineNow(sys.argv[1], 'x', [sys.argv[3]], sys.argv[2])"
        )
        viewers = [Popen([sys.executable, "-c", viewer, python, str(target), name]) for name in "abc"]
        self.assertEqual([each.wait() for each in viewers], [0, 0, 0])
        said = [path.read_text() for path in sorted(target.iterdir())]
        self.assertEqual(len(said), 4)
        self.assertEqual(len(set(said)), 1)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".result")], [])

    def test_gpu_prefix(self):
        self.assertEqual(gpuPrefix(FakeProtocol(self.folder, gpus=())), "")
        self.assertEqual(gpuPrefix(FakeProtocol(self.folder, useGpu=False)), "CUDA_VISIBLE_DEVICES=-1 ")
        self.assertEqual(gpuPrefix(FakeProtocol(self.folder, useGpu=None)), "")

    def test_other_python_does_not_see_scipions_packages(self):
        with mock.patch.dict(os.environ, {"PYTHONPATH": "/scipion/site-packages"}):
            self.assertNotIn("PYTHONPATH", engineEnviron("/elsewhere/bin/python"))
            self.assertEqual(engineEnviron(sys.executable)["PYTHONPATH"], "/scipion/site-packages")

    def test_default_python(self):
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertEqual(defaultPython("/em/engine"), "/em/engine/env/bin/python")
        with mock.patch("importlib.util.find_spec", return_value=object()):
            self.assertEqual(defaultPython("/em/engine"), sys.executable)

    def test_fake_protocol_fails_like_the_executor(self):
        with self.assertRaises(CalledProcessError):
            FakeProtocol(self.folder).runJob("false", "")
