"""The engine from Python: simulate particles, refine them, compare with the truth, and draw the FSC.

Usage: python examples/refine_in_python.py [folder]
"""

import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

import gmmrefine as gr
from gmmrefine.io.curves import read_curves
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.validation.pose_error import pose_errors


def main(folder):
    """Simulate, refine and compare; gives the pose errors before and after."""
    folder = Path(folder)

    # 400 particles of the embedded ABC transporter, 3° and 2 Å off their true poses
    simulated = gr.simulate("6msm", folder / "particles", particles=400, box=48, pixel_size=3.6)

    # two iterations; an editor lists all settings, and help(gr.refine) says what they do
    refined = gr.refine(simulated.path("particles.star"), folder / "refined", iterations=2)
    print(refined)

    truth = read_particle_set(simulated.path("truth.star"))
    before, after = pose_errors(simulated.particles, truth), pose_errors(refined.particles, truth)
    print(
        f"rms rotation error {before.rotation_rms:.2f}° → {after.rotation_rms:.2f}°, "
        f"rms shift error {before.shift_rms:.2f} Å → {after.shift_rms:.2f} Å"
    )
    draw_fsc(refined.folder, folder / "fsc.png")
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
