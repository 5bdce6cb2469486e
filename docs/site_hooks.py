"""What MkDocs adds to the files of docs/: pages of other folders, the Python reference, the example report."""

import gzip
import html
import inspect
import re
from pathlib import Path

from mkdocs.structure.files import File

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
ELSEWHERE = {  # page → file of the repository
    "CONVENTIONS.md": "CONVENTIONS.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "engine.md": "engine/README.md",
    "benchmarks.md": "benchmarks/README.md",
}
MARKDOWN_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)]*)?\)")
REPORT = "report_example.html"


def on_config(config):
    """Put pages that the navigation does not name where they belong, so that none is forgotten."""
    rooms = {name: pages for entry in config.nav if isinstance(entry, dict) for name, pages in entry.items()}
    named = str(config.nav)
    for folder, pages in (("devnotes", rooms["For developers"]), ("", rooms["How it works"])):
        unnamed = (path.relative_to(HERE).as_posix() for path in sorted((HERE / folder).glob("*.md")))
        pages.extend(page for page in unnamed if f"'{page}'" not in named)
    return config


def on_files(files, config):
    """Add the pages that are not files of docs/."""
    pages = {page: (REPOSITORY / name).read_text(encoding="utf-8") for page, name in ELSEWHERE.items()}
    changes = (REPOSITORY / "CHANGES.txt").read_text(encoding="utf-8")
    changes = re.sub(r"(?m)^(\w[\w ]*):$", r"\n**\1**\n", changes).replace("\n - ", "\n- ")
    pages["CHANGES.md"] = f"# What is new\n\n{changes}"
    pages["python.md"] = python_reference()
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    report = gzip.decompress((HERE / f"{REPORT}.gz").read_bytes())
    files.append(File.generated(config, REPORT, content=report))
    return files


def on_page_markdown(markdown, page, config, files):
    """Lead links that leave docs/ to the page made of that file; where there is none only the words stay."""
    source = REPOSITORY / ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(match):
        words, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if "://" in target or files.get_file_from_path(target):
            return match.group()
        path = (source.parent / target).resolve()
        if path.is_dir() and (path / "README.md").exists():
            path = path / "README.md"
        if not path.exists() or REPOSITORY not in path.parents:
            return match.group()  # MkDocs warns of it
        name = path.relative_to(REPOSITORY).as_posix()
        pages = {file: made for made, file in ELSEWHERE.items()}
        made = pages.get(name) or (name[5:] if name.startswith("docs/") and files.get_file_from_path(name[5:]) else None)
        if made is None:
            return words
        up = "../" * page.file.src_uri.count("/")
        return f"[{words}]({up}{made}{anchor})"

    return MARKDOWN_LINK.sub(led, markdown)


def python_reference():
    """The page of the Python functions and of their results."""
    from gmmrefine.python_api import functions
    from gmmrefine.results import Result

    lines = [
        "# Python",
        "",
        "Every command is a function of `gmmrefine`. It takes the inputs, the folder of the results,",
        "and the settings as keywords.",
        "It checks what the command line checks, writes the same files, and gives a `Result`.",
        "",
        "```python",
        "import gmmrefine as gr",
        "",
        'result = gr.refine("particles.star", "refined", iterations=2)',
        'result.values["resolution"], result.map.data, result.particles.rotations',
        "result.plot()",
        "```",
        "",
        "## Result",
        "",
        inspect.getdoc(Result).splitlines()[0],
        "",
        "| attribute | what it is |",
        "|---|---|",
    ]
    for name, member in vars(Result).items():
        if not name.startswith("_"):
            call = re.sub(r"\(self(, )?", "(", str(inspect.signature(member))) if inspect.isfunction(member) else ""
            lines.append(f"| `{name}{call}` | {_cell(inspect.getdoc(member).split(chr(10) * 2)[0])} |")
    for name, function in functions().items():
        summary, _, settings = function.__doc__.partition("Parameters\n----------\n")
        lines += [
            "",
            f"## {name}",
            "",
            f"`gmmrefine.{name}({', '.join(_inputs(function))}, …)`",
            "",
            *(html.escape(line, quote=False) for line in summary.strip().splitlines()),
            "",
            "| argument | default | what it does |",
            "|---|---|---|",
        ]
        parameters = inspect.signature(function).parameters
        for argument, text in _described(settings):
            default = parameters[argument].default
            shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
            lines.append(f"| `{argument}` | {shown} | {_cell(text)} |")
    return "\n".join(lines)


def _inputs(function):
    return [name for name, one in inspect.signature(function).parameters.items() if one.kind is not one.KEYWORD_ONLY]


def _described(settings):
    """Name and text of every parameter of a NumPy docstring."""
    for block in filter(None, re.split(r"(?m)^(?=\S)", settings)):
        head, *text = block.splitlines()
        yield head.split(" : ")[0], " ".join(line.strip() for line in text)


def _cell(text):
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
