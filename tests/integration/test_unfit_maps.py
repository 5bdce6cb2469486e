"""Maps that no GMM should be built from."""

import pytest
from small_run import PIXEL_SIZE, gmmrefine

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.pipelines.build import refuse_dark_molecule


def test_a_dark_molecule_is_refused_and_noise_is_not(simulated, rng):
    volume, mask = (read_map(simulated / name).data for name in ("truth.mrc", "mask.mrc"))
    refuse_dark_molecule(volume, mask, 8)
    refuse_dark_molecule(rng.normal(size=volume.shape), mask, 8)
    with pytest.raises(InputError, match="darker inside the mask .* refine with --invert-contrast"):
        refuse_dark_molecule(-volume, mask, 8)


def test_dark_map_on_the_command_line(simulated, tmp_path):
    write_map(tmp_path / "dark.mrc", -read_map(simulated / "truth.mrc").data, PIXEL_SIZE)
    outcome = gmmrefine("build", tmp_path / "dark.mrc", "-o", tmp_path / "run", "--mask", simulated / "mask.mrc")
    assert outcome.code == 1 and "darker inside the mask" in outcome.err
    assert not (tmp_path / "run" / "gmm.star").exists()


def test_too_few_shells(simulated, tmp_path):
    outcome = gmmrefine("build", simulated / "truth.mrc", "-o", tmp_path / "run", "--resolution", 150)
    assert outcome.code == 1 and "Fourier shells of a map 176 Å wide; expected at least 4" in outcome.err
    assert not (tmp_path / "run").exists()
