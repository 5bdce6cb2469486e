"""Patches found in the data, through the command line."""

import filecmp

import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE, SIMULATE, gmmrefine, record

from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_mask
from gmmrefine.io.star_particles import read_particles
from gmmrefine.pipelines.patch_geometry import read_patches


def with_patches_from_the_data(particles, output, *options):
    """A small run that is expected to succeed; gives its folder."""
    outcome = gmmrefine(
        "refine-patches",
        particles,
        "-o",
        output,
        "--patches",
        "auto",
        "--gaussians",
        120,
        "--fit-evaluations",
        12,
        "--max-resolution",
        13,
        *options,
    )
    assert outcome.code == 0, outcome.err
    return output


@pytest.fixture(scope="module")
def well_aligned(tmp_path_factory):
    """Particles at poses as a global refinement leaves them; one domain swings by up to 8°."""
    folder = tmp_path_factory.mktemp("well_aligned")
    outcome = gmmrefine(
        *SIMULATE,
        "--snr",
        1,
        "--swing",
        "chain A and 390-640,1208-1440: 8",
        "--pose-error",
        1,
        "--shift-error",
        0.5,
        "-o",
        folder,
    )
    assert outcome.code == 0, outcome.err
    return folder / "particles.star"


@pytest.fixture(scope="module")
def found_in_the_data(well_aligned, tmp_path_factory):
    """Folder of patches that the particles showed; not to be changed."""
    folder = tmp_path_factory.mktemp("auto") / "run"
    return with_patches_from_the_data(well_aligned, folder, "--patch-mode", "apart", "--only", "geometry")


def test_patches_found_in_the_data_are_the_domains(found_in_the_data, well_aligned):
    """One covers the domain that swings, the other the rest."""
    folder = found_in_the_data
    assert record(folder)["results"]["patches"] == len(read_patches(str(folder / "patches.star"))) == 2
    columns = read_curves(folder / "patch_evidence.star")
    assert columns["gmmPatches"] == pytest.approx(np.arange(1, 9))
    evidence, error = columns["gmmEvidence"], columns["gmmEvidenceError"]
    best = np.argmax(evidence)
    assert error[best] == 0 and (np.delete(error, best) > 0).all()
    # two are the fewest that are as good as the best to three standard errors
    assert evidence[best] - evidence[1] <= 3 * error[1] and evidence[best] - evidence[0] > 3 * error[0]
    domain = read_mask(well_aligned.parent / "mask_domain_1.mrc", BOX, PIXEL_SIZE)
    rest = read_mask(well_aligned.parent / "mask.mrc", BOX, PIXEL_SIZE) * (1 - domain)
    patches = [read_mask(folder / "patches" / f"mask_{number:02d}.mrc", BOX, PIXEL_SIZE) for number in (1, 2)]
    covered = np.array([[(patch * region).sum() / region.sum() for region in (domain, rest)] for patch in patches])
    pure = [(patch * domain).sum() / (patch * (domain + rest)).sum() for patch in patches]
    moving = np.argmax(covered[:, 0])
    assert pure[moving] > 0.8 and pure[1 - moving] < 0.25
    # spheres about few Gaussians leave out the rim of the molecule
    assert covered[moving, 0] > 0.5 and covered[moving, 1] < 0.2
    assert covered[1 - moving, 1] > 0.5 and covered[1 - moving, 0] < 0.3
    assert (folder / "patch_evidence.png").stat().st_size > 5000


@pytest.mark.slow
def test_patches_found_in_the_data_are_refined(found_in_the_data, well_aligned, tmp_path):
    """In one go; the patches are found again as they were."""
    folder = with_patches_from_the_data(well_aligned, tmp_path / "run", "--patch-iterations", 2)
    for name in ("patches.star", "patch_evidence.star"):
        assert filecmp.cmp(found_in_the_data / name, folder / name, shallow=False), name
    assert record(folder)["results"]["patches"] == 2
    for number in ("01", "02"):
        before, after = (read_particles(path) for path in (well_aligned, folder / "patches" / number / "particles.star"))
        assert np.abs(after.rotations - before.rotations).max() > 0.01
    assert (folder / "composite.mrc").exists()
