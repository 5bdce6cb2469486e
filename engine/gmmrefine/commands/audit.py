"""Compare modified maps with an unmodified one: Q by component class, and ligands, ions, lipids and waters kept or lost.

The first map is the reference: the unmodified or deposited one. Every map is scored with the same model, or, with
--refitted, each with its own. Writes DIR/audit.star (what became of each ligand, ion, lipid, water, sugar and modified
residue: kept, weakened, lost or unjudged), parts.star (parts of residues that were lost: an iron, a phosphate, a side chain),
model_fsc.star (every map, and the half maps given, against the model), changes.star (change of Q by component class with its
confidence interval), atoms.star, maps.star, figures/, and per modified map N, counted from the reference as 1,
change_map_N.cif (the model with Q_change in the B-factor column, and Q_score and Q_reference) and change_map_N.cxc, which
colours it in ChimeraX by the change of Q.

Odd atoms of the model are treated, counted and said as by gmmrefine qscore; residues that a map does not hold are named.

When the polymer itself fell that is said first, and nothing else is judged. Hand and small turns are looked for. The mean Q
(σ 0.4 Å) is compared with those of EMDB's entries.

Maps on other grids are refused, or resampled with --grids resample; maps moved against the first are refused.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import AuditSettings

COMMAND = Command(
    "audit",
    (
        "audit.star",
        "parts.star",
        "changes.star",
        "atoms.star",
        "maps.star",
        "model_fsc.star",
        "figures/classes.png",
        "figures/changes.png",
        "figures/model_fsc.png",
    ),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("model", help="atomic model fitted to the maps (mmCIF or PDB)")
    parser.add_argument("reference", metavar="map", help="unmodified map (.mrc)")
    parser.add_argument("modified", metavar="map", nargs="+", help="modified maps of the same molecule (.mrc)")
    add_output(parser)
    parser.add_argument(
        "--refitted",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="one model per map, in their order, each the model refined into its map (default: MODEL for all)",
    )
    parser.add_argument(
        "--half-maps", nargs=2, default=[], metavar="HALF", help="half maps of the unmodified map, compared with the model too"
    )
    add_settings(parser, AuditSettings)


def run(args):
    """Score, compare and write."""
    from gmmrefine.errors import InputError
    from gmmrefine.io.atoms import read_model
    from gmmrefine.io.chimerax import refuse_unscriptable
    from gmmrefine.pipelines.audit import audit

    settings = settings_from(args, AuditSettings)
    maps = [args.reference, *args.modified]
    if len(set(maps)) < len(maps):
        raise InputError(f"{max(maps, key=maps.count)} is given twice; expected different maps. Name each once.")
    refuse_unscriptable([args.model, *maps])
    atoms, left_out = read_model(args.model)
    run = COMMAND.open(args, settings, [args.model, *maps, *args.refitted, *args.half_maps])
    results = audit(atoms, left_out, args.model, maps, args.refitted, settings, run, args.half_maps)
    run.finish(results)
