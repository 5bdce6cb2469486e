"""The engine from Python: simulate particles, refine them, compare with the truth, and draw the FSC.

Usage: python examples/refine_in_python.py [folder]
"""
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from gmmrefine import settings
from gmmrefine.io.atoms import embedded_model
from gmmrefine.io.curves import read_curves
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.pipelines.refine import refine
from gmmrefine.pipelines.run_record import RunRecord
from gmmrefine.pipelines.simulate import simulate
from gmmrefine.validation.pose_error import pose_errors


def main(folder):
    """Simulate, refine and compare; gives the pose errors before and after."""
    folder = Path(folder)

    # 400 particles of the embedded ABC transporter, 3° and 2 Å off their true poses
    how = settings.defaults(settings.SIMULATE, settings.COMPUTING, particles=400, box=48, pixel_size=3.6)
    simulated = RunRecord(folder / "particles", "simulate", vars(how), [embedded_model()])
    simulate(embedded_model(), how, simulated, simulated.progress())

    # two iterations; every setting has a name, a default and a help text in gmmrefine.settings
    how = settings.defaults(settings.REFINE, settings.COMPUTING, iterations=2)
    particles = read_particle_set(folder / "particles" / "particles.star")
    run = RunRecord(folder / "refined", "refine", vars(how), [folder / "particles" / "particles.star"])
    progress = run.progress()
    run.finish(refine(particles, how, run, progress), progress.seconds)

    truth = read_particle_set(folder / "particles" / "truth.star")
    refined = read_particle_set(folder / "refined" / "particles.star")
    before, after = pose_errors(particles, truth), pose_errors(refined, truth)
    print(f"rms rotation error {before.rotation_rms:.2f}° → {after.rotation_rms:.2f}°, "
          f"rms shift error {before.shift_rms:.2f} Å → {after.shift_rms:.2f} Å")
    draw_fsc(folder / "refined", folder / "fsc.png")
    return before, after


def draw_fsc(run_folder, path):
    """Draw the FSC of every iteration of a run."""
    figure, axes = pyplot.subplots(figsize=(6, 4), constrained_layout=True)
    for iteration in sorted((run_folder / "iterations").iterdir()):
        curve = read_curves(iteration / "fsc.star")
        axes.plot(curve["gmmFrequency"], curve["gmmFsc"], label=f"iteration {int(iteration.name)}")
    axes.axhline(0.143, color="grey", linestyle="--", linewidth=1)
    axes.set_xlabel("spatial frequency (1/Å)")
    axes.set_ylabel("FSC, corrected for the mask")
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    print(f"FSC of every iteration: {path}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if len(sys.argv) > 1 else scratch)
