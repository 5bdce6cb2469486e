"""The examples run and show what they promise."""

import importlib.util

import pytest


def load(path):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_refine_in_python(repository, tmp_path):
    before, after = load(repository / "examples" / "refine_in_python.py").main(tmp_path)
    assert after.rotation_rms < 0.8 * before.rotation_rms
    assert after.shift_rms < 0.6 * before.shift_rms
    assert (tmp_path / "fsc.png").stat().st_size > 5000


@pytest.mark.slow
def test_fsc_lesson(repository, tmp_path, capsys):
    """B is better in its flexible subunits and alike in the others, and yet has the lower FSC."""
    poor, better = load(repository / "examples" / "fsc_lesson.py").main(tmp_path).values()
    assert better.subunit_resolution[1] < 0.85 * poor.subunit_resolution[1]
    assert better.local_resolution[1] < 0.85 * poor.local_resolution[1]
    assert better.q[1] > poor.q[1] + 0.05
    for rigid in ("subunit_resolution", "local_resolution", "q"):
        one, other = (getattr(each, rigid)[0] for each in (poor, better))
        assert abs(one / other - 1) < 0.05, rigid
    beyond = poor.curve.frequency > 1 / 9
    assert poor.curve.resolution() < better.curve.resolution() < 1.05 * poor.curve.resolution()
    assert (poor.curve.fsc - better.curve.fsc)[beyond].mean() > 0.01
    said = capsys.readouterr().out
    assert f"{better.curve.resolution():.2f} Å" in said and f"{poor.q[0]:.2f} | {poor.q[1]:.2f}" in said
    assert (tmp_path / "fsc_lesson.png").stat().st_size > 5000
