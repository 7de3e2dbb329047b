"""Make the course's site: static pages from the stored chapters (python course.py site).

    python course.py site            pages in build/site/html; nothing is executed or fetched
    python course.py site --serve    … and show them on this computer
    python course.py site 02 11      these chapters only, the others as their titles: a quick look

The pages hold every chapter with its results, the claim ledger, the glossary and the helpers'
reference. They need no network, neither to be made nor to be read.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat

from course_utils import paths
from course_utils.glossary import Term, read_terms
from tools import (
    addresses,
    bootstrap,
    canonical,
    chapters,
    ledger,
    seeds,
    site_chapters,
    site_ledger,
    site_words,
)
from tools.lab import port_number

SOURCES = chapters.ROOT / "docs" / "site"
BUILT = chapters.ROOT / "build" / "site"
PACKAGE = chapters.ROOT / "course_utils"
MATHJAX = "sphinx-mathjax-offline"              # this package ships MathJax with its fonts
HIDDEN_MODULES = ("exercises/ch", "exercises/banks", "exercises/five_runs")   # answers
QUICK_MODULES = ["cards", "glossary", "paths"]


def copy_mathjax(target: Path) -> None:
    """Copy the one script of MathJax that does everything, and its fonts.

    Raises:
        FileNotFoundError: the package that ships MathJax is not installed as expected.
    """
    wanted = [file for file in importlib.metadata.files(MATHJAX) or []
              if file.name == "tex-chtml-full.js" or "chtml/fonts/woff-v2/" in file.as_posix()]
    if len(wanted) < 2:
        raise FileNotFoundError(f"MathJax is not in the package {MATHJAX}; install what "
                                "requirements-site.txt names")
    for file in wanted:
        below = file.as_posix().split("/static/mathjax/")[1]
        (target / below).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.locate(), target / below)


def chapter_page(path: Path, terms: list[Term], repository: str, source: Path) -> None:
    """Write one chapter's page and pictures into `source`, and its notebook for downloading."""
    number, notebook = chapters.number(path), read(path)
    pictures = source / "_static" / "figures" / number
    pictures.mkdir(parents=True, exist_ok=True)
    stored = f"notebooks/{path.name}"
    known = site_chapters.Addresses(
        download=f"../_static/notebooks/{path.name}",
        colab=addresses.colab(repository, stored), source=addresses.source(repository, stored))
    page = site_chapters.page(notebook, number, site_words.FirstUses(terms, number), known,
                              pictures)
    write(page, source / "chapters" / path.name)
    # handed out as `lab` does: a stored picture would give away what is to be predicted
    canonical.write(canonical.without_outputs(notebook),
                    source / "_static" / "notebooks" / path.name)


