"""Poses of one reference and of classes."""

import numpy as np
import pytest
from cryosparc_rows import POSES, particle_rows, without

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_alignments import alignments_of

SEPARATE = [(f"alignments_class3D_{number}/{name.partition('/')[2]}", *form) for number in (0, 1, 2) for name, *form in POSES]
MULTI = [
    ("alignments3D_multi/pose", "<f4", (3, 3)),
    ("alignments3D_multi/shift", "<f4", (3, 2)),
    ("alignments3D_multi/psize_A", "<f4"),
    ("alignments3D_multi/class_posterior", "<f4", (3,)),
    ("alignments3D_multi/split", "<u4"),
]
POSTERIOR = [[0.1, 0.2, 0.7], [0.9, 0.1, 0], [0.3, 0.4, 0.3], [0, 0, 1]]


def _values(rows):
    rng = np.random.default_rng(2)
    return rng.normal(size=(len(rows), 3, 3)).astype("f4"), rng.normal(size=(len(rows), 3, 2)).astype("f4")


@pytest.fixture(params=["separate", "multi"])
def of_classes(request):
    """Rows with poses (4, 3, 3) and shifts (4, 3, 2) of three classes, and the pixel size 2 Å."""
    rows = particle_rows(4, SEPARATE if request.param == "separate" else MULTI)
    pose, shift = _values(rows)
    if request.param == "multi":
        rows["alignments3D_multi/pose"], rows["alignments3D_multi/shift"] = pose, shift
        rows["alignments3D_multi/class_posterior"], rows["alignments3D_multi/psize_A"] = POSTERIOR, 2
        rows["alignments3D_multi/split"] = [0, 1, 0, 1]
    else:
        for number in range(3):
            fields = {
                "pose": pose[:, number],
                "shift": shift[:, number],
                "psize_A": 2,
                "split": [0, 1, 0, 1],
                "class_posterior": np.array(POSTERIOR)[:, number],
            }
            for name, values in fields.items():
                rows[f"alignments_class3D_{number}/{name}"] = values
    return rows, pose, shift


def test_the_most_probable_class_is_taken_and_said(of_classes):
    rows, pose, shift = of_classes
    found = alignments_of(rows, "x.cs")
    best = [2, 0, 1, 2]
    assert found.pose == pytest.approx(pose[range(4), best]) and found.shift == pytest.approx(2 * shift[range(4), best])
    assert found.classes.tolist() == best and found.split.tolist() == [0, 1, 0, 1]
    assert "most probable class in alignments" in found.note and "0: 1, 1: 1, 2: 2" in found.note


def test_a_class_can_be_chosen(of_classes):
    rows, pose, shift = of_classes
    found = alignments_of(rows, "x.cs", 1)
    assert found.pose == pytest.approx(pose[:, 1]) and found.shift == pytest.approx(2 * shift[:, 1])
    assert found.classes.tolist() == [2, 0, 1, 2] and "poses are those of class 1" in found.note
    with pytest.raises(InputError, match="there is no class 3 in alignments.*; expected one of 0, 1, 2"):
        alignments_of(rows, "x.cs", 3)


def test_classes_without_probabilities_are_not_guessed():
    rows = particle_rows(4, [field for field in SEPARATE if "posterior" not in field[0]])
    with pytest.raises(InputError, match="poses of 3 classes .*Choose one of 0, 1, 2: import --alignment-class"):
        alignments_of(rows, "x.cs")
    assert alignments_of(rows, "x.cs", 2).classes.tolist() == [2] * 4
    one = particle_rows(4, [field for field in SEPARATE if "_1/" in field[0] and "posterior" not in field[0]])
    found = alignments_of(one, "x.cs")
    assert found.classes.tolist() == [1] * 4 and "alignments_class3D_1, the one class there is" in found.note


def test_particles_that_no_class_wanted_are_refused(of_classes):
    rows, *_ = of_classes
    for name in [name for name in rows.dtype.names if name.endswith("class_posterior")]:
        rows[name][2] = 0
    with pytest.raises(InputError, match="row 3: .*class_posterior is 0 for every class .1 of 4"):
        alignments_of(rows, "x.cs")


def test_one_reference_goes_before_classes(of_classes):
    rows, pose, _ = of_classes
    both = np.zeros(4, rows.dtype.descr + POSES)
    for name in rows.dtype.names:
        both[name] = rows[name]
    both["alignments3D/pose"], both["alignments3D/psize_A"], both["alignments3D/class"] = 0.5, 1, [0, 1, 2, 3]
    found = alignments_of(both, "x.cs")
    assert (found.pose == 0.5).all() and found.note == "" and found.classes.tolist() == [0, 1, 2, 3]
    assert alignments_of(both, "x.cs", 0).pose == pytest.approx(pose[:, 0])


def test_names_of_heterogeneous_refinement():
    rows = particle_rows(4, [(name.replace("class3D", "class"), *form) for name, *form in SEPARATE])
    rows["alignments_class_1/class_posterior"], rows["alignments_class_1/pose"] = 1, [1, 2, 3]
    assert alignments_of(rows, "x.cs").pose.tolist() == [[1, 2, 3]] * 4


def test_pixel_size_of_alignments():
    rows = particle_rows(3)
    rows["alignments3D/psize_A"] = [0, 1.5, 3]
    assert alignments_of(rows, "x.cs").shift[:, 0].tolist() == [6, 3, 6]  # 0 stands for that of the image, 3 Å
    for wrong in (-1, np.nan):
        rows["alignments3D/psize_A"][2] = wrong
        with pytest.raises(InputError, match="row 3: .*psize_A"):
            alignments_of(rows, "x.cs")


def test_no_poses():
    with pytest.raises(InputError, match="x.cs: no alignments; expected alignments3D/pose"):
        alignments_of(particle_rows(2, ()), "x.cs")
    with pytest.raises(InputError, match="2D alignments only; .*its passthrough file does not hold the poses"):
        alignments_of(particle_rows(2, [("alignments2D/pose", "<f4"), ("alignments2D_0/pose", "<f4")]), "J1_passthrough.cs")
    with pytest.raises(InputError, match="no poses of classes, only alignments3D/pose"):
        alignments_of(particle_rows(2), "x.cs", 0)
    with pytest.raises(InputError, match="field alignments3D/shift is missing"):
        alignments_of(without(particle_rows(2), "alignments3D/shift"), "x.cs")
    with pytest.raises(InputError, match="alignments3D_multi/shift has 4 numbers in every row; expected 6"):
        alignments_of(particle_rows(2, [MULTI[0], ("alignments3D_multi/shift", "<f4", (2, 2)), MULTI[2]]), "x.cs")
