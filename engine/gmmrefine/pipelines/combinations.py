"""Settings that exclude one another: none is accepted and then ignored."""

from gmmrefine.errors import InputError
from gmmrefine.settings import settings_of


def refuse_ignored(settings, rules):
    """Refuse settings that were changed although another one makes them meaningless.

    Parameters
    ----------
    settings : Settings
    rules : list of tuple
        (condition, what the user chose, names of settings that then mean nothing).

    Raises
    ------
    InputError
        The condition holds and one of the settings is not at its default.
    """
    by_name = {setting.name: setting for setting in settings_of(type(settings))}
    for condition, choice, useless in rules:
        changed = [by_name[name].option for name in useless if getattr(settings, name) != by_name[name].default]
        if condition and changed:
            raise InputError(f"{' and '.join(changed)} would have no effect with {choice}. Leave out one or the other.")
