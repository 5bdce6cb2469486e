"""Command line options made from the settings."""

import argparse

import pytest

from gmmrefine.commands.options import add_settings, files_of, refuse_to_overwrite, settings_from
from gmmrefine.errors import InputError
from gmmrefine.settings import (
    BuildSettings,
    FscSettings,
    RefineSettings,
    Setting,
    SharpenSettings,
    SimulateSettings,
    changed,
    groups_of,
    names_of,
    taken_as,
    values_of,
)


def parsed(*arguments, values=RefineSettings):
    parser = argparse.ArgumentParser()
    add_settings(parser, values)
    return settings_from(parser.parse_args(arguments), values)


@pytest.mark.parametrize("values", [BuildSettings, RefineSettings, SimulateSettings, FscSettings])
def test_the_command_line_gives_the_defaults_of_the_settings(values):
    assert parsed(values=values) == values()


def test_values_of_every_kind(tmp_path):
    mask = tmp_path / "x.mrc"
    mask.touch()
    given = parsed("--iterations", "3", "--mask-edge", "2", "--loss", "frc", "--mask", str(mask), "--invert-contrast")
    assert given == RefineSettings(iterations=3, mask_edge=2.0, loss="frc", mask=str(mask), invert_contrast=True)


def test_a_file_that_cannot_be_opened_is_named_by_its_setting(tmp_path):
    for path in (tmp_path / "no.mrc", tmp_path):
        with pytest.raises(InputError) as caught:
            parsed("--focus-mask", str(path))
        assert str(caught.value).startswith(f"--focus-mask {path}: cannot be read (")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-resolution", "none", "--mask", "none", "--split-halves", "none", "--march", "0.5 1.0"),
        ("--max-resolution", "0", "--mask", "", "--split-halves", "0", "--march", "0.5 1.0"),
    ],
)
def test_none_is_none_also_where_it_was_0_or_empty(arguments):
    assert parsed(*arguments) == RefineSettings(march="0.5 1.0")


def test_help_shows_groups_metavars_units_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "Gaussians: --gaussians TEXT" in text and "--mask MASK.mrc" in text and "--model MODEL.cif" in text
    assert "none uses the measured FSC of the start poses. [Å] (default: none)" in text
    assert "--iterations N Refinement iterations; the run stops earlier when nothing improves. (default: 5)" in text
    assert "--learning-rate" not in text


def test_help_all_shows_the_settings_for_experts(capsys):
    with pytest.raises(SystemExit):
        parsed("--help-all")
    text = " ".join(capsys.readouterr().out.split())
    assert "--learning-rate X Step size of the adam optimizer" in text and "75 % of the box" in text
    assert "--optimizer {fisher,adam}" in text


def test_help_all_is_offered_where_there_is_something_to_show(capsys):
    with pytest.raises(SystemExit):
        parsed("--help", values=FscSettings)
    assert "--help-all" in capsys.readouterr().out
    assert any(one.advanced for _, group in groups_of(FscSettings) for one in group)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--iterations", "0"], "--iterations 0: expected at least 1."),
        (["--focus-level", "1.5"], "--focus-level 1.5: expected from 0.05 to 1."),
        (["--mask-edge", "-1"], "--mask-edge -1: expected at least 0 px."),
        (["--mask-edge", "inf"], "--mask-edge inf: expected a finite number."),
    ],
)
def test_limits(arguments, words):
    with pytest.raises(InputError) as caught:
        parsed(*arguments)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--iterations", "two"], "'two': expected a whole number"),
        (["--max-resolution", "4A"], "'4A': expected a number or none"),
        (["--loss", "l2"], "invalid choice"),
    ],
)
def test_words_that_are_no_value(arguments, words, capsys):
    with pytest.raises(SystemExit):
        parsed(*arguments)
    assert words in capsys.readouterr().err


def test_settings_are_frozen_and_derived_ones_are_new():
    settings = RefineSettings(iterations=3)
    with pytest.raises(AttributeError):
        settings.iterations = 4
    assert changed(settings, iterations=4).iterations == 4 and settings.iterations == 3
    with pytest.raises(TypeError, match="iteratoins"):
        changed(settings, iteratoins=4)


def test_settings_of_another_command_take_what_both_have():
    settings = taken_as(BuildSettings, RefineSettings(mask="x.mrc", gaussians="40", iterations=9), gaussians="50")
    assert settings == BuildSettings(mask="x.mrc", gaussians="50")


def test_files_among_the_settings_are_inputs():
    settings = SharpenSettings(reference_model="a.cif", local_resolution="b.mrc", mask="c.mrc", low_pass=4.0)
    assert sorted(files_of(settings)) == ["a.cif", "b.mrc", "c.mrc"]


def test_what_a_run_derives_is_no_setting():
    assert "model_origin" not in values_of(RefineSettings(model_origin=(0.0, 0.0, 0.0)))
    assert "symmetry" in names_of(RefineSettings)


@pytest.mark.parametrize(
    "setting, value, read",
    [
        (Setting("count", 3, int, ""), "5", 5),
        (Setting("label", None, str, ""), "none", None),
        (Setting("which", None, int, "", none_was=-1), "-1", None),
        (Setting("which", None, int, "", none_was=-1), 0, 0),
        (Setting("width", None, float, ""), 0.0, None),
        (Setting("width", None, float, ""), "1.5", 1.5),
        (Setting("dark", False, bool, ""), True, True),
    ],
)
def test_values_as_settings_read_them(setting, value, read):
    found = setting.read(value)
    assert found == read and type(found) is type(read)


def test_inputs_are_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    refuse_to_overwrite(tmp_path / "run", ["map.mrc"], ["", tmp_path / "map.mrc", tmp_path / "run" / "other.mrc"])
    for folder in ("run", "link"):
        with pytest.raises(InputError, match="map.mrc would be overwritten by the result of the same name"):
            refuse_to_overwrite(tmp_path / "run", ["fsc.star", "map.mrc"], [tmp_path / folder / "map.mrc"])
