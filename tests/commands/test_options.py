"""Command line options made from the settings."""
import argparse
import math

import pytest

from gmmrefine.commands.options import add_settings, check_limits, refuse_to_overwrite, values_of
from gmmrefine.errors import InputError
from gmmrefine.settings import BUILD, COMPUTING, FSC, REFINE, SIMULATE, Setting, defaults

GROUP = (
    Setting("count", 3, int, "How many.", minimum=1, maximum=9), Setting("width", 1.5, float, "How wide, 5 % steps.", "Å"),
    Setting("kind", "soft", str, "Which.", choices=("soft", "hard")), Setting("label", "", str, "A name."),
    Setting("dark_edge", False, bool, "Darken."))


def parsed(*arguments, groups=(GROUP,)):
    parser = argparse.ArgumentParser()
    add_settings(parser, *groups)
    return parser.parse_args(arguments)


def test_defaults_and_values():
    assert values_of(parsed(), GROUP) == {"count": 3, "width": 1.5, "kind": "soft", "label": "", "dark_edge": False}
    args = parsed("--count", "5", "--width", "2", "--kind", "hard", "--label", "x", "--dark-edge")
    assert values_of(args, GROUP) == {"count": 5, "width": 2.0, "kind": "hard", "label": "x", "dark_edge": True}


@pytest.mark.parametrize("groups", [(BUILD, COMPUTING), (REFINE, COMPUTING), (SIMULATE, COMPUTING), (FSC,)])
def test_the_command_line_gives_the_defaults_of_the_settings(groups):
    args = parsed(groups=groups)
    assert values_of(args, *groups) == vars(defaults(*groups))
    check_limits(args, *groups)


def test_help_shows_unit_and_default(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--count INT How many. (default: 3)" in text
    assert "How wide, 5 % steps. [Å] (default: 1.5)" in text
    assert "--label STR A name. (default: none)" in text
    assert "{soft,hard}" in text


@pytest.mark.parametrize("arguments, words", [
    (["--count", "0"], "--count 0: expected from 1 to 9."), (["--count", "10"], "--count 10: expected from 1 to 9."),
    (["--width", "inf"], "--width inf: expected a finite number.")])
def test_limits(arguments, words):
    with pytest.raises(InputError) as caught:
        check_limits(parsed(*arguments), GROUP)
    assert str(caught.value) == words


def test_a_limit_without_a_top():
    group = (Setting("radius", 2.0, float, "", "px", minimum=0),)
    with pytest.raises(InputError) as caught:
        check_limits(argparse.Namespace(radius=-1.0), group)
    assert str(caught.value) == "--radius -1: expected at least 0 px."
    check_limits(argparse.Namespace(radius=math.pi), group)


def test_inputs_are_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    refuse_to_overwrite(tmp_path / "run", ["map.mrc"], ["", tmp_path / "map.mrc", tmp_path / "run" / "other.mrc"])
    for folder in ("run", "link"):
        with pytest.raises(InputError, match="map.mrc would be overwritten by the result of the same name"):
            refuse_to_overwrite(tmp_path / "run", ["fsc.star", "map.mrc"], [tmp_path / folder / "map.mrc"])
