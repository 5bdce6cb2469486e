# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The whole road once, on simulated particles: what ``make demo`` runs, and ``make gui`` shows.

Simulates particles of an ABC transporter (PDB 6MSM), makes a Scipion project, imports the particles, refines their
poses and builds a Gaussian model of the result, each through Scipion's launcher; then compares with the truth.
Another demo in the same folder makes a project, data and pictures of its own: nothing is ever removed.
"""

import argparse
import itertools
import os
import shlex
import subprocess
import sys
import time
import tkinter
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from pyworkflow.project import Manager

import gmmrefine
from scipion_gmmrefine.environment import scipionVariables
from scipion_gmmrefine.protocols import GmmRefineProtBuild, GmmRefineProtImportParticles, GmmRefineProtRefine
from scipion_gmmrefine.truth import alignedTable, poseErrors, posesOfSet, rms, truePoses
from scipion_gmmrefine.viewers import GmmRefineBuildViewer, GmmRefineRefineViewer

MODEL = Path(gmmrefine.__file__).parent / "data" / "6msm.cif.gz"
FOLDER = "demo_project"
SIMULATION = {"particles": 1000, "box": 80, "pixel-size": 2.1, "snr": 0.1, "pose-error": 3.0, "shift-error": 2.0}
REFINEMENT = {"iterations": 3}
THREADS = os.cpu_count() or 1
ENGINE_LOG = "gmmrefine.log"
SECONDS_OF_SILENCE = 10
REFINE_PICTURES = {
    "fsc": "showFsc",
    "slices": "showSlices",
    "gaussians": "showGaussians",
    "changes": "showChanges",
    "half_map_agreement": "showGmmFsc",
}
BUILD_PICTURES = {"map_agreement": "showGmmFsc"}
INTRODUCTION = """\
This demo does once what you would do with your own particles, here simulated so that the right answer is known.
It takes about a minute on two cores and writes to {folder} only. Nothing that is there is changed or removed.
"""
SIMULATING = f"""
1 of 5. Simulate {SIMULATION["particles"]} particle images of an ABC transporter (PDB 6MSM), in place of your data.
  Their poses are {SIMULATION["pose-error"]:g}° and {SIMULATION["shift-error"]:g} Å off, as after a refinement elsewhere; the \
true ones are kept aside to judge by."""
IMPORTING = """
2 of 5. Import them into a Scipion project: poses, CTF and half sets are read from particles.star, as from a RELION job."""
REFINING = f"""
3 of 5. GMM refine: better poses, in {REFINEMENT["iterations"]} iterations.
  For each half set by itself: a map, a model of Gaussians fitted to it (fit GMM), and the particles aligned to that model."""
BUILDING = """
4 of 5. GMM build: a Gaussian model of the final map, to see how many Gaussians it takes."""
DRAWING = """
5 of 5. Draw what Analyze results shows, and compare the poses with the true ones."""


def main(arguments):
    """Run the demo, or open the project of the last one."""
    parser = argparse.ArgumentParser("python -m scipion_gmmrefine.demo", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=FOLDER, help=f"where it writes (default: {FOLDER})")
    parser.add_argument("--open", action="store_true", help="open the project of its last demo in Scipion's desktop")
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.open:
        return openProject(chosen.folder)
    if chosen.number:
        print(run(Places(chosen.folder, chosen.number)))
        return 0
    places = Places.free(chosen.folder)
    print(INTRODUCTION.format(folder=places.folder), flush=True)
    # pyworkflow read its variables when it was imported above, so the demo runs in a process of its own.
    code = subprocess.call(
        [sys.executable, "-m", "scipion_gmmrefine.demo", str(places.folder), "--number", str(places.number)],
        env={**environment(places), "MPLBACKEND": "Agg"},
    )
    if code == 0:
        print(f"\nOpen the project in Scipion's desktop:  {openCommand(chosen.folder)}")
        print(f"Try the whole installation against a known truth:  {sys.executable} -m gmmrefine selftest")
    return code


class Places:
    """Where a demo writes: its number keeps it apart from those that were in the folder before.

    Parameters
    ----------
    folder : str or Path
    number : int
        From 1.
    """

    def __init__(self, folder, number):
        self.folder, self.number = Path(folder).resolve(), number
        suffix = f"_{number}" if number > 1 else ""
        self.project = f"gmm_demo{suffix}"
        self.data, self.pictures = (self.folder / f"{name}{suffix}" for name in ("data", "pictures"))
        self.home = self.folder / "scipion"  # of all demos in the folder, and of what else its user does in Scipion there
        self.projectFolder = self.home / "projects" / self.project

    @classmethod
    def free(cls, folder):
        """Those of the next demo in a folder."""
        return next(
            places
            for places in (cls(folder, number) for number in itertools.count(1))
            if not any(place.exists() for place in (places.projectFolder, places.data, places.pictures))
        )

    @classmethod
    def last(cls, folder):
        """Those of the newest demo in a folder that has a project, or None."""
        before = [cls(folder, number) for number in range(1, cls.free(folder).number)]
        return next((places for places in reversed(before) if places.projectFolder.exists()), None)


def environment(places):
    """Variables of a Scipion that keeps everything below the folder of the demo."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # Scipion starts `python`
    return {**os.environ, **scipionVariables(places.home), "PATH": path}


