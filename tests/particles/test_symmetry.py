"""Symmetry copies: at equivalent poses, in the half of their parent, counted once, and found where they must not be."""

from dataclasses import replace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, ctf_parameters, molecule, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.particles.particle_set import draw_half_sets, split_half_sets
from gmmrefine.particles.symmetry import (
    counted,
    expanded,
    image_numbers,
    marks_of,
    parents,
    particle_count,
    refuse_expanded,
    shuffled,
)

HALVES = np.array([2, 1, 1, 2, 2, 1])


@pytest.fixture
def particles(rng):
    return particle_set(
        random_rotations(6), rng.normal(size=(6, 2)), ctf_parameters(6, rng), half_set=HALVES, row=np.arange(6) * 10
    )


@pytest.fixture
def copies(particles):
    return expanded(particles, point_group("C3"))


def test_copies_share_everything_but_the_rotation(particles, copies):
    assert len(copies) == 18
    for name in ("stack_index", "slice_index", "shifts", "half_set", "row"):
        assert np.array_equal(getattr(copies, name), np.repeat(getattr(particles, name), 3, axis=0)), name
    assert np.array_equal(copies.ctf.defocus_u, np.repeat(particles.ctf.defocus_u, 3))
    assert np.array_equal(copies.parent, np.repeat(np.arange(6), 3))
    assert np.array_equal(copies.rotations[::3], particles.rotations)


@pytest.mark.parametrize("name", ("C3", "D2", "D3"))
def test_copies_of_a_symmetric_molecule_look_alike(particles, name):
    operators, disc = point_group(name), half_disc(BOX, 8)
    unit = molecule(8)
    whole = Gmm(
        np.concatenate([unit.centers @ operator.T for operator in operators]),
        np.tile(unit.amplitudes, len(operators)),
        np.tile(unit.widths, len(operators)),
    )
    copies = expanded(particles.subset(np.array([4])), operators)
    images = [references.image(whole, disc, PIXEL_SIZE, *pose) for pose in zip(copies.rotations, copies.shifts)]
    for image in images[1:]:
        assert image == pytest.approx(images[0], abs=1e-6 * np.abs(images[0]).max())


@pytest.mark.parametrize("name", ("C3", "D3", "T"))
def test_a_copy_shows_another_unit_where_the_reference_has_the_first(particles, name):
    """Unit S of the particle, with an atom at S x: copy S must see it as the reference's atom at x."""
    x, operators = np.array([12.0, -5.0, 7.0]), point_group(name)
    copies = expanded(particles.subset(np.array([2])), operators)
    for rotation, operator in zip(copies.rotations, operators):
        assert rotation @ x == pytest.approx(particles.rotations[2] @ (operator @ x))


def test_copies_count_once(particles, copies):
    assert counted(particles) == "6 particles" and particle_count(particles) == 6
    assert counted(copies) == "18 images of 6 particles" and particle_count(copies) == 6
    assert counted(copies.subset(np.arange(0, 18, 3))) == "6 particles"
    unmarked = replace(copies, parent=None)
    assert np.array_equal(parents(unmarked), copies.parent)


def test_images_are_told_by_file_not_by_path(particles, tmp_path):
    for name in ("a.mrcs", "b.mrcs"):
        (tmp_path / name).touch()
    (tmp_path / "link.mrcs").symlink_to(tmp_path / "a.mrcs")
    stacks = tuple(str(tmp_path / name) for name in ("a.mrcs", "b.mrcs", "link.mrcs"))
    some = replace(particles, stacks=stacks, stack_index=np.array([0, 0, 1, 2, 2, 1]), slice_index=np.array([5, 0, 5, 5, 1, 0]))
    assert image_numbers(some).tolist() == [0, 1, 2, 0, 3, 4]


def test_half_sets_are_drawn_by_particle(particles, copies):
    drawn = draw_half_sets(copies, seed=4).half_set.reshape(6, 3)
    assert np.array_equal(drawn, np.repeat(drawn[:, :1], 3, axis=1))
    assert sorted(drawn[:, 0].tolist()) == [1, 1, 1, 2, 2, 2]
    # and as they were drawn before there were copies
    assert np.array_equal(drawn[:, 0], draw_half_sets(particles, seed=4).half_set)
    shuffled = copies.subset(np.random.default_rng(1).permutation(18))
    again = draw_half_sets(replace(shuffled, parent=None), seed=4)
    assert [len(set(again.half_set[parents(again) == number])) for number in range(6)] == [1] * 6


