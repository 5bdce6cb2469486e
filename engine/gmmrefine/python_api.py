"""The commands as Python functions: ``import gmmrefine as gr; result = gr.refine("particles.star", "refined", iterations=2)``.

Each takes the inputs of its command in their order, the folder of the results, and the options as keywords of the same names
with ``_`` for ``-``. They check what the command line checks, write the same files, and give them back as a Result. What is
wrong raises an EngineError with the one line that the command would print.
"""

import argparse
import importlib
import inspect
import os
from functools import lru_cache

from gmmrefine.commands import COMMANDS
from gmmrefine.errors import EngineError, InputError
from gmmrefine.results import Result
from gmmrefine.runs.folder_lock import released_at_end
from gmmrefine.settings.kinds import Path
from gmmrefine.settings.setting import NONE
from gmmrefine.settings.spelling import spelled

_TYPES = {list: "Union[_Path, Sequence[_Path]]", os.PathLike: "_Path"}  # in the stub


class _Parser(argparse.ArgumentParser):
    """A parser of one command that raises instead of ending the program."""

    def error(self, message):
        """Refuse what the command line would refuse."""
        raise InputError(f"{self.prog}: {message}. help(gmmrefine.{python_name(self.prog)}) lists what is possible.")


def python_name(command):
    """Name of a command's function."""
    return COMMANDS[command]


@lru_cache(maxsize=None)
def functions():
    """The function of every command by its name, dict; each has the signature and the help of the command."""
    return {python_name(command): _function(command) for command in COMMANDS}


def stub():
    """Text of ``__init__.pyi``, from which editors know the settings."""
    lines = [
        "# Made by gmmrefine.python_api.stub(); a test compares.",
        "from os import PathLike",
        "from typing import Optional, Sequence, Union",
        "",
        "from gmmrefine.results import Result",
        "",
        "_Path = Union[str, PathLike[str]]",
        "",
        "__version__: str",
        "",
    ]
    for name, function in functions().items():
        parameters = list(inspect.signature(function).parameters.values())
        first = next((number for number, one in enumerate(parameters) if one.kind is one.KEYWORD_ONLY), len(parameters))
        declared = [_declared(parameter) for parameter in parameters]
        if first < len(parameters):
            declared.insert(first, "*")
        lines += [f"def {name}(", *(f"    {one}," for one in declared), ") -> Result: ...", ""]
    return "\n".join(lines)


def _declared(parameter):
    kind = _TYPES.get(parameter.annotation, parameter.annotation.__name__)
    if issubclass(parameter.annotation, Path):
        kind = _TYPES[os.PathLike]
    if parameter.default is parameter.empty:
        return f"{parameter.name}: {kind}"
    return f"{parameter.name}: {f'Optional[{kind}]' if parameter.default is None else kind} = {parameter.default!r}"


def _function(command):
    module = importlib.import_module(f"gmmrefine.commands.{COMMANDS[command]}")
    parser = _Parser(prog=command, add_help=False)
    module.add_arguments(parser)
    inputs = [action for action in parser._actions if not action.option_strings]
    options = {action.dest: action for action in parser._actions if action.option_strings and action.dest != "help_all"}
    parameters = [_parameter(action, inspect.Parameter.POSITIONAL_OR_KEYWORD) for action in inputs]
    if "output" in options:
        parameters.append(_parameter(options.pop("output"), inspect.Parameter.POSITIONAL_OR_KEYWORD))
    parameters += [_parameter(action, inspect.Parameter.KEYWORD_ONLY) for action in options.values()]
    signature = inspect.Signature(parameters)

    def run(*values, **settings):
        given = signature.bind(*values, **settings)
        args = parser.parse_args(_arguments(given.arguments, parser))
        try:
            with released_at_end(None):
                module.run(args)
        except EngineError as error:
            raise type(error)(spelled(str(error), lambda setting: setting.name)) from error
        return Result(getattr(args, "output", None), command)

    run.__name__ = run.__qualname__ = python_name(command)
    run.__doc__ = _documented(module.__doc__, {action.dest: action for action in parser._actions}, parameters)
    run.__signature__, run.__module__ = signature, "gmmrefine"
    return run


def _documented(text, actions, parameters):
    """Docstring of a command's function: that of the command, and every parameter with its help."""
    lines = [inspect.cleandoc(text), "", "Parameters", "----------"]
    for parameter in parameters:
        action = actions[parameter.name]
        words = getattr(action, "text_for_experts", action.help) or ""
        kind = _declared(parameter).split(": ")[1].split(" = ")[0]
        lines += [f"{parameter.name} : {kind.replace('_Path', 'path')}"] + [f"    {words.replace('%%', '%')}"] * bool(words)
    return "\n".join(lines)


def _parameter(action, kind):
    """An option or input of a command as a parameter of its function."""
    if action.nargs not in (None, 0):
        annotation = list
    elif not action.option_strings or action.dest == "output":
        annotation = os.PathLike
    else:
        annotation = bool if action.nargs == 0 else getattr(action.type, "kind", action.type) or str
    default = tuple(action.default) if isinstance(action.default, list) else action.default
    default = inspect.Parameter.empty if action.required else default
    return inspect.Parameter(action.dest, kind, default=default, annotation=annotation)


def _arguments(given, parser):
    """Values by name as the words of a command line, list of str."""
    words, inputs = [], []
    for action in parser._actions:
        if action.dest not in given:
            continue
        value = given[action.dest]
        values = value if isinstance(value, (list, tuple)) else [value]
        if not action.option_strings:
            inputs += map(os.fspath, values)
        elif action.nargs == 0:
            words += [action.option_strings[-1]] * bool(value)
        elif action.nargs is not None:
            words += [action.option_strings[-1], *map(str, values)] if values else []
        elif value is None:
            words.append(f"{action.option_strings[-1]}={NONE}")
        else:
            words.append(f"{action.option_strings[-1]}={value}")
    return [*words, "--", *inputs] if inputs else words
