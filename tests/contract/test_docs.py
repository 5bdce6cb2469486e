"""The documentation: every protocol has its page, every picture is small and shown, the site is made without a warning."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

MIXINS = {"base", "maps", "particles", "region"}  # of protocols, no protocols themselves
MOST_BYTES = 3e6  # of all pictures
HEADINGS = ("| **In** |", "| **Out** |", "| **When** |", "## What to look at", "## What can go wrong")
SHOWN = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


def test_every_protocol_has_a_page_that_says_all(repository):
    protocols = {path.stem.split("_", 1)[1] for path in (repository / "scipion_gmmrefine/protocols").glob("protocol_*.py")}
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (repository / "docs/protocols").glob("*.md")}
    index = pages.pop("index")
    assert protocols - MIXINS <= set(pages)
    for stem, text in pages.items():
        assert f"({stem}.md)" in index
        assert [heading for heading in HEADINGS if heading not in text] == [], stem


def test_pictures_are_small_and_shown_with_words_for_who_cannot_see_them(repository):
    docs = repository / "docs"
    shown = {
        (page.parent / name).resolve()
        for page in docs.rglob("*.md")
        for name in SHOWN.findall(page.read_text(encoding="utf-8"))
    }
    pictures = {path for pattern in ("*.png", "*.svg") for path in docs.rglob(pattern)}
    assert {path.name for path in pictures - shown} == set() and {path.name for path in shown - pictures} == set()
    assert sum(path.stat().st_size for path in pictures) < MOST_BYTES


def test_the_site_is_made_without_a_warning_and_asks_no_other_server(repository, tmp_path):
    if not importlib.util.find_spec("mkdocs") or not importlib.util.find_spec("material"):
        pytest.skip("mkdocs and mkdocs-material, which make the site, are not installed (extra docs)")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    made = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False
    )
    assert made.returncode == 0, made.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'(?:src|<link[^>]*href)="(https?://[^"]+)', page.read_text(encoding="utf-8"))
        assert not loaded, f"{page.name}: {loaded[:3]}"
    python = (tmp_path / "site/python.html").read_text(encoding="utf-8")
    assert "FSC value that defines the gold-standard resolution" in python and "refine_patches" in python
