"""What tells that images show one particle: RELION's names, tubes, tilts, and places in micrographs."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.identity import repeats
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.particle_set import draw_half_sets, split_half_sets
from gmmrefine.particles.symmetry import parents, particle_count, refuse_expanded

ONE_MICROGRAPH = ["mic.mrc"] * 4
STRAIGHT = {
    "rlnOriginXAngst": ["0"] * 4,
    "rlnOriginYAngst": ["0"] * 4,
    "rlnDefocusU": ["9000"] * 4,
    "rlnDefocusV": ["9000"] * 4,
}


def places(x, y, **more):
    """Columns of four particles of one micrograph at some pixels."""
    return dict(STRAIGHT, rlnMicrographName=ONE_MICROGRAPH, rlnCoordinateX=x, rlnCoordinateY=y, **more)


def told(make_star, optics=None, distance=0.0, **columns):
    """Numbers of the particles that four images show."""
    return parents(read_particles(make_star(optics, columns), distance=distance)).tolist()


MICROGRAPH_PIXEL = {"rlnMicrographPixelSize": ["0.5", "0.5"]}


def test_nothing_told_is_nothing_shared(particle_file):
    particles = read_particles(particle_file)
    assert particles.parent is None and particles.particle is None and particle_count(particles) == 4


def test_two_extractions_of_one_place(make_star):
    """A tenth of half the box of 24 Å is 1.2 Å: 2 px of 0.5 Å are within, 3 px are not."""
    columns = places(["100", "102", "200", "203"], ["50"] * 4)
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 0, 1, 2]
    assert told(make_star, MICROGRAPH_PIXEL, distance=1.6, **columns) == [0, 0, 1, 1]
    assert told(make_star, {"rlnMicrographOriginalPixelSize": ["0.7", "0.7"]}, **columns) == [0, 1, 2, 3]


def test_the_scale_of_images_of_two_pixel_sizes_in_one_group(make_star):
    """Without that of the micrographs each image's own stands for it: 1 px is 1.5 Å in the first two, 0.5 Å in the others."""
    optics = {"rlnImagePixelSize": None}
    columns = places(["100", "101", "200", "201"], ["50"] * 4, rlnPixelSize=["1.5", "1.5", "0.5", "0.5"])
    columns["rlnOpticsGroup"] = ["1"] * 4
    assert told(make_star, optics, distance=1.0, **columns) == [0, 1, 2, 2]


def test_places_are_compared_after_the_shifts(make_star):
    """A particle at coordinate × pixel - origin: boxes 3 px = 1.5 Å apart whose shifts differ by 1.5 Å show one."""
    columns = places(["100", "103", "200", "203"], ["50"] * 4, rlnOriginXAngst=["0", "1.5", "0", "-1.5"])
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 0, 1, 2]


def test_a_pose_that_went_astray_makes_no_duplicate(make_star):
    """Boxes 8 Å apart, a third of the box, one with a shift that brings it over the other's particle."""
    columns = places(["100", "116", "200", "300"], ["50"] * 4, rlnOriginXAngst=["0", "8", "0", "0"])
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 1, 2, 3]


def test_without_a_scale_certain_duplicates_are_found_and_the_rest_is_said(make_star):
    """The images' 1.5 Å/px stand for the scale, which is never coarser."""
    columns = places(["100", "100.5", "200", "201"], ["50"] * 4)
    assert told(make_star, **columns) == [0, 0, 1, 2]
    (note,) = (text for text in read_particles(make_star(None, columns)).table.notes if "rlnMicrographPixelSize" in text)
    assert "particles of binned images are not told" in note
    assert not read_particles(make_star(MICROGRAPH_PIXEL, columns)).table.notes


def test_micrographs_are_told_apart_by_name_and_defocus(make_star):
    columns = places(["100"] * 4, ["50"] * 4, rlnDefocusU=["9000", "9000", "9000", "20000"])
    columns["rlnMicrographName"] = ["a.mrc", "b.mrc", "a.mrc", "a.mrc"]
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 1, 0, 2]


def test_original_names_tell_copies_that_were_subtracted(make_star):
    names = ["000007@old.mrcs", "000008@old.mrcs"] * 2
    assert told(make_star, {"rlnOpticsGroup": ["1", "2"]}, rlnImageOriginalName=names) == [0, 1, 0, 1]
    with pytest.raises(InputError, match="a symmetry-expanded set: 4 images of 2 particles"):
        refuse_expanded(read_particles(make_star(None, {"rlnImageOriginalName": names})), "")
    # one name in two optics groups is that of two projects
    names = ["000007@old.mrcs"] * 2 + ["000009@old.mrcs", "000010@old.mrcs"]
    assert told(make_star, rlnImageOriginalName=names) == [0, 1, 2, 3]


def test_segments_of_a_tube_are_one_particle_but_no_copies(make_star):
    columns = {"rlnHelicalTubeID": ["1", "1", "2", "1"], "rlnMicrographName": ["a", "a", "a", "b"]}
    assert told(make_star, **columns) == [0, 0, 1, 2]
    refuse_expanded(read_particles(make_star(None, columns)), "")


