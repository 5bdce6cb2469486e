"""Every setting stands once, is explained, and is offered by the command that uses it."""
import re

import pytest
from small_run import gmmrefine

from gmmrefine import settings

GROUPS = {
    "import": settings.IMPORT,
    "export": (settings.FLIP_COORDINATE_Y,),
    "simulate": settings.SIMULATE,
    "reconstruct": settings.RECONSTRUCT,
    "fsc": (settings.FSC_THRESHOLD, settings.MASK, settings.SEED, settings.TRUTH),
    "build": settings.BUILD,
    "refine": settings.REFINE,
    "refine-patches": settings.REFINE_PATCHES,
    "heterogeneity": settings.HETEROGENEITY,
    "conformations": settings.CONFORMATIONS,
    "conformation-to-pose": settings.CONFORMATION_TO_POSE,
    "composite": settings.COMPOSITE,
    "expand-symmetry": (settings.SYMMETRY,),
    "impose-symmetry": (settings.SYMMETRY, settings.FSC_THRESHOLD, settings.SEED),
    "local-resolution": settings.LOCAL_RESOLUTION,
    "local-filter": (settings.RESOLUTION_MAP,),
    "sharpen": settings.SHARPEN,
    "modify": settings.MODIFY,
    "qscore": settings.QSCORE,
    "audit": settings.AUDIT,
    "controls": settings.CONTROLS,
    "rerun": (settings.ANY_VERSION,),
}
USES_TENSORFLOW = ("build", "refine", "refine-patches", "heterogeneity", "conformations", "conformation-to-pose",
    "composite", "expand-symmetry", "controls")
EVERYWHERE = (settings.TAKE_OVER,)
ALL = {setting.name: setting for group in (*GROUPS.values(), settings.COMPUTING, EVERYWHERE) for setting in group}


def test_a_name_means_one_thing():
    by_name = {}
    for group in (*GROUPS.values(), settings.COMPUTING):
        for setting in group:
            assert by_name.setdefault(setting.name, setting) is setting, f"two settings are called {setting.name}"


def test_no_setting_is_left_out_of_every_command():
    declared = {value.name for value in vars(settings).values() if isinstance(value, settings.Setting)}
    assert declared <= set(ALL)


@pytest.mark.parametrize("setting", ALL.values(), ids=ALL)
def test_setting_is_explained_and_its_default_is_allowed(setting):
    assert len(setting.help.split()) >= 2 and setting.help.endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", setting.name)
    assert isinstance(setting.default, setting.kind)
    assert not setting.choices or setting.default in setting.choices
    assert setting.minimum is None or setting.default >= setting.minimum
    assert setting.maximum is None or setting.default <= setting.maximum


@pytest.mark.parametrize("command", GROUPS)
def test_command_offers_its_settings(command):
    outcome = gmmrefine(command, "--help")
    assert outcome.code == 0, outcome.err
    expected = GROUPS[command] + EVERYWHERE + (settings.COMPUTING if command in USES_TENSORFLOW else ())
    offered = set(re.findall(r"--[a-z][a-z0-9-]*", outcome.out))
    missing = [setting.option for setting in expected if setting.option not in offered]
    assert not missing, f"{command} does not offer {' '.join(missing)}"
