"""Nyquist is compared in one place, which forgives single precision."""

import ast

import pytest
from source_tree import place, python_files, syntax_tree

SIZES = {"pixel_size", "voxel_size", "sampling_rate", "samplingRate", "getSamplingRate"}


def name_of(node):
    """Name of a variable or attribute; empty for other expressions."""
    return getattr(node, "attr", getattr(node, "id", ""))


def is_nyquist(node):
    """Whether an expression is two pixels, or is called Nyquist."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        return "nyquist" in name_of(node).lower()
    sides = node.left, node.right
    is_twice = any(isinstance(side, ast.Constant) and side.value == 2 for side in sides)
    return is_twice and any(name_of(part) in SIZES for part in ast.walk(node))


def comparisons(tree):
    """Comparisons in which Nyquist stands on one side."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(map(is_nyquist, (node.left, *node.comparators)))
    ]


@pytest.mark.parametrize(
    "text, count",
    [
        ("a < 2 * pixel_size", 1),
        ("2.0 * map.voxel_size > b > 0", 1),
        ("volume.getSamplingRate() * 2 <= a", 1),
        ("a < grid.nyquist", 1),
        ("a < 2 * radius", 0),
        ("a < 3 * pixel_size", 0),
        ("2 * pixel_size", 0),
    ],
)
def test_comparisons_are_found(text, count):
    assert len(comparisons(ast.parse(text))) == count


def test_nyquist_is_compared_in_the_settings_only():
    found = [
        f"{place(path, node)}: compare with settings.is_beyond_nyquist"
        for path in python_files("engine", "scipion_gmmrefine")
        if "tests" not in path.parts
        for node in comparisons(syntax_tree(path))
    ]
    assert not found, "\n".join(found)