@pytest.mark.parametrize(
    "columns, expected",
    (
        ({"rlnTomoParticleName": ["t/1", "t/2", "t/1", "t/2"]}, [0, 1, 0, 1]),
        ({"rlnGroupName": ["p1", "p1", "p2", "p2"], "rlnCoordinateZ": ["10", "10", "70", "70"]}, [0, 0, 1, 1]),
        ({"rlnGroupName": ["mic1", "mic1", "mic2", "mic2"]}, [0, 1, 2, 3]),
    ),
)
def test_tilts_of_a_particle(make_star, columns, expected):
    """In single-particle files rlnGroupName is a group of micrographs and tells no particle."""
    assert told(make_star, **columns) == expected


def test_halves_that_share_a_particle_are_refused_with_both_ways_out(make_star):
    columns = places(["100", "100", "200", "200"], ["50"] * 4)
    particles = read_particles(make_star(MICROGRAPH_PIXEL, columns))
    with pytest.raises(InputError) as caught:
        split_half_sets(particles)
    text = str(caught.value)
    assert "row 2 (half 2) shows the same particle as row 1 (half 1), row 4 (half 2) shows" in text
    assert "and 2 rows do so" in text
    assert "--remove-duplicates" in text and "--redraw-halves SEED" in text and "\n" not in text
    drawn = draw_half_sets(particles, 3).half_set
    assert drawn[0] == drawn[1] != drawn[2] == drawn[3]


def test_repeats_are_later_extractions_and_not_tilts_segments_or_copies(make_star):
    columns = places(["100", "100", "200", "100"], ["50"] * 4)
    particles = read_particles(make_star(MICROGRAPH_PIXEL, columns))
    assert repeats(particles).tolist() == [False, True, False, True]
    assert repeats(particles.subset(np.array([3, 2, 0]))).tolist() == [False, False, True]
    assert not repeats(read_particles(make_star(MICROGRAPH_PIXEL, dict(columns, rlnHelicalTubeID=["1"] * 4)))).any()


def test_an_image_given_twice_is_a_repeat_but_turned_it_is_a_symmetry_copy(make_star):
    names = ["000001@stack.mrcs", "000001@stack.mrcs", "000001@stack.mrcs", "000002@stack.mrcs"]
    angles = {"rlnAngleRot": ["10", "10.5", "130", "0"], "rlnAngleTilt": ["30"] * 4, "rlnAnglePsi": ["50"] * 4}
    particles = read_particles(make_star(None, dict(angles, rlnImageName=names)))
    assert repeats(particles).tolist() == [False, True, False, False]


def test_contrast_signs_are_read_and_others_refused(make_star):
    assert read_particles(make_star()).contrast_sign is None
    signs = read_particles(make_star(None, {"gmmContrastSign": ["1", "-1", "-1", "1"]})).subset([1, 3]).contrast_sign
    assert signs.tolist() == [-1, 1]
    with pytest.raises(InputError, match="row 3: gmmContrastSign is 0; expected 1 for a bright"):
        read_particles(make_star(None, {"gmmContrastSign": ["1", "-1", "0", "1"]}))


@pytest.mark.parametrize(
    "columns",
    (
        {"gmmParentParticle": ["7", "7", "<NA>", "<NA>"]},
        {"rlnImageOriginalName": ["1@a.mrcs", "1@a.mrcs", "<NA>", "None"]},
        {"rlnHelicalTubeID": ["1", "1", "<NA>", "<NA>"], "rlnMicrographName": ONE_MICROGRAPH},
        {"rlnTomoParticleName": ["a/1", "a/1", "<NA>", "<NA>"]},
        {"rlnGroupName": ["p1", "p1", "<NA>", "<NA>"], "rlnMicrographPreExposure": list("0303")},
        {"rlnGroupName": ["p1", "p1", "p2", "<NA>"], "rlnTomoParticleName": ["<NA>"] * 4, "rlnCoordinateZ": list("0303")},
    ),
)
def test_rows_that_do_not_tell_are_particles_of_their_own(make_star, columns):
    """As pandas joins a set that has these columns and one that has not."""
    optics = {"rlnOpticsGroupName": ["a", "b"]}
    rows = dict(columns, rlnOpticsGroup=["1"] * 4)
    assert told(make_star, optics, **rows) == [0, 0, 1, 2]
    assert told(make_star, optics, **{label: ["<NA>"] * 4 for label in columns}) == [0, 1, 2, 3]


def test_places_of_some_rows(make_star):
    columns = places(["100", "100", "<NA>", "200"], ["50", "50", "50", "<NA>"])
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 0, 1, 2]
    columns = dict(places(["100", "100", "100", "100"], ["50"] * 4), rlnMicrographName=["<NA>", "<NA>", "mic.mrc", "mic.mrc"])
    assert told(make_star, MICROGRAPH_PIXEL, **columns) == [0, 1, 2, 2]


def test_a_scale_that_one_optics_group_lacks_is_that_of_its_images(make_star):
    """Rows 1 and 3 are of the group at 0.75 Å/px: 0.75 × 200 = 1.5 × 100 Å."""
    columns = places(["200", "100", "400", "300"], ["100", "50", "100", "50"])
    optics = {"rlnMicrographPixelSize": ["0.75", "<NA>"]}
    assert told(make_star, optics, **columns) == [0, 0, 1, 2]
    (note,) = (text for text in read_particles(make_star(optics, columns)).table.notes if "rlnMicrographPixelSize" in text)
    assert "for 2 of 4 particles" in note
