"""sharpen from the command line, on a map of an atomic model that was blurred by a known B factor."""

import gemmi
import numpy as np
import pytest
from reported import reported
from small_run import assert_refused, gmmrefine, record

from gmmrefine.commands import sharpen
from gmmrefine.errors import InputError
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import Volume, read_map, write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.local_filter import local_low_pass
from gmmrefine.maps.mask import mask_around
from gmmrefine.maps.sharpen import amplitudes, without_b_factor
from gmmrefine.pipelines.model_map import model_map
from gmmrefine.pipelines.sharpen import check_sharpening
from gmmrefine.settings import SharpenSettings

BOX, PIXEL_SIZE, ORIGIN, B_FACTOR, FINE = 64, 1.5, np.array([-40.0, 25.0, 7.5]), 120.0, 4.0
METHODS = ("b-factor", "model-profile", "local-resolution", "local-model", "local")


def write_model(path, count=900, spread=20.0):
    """Carbon atoms scattered in a ball around the middle of the map."""
    rng = np.random.default_rng(8)
    structure, model, chain = gemmi.Structure(), gemmi.Model("1"), gemmi.Chain("A")
    direction = rng.normal(size=(count, 3))
    direction *= spread * rng.uniform(0, 1, (count, 1)) ** (1 / 3) / np.linalg.norm(direction, axis=1, keepdims=True)
    for number, place in enumerate(ORIGIN + BOX // 2 * PIXEL_SIZE + direction, 1):
        residue, atom = gemmi.Residue(), gemmi.Atom()
        residue.name, residue.seqid = "GLY", gemmi.SeqId(str(number))
        atom.name, atom.element, atom.pos, atom.b_iso = "CA", gemmi.Element("C"), gemmi.Position(*place), 20.0
        residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))
    return path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Folder with a model, its map without blur, one with B 120 and noise, a mask and a local resolution of 4 Å."""
    folder = tmp_path_factory.mktemp("sharpen")
    model = write_model(folder / "model.pdb")
    sharp, _ = model_map(str(model), Volume(np.zeros((BOX,) * 3), PIXEL_SIZE, ORIGIN), 2.0, False)
    atoms = read_atoms(model).positions - ORIGIN - BOX // 2 * PIXEL_SIZE
    mask = mask_around(atoms, 3.0, BOX, PIXEL_SIZE)
    blurred = without_b_factor(sharp, -B_FACTOR, PIXEL_SIZE)
    blurred += 0.03 * blurred[mask > 0.5].std() * np.random.default_rng(9).standard_normal(blurred.shape, np.float32)
    for name, volume in (("truth", sharp), ("map", blurred), ("mask", mask), ("resolution", FINE * (mask > 0))):
        write_map(folder / f"{name}.mrc", volume, PIXEL_SIZE, ORIGIN)
    return folder


def sharpened(inputs, output, *options, limit=("--low-pass", FINE)):
    outcome = gmmrefine("sharpen", inputs / "map.mrc", "--mask", inputs / "mask.mrc", "-o", output, *limit, *options)
    assert outcome.code == 0, outcome.err
    return read_map(output / "sharpened.mrc"), record(output)["results"], outcome.out


def agreement(inputs, data):
    """Correlation with the unblurred map inside the mask, both at 4 Å."""
    inside, radius = read_map(inputs / "mask.mrc").data > 0.5, BOX * PIXEL_SIZE / FINE
    expected = low_pass(read_map(inputs / "truth.mrc").data, radius)
    return np.corrcoef(expected[inside], low_pass(data, radius)[inside])[0, 1]


def test_b_factor_of_a_blurred_map(inputs, tmp_path):
    _, results, said = sharpened(inputs, tmp_path / "blurred")
    outcome = gmmrefine(
        "sharpen", inputs / "truth.mrc", "--mask", inputs / "mask.mrc", "-o", tmp_path / "truth", "--low-pass", FINE
    )
    assert outcome.code == 0
    own = record(tmp_path / "truth")["results"]["b_factor"]
    assert own == pytest.approx(16, abs=4)  # 8π² (0.45 Å)², the simulation at 2 Å
    assert results["b_factor"] - own == pytest.approx(B_FACTOR, rel=0.1)
    assert results["guinier_range"] == pytest.approx([10, 4], rel=0.1)
    assert f"B factor {results['b_factor']:.1f} Å², fitted from {results['guinier_range'][0]:.1f} to" in said
    assert reported(tmp_path / "blurred", tmp_path) == {"Maps": ["Central slices of the maps", "Amplitudes"]}
    curves = read_curves(tmp_path / "blurred" / "amplitudes.star")
    assert curves["gmmAmplitudeSharpened"][20] == pytest.approx(
        np.exp(results["b_factor"] * curves["gmmFrequency"][20] ** 2 / 4) * curves["gmmAmplitude"][20], rel=0.1
    )


def test_a_given_b_factor(inputs, tmp_path):
    volume, results, said = sharpened(inputs, tmp_path / "run", "--b-factor", 80)
    before = read_map(inputs / "map.mrc").data
    expected = low_pass(without_b_factor(before, 80.0, PIXEL_SIZE), BOX * PIXEL_SIZE / FINE)
    np.testing.assert_allclose(volume.data, expected, atol=1e-4 * np.abs(expected).max())
    assert results["b_factor"] == 80 and "guinier_range" not in results and "fitted" not in said


@pytest.mark.parametrize("method", METHODS)
def test_every_way_brings_the_map_closer_to_the_truth(inputs, tmp_path, method):
    model = ("--reference-model", inputs / "model.pdb") if "model" in method else ()
    limit = ("--local-resolution", inputs / "resolution.mrc")
    volume, results, said = sharpened(inputs, tmp_path, "--sharpening", method, *model, limit=limit)
    for name in sharpen.COMMAND.outputs:
        assert (tmp_path / name).is_file(), name
    before = read_map(inputs / "map.mrc")
    assert np.array_equal(read_map(tmp_path / "unmodified.mrc").data, before.data)
    assert volume.origin == pytest.approx(ORIGIN) and volume.voxel_size == pytest.approx(PIXEL_SIZE)
    assert agreement(inputs, before.data) < 0.9 < agreement(inputs, volume.data)
    assert results["sharpening"] == method and results["resolution"] == pytest.approx(FINE)
    assert f"sharpened ({method}) to 4.00 Å; the map as it was is unmodified.mrc" in said
    assert results.get("atoms_outside", 0) == 0 and "occupancy" not in said


def test_the_b_factor_follows_the_local_resolution(inputs, tmp_path):
    before, mask = read_map(inputs / "map.mrc").data, read_map(inputs / "mask.mrc").data
    resolution = np.where(np.indices(mask.shape)[2] < 20, 6.0, FINE) * (mask > 0)
    write_map(tmp_path / "uneven.mrc", resolution, PIXEL_SIZE, ORIGIN)
    volume, *_ = sharpened(
        inputs,
        tmp_path / "run",
        "--sharpening",
        "local-resolution",
        "--b-factor",
        80,
        limit=("--local-resolution", tmp_path / "uneven.mrc"),
    )
    expected = local_low_pass(before, resolution, PIXEL_SIZE, lambda local: 80 * (local / FINE) ** 2)
    np.testing.assert_allclose(volume.data, expected, atol=1e-4 * np.abs(expected).max())


def test_local_amplitudes_of_a_model_follow_its_b_factors(inputs, tmp_path):
    structure = gemmi.read_structure(str(inputs / "model.pdb"))
    middle = ORIGIN[0] + BOX // 2 * PIXEL_SIZE
    for atom in (atom for chain in structure[0] for residue in chain for atom in residue):
        atom.b_iso = 20.0 if atom.pos.x < middle else 220.0
    structure.write_pdb(str(tmp_path / "uneven.pdb"))
    inside = read_map(inputs / "mask.mrc").data > 0.5
    x = np.indices(inside.shape)[2] - BOX // 2
    ratios = []
    for name, model in (("even", inputs / "model.pdb"), ("uneven", tmp_path / "uneven.pdb")):
        volume, *_ = sharpened(inputs, tmp_path / name, "--sharpening", "local-model", "--reference-model", model)
        ratios.append(volume.data[inside & (x > 5)].std() / volume.data[inside & (x < -5)].std())
    assert ratios[0] == pytest.approx(1, abs=0.15) and ratios[1] < 0.8 * ratios[0]


def test_radial_amplitudes_become_those_of_the_model(inputs, tmp_path):
    volume, *_ = sharpened(inputs, tmp_path, "--sharpening", "model-profile", "--reference-model", inputs / "model.pdb")
    mask = read_map(inputs / "mask.mrc").data
    after, model = (amplitudes(data, mask, PIXEL_SIZE).total for data in (volume.data, read_map(inputs / "truth.mrc").data))
    shells = slice(3, 21)
    ratio = after[shells] / model[shells]
    assert ratio / ratio.mean() == pytest.approx(1, abs=0.12)


def test_atoms_outside_are_counted_and_a_model_outside_is_refused(inputs, tmp_path):
    structure = gemmi.read_structure(str(inputs / "model.pdb"))
    some = [atom for chain in structure[0] for residue in chain for atom in residue][:50]
    for atom in some:
        atom.pos = gemmi.Position(500, 0, 0)
    structure.write_pdb(str(tmp_path / "partly.pdb"))
    _, results, said = sharpened(
        inputs, tmp_path / "partly", "--sharpening", "model-profile", "--reference-model", tmp_path / "partly.pdb"
    )
    assert results["atoms_outside"] == 50 and "50 atoms of the model lie outside the map and are left out" in said
    for chain in structure[0]:
        for residue in chain:
            residue[0].pos = gemmi.Position(500, 1, 2)
    structure.write_pdb(str(tmp_path / "far.pdb"))
    outcome = gmmrefine(
        "sharpen",
        inputs / "map.mrc",
        "--low-pass",
        FINE,
        "--sharpening",
        "local-model",
        "--reference-model",
        tmp_path / "far.pdb",
        "-o",
        tmp_path / "far",
    )
    assert_refused(
        outcome,
        "sharpen",
        "far.pdb: only 0 of 900 atoms lie inside the map",
        "from -40.0 25.0 7.5 to 54.5 119.5 102.0 Å",
        "lie from 500.0 1.0 2.0 to",
        "Fit the model into the map",
    )
    assert not (tmp_path / "far" / "sharpened.mrc").exists()


def test_what_is_odd_about_a_model_is_said(inputs, tmp_path):
    """A domain of occupancy 0 is sharpened as if it were not there, and the command says so."""
    structure, middle = gemmi.read_structure(str(inputs / "model.pdb")), ORIGIN[0] + BOX // 2 * PIXEL_SIZE
    empty = [site.atom for site in structure[0].all() if site.atom.pos.x > middle]
    for atom in empty:
        atom.occ = 0.0
    hydrogen = gemmi.Atom()
    hydrogen.name, hydrogen.element, hydrogen.pos = "HA", gemmi.Element("H"), empty[0].pos
    structure[0]["A"][0].add_atom(hydrogen)
    structure.add_model(structure[0].clone())
    structure.renumber_models()
    structure.write_pdb(str(tmp_path / "empty.pdb"))
    volume, results, said = sharpened(
        inputs, tmp_path / "run", "--sharpening", "local-model", "--reference-model", tmp_path / "empty.pdb"
    )
    assert results["atoms_of_zero_occupancy"] == len(empty) > 300
    assert (results["models_left_out"], results["hydrogens_left_out"], results["alternatives"]) == (1, 1, 0)
    for words in (
        f"{len(empty)} atoms of the model have occupancy 0: the map is sharpened as if they were not there",
        "1 hydrogens of the model have no part",
        "1 further models in the file have no part",
    ):
        assert words in said, words
    x = np.indices(volume.data.shape)[2] - BOX // 2
    inside = read_map(inputs / "mask.mrc").data > 0.5
    assert volume.data[inside & (x > 5)].std() < 0.7 * volume.data[inside & (x < -5)].std()


def test_nyquist_of_a_header_in_single_precision():
    for exact in np.round(np.arange(50, 391) / 100, 2):
        held = float(np.float32(exact))
        for resolution in (2 * exact, 2 * held):
            check_sharpening(SharpenSettings(low_pass=resolution), held)
        with pytest.raises(InputError, match="is beyond Nyquist of the map"):
            check_sharpening(SharpenSettings(low_pass=1.999 * exact), held)


REFUSED = {
    "": "the resolution of the map is not known",
    "--low-pass 2": "--low-pass 2 Å is beyond Nyquist of the map (3.00 Å)",
    "--low-pass 4 --sharpening model-profile": "--sharpening model-profile needs --reference-model",
    "--low-pass 4 --sharpening local-model": "--sharpening local-model needs --reference-model",
    "--low-pass 4 --sharpening local-resolution": "--sharpening local-resolution needs --local-resolution",
    "--low-pass 4 --reference-model m.pdb": "--reference-model would have no effect with --sharpening b-factor",
    "--low-pass 4 --b-factor 90 --guinier-from 12": "--guinier-from would have no effect with --b-factor",
    "--low-pass 4 --amplitude-window 8": "--amplitude-window would have no effect with --sharpening b-factor",
    "--low-pass 4 --local-resolution r.mrc": "--low-pass would have no effect with --local-resolution",
    "--low-pass 4 --b-factor nan": "--b-factor nan: expected a finite number",
    "--low-pass 4 --sharpening hard": "argument --sharpening: invalid choice: 'hard'",
    "--low-pass 9": "from 10.0 to 9.0 Å only 1 of 1 shells hold more than noise",
}


@pytest.mark.parametrize("text", REFUSED)
def test_options(inputs, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    for name in ("m.pdb", "r.mrc"):
        (tmp_path / name).touch()
    outcome = gmmrefine("sharpen", inputs / "map.mrc", "-o", tmp_path / "run", *text.split())
    assert_refused(outcome, "sharpen", REFUSED[text])
    assert {path.name for path in (tmp_path / "run").glob("*")} <= {"run.json", "gmmrefine.log", "events.jsonl"}


def test_maps_that_cannot_be_sharpened(inputs, tmp_path):
    write_map(tmp_path / "zero.mrc", np.zeros((BOX,) * 3), PIXEL_SIZE)
    outcome = gmmrefine("sharpen", tmp_path / "zero.mrc", "--low-pass", FINE, "-o", tmp_path / "run")
    assert_refused(outcome, "sharpen", "zero.mrc: all 262144 voxels are 0; expected a map with density")
    corner = np.zeros((BOX,) * 3)
    corner[:4, :4, :4] = FINE
    write_map(tmp_path / "corner.mrc", corner, PIXEL_SIZE)
    outcome = gmmrefine("sharpen", inputs / "map.mrc", "--local-resolution", tmp_path / "corner.mrc", "-o", tmp_path / "corner")
    assert_refused(outcome, "sharpen", "the local resolution map knows no voxel inside the mask")
    write_map(tmp_path / "mask.mrc", np.ones((48,) * 3), PIXEL_SIZE)
    outcome = gmmrefine(
        "sharpen", inputs / "map.mrc", "--low-pass", FINE, "--mask", tmp_path / "mask.mrc", "-o", tmp_path / "run"
    )
    assert_refused(outcome, "sharpen", "mask.mrc is 48×48×48 but the box is 64")
    outcome = gmmrefine(
        "sharpen",
        inputs / "map.mrc",
        "--low-pass",
        FINE,
        "--sharpening",
        "local-model",
        "--reference-model",
        tmp_path / "nowhere.cif",
        "-o",
        tmp_path / "other",
    )
    assert_refused(outcome, "sharpen", "nowhere.cif: cannot be read")
