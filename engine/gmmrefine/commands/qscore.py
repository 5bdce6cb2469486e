"""Q-scores: how well each atom of a model is resolved in a map, by atom, residue, chain and component class.

Writes DIR/qscore.star (one row per atom), residues.star, chains.star, classes.star, figures/, qscore.cif (the model with
Q in the B-factor column and in Q_score), and qscore.cxc, which colours it in ChimeraX.

The map, and the half maps where they are given, are compared with the model by FSC under a mask made of it (model_fsc.star),
and the mean Q (σ 0.4 Å whatever --sigma says) with those of EMDB's entries.

Hydrogens are left out, and further models of the file; of an atom's alternatives the one of highest occupancy is scored.
Atoms of zero occupancy are scored like others. An atom that lies outside the map, or nearer than 2 Å to its edge, has no
Q (<NA>), is named, and is in no mean. Q is 0 where the map is constant around the atom. Residues of no known class are
named. A map of one value everywhere is refused, and a model of which more than a tenth lies outside the box or in empty
density, wherever the map may lie; where it lies is said.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import QscoreSettings

COMMAND = Command(
    "qscore",
    (
        "qscore.star",
        "residues.star",
        "chains.star",
        "classes.star",
        "qscore.cif",
        "qscore.defattr",
        "qscore.cxc",
        "model_fsc.star",
        "figures/classes.png",
        "figures/model_fsc.png",
    ),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("model", help="atomic model fitted to the map (mmCIF or PDB)")
    parser.add_argument("map", help="map (.mrc); any box, voxels and axis order")
    add_output(parser)
    parser.add_argument(
        "--half-maps", nargs=2, default=[], metavar="HALF", help="half maps of the map, compared with the model too"
    )
    add_settings(parser, QscoreSettings)


def run(args):
    """Score and write."""
    from gmmrefine.io.atoms import read_model
    from gmmrefine.io.chimerax import refuse_unscriptable
    from gmmrefine.io.mrc import read_grid
    from gmmrefine.pipelines.qscore import qscore

    settings = settings_from(args, QscoreSettings)
    refuse_unscriptable([args.model, args.map])
    atoms, left_out = read_model(args.model)
    grid = read_grid(args.map)
    run = COMMAND.open(args, settings, [args.model, args.map, *args.half_maps])
    results = qscore(atoms, left_out, grid, (args.model, args.map), settings, run, args.half_maps)
    run.finish(results)
