"""The Python files of the checkout, parsed once for the contract tests."""

import ast
from functools import lru_cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def python_files(*folders):
    """Paths of all Python files below some folders of the repository, sorted."""
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


@lru_cache(maxsize=None)
def syntax_tree(path):
    """Parsed source of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path):
    """All functions and methods of a file, nested ones included."""
    return [node for node in ast.walk(syntax_tree(path)) if isinstance(node, FUNCTIONS)]


def public_definitions(path):
    """Public classes and functions at the top of a file and public methods of its public classes, as (name, node)."""
    found = []
    for node in syntax_tree(path).body:
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)) and not node.name.startswith("_"):
            found.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                methods = (item for item in node.body if isinstance(item, FUNCTIONS) and not item.name.startswith("_"))
                found.extend((f"{node.name}.{method.name}", method) for method in methods)
    return [(name, node) for name, node in found if not _is_overload(node)]


def _is_overload(node):
    """Whether a function only says, to type checkers, one of the ways in which another one may be called."""
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


def place(path, node):
    """Where a node stands, as file:line."""
    return f"{path.relative_to(REPOSITORY)}:{node.lineno}"
