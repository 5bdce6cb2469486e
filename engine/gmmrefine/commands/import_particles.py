"""Turn particles or a GMM of another program into this program's files.

A RELION STAR file (3.0, 3.1, 5) or a cryoSPARC .cs or .csg file becomes DIR/particles.star (RELION 3.1), with poses, CTF,
half sets, optics groups and every unknown column; images stay where they are. The passthrough file of a cryoSPARC job is
found where it lies beside the particles. A GMM of EMAN2 (.txt) becomes DIR/gmm.star and needs the box and pixel size it
was made with.
"""

import time
from pathlib import Path

import numpy as np

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_to_overwrite, settings_from, values_of
from gmmrefine.errors import InputError
from gmmrefine.io.aberrations import particle_warnings
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.cryosparc_locations import coordinate_note
from gmmrefine.io.gmm_file import read_gmm_eman2, write_gmm
from gmmrefine.io.particles_file import is_cryosparc, read_particle_set
from gmmrefine.io.star_particles import write_particles
from gmmrefine.runs.command_record import write_run_record
from gmmrefine.settings import (
    ALIGNMENT_CLASS,
    FLIP_COORDINATE_Y,
    PASSTHROUGH,
    TARGET_BOX,
    TARGET_PIXEL_SIZE,
    ImportSettings,
)

COMMAND = Command("import", ("particles.star", "gmm.star"))  # one of them, as the input is


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("file", help="particles (.star, .cs, .csg) or EMAN2 GMM (.txt)")
    add_output(parser, "folder of the results")
    parser.add_argument(
        "--full-paths", action="store_true", help="write the full path of every image stack, for programs that look elsewhere"
    )
    add_settings(parser, ImportSettings)
    parser.add_argument("--box", type=int, default=0, help="box of the EMAN2 GMM in px")
    parser.add_argument("--pixel-size", type=float, default=0.0, help="pixel size of the EMAN2 GMM in Å/px")


def run(args):
    """Read the file, write it in this program's form, and say what was found."""
    started = time.time()
    settings = settings_from(args, ImportSettings)
    refuse_to_overwrite(args.output, COMMAND.outputs, [args.file, settings.passthrough])
    _refuse_cryosparc_options(args.file, settings)
    is_gmm = Path(args.file).suffix.lower() == ".txt"
    with COMMAND.held(args):
        results = _import_gmm(args) if is_gmm else _import_particles(args, settings)
        write_run_record(
            args.output,
            COMMAND.name,
            {**values_of(settings), "box": args.box, "pixel_size": args.pixel_size},
            results,
            inputs=[path for path in (args.file, settings.passthrough) if path],
            started=started,
        )


def _refuse_cryosparc_options(path, settings):
    """Refuse settings for cryoSPARC's files with other files."""
    of_cryosparc = PASSTHROUGH, ALIGNMENT_CLASS, FLIP_COORDINATE_Y
    given = [setting.option for setting in of_cryosparc if getattr(settings, setting.name) != setting.default]
    if given and not is_cryosparc(path):
        raise InputError(f"{given[0]} is for cryoSPARC's .cs files; {path} is none. Leave it out.")


def _import_particles(args, settings):
    if is_cryosparc(args.file):
        particles = read_cs(
            args.file,
            settings.passthrough,
            split_halves=settings.split_halves,
            alignment_class=settings.alignment_class,
            flip_coordinate_y=settings.flip_coordinate_y,
        )
    else:
        particles = read_particle_set(args.file, settings.split_halves, check=False)
    path = Path(args.output) / "particles.star"
    write_particles(path, particles, full_paths=args.full_paths)
    halves = [int(np.count_nonzero(particles.half_set == half)) for half in (1, 2)]
    missing = [stack for stack in particles.stacks if not Path(stack).is_file()]
    print(
        f"{path}: {len(particles)} particles, half sets {halves[0]} and {halves[1]}, box {particles.box_size} px, "
        f"{particles.pixel_size:g} Å/px, {len(particles.stacks)} stacks"
    )
    warnings = particle_warnings(particles)
    if is_cryosparc(args.file):
        warnings += coordinate_note(particles, settings.flip_coordinate_y)
    if len(particles.optics.grids()) > 1:
        warnings.append(
            f"images of {particles.optics.grids_text()} in one file; computing commands see them on the grid above unless "
            f"{TARGET_PIXEL_SIZE.option} or {TARGET_BOX.option} names another"
        )
    if missing:
        warnings.append(f"{len(missing)} of {len(particles.stacks)} image stacks are missing, first {missing[0]}")
    for line in warnings:
        print(f"note: {line}")
    return {
        "particles": len(particles),
        "half_sets": halves,
        "box_size": particles.box_size,
        "pixel_size": particles.pixel_size,
        "missing_stacks": len(missing),
        "notes": warnings,
    }


def _import_gmm(args):
    if args.box <= 0 or args.pixel_size <= 0:
        raise InputError(
            f"{args.file}: a GMM of EMAN2 is in fractions of a box; give --box (px) and --pixel-size (Å/px) of it."
        )
    gmm = read_gmm_eman2(args.file, args.box, args.pixel_size)
    path = Path(args.output) / "gmm.star"
    write_gmm(path, gmm)
    print(f"{path}: {len(gmm)} Gaussians, median width {np.median(gmm.widths):.3g} Å")
    return {"gaussians": len(gmm)}
