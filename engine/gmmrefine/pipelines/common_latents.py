"""The latents of both half sets in one space, for other programs only: nothing here goes back into a refinement."""

import os

import numpy as np

from gmmrefine.heterogeneity.common_space import laid_onto
from gmmrefine.io.star import read_star, text_columns, write_star
from gmmrefine.pipelines.heterogeneity_folder import finished_record, read_halves
from gmmrefine.pipelines.particle_motions import latent_labels

_MISFIT = "gmmLatentMisfit"


def write_common_latents(folder, path):
    """Write the conformations of a heterogeneity run with half set 2 laid onto the latent space of half set 1.

    Parameters
    ----------
    folder : str
        Of the run.
    path : str
        STAR file to write: the columns of latent.star, and how far in Å (rms) the conformation is from that of the other half.

    Returns
    -------
    dict
        Counts of what was written, and notes.
    """
    record = finished_record(folder)
    first, second = read_halves(folder)
    table = next(iter(read_star(os.path.join(folder, "latent.star")).values()))
    labels, half_set = latent_labels(table), table.integers("rlnRandomSubset")
    latent = np.column_stack([table.numbers(label) for label in labels])
    apart = np.zeros(len(latent))
    mine = half_set == 2
    latent[mine], apart[mine] = laid_onto(first.motion, second.motion, second.latent, first.latent)
    kept = {name: table.columns[name] for name in ("rlnImageName", "rlnRandomSubset")}
    numbers = text_columns({**dict(zip(labels, latent.T)), _MISFIT: apart})
    write_star(path, [table.with_columns({**kept, **numbers})])
    rms_apart = float(np.sqrt((apart[mine] ** 2).mean()))
    notes = [
        "the latents of half set 2 are those of half set 1 that move the molecule most alike: for display and for other "
        "programs, not for a refinement",
        f"conformations of half set 2 are {rms_apart:.2f} Å (rms) from what half set 1 makes of these latents",
    ]
    if not record["results"]["reproducible"]:
        notes.append("the half sets showed no reproducible motion; laid onto each other they may show noise")
    return {"particles": len(latent), "rms_apart": round(rms_apart, 4), "notes": notes}