def read(path: Path) -> nbformat.NotebookNode:
    """A stored chapter; its form was checked when it was stored."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def write(page: nbformat.NotebookNode, path: Path) -> None:
    path.write_text(nbformat.v4.writes(page), encoding="utf-8", newline="\n")


def chapter_table(every: list[Path]) -> str:
    """The chapters with what each promises, in Markdown."""
    known = paths.table("chapters")["chapters"]
    lines = ["| | chapter | afterwards you can |", "|---|---|---|"]
    for path in every:
        row = known[chapters.number(path)]
        lines.append(f"| {chapters.number(path)} | [{row['title']}](chapters/{path.name})<br>"
                     f"{row['zh']} | {row['promise'][0].lower()}{row['promise'][1:]} |")
    return "\n".join(lines)


def how_to_start(repository: str) -> str:
    """The commands that start the live course."""
    fetch = f"git clone {repository} ml-measured\ncd ml-measured\n" if repository else ""
    where = "" if repository else " in the folder of the course"
    return ("You need Python 3.11, 3.12 or 3.13; no GPU, and after the set-up no network. "
            f"Type{where}:\n\n```\n{fetch}python course.py lab\n```")


def modules() -> list[str]:
    """The public modules of course_utils, 'widgets.playground'; not those that hold answers."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).as_posix()
        public = not any(part.startswith("_") for part in inside.removesuffix("/__init__.py")
                         .split("/"))
        if public and not inside.startswith(HIDDEN_MODULES):
            found.append(inside.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    return found


def exported(name: str) -> str:
    """The `__all__` of a package, which names what its parts define; nothing if it has none."""
    package = PACKAGE / name.replace(".", "/") / "__init__.py"
    text = package.read_text(encoding="utf-8") if package.is_file() else ""
    return text.partition("__all__ = ")[2].partition("]")[0]


def options(name: str) -> str:
    """What autodoc shows of a module."""
    package, _, own = name.rpartition(".")
    imported = "   :imported-members:\n" if exported(name) else ""
    # a module named as a function that its package exports: links lead to the function
    return imported + ("   :no-index:\n" if f'"{own}"' in exported(package) else "")


def api_pages(folder: Path, every: list[str]) -> None:
    """One page a module, and a list of them."""
    for name in every:
        title = f"course_utils.{name}"
        (folder / f"{name}.rst").write_text(
            f"{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n   :members:\n"
            f"{options(name)}",
            encoding="utf-8")
    listed = "\n".join(every)
    (folder / "index.md").write_text(
        "# The helpers: course_utils\n\nWhat the notebooks import. The lessons themselves stand in "
        "the chapters; these modules hold data, seeds, drawing, widgets and checks.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n", encoding="utf-8")


def fill(path: Path, **parts: str) -> None:
    """Put text into the places @NAME@ of a page."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    path.write_text(text, encoding="utf-8")


def prepare(source: Path, repository: str, only: list[Path]) -> None:
    """Write everything that Sphinx reads into the folder `source`, which is made anew.

    Args:
        only: chapters to show in full; all if empty. Where some are left out, the API is that of
            a few modules which load quickly.
    Raises:
        ValueError: a claim has no stored verdict, or the table of runs is damaged.
    """
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(SOURCES, source)
    for folder in ("chapters", "api", "_static/notebooks"):
        (source / folder).mkdir(parents=True)
    copy_mathjax(source / "_static" / "mathjax")
    shutil.copyfile(chapters.ROOT / "docs" / "playground.png",
                    source / "_static" / "playground.png")
    shutil.copyfile(chapters.ROOT / "data" / "README.md", source / "data.md")

    every, terms = chapters.notebooks(), read_terms()
    table, executed = paths.table("claims")["claims"], ledger.read_chapters(every)
    if found := ledger.problems(table, executed):
        raise ValueError("; ".join(found))
    for path in every:
        if only and path not in only:
            write(site_chapters.stub(read(path)), source / "chapters" / path.name)
        else:
            chapter_page(path, terms, repository, source)
    titles = {number: row["title"] for number, row in paths.table("chapters")["chapters"].items()}
    fill(source / "index.md", CHAPTERS=chapter_table(every), LIVE=how_to_start(repository),
         CHAPTER_FILES="\n".join(f"chapters/{path.stem}" for path in every))
    fill(source / "claims.md",
         LEDGER=site_ledger.page(table, executed, seeds.Runs(seeds.RESULTS)))
    fill(source / "glossary.md", GLOSSARY=site_words.glossary(terms, titles))
    api_pages(source / "api", QUICK_MODULES if only else modules())


def sphinx(source: Path, pages: Path, repository: str) -> int:
    """Run Sphinx; a warning is an error. Returns its exit status."""
    shutil.rmtree(pages, ignore_errors=True)
    known = os.environ | {"COURSE_REPOSITORY": repository, "COURSE_HEADLESS": "1",
                          "PYTHONPATH": str(chapters.ROOT), "PYTHONUTF8": "1",
                          "MPLBACKEND": "Agg"}
    return subprocess.call([sys.executable, "-m", "sphinx", "-E", "-b", "html", "-q", "-W",
                            "--keep-going", "-d", str(source.parent / "doctrees"), str(source),
                            str(pages)], env=known)


def build(folder: Path = BUILT, only: Iterable[Path] = (), repository: str | None = None) -> int:
    """Make the site below `folder`; returns Sphinx's exit status (0: no warning at all).

    Args:
        only: chapters to show in full; all if empty.
        repository: address of the public repository; None: the setting in pyproject.toml.
    """
    address = bootstrap.repository() if repository is None else repository
    prepare(folder / "source", address, list(only))
    return sphinx(folder / "source", folder / "html", address)


def serve(pages: Path, port: int) -> None:
    """Show the pages on this computer until Ctrl-C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(pages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"site: http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py site", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    parser.add_argument("--serve", action="store_true", help="show the pages afterwards")
    parser.add_argument("--port", type=port_number, default=0,
                        help="of --serve (default: a free one)")
    chosen = parser.parse_args(arguments)
    try:
        code = build(only=chapters.choose(chosen.chapter) if chosen.chapter else [])
    except (ValueError, OSError, importlib.metadata.PackageNotFoundError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    if code:
        print("site: FAILED; the lines above say where", file=sys.stderr)
        return code
    pages = BUILT / "html"
    print(f"site: made {len(list(pages.rglob('*.html')))} pages in "
          f"{pages.relative_to(chapters.ROOT).as_posix()}; open index.html there")
    if chosen.serve:
        try:
            serve(pages, chosen.port)
        except OSError as error:
            print(f"site: port {chosen.port}: {error}; name another with --port", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