def run(places):
    """Simulate, import, refine, build, draw.

    Parameters
    ----------
    places : Places

    Returns
    -------
    str
        The comparison with the truth, the seconds that each part took, and where everything is.
    """
    watch = Stopwatch()
    simulate(places.data)
    watch.lap("simulate")
    say(IMPORTING)
    project = Manager().createProject(places.project)
    os.chdir(project.path)
    importing = launch(project, GmmRefineProtImportParticles, particlesFile=str(places.data / "particles.star"), tell=sayBelow)
    watch.lap("import")
    say(REFINING)
    refining = launch(
        project,
        GmmRefineProtRefine,
        {"inputParticles": (importing, "outputParticles")},
        numberOfThreads=THREADS,
        tell=sayBelow,
        **REFINEMENT,
    )
    watch.lap("refine")
    say(BUILDING)
    building = launch(
        project, GmmRefineProtBuild, {"inputVolume": (refining, "outputVolume")}, numberOfThreads=THREADS, tell=sayBelow
    )
    watch.lap("build")
    say(DRAWING)
    pictures = draw(project, places.pictures, refining, building)
    report = refining.getPlugin().makeReport(refining._getExtraPath())
    watch.lap("pictures")
    return "\n".join(
        [
            "",
            compare(importing, refining, places.data / "truth.star"),
            "",
            watch.table(),
            "",
            "Where to look",
            f"  pictures  {places.pictures}: {', '.join(path.name for path in pictures)}",
            f"  report    {Path(report).absolute()} (opens in a browser)",
            f"  maps      {Path(refining.outputVolume.getFileName()).absolute()}",
            f"  project   {project.path}",
        ]
    )


def say(text):
    """Tell the person in front of the terminal at once."""
    print(text, flush=True)


def sayBelow(line):
    """A line of the engine, below what the step is for."""
    say(f"    {line.rstrip()}")


class Stopwatch:
    """Seconds between laps."""

    def __init__(self):
        self._started = self._last = time.time()
        self._laps = []

    def lap(self, name):
        """Note the time since the last lap."""
        now = time.time()
        self._laps.append((name, now - self._last))
        self._last = now

    def table(self):
        """All laps and their sum, as a table."""
        laps = [*self._laps, ("in all", self._last - self._started)]
        return alignedTable([("", "seconds"), *((name, f"{seconds:.0f}") for name, seconds in laps)])


