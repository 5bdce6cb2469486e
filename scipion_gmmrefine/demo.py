"""The whole road once, on simulated particles: what ``make demo`` runs.

Simulates particles of an ABC transporter (PDB 6MSM), makes a Scipion project, imports the particles, refines their
poses and builds a Gaussian model of the result, each through Scipion's launcher; then compares with the truth.
"""
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from pyworkflow.project import Manager

import gmmrefine
from scipion_gmmrefine.environment import scipionVariables
from scipion_gmmrefine.protocols import GmmRefineProtBuild, GmmRefineProtImportParticles, GmmRefineProtRefine
from scipion_gmmrefine.truth import alignedTable, poseErrors, posesOfSet, rms, truePoses
from scipion_gmmrefine.viewers import GmmRefineBuildViewer, GmmRefineRefineViewer

MODEL = Path(gmmrefine.__file__).parent / "data" / "6msm.cif.gz"
PROJECT = "gmm_demo"
DATA, SCIPION, PICTURES = "data", "scipion", "pictures"
SIMULATION = {"particles": 1000, "box": 80, "pixel-size": 2.1, "snr": 0.1, "pose-error": 3.0, "shift-error": 2.0}
REFINEMENT = {"iterations": 3}
THREADS = os.cpu_count() or 1
REFINE_PICTURES = {"fsc": "showFsc", "slices": "showSlices", "gaussians": "showGaussians", "changes": "showChanges",
                   "half_map_agreement": "showGmmFsc"}
BUILD_PICTURES = {"map_agreement": "showGmmFsc"}


def main(arguments):
    """Run the demo below a folder, ``demo_project`` if none is named."""
    folder = Path(arguments[0] if arguments else "demo_project").resolve()
    if os.environ.get("SCIPION_HOME") != str(folder / SCIPION):
        # pyworkflow read its variables when it was imported above, so the demo runs in a process of its own.
        for part in (DATA, SCIPION, PICTURES):
            shutil.rmtree(folder / part, ignore_errors=True)
        environment = {**os.environ, **scipionVariables(folder / SCIPION), "MPLBACKEND": "Agg"}
        return subprocess.call([sys.executable, "-m", "scipion_gmmrefine.demo", str(folder)], env=environment)
    print(run(folder))
    return 0


def run(folder):
    """Simulate, import, refine, build, draw.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        The comparison with the truth, the seconds that each part took, and where everything is.
    """
    watch = Stopwatch()
    simulate(folder / DATA)
    watch.lap("simulate")
    project = Manager().createProject(PROJECT)
    os.chdir(project.path)
    importing = launch(project, GmmRefineProtImportParticles, particlesFile=str(folder / DATA / "particles.star"))
    watch.lap("import")
    refining = launch(project, GmmRefineProtRefine, {"inputParticles": (importing, "outputParticles")},
                      numberOfThreads=THREADS, **REFINEMENT)
    watch.lap("refine")
    building = launch(project, GmmRefineProtBuild, {"inputVolume": (refining, "outputVolume")}, numberOfThreads=THREADS)
    watch.lap("build")
    pictures = draw(project, folder / PICTURES, refining, building)
    watch.lap("pictures")
    return "\n".join([
        "", compare(importing, refining, folder / DATA / "truth.star"), "", watch.table(), "",
        f"Pictures: {', '.join(path.name for path in pictures)}", f"      in  {folder / PICTURES}",
        f"Project:  {project.path}", f"Open it:  {openCommand(folder)}"])


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
    print(f"Simulating {SIMULATION['particles']} particles of {MODEL.name} ...", flush=True)
    options = [word for name, value in SIMULATION.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-m", "gmmrefine", "simulate", str(MODEL), "-o", str(folder), *options], check=True)


def launch(project, protocolClass, inputs=None, **values):
    """Run a protocol to its end as Scipion does.

    Parameters
    ----------
    project : pyworkflow.project.Project
    protocolClass : type
    inputs : dict, optional
        Name of a pointer → protocol and name of its output.
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
    print(f"Running {protocol.getClassLabel(False)} ...", flush=True)
    project.launchProtocol(protocol, wait=True)
    if not protocol.isFinished():
        raise SystemExit(f"{protocol.getClassLabel(False)} did not finish: {protocol.getErrorMessage()}\n"
                         f"Its log: {os.path.abspath(protocol.getStdoutLog())}")
    return protocol


def draw(project, folder, refining, building):
    """Save the viewers' figures.

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for protocol, viewerClass, pictures in ((refining, GmmRefineRefineViewer, REFINE_PICTURES),
                                            (building, GmmRefineBuildViewer, BUILD_PICTURES)):
        viewer = viewerClass(project=project, protocol=protocol)
        viewer.setProtocol(protocol)
        for name, parameter in pictures.items():
            plotter, = viewer._getVisualizeDict()[parameter](parameter)
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
    """Shell command that opens the project in Scipion's desktop."""
    home = folder / SCIPION
    places = {"SCIPION_HOME": home, "SCIPION_USER_DATA": home, "SCIPION_HOSTS": home / "hosts.conf",
              "SCIPION_PYTHON": sys.executable}
    assignments = [f"{name}={shlex.quote(str(path))}" for name, path in places.items()]
    return " ".join([*assignments, shlex.quote(sys.executable), "-O -m scipion project", PROJECT])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