def test_copies_stay_with_their_parent(copies):
    halves = split_half_sets(copies).both()
    assert [len(half) for half in halves] == [9, 9]
    assert not set(halves[0].parent) & set(halves[1].parent)


@pytest.mark.parametrize("marked", (True, False))
def test_a_copy_in_the_other_half_is_a_leak(copies, marked):
    half_set = copies.half_set.copy()
    half_set[4] = 2  # row 10, whose parent is in half 1
    leaked = replace(copies, half_set=half_set, parent=copies.parent if marked else None)
    with pytest.raises(InputError) as caught:
        split_half_sets(leaked)
    text = str(caught.value)
    assert "half sets are not independent: row 11 (half 2) shows the same particle as row 11 (half 1), and 1 rows do" in text
    assert "\n" not in text


def test_marks_tell_copies_that_were_extracted_again(copies):
    """Each copy an image of its own: only the mark knows its parent."""
    half_set = copies.half_set.copy()
    half_set[4] = 2
    apart = replace(copies, slice_index=np.arange(18))
    assert split_half_sets(apart)
    with pytest.raises(InputError, match="half sets are not independent"):
        split_half_sets(replace(apart, half_set=half_set))


def test_two_expansions_of_one_image_are_one_particle(particles):
    """Copies 1 of one expansion joined with copies 2 of another, whose marks are spelled otherwise."""
    twice = replace(particles.subset(np.tile(np.arange(6), 2)), parent=np.arange(12))
    assert parents(twice).tolist() == [0, 1, 2, 3, 4, 5] * 2
    with pytest.raises(InputError, match="12 images of 6 particles"):
        refuse_expanded(twice, "")


def test_marks_and_images_are_followed_from_one_to_the_other(particles):
    """Rows 0 and 1 by their image, 1 and 2 by their mark: one particle."""
    some = replace(particles, slice_index=np.array([0, 0, 1, 2, 3, 4]), parent=np.array([0, 1, 1, 2, 3, 3]))
    assert parents(some).tolist() == [0, 0, 0, 1, 2, 2]


def test_marks_name_the_image_wherever_the_table_lies(copies, tmp_path):
    (tmp_path / "a.mrcs").touch()
    (tmp_path / "link.mrcs").symlink_to(tmp_path / "a.mrcs")
    marks = marks_of(replace(copies, stacks=(str(tmp_path / "link.mrcs"),)), 3)
    assert marks["gmmParentParticle"][:4] == [f"{number:06d}@{tmp_path.resolve()}/a.mrcs" for number in (1, 1, 1, 2)]
    assert marks["gmmSymmetryCopy"].tolist() == [1, 2, 3] * 6


def test_wrong_marks_do_not_hide_a_duplicate(particles):
    """The image of row 0 (half 2) planted among half 1, with marks that say it is another particle."""
    slices = particles.slice_index.copy()
    slices[5] = slices[0]
    with pytest.raises(InputError, match=r"row 51 \(half 1\) shows the same particle as row 1 \(half 2\)"):
        split_half_sets(replace(particles, slice_index=slices, parent=np.arange(6)))


def test_an_expanded_set_is_refused(particles, copies):
    refuse_expanded(particles, "")
    for spoilt in (copies, replace(copies, parent=None)):
        with pytest.raises(InputError) as caught:
            refuse_expanded(spoilt, "Do this.")
        assert str(caught.value).startswith("a symmetry-expanded set: 18 images of 6 particles (row 1 repeats row 1)")
        assert str(caught.value).endswith("Do this.")
        with pytest.raises(InputError, match="Expand the particles that the copies were made from"):
            expanded(spoilt, point_group("C3"))


def test_a_sample_holds_every_particle_before_a_copy_of_one(copies, rng):
    """Three copies of six particles: the first six are six particles, in the copies that chance has given."""
    order = shuffled(copies, rng)
    assert sorted(order) == list(range(18))
    for turn in range(3):
        assert sorted(order[6 * turn : 6 * turn + 6] // 3) == list(range(6))
    assert len(set(order[:6] % 3)) > 1


def test_without_copies_a_sample_is_drawn_by_chance_alone(particles):
    assert np.array_equal(shuffled(particles, np.random.default_rng(4)), np.random.default_rng(4).permutation(6))
