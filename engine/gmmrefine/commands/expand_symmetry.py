"""Put every particle at each of its symmetry-equivalent poses, for a focused refinement of one asymmetric unit.

Writes DIR/particles.star with n rows per particle. Copies share everything with their parent, the half set above all; they
are marked (gmmParentParticle, gmmSymmetryCopy) and never count as independent. A symmetry that the map at the particles' poses
does not have is refused; where their images cannot be read a note says so.
"""

import time
from pathlib import Path

import numpy as np

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_to_overwrite, settings_from, values_of
from gmmrefine.commands.particles_in import understand_symmetry
from gmmrefine.errors import InputError
from gmmrefine.settings import ExpandSettings

COMMAND = Command("expand-symmetry", ("particles.star",))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses of a symmetric refinement (.star, .cs)")
    add_output(parser)
    add_settings(parser, ExpandSettings)


def run(args):
    """Expand and write."""
    started = time.time()
    settings = settings_from(args, ExpandSettings)
    refuse_to_overwrite(args.output, COMMAND.outputs, [args.particles])
    with COMMAND.held(args):
        _expand(args, settings, started)


def _expand(args, settings, started):
    from gmmrefine.backend import set_up
    from gmmrefine.geometry.symmetry import point_group
    from gmmrefine.io.particles_file import read_particle_set
    from gmmrefine.io.star_particles import write_particles
    from gmmrefine.particles.symmetry import counted, expanded, marks_of
    from gmmrefine.pipelines.expand_symmetry import measured_symmetry
    from gmmrefine.progress import Progress
    from gmmrefine.runs.command_record import write_run_record

    settings, notes = understand_symmetry(args.particles, settings)
    operators = point_group(settings.symmetry)
    if len(operators) == 1:
        raise InputError("--symmetry C1 has no copies to make. Give the point group of the molecule, e.g. --symmetry C3.")
    particles = read_particle_set(args.particles, check=False)
    try:
        copies = expanded(particles, operators)
    except InputError as error:
        raise InputError(f"{args.particles}: {error}") from error
    set_up(settings.threads, settings.device)
    progress = Progress(args.output)
    for note in notes:
        progress.say(f"note: {note}")
    measured = measured_symmetry(particles, settings, progress)
    path = Path(args.output) / "particles.star"
    write_particles(path, copies, marks_of(copies, len(operators)))
    progress.say(f"{path}: {counted(copies)}, {settings.symmetry.upper()}")
    results = {
        "images": len(copies),
        "particles": len(particles),
        "counted": counted(copies),
        "half_sets": [int(np.count_nonzero(particles.half_set == half)) for half in (1, 2)],
        **measured,
    }
    write_run_record(args.output, COMMAND.name, values_of(settings), results, inputs=[args.particles], started=started)
