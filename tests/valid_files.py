"""One small valid file of every format that is read, and the reader that a command uses for it.

The corpus of broken files and the fuzzing targets begin with these.
"""

import gzip
import json
from dataclasses import dataclass
from typing import Any, Callable

import mrcfile
import numpy as np
from cryosparc_rows import particle_rows, save_rows
from model_files import residue, write_pdb
from star_files import star_text, write_stack

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.atoms import read_model
from gmmrefine.io.cryosparc_group import read_group
from gmmrefine.io.curves import read_curves, write_curves
from gmmrefine.io.gmm_file import read_gmm, read_gmm_eman2, write_gmm
from gmmrefine.io.half_sets_file import half_sets_of_map, write_half_sets
from gmmrefine.io.made_from import read_made_from
from gmmrefine.io.mrc import read_grid, read_map, write_map
from gmmrefine.io.network_file import read_arrays, write_arrays
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.particle_motions import table_motions
from gmmrefine.pipelines.patch_geometry import read_patches
from gmmrefine.runs.earlier_run import mask_given_to, read_record

BOX = 12


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    name : str
        Of the file.
    write : callable
        Writes a valid one, with whatever it needs beside it, at a path.
    read : callable
        Reads one at a path; gives what is to be looked at.
    is_text : bool
    """

    name: str
    write: Callable
    read: Callable
    is_text: bool = False


def _map_data():
    z, y, x = np.mgrid[:BOX, :BOX, :BOX] - BOX // 2
    return np.exp(-(x**2 + y**2 + z**2) / 8.0).astype(np.float32)


def _star(path):
    path.write_text(star_text(), encoding="utf-8")
    write_stack(path.parent / "stack.mrcs")
    write_stack(path.parent / "sub" / "other.mrcs")


def _cs(path):
    save_rows(path, particle_rows())


def _csg(path):
    save_rows(path.parent / "particles.cs", particle_rows())
    path.write_text(
        "created: 2026-01-01 00:00:00\ngroup:\n  type: particle\nresults:\n  alignments3D:\n    metafile: '>particles.cs'\n"
        "    num_items: 4\n  blob:\n    metafile: '>particles.cs'\n    num_items: 4\n",
        encoding="utf-8",
    )


def _mrcs(path):
    write_stack(path)
    (path.parent / "of_stack.star").write_text(
        star_text(particles={"rlnImageName": [f"{number}@{path.name}" for number in (1, 2, 3, 1)]}), encoding="utf-8"
    )


def _images(path):
    particles = read_particle_set(path.parent / "of_stack.star")
    return ImageReader(particles, half_disc(particles.box_size, 3)).read_pixels(particles)


def _map(path):
    write_map(path, _map_data(), 2.0)


def _packed_map(path):
    _map(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes(), mtime=0))


def _little(path):
    with mrcfile.new(path, data=(60 * _map_data()).astype(np.int8), overwrite=True) as file:
        file.voxel_size = 2.0


def _pdb(path):
    heme = residue("HEM", "A", 2, {"FE:FE": (3, 4, 5), "N1": (1, 2, 3)})
    write_pdb(path, residue("ALA", "A", 1, "N CA C O CB", "ATOM"), heme)


def _cif(path):
    import gemmi

    _pdb(path.with_suffix(".pdb"))
    structure = gemmi.read_structure(str(path.with_suffix(".pdb")))
    structure.setup_entities()
    path.write_text(structure.make_mmcif_document().as_string(), encoding="utf-8")


def _packed_cif(path):
    _cif(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes(), mtime=0))


def _gmm(path):
    rng = np.random.default_rng(1)
    write_gmm(path, Gmm(rng.normal(size=(6, 3)), rng.random(6) + 1, rng.random(6) + 1))


def _eman2(path):
    path.write_text("0.1 0.2 0.3 1.5 4\n-0.1 0.0 0.2 0.5 6\n", encoding="utf-8")


def _curves(path):
    write_curves(path, {"gmmFrequency": np.arange(6) / 40, "gmmFsc": np.linspace(1, 0, 6)})


def _patches(path):
    path.write_text(
        "data_patches\n\nloop_\n_gmmPatch\n_gmmX\n_gmmY\n_gmmZ\n_gmmRadius\n1 0 0 0 10\n2 5 5 5 12\n", encoding="utf-8"
    )


def _half_sets(path):
    write_half_sets(path.parent, HalfSets(np.arange(5, dtype=np.uint64), np.arange(7, 12, dtype=np.uint64)))


def _network(path):
    write_arrays(path, {"weights": np.ones((3, 4), np.float32), "names": np.array(["a", "b"])}, {"latent_size": 2})


def _motions(path):
    np.save(path, np.arange(24.0).reshape(4, 6))


def _run(path):
    path.write_text(
        json.dumps(
            {
                "command": "refine",
                "settings": {"seed": 1, "mask": "m.mrc"},
                "inputs": {},
                "exchanges": [{"kind": "mask", "iteration": 0, "value": "mask.mrc"}],
                "results": {"resolution": 7.5},
                "finished": True,
            }
        )
    )


class _FourParticles:
    """Stands for a set of four."""

    def __len__(self):
        return 4


def _record(path):
    return read_record(path.parent), mask_given_to(path)


FORMATS = {
    "particles": Format("particles.star", _star, read_particle_set, True),
    "cryosparc": Format("particles.cs", _cs, lambda path: read_particle_set(path, check=False)),
    "group": Format("group.csg", _csg, read_group, True),
    "stack": Format("images.mrcs", _mrcs, _images),
    "map": Format("map.mrc", _map, read_map),
    "bytes map": Format("bytes.mrc", _little, read_grid),
    "packed map": Format("packed.mrc.gz", _packed_map, read_map),
    "pdb": Format("model.pdb", _pdb, read_model, True),
    "mmcif": Format("model.cif", _cif, read_model, True),
    "packed mmcif": Format("packed.cif.gz", _packed_cif, read_model),
    "gmm": Format("gmm.star", _gmm, read_gmm, True),
    "eman2": Format("gmm.txt", _eman2, lambda path: read_gmm_eman2(path, 16, 2.0), True),
    "curves": Format("fsc.star", _curves, read_curves, True),
    "patches": Format("patches.star", _patches, read_patches, True),
    "half sets": Format("half_sets.npz", _half_sets, lambda path: half_sets_of_map(path.parent / "map.mrc")),
    "network": Format("network_half_1.npz", _network, read_arrays),
    "motions": Format("motions.npy", _motions, lambda path: table_motions(str(path), _FourParticles())),
    "record": Format("run.json", _run, _record, True),
    "mark": Format("marked.mrc", _map, read_made_from),
}


def arrays_in(value: Any):
    """All arrays of numbers in what a reader gave."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from arrays_in(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from arrays_in(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            if name != "table":
                yield from arrays_in(getattr(value, name))
