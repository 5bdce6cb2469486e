"""Pure noise extracted twice, half of it in each half set: what is refused, and what either cure leaves of a resolution."""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

from stage import table

from gmmrefine.__main__ import main
from gmmrefine.io.star import read_star

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
from duplicated_noise import noise_extracted_twice

CURES = {
    "as they are": (),
    "--remove-duplicates --redraw-halves 5": ("--remove-duplicates", "--redraw-halves", "5"),
    "--redraw-halves 5": ("--redraw-halves", "5"),
}


def duplicates(folder, images=300):
    """Reconstruct the noise with each cure, and print a table."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    particles = noise_extracted_twice(folder, images=images)
    rows = [(title, *_reconstructed(particles, folder / f"maps_{len(cure)}", cure)) for title, cure in CURES.items()]
    table(
        f"Pure noise of {images} particles, each extracted twice (target: refused, or no resolution)",
        ("particles", "what is said", "resolution", "mean FSC"),
        rows,
    )


def _reconstructed(particles, output, cure):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(["reconstruct", str(particles), "-o", str(output), *cure])
    if code:
        return said.getvalue().split(": ", 1)[1].split(". ")[0].replace(f"{particles.parent}/", "").strip(), "", ""
    record = json.loads((output / "run.json").read_text(encoding="utf-8"))
    curve = read_star(str(output / "fsc.star"))["fsc"].numbers("gmmFsc")
    counted = f"{record['images']} images of {record['particles']} particles"
    return counted, record["results"]["resolution_text"], f"{curve[1:].mean():.3f}"
