# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The engine's settings as rows of a Scipion form, and a filled form as options of the engine."""

import os

from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.convert.images import plainFileName

# Kinds of settings that Scipion has its own kind of row for, and what may be put there.
POINTER_CLASSES = {settings.MaskFile: "VolumeMask", settings.ModelFile: "AtomStruct", settings.MapFile: "Volume"}
EXTRA_ARGUMENTS = "extraArguments"
COMPUTING = settings.settings_of(settings.Computing)  # rows of a section of their own
_ONE_GPU = "Number of the GPU to use, as nvidia-smi counts them. Empty leaves the choice to TensorFlow."
_SEVERAL_GPUS = (
    "Numbers of the GPUs to use, as nvidia-smi counts them, such as 0 1 2 3: the parts of the work that go on side by side are "
    "dealt out to them. Give one Scipion thread more than GPUs. Empty leaves the choice to TensorFlow."
)


def placeConditions(condition):
    """When the rows about the place of a map are shown, where they are needed under a condition; for ``addSettings``."""
    looked = tuple(map(settings.PLACE_FROM.choices.index, ("auto", "given")))
    return {"place_from": condition, "first_voxel": f"({condition}) and placeFrom in {looked}"}


def rows(*concerns):
    """The settings of classes of them, but those of computing.

    Parameters
    ----------
    concerns : sequence of type
        Of ``gmmrefine.settings``.

    Returns
    -------
    tuple of Setting
    """
    named = (
        setting
        for values in concerns
        for setting in settings.settings_of(values)
        if not (issubclass(values, settings.Computing) and setting in COMPUTING)
    )
    return tuple(dict.fromkeys(named))


def without(group, *others):
    """The settings of a group that are in none of the other groups, in order."""
    return tuple(setting for setting in group if not any(setting in other for other in others))


def addSettings(form, group, conditions=None):
    """Add one form row for each setting, in order; a setting that has its row in an earlier section keeps it there.

    Parameters
    ----------
    form : pyworkflow.protocol.params.Form
    group : sequence of Setting
    conditions : dict of str, optional
        Name of a setting → when Scipion shows its row. A row that is not shown is not passed on.
    """
    for setting in group:
        if setting.name != "threads" and not _wholeForm(form).hasParam(setting.form_name):
            _addSetting(form, setting, (conditions or {}).get(setting.name))


def _wholeForm(part):
    """The form that a group of rows belongs to, or the form itself."""
    return part._form if isinstance(part, params.ElementGroup) else part


def addExtraArguments(form):
    """Add the row for options of the engine that have no row."""
    form.addParam(
        EXTRA_ARGUMENTS,
        params.StringParam,
        default="",
        label="Extra arguments",
        help="Options of the engine that have no row here, as on its command line, such as --name value. "
        "'gmmrefine COMMAND --help-all' lists them. What has a row is refused here.",
    )


def addThreads(form, threads=4):
    """Add the row of extra arguments and Scipion's row of threads, for protocols that need no GPU."""
    addExtraArguments(form)
    form.addParallelSection(threads=threads, mpi=0)


def addComputing(form, threads=4, parallelSteps=0):
    """Add the rows of seed and batch size, the GPU row and Scipion's rows of threads.

    Parameters
    ----------
    form : pyworkflow.protocol.params.Form
    threads : int
        Of the engine.
    parallelSteps : int
        Scipion's threads, one of them its own, where the protocol has steps that run side by side.
    """
    addSettings(form, COMPUTING)
    addExtraArguments(form)
    form.addHidden(
        params.USE_GPU,
        params.BooleanParam,
        default=True,
        label="Use GPU?",
        help="Yes: the engine takes a GPU when TensorFlow finds one, else the CPU. No: the CPU.",
    )
    form.addHidden(
        params.GPU_LIST,
        params.StringParam,
        default="0",
        label="GPU IDs",
        expertLevel=params.LEVEL_ADVANCED,
        help=_SEVERAL_GPUS if parallelSteps else _ONE_GPU,
    )
    if parallelSteps:
        form.addParallelSection(threads=parallelSteps, mpi=0, binThreads=threads)
    else:
        form.addParallelSection(threads=threads, mpi=0)


def _addSetting(form, setting, condition):
    common = {
        "label": setting.form_label,
        "help": f"{setting.help} Leave the row empty for none." if setting.is_optional else setting.help,
        "expertLevel": params.LEVEL_ADVANCED if setting.advanced else params.LEVEL_NORMAL,
    }
    if condition:
        common["condition"] = condition
    if setting.kind in POINTER_CLASSES:
        form.addParam(
            setting.form_name, params.PointerParam, pointerClass=POINTER_CLASSES[setting.kind], allowsNull=True, **common
        )
    elif setting.is_path:
        form.addParam(setting.form_name, params.FileParam, default="", **common)
    elif setting.choices:
        form.addParam(
            setting.form_name,
            params.EnumParam,
            choices=list(setting.choices),
            default=setting.choices.index(setting.default),
            **common,
        )
    else:
        kinds = {bool: params.BooleanParam, int: params.IntParam, float: params.FloatParam, str: params.StringParam}
        default = "" if setting.default is None and setting.kind is str else setting.default
        form.addParam(
            setting.form_name,
            kinds[setting.kind],
            default=default,
            allowsNull=setting.is_optional,
            validators=[_WithinLimits(setting)],
            **common,
        )


class _WithinLimits(params.Validator):
    """The check of a setting itself, in the words of the form."""

    def __init__(self, setting):
        self._setting = setting

    def __call__(self, value):
        try:
            self._setting.check(self._setting.read(value))
        except ValueError as error:
            return [str(error)]
        return []


def engineOptions(protocol, *groups):
    """A filled form as options of the engine's command line.

    Parameters
    ----------
    protocol : Protocol
        Has the rows of the groups.
    groups : tuples of Setting

    Returns
    -------
    list of str
        Every setting whose row is shown is written out, so that the run's record does not depend on defaults.
    """
    options = []
    for setting in (one for group in groups for one in group):
        value = _value(protocol, setting) if isShown(protocol, setting) else None
        if value is None:
            continue
        if setting.kind is bool:
            options += [setting.option] if value else []
        elif setting.read(value) is not None:
            text = str(value)  # one that begins with "-" would be taken for an option
            options += [f"{setting.option}={text}"] if text.startswith("-") else [setting.option, text]
    return options


def isShown(protocol, setting):
    """Whether the form, as it is filled in, shows the row of a setting."""
    return setting.name == "threads" or protocol.evalParamCondition(setting.form_name)


def _value(protocol, setting):
    """What the form says about a setting."""
    if setting.name == "threads":
        return protocol.getBinThreads()
    value = getattr(protocol, setting.form_name).get()
    if setting.kind in POINTER_CLASSES:
        return "" if value is None else os.path.abspath(plainFileName(value.getFileName()))
    if setting.choices:
        return setting.choices[value]
    if setting.is_path and value:
        return os.path.abspath(value)
    return value
