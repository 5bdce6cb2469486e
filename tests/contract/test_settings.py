"""Every setting stands once, is explained, and is offered by the command that uses it."""

import re
from typing import Optional, get_type_hints

import pytest
from small_run import gmmrefine

from gmmrefine import settings

OF_COMMANDS = {
    "import": settings.ImportSettings,
    "export": settings.ExportSettings,
    "simulate": settings.SimulateSettings,
    "reconstruct": settings.ReconstructSettings,
    "fsc": settings.FscSettings,
    "build": settings.BuildSettings,
    "refine": settings.RefineSettings,
    "refine-patches": settings.PatchesSettings,
    "heterogeneity": settings.HeterogeneitySettings,
    "conformations": settings.ConformationsSettings,
    "conformation-to-pose": settings.ConversionSettings,
    "composite": settings.CompositeSettings,
    "expand-symmetry": settings.ExpandSettings,
    "impose-symmetry": settings.ImposeSettings,
    "local-resolution": settings.LocalResolutionSettings,
    "local-filter": settings.LocalFilterSettings,
    "sharpen": settings.SharpenSettings,
    "modify": settings.ModifySettings,
    "qscore": settings.QscoreSettings,
    "audit": settings.AuditSettings,
    "controls": settings.ControlsSettings,
    "rerun": settings.RerunSettings,
    "selftest": settings.SelftestSettings,
}
TYPES = {int: int, float: float, bool: bool}


def test_no_setting_is_left_out_of_every_command():
    used = {name for values in OF_COMMANDS.values() for name in settings.names_of(values)}
    assert used | {"take_over"} == set(settings.SETTINGS)


@pytest.mark.parametrize("values", OF_COMMANDS.values(), ids=OF_COMMANDS)
def test_values_have_the_types_and_defaults_of_the_table(values):
    kinds = get_type_hints(values)
    for setting in settings.settings_of(values):
        kind = TYPES.get(setting.kind, str)
        assert kinds[setting.name] == (Optional[kind] if setting.is_optional else kind), setting.name
        assert getattr(values(), setting.name) == setting.default


@pytest.mark.parametrize("setting", settings.SETTINGS.values(), ids=settings.SETTINGS)
def test_setting_is_explained_and_its_default_is_allowed(setting):
    assert len(setting.help.split()) >= 2 and setting.help.endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", setting.name)
    assert setting.is_optional or isinstance(setting.default, setting.kind)
    assert setting.read(setting.default_text) == setting.default
    setting.check(setting.default)
    assert not setting.choices or setting.default in setting.choices


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_command_offers_its_settings(command):
    values = OF_COMMANDS[command]
    outcome = gmmrefine(command, "--help-all" if any(one.advanced for one in settings.settings_of(values)) else "--help")
    assert outcome.code == 0, outcome.err
    offered = set(re.findall(r"--[a-z][a-z0-9-]*", outcome.out))
    leaves_results = command != "selftest"  # which has a folder of its own, never another's
    expected = (*settings.settings_of(values), *([settings.TAKE_OVER] if leaves_results else []))
    missing = [one.option for one in expected if one.option not in offered]
    assert not missing, f"{command} does not offer {' '.join(missing)}"
