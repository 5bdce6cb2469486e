"""Write this program's particles, GMM or conformations for another program.

Particles go to cryoSPARC (.cs, with a .csg beside it) or RELION 3.1 (.star); with --template, the .cs file they once
came from, uids and all fields of cryoSPARC are kept. A GMM goes to pseudo-atoms that lie on its map (.pdb, .cif), to
EMAN2's text form (.txt) or to .star; all but .star need the map's box and pixel size, best given with --map. The
folder of a heterogeneity run gives a table (.star) of its conformations in one latent space: those of half set 2 are laid onto
the space of half set 1 by what both networks do to the molecule. It is for display and other programs, never for a refinement.
"""

import time
from pathlib import Path
from types import SimpleNamespace

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_to_overwrite
from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.cryosparc_group import group_path
from gmmrefine.io.cryosparc_locations import coordinate_note
from gmmrefine.io.cryosparc_writer import write_cs
from gmmrefine.io.gmm_file import COLUMNS, read_gmm, write_gmm, write_gmm_atoms, write_gmm_eman2
from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import is_cryosparc, read_particle_set
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import write_particles
from gmmrefine.runs.command_record import write_run_record
from gmmrefine.settings import FLIP_COORDINATE_Y, ExportSettings

PARTICLE_FORMS = (".cs", ".star")
GMM_FORMS = (".pdb", ".cif", ".txt", ".star")
_COUNTED = "particles", "Gaussians"

COMMAND = Command("export", ())  # what it writes has the name that the user gives


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("file", help="particles (.star, .cs, .csg), GMM (.star), or folder of a heterogeneity run")
    parser.add_argument("--to", required=True, metavar="NAME", help="file to write in DIR; its suffix is the format")
    add_output(parser, "folder of the results")
    parser.add_argument("--template", default="", metavar="CS", help=".cs file the particles came from")
    add_settings(parser, ExportSettings)
    parser.add_argument("--map", default="", metavar="MRC", help="map of the GMM: gives box, pixel size and origin")
    parser.add_argument("--box", type=int, default=0, help="box of the GMM's map in px, instead of --map")
    parser.add_argument("--pixel-size", type=float, default=0.0, help="pixel size of the GMM's map in Å/px")


def run(args):
    """Read the particles or the GMM and write the other form."""
    started = time.time()
    target = Path(args.output) / args.to
    written = [args.to, group_path(args.to)] if target.suffix.lower() == ".cs" else [args.to]
    refuse_to_overwrite(args.output, written, [args.file, args.template, args.map])
    with COMMAND.held(args):
        results = _exported(args, target)
        notes = results.pop("notes", [])
        print(f"{target}: {', '.join(f'{results[what]} {what}' for what in _COUNTED if what in results)}")
        for line in notes:
            print(f"note: {line}")
        write_run_record(
            args.output,
            COMMAND.name,
            {"to": args.to, "box": args.box, "pixel_size": args.pixel_size, "flip_coordinate_y": args.flip_coordinate_y},
            {**results, "notes": notes},
            inputs=[path for path in (_input_of(args.file), args.template, args.map) if path],
            started=started,
        )


def _input_of(path):
    """The file that stands for an input: of a run the table of its conformations."""
    return str(Path(path) / "latent.star") if Path(path).is_dir() else path


def _exported(args, target):
    """Write what is asked for; what was written."""
    if Path(args.file).is_dir():
        return _export_latents(args, target)
    return _export_gmm(args, target) if _is_gmm(args.file) else _export_particles(args, target)


def _export_latents(args, target):
    from gmmrefine.backend import set_up
    from gmmrefine.pipelines.common_latents import write_common_latents

    _require_form(target, (".star",), "conformations")
    if args.template or args.map or args.box or args.pixel_size or args.flip_coordinate_y:
        raise InputError(
            f"{args.file} is a folder; of it only the conformations are written, as a table. Leave out the other options."
        )
    set_up()
    return write_common_latents(args.file, str(target))


def _is_gmm(path):
    return Path(path).suffix.lower() == ".star" and any(COLUMNS[0] in block for block in read_star(path).values())


def _require_form(target, forms, what):
    if target.suffix.lower() not in forms:
        raise InputError(f"--to {target.name}: {what} can be written as {', '.join(forms)}. Choose one of these.")


def _export_particles(args, target):
    _require_form(target, PARTICLE_FORMS, "particles")
    if args.map or args.box or args.pixel_size:
        raise InputError(f"{args.file} holds particles; --map, --box and --pixel-size are for GMMs. Leave them out.")
    to_cs = target.suffix.lower() == ".cs"
    if args.template and not to_cs:
        raise InputError(f"--template is for .cs files; {args.to} is a STAR file. Leave it out.")
    _check_flip(args, to_cs)
    from_cs = is_cryosparc(args.file)
    particles = (
        read_cs(args.file, flip_coordinate_y=args.flip_coordinate_y) if from_cs else read_particle_set(args.file, check=False)
    )
    notes = list(particles.table.notes)
    if to_cs:
        notes += write_cs(target, particles, args.template or None, args.flip_coordinate_y)
    else:
        write_particles(target, particles)
    if from_cs != to_cs and not args.template:
        notes += coordinate_note(particles, args.flip_coordinate_y)
    return {"particles": len(particles), "notes": notes}


def _check_flip(args, to_cs):
    """Refuse the option where no places of a .cs file are read or written."""
    if not args.flip_coordinate_y:
        return
    if args.template:
        raise InputError(f"{FLIP_COORDINATE_Y.option} with --template: places are kept as the template has them. Leave it out.")
    if not to_cs and not is_cryosparc(args.file):
        raise InputError(f"{FLIP_COORDINATE_Y.option} is for .cs files; {args.file} and {args.to} are none. Leave it out.")


def _export_gmm(args, target):
    _require_form(target, GMM_FORMS, "a GMM")
    if args.template or args.flip_coordinate_y:
        raise InputError(
            f"{args.file} holds a GMM; --template is for particles, and so is {FLIP_COORDINATE_Y.option}. Leave it out."
        )
    gmm = read_gmm(args.file)
    suffix = target.suffix.lower()
    if suffix == ".star":
        write_gmm(target, gmm)
    else:
        grid = _grid(args)
        if suffix == ".txt":
            write_gmm_eman2(target, gmm, grid.box_size, grid.pixel_size)
        else:
            write_gmm_atoms(target, gmm, grid.box_size, grid.pixel_size, grid.origin)
    return {"Gaussians": len(gmm)}


def _grid(args):
    """Box, pixel size and origin of the map on which the GMM lies."""
    if args.map:
        volume = read_map(args.map)
        return SimpleNamespace(box_size=len(volume.data), pixel_size=volume.voxel_size, origin=volume.origin)
    if args.box <= 0 or args.pixel_size <= 0:
        raise InputError(f"--to {args.to} needs the grid of the GMM's map. Give --map MRC, or --box and --pixel-size.")
    return SimpleNamespace(box_size=args.box, pixel_size=args.pixel_size, origin=(0.0, 0.0, 0.0))
