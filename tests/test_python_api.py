"""The commands as Python functions."""

import importlib
import inspect
import os
import re
from pathlib import Path

import numpy as np
import pytest
from small_run import gmmrefine as on_the_command_line

import gmmrefine
from gmmrefine import settings
from gmmrefine.commands import COMMANDS
from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.python_api import functions, stub
from gmmrefine.results import Result

HALF_MAPS = ("half_1.mrc", "half_2.mrc")


@pytest.fixture
def maps(tmp_path, rng):
    """Paths of two half maps of a ball, with noise."""
    z, y, x = np.indices((24, 24, 24)) - 12
    ball = np.exp(-(z**2 + y**2 + x**2) / 50)
    for name in HALF_MAPS:
        write_map(tmp_path / name, (ball + rng.normal(0, 0.05, ball.shape)).astype(np.float32), 3.0)
    return [tmp_path / name for name in HALF_MAPS]


def test_every_command_is_a_function_with_its_settings_and_defaults():
    assert len(functions()) == len(COMMANDS) and set(functions()) >= {"refine", "refine_patches", "import_particles", "audit"}
    parameters = inspect.signature(gmmrefine.refine).parameters
    assert list(parameters)[:2] == ["particles", "output"]
    for setting in settings.settings_of(settings.RefineSettings):
        assert (parameters[setting.name].default, parameters[setting.name].kind.name) == (setting.default, "KEYWORD_ONLY")
    assert gmmrefine.refine.__doc__.startswith("Refine poses and map of particles")


def test_a_folder_of_the_engine_does_not_hide_the_command_of_its_name(tmp_path):
    rooms = {path.parent.name for path in Path(gmmrefine.__file__).parent.glob("*/__init__.py")}
    shared = rooms & set(functions())
    assert shared == {"heterogeneity", "report"}
    for name in shared:
        importlib.import_module(f"gmmrefine.{name}")
        command = getattr(gmmrefine, name)
        assert inspect.signature(command) == inspect.signature(functions()[name])
    with pytest.raises(InputError, match=r"absent.star"):
        gmmrefine.heterogeneity(tmp_path / "absent.star", tmp_path / "run")


def test_every_parameter_is_in_the_docstring():
    for name, function in functions().items():
        described = re.findall(r"(?m)^(\w+) : ", function.__doc__.partition("Parameters\n----------\n")[2])
        assert described == list(inspect.signature(function).parameters), name
    assert "\nfsc_threshold : Optional[float]\n    FSC value that defines" in gmmrefine.fsc.__doc__


def test_editors_know_the_settings():
    """Where it is out of date: gmmrefine.python_api.stub() gives the text."""
    with open(os.path.join(os.path.dirname(gmmrefine.__file__), "__init__.pyi"), encoding="utf-8") as file:
        assert file.read() == stub()


def test_the_same_as_on_the_command_line(maps, tmp_path):
    result = gmmrefine.fsc(*maps, tmp_path / "python", fsc_threshold=0.5)
    assert on_the_command_line("fsc", *maps, "-o", tmp_path / "line", "--fsc-threshold", 0.5).code == 0
    assert (tmp_path / "python/fsc.star").read_bytes() == (tmp_path / "line/fsc.star").read_bytes()
    assert result.fsc["gmmFsc"].shape == (13,) and 6 < result.values["resolution"] < 36
    assert result.plot().axes[0].get_title() == result.values["resolution_text"]
    assert result.plot().axes[0].lines[-1].get_ydata()[0] == 0.5  # the threshold that was asked for
    assert str(result).startswith(f"fsc: {tmp_path / 'python'}\n  resolution: ") and "<table>" in result._repr_html_()


def test_options_of_several_values_and_switches_reach_the_command(maps, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("gmmrefine.commands.audit.run", seen.append)
    gmmrefine.audit(
        "model.cif", maps[0], [maps[1], "c.mrc"], tmp_path / "run", half_maps=maps, refitted=["a.cif"], take_over=True
    )
    gmmrefine.audit("model.cif", maps[0], [maps[1]], tmp_path / "run", sigma="0.4")
    first, second = seen
    assert first.half_maps == list(map(str, maps)) and first.refitted == ["a.cif"] and first.take_over
    assert first.modified == [str(maps[1]), "c.mrc"] and first.reference == str(maps[0])
    assert (second.half_maps, second.refitted, second.take_over, second.sigma) == ([], [], False, "0.4")
    with pytest.raises(InputError, match="argument --half-maps: expected 2 arguments"):
        gmmrefine.audit("model.cif", maps[0], [maps[1]], tmp_path / "run", half_maps=maps[:1])


def test_what_is_wrong_is_raised_in_the_words_of_python(maps, tmp_path):
    with pytest.raises(InputError, match=r"^fsc_threshold 2: expected from"):
        gmmrefine.fsc(*maps, tmp_path / "run", fsc_threshold=2)
    with pytest.raises(InputError, match=r"'many': expected a whole number.*help\(gmmrefine.refine\)"):
        gmmrefine.refine("particles.star", tmp_path / "run", iterations="many")
    with pytest.raises(TypeError, match="unexpected keyword argument 'iteration'"):
        gmmrefine.refine("particles.star", tmp_path / "run", iteration=2)
    with pytest.raises(AttributeError, match="no attribute 'refine_all'; its commands are simulate, reconstruct, fsc"):
        _ = gmmrefine.refine_all
    assert not (tmp_path / "run").exists()


def test_every_kind_of_result_has_a_figure_that_notebooks_show(maps, tmp_path):
    local = gmmrefine.local_resolution(*maps, tmp_path / "local")
    values = local.volume("local_resolution.mrc").data
    repeated = Result(local.folder, "rerun")  # has the figure of the command that was repeated
    assert repeated.plot().axes[0].get_xlabel() == local.plot().axes[0].get_xlabel() != "spatial frequency (1/Å)"
    figure = local.plot()
    assert figure.axes[0].get_title() == f"median {np.median(values[values > 0]):.1f} Å"
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_what_a_command_has_not_written_is_named(maps, tmp_path):
    result = gmmrefine.fsc(*maps, tmp_path / "run")
    with pytest.raises(InputError, match="particles.star: fsc has not written it. There are .*fsc.star"):
        _ = result.particles
    assert result.path("fsc.star") == tmp_path / "run" / "fsc.star"
