"""Every public name of the engine is documented, every array with its shape, every length with its unit."""

import ast
import re

from source_tree import FUNCTIONS, place, public_definitions, python_files

# The names that CONVENTIONS.md defines as arrays, and the words one of which must then be in the docstring.
LENGTH = ("Å", "px", "unit")
UNITS = {
    "rotations": (),
    "shifts": LENGTH,
    "centers": LENGTH,
    "widths": LENGTH,
    "amplitudes": (),
    "volume": (),
    "images": (),
    "half_set": (),
    "latent": (),
    "displacements": LENGTH,
}
SHAPE = re.compile(r"\((\.\.\.|[A-Za-z0-9_+/* -]+)(,\s*(\.\.\.|[A-Za-z0-9_+/* -]*))+\)")
OBJECT = "[A-Z][a-z]"  # a class of ours, which documents its own fields
BARE_ARRAY = re.compile(r"^\s*\w[\w, ]* : (?:np\.|numpy\.)?(?:nd)?array\b(?!.*\()", re.MULTILINE)


def _definitions():
    for path in python_files("engine"):
        for name, node in public_definitions(path):
            yield path, name, node, ast.get_docstring(node) or ""


def test_every_public_name_has_a_docstring():
    missing = [f"{place(path, node)} {name}" for path, name, node, text in _definitions() if not text]
    assert not missing, "\n".join(missing)


def test_every_module_says_what_it_is_for():
    modules = (path for path in python_files("engine") if path.name != "__init__.py")
    missing = [str(path) for path in modules if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not missing, "\n".join(missing)


def test_array_arguments_have_shape_and_unit():
    wrong = []
    for path, name, node, text in _definitions():
        if not isinstance(node, FUNCTIONS):
            continue
        arguments = {argument.arg for argument in node.args.args + node.args.kwonlyargs}
        named = sorted(arguments & set(UNITS))
        arrays = [array for array in named if not re.search(rf"^{array} : {OBJECT}", text, re.MULTILINE)]
        if arrays and not SHAPE.search(text):
            wrong.append(f"{place(path, node)} {name}: no shape for {', '.join(arrays)}")
        lengths = [array for array in arrays if UNITS[array] and not any(unit in text for unit in UNITS[array])]
        wrong.extend(f"{place(path, node)} {name}: no unit for {array}" for array in lengths)
    assert not wrong, "\n".join(wrong)


def test_no_array_is_documented_without_its_shape():
    wrong = [
        f"{place(path, node)} {name}: {match.group().strip()}"
        for path, name, node, text in _definitions()
        for match in BARE_ARRAY.finditer(text)
    ]
    assert not wrong, "\n".join(wrong)