def simulate(folder):
    """Particles with known poses, and start poses some degrees and Å away."""
    say(SIMULATING)
    options = [word for name, value in SIMULATION.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "gmmrefine", "simulate", str(MODEL), "-o", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        for line in engine.stdout:
            sayBelow(line)
    if engine.returncode:
        raise SystemExit(engine.returncode)


def launch(project, protocolClass, inputs=None, tell=None, **values):
    """Run a protocol to its end as Scipion does.

    Parameters
    ----------
    project : pyworkflow.project.Project
    protocolClass : type
    inputs : dict, optional
        Name of a pointer → protocol and name of its output.
    tell : callable, optional
        Takes every line that the engine writes meanwhile, and what came of it.
    values
        Rows of the form.

    Returns
    -------
    Protocol
        Finished.
    """
    protocol = project.newProtocol(protocolClass, **values)
    for name, (source, output) in (inputs or {}).items():
        getattr(protocol, name).set(source)
        getattr(protocol, name).setExtended(output)
    project.saveProtocol(protocol)  # gives it its folder
    with passingOn(Path(protocol._getExtraPath(ENGINE_LOG)).absolute(), tell, lambda: protocol._progress()):
        project.launchProtocol(protocol, wait=True)
    if not protocol.isFinished():
        raise SystemExit(
            f"{protocol.getClassLabel(False)} did not finish: {protocol.getErrorMessage()}\n"
            f"Its log: {os.path.abspath(protocol.getStdoutLog())}"
        )
    if tell:
        tell(f"→ {protocol.summary()[0]}")
    return protocol


@contextmanager
def passingOn(path, tell, progress):
    """Tell the lines that are added to a file, as they come, and between two that are far apart how far the work is.

    Parameters
    ----------
    path : Path
        Need not be there yet.
    tell : callable or None
        Takes a line; None tells nothing.
    progress : callable
        Gives the progress in words.
    """
    ended = Event()
    follower = Thread(target=_passOn, args=(path, tell, progress, ended))
    if tell:
        follower.start()
    try:
        yield
    finally:
        ended.set()
        if tell:
            follower.join()


def _passOn(path, tell, progress, ended):
    place, isLast, told = 0, False, time.monotonic()
    while not isLast:
        isLast = ended.wait(0.3)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        *lines, _unfinished = text[place:].split("\n")
        if not lines and not isLast and time.monotonic() - told > SECONDS_OF_SILENCE:
            lines = [f"... {progress()}"]
        else:
            place += sum(len(line) + 1 for line in lines)
        for line in lines:
            tell(line)
            told = time.monotonic()


def draw(project, folder, refining, building):
    """Save the viewers' figures.

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for protocol, viewerClass, pictures in (
        (refining, GmmRefineRefineViewer, REFINE_PICTURES),
        (building, GmmRefineBuildViewer, BUILD_PICTURES),
    ):
        viewer = viewerClass(project=project, protocol=protocol)
        viewer.setProtocol(protocol)
        for name, parameter in pictures.items():
            (plotter,) = viewer._getVisualizeDict()[parameter](parameter)
            paths.append(folder / f"{name}.png")
            plotter.getFigure().savefig(paths[-1], dpi=110)
    return paths


def compare(importing, refining, truthFile):
    """Resolution and pose errors before and after the refinement, as a table."""
    truth = truePoses(truthFile)
    results = refining._results()
    columns = []
    before, after = results["iterations"][0]["resolution"], results["resolution"]
    for protocol, resolution in ((importing, before), (refining, after)):
        rotations, shifts = (rms(errors) for errors in poseErrors(posesOfSet(protocol.outputParticles), truth))
        columns.append((f"{resolution:.2f} Å" if resolution else "none", f"{rotations:.2f}°", f"{shifts:.2f} Å"))
    names = ("resolution (FSC 0.143)", "rotation error (rms)", "shift error (rms)")
    return alignedTable([("", "before", "after"), *zip(names, *columns)])


def openCommand(folder):
    """Shell command that opens the project of the last demo in a folder, as short as it gets from here."""
    makefile = Path(__file__).resolve().parents[1] / "Makefile"
    named = "" if str(folder) == FOLDER else shlex.quote(str(folder))
    if makefile.exists() and makefile.parent == Path.cwd():
        return f"make gui DEMO={named}" if named else "make gui"
    return " ".join(filter(None, [shlex.quote(sys.executable), "-m scipion_gmmrefine.demo --open", named]))


def openProject(folder):
    """Open the project of the last demo in a folder in Scipion's desktop.

    Returns
    -------
    int
        Exit code.
    """
    places = Places.last(folder)
    if places is None:
        print(f"There is no demo in {Path(folder).resolve()} yet. Make one first: make demo", file=sys.stderr)
        return 1
    try:
        tkinter.Tk().destroy()
    except tkinter.TclError as error:
        print(
            f"No window can be opened here: {error}. Log in with a display (ssh -X), or look at the pictures in "
            f"{places.pictures}.",
            file=sys.stderr,
        )
        return 1
    print(f"Opening {places.projectFolder}", flush=True)
    return subprocess.call([sys.executable, "-O", "-m", "scipion", "project", places.project], env=environment(places))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
