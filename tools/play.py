"""The playgrounds alone, as pages without code (python course.py play), for a projector.

Each chapter that has playgrounds becomes a page: its title, the words before each playground, and
the playground, live. Of the other cells only those statements are run that a playground needs
(tools/excerpt.py); what they would show is hidden. Voilà serves the pages on this computer only.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import nbformat.v4
from nbformat import NotebookNode

from course_utils import paths
from course_utils.files import write_whole
from tools import bootstrap, canonical, chapters, excerpt
from tools.lab import is_free, port_number

TAG = "playground"
PORT = 8866
TEMPLATE = Path(__file__).resolve().parent / "play_template"
IDLE_SECONDS = 1800                             # a kernel whose page was closed goes after this
# What a hidden cell prints (which answer of an exercise is used) would stand on the page.
QUIET = """\
import contextlib, io
_hidden = contextlib.ExitStack()
_hidden.enter_context(contextlib.redirect_stdout(io.StringIO()))
"""
LOUD = "_hidden.close()\n"
LIST = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Playgrounds</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  body { font: 20px/1.5 system-ui, sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em;
         color: #1a1a1a; background: #fff }
  li { margin: .7em 0; list-style: none } ul { padding: 0 }
  small { display: block; color: #555 } a { color: #005a8c }
  @media (prefers-color-scheme: dark) {
    body { color: #e6e6e6; background: #181818 } small { color: #b0b0b0 } a { color: #7cc4f0 } }
</style></head>
<body><h1>Playgrounds</h1>
<p>Machine Learning, Measured. A page starts its own Python; that takes some seconds.</p>
<ul>@ROWS@</ul>
<script>
  if (matchMedia("(prefers-color-scheme: dark)").matches)
    for (const link of document.links) link.search = "?theme=dark";
</script></body></html>
"""


# --- Pages ---------------------------------------------------------------------------------

def playgrounds(notebook: NotebookNode) -> list[str]:
    """Ids of the cells that show a playground."""
    return [cell.id for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]


def page(notebook: NotebookNode, wanted: Iterable[str] | None = None) -> NotebookNode:
    """The chapter `notebook` as a page: its playgrounds (or the cells `wanted`) and their words.

    Raises:
        ValueError: the chapter has no playground.
        NameError: a playground needs a name that no cell before it binds.
    """
    wanted = list(wanted or playgrounds(notebook))
    if not wanted:
        raise ValueError("this chapter has no playground")
    cells, hidden = [notebook.cells[0]], [QUIET]
    for cell in excerpt.of(notebook, wanted).cells:
        if bootstrap.is_bootstrap(cell):
            cells.append(cell)
        elif cell.id in wanted:
            cells += _words_before(notebook, cell.id)
            cells.append(_cell("\n".join(hidden), f"{cell.id}-hidden"))
            cells.append(_cell(LOUD + cell.source, cell.id))
            hidden = [QUIET]
        elif cell.cell_type == "code":
            hidden.append(cell.source)
    return canonical.without_outputs(nbformat.v4.new_notebook(
        cells=cells, metadata=notebook.metadata))


def _cell(source: str, id: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, id=id)


def _words_before(notebook: NotebookNode, id: str) -> list[NotebookNode]:
    """The nearest markdown cell above the cell `id`, under the heading that it stands in."""
    position = [cell.id for cell in notebook.cells].index(id)
    above = [cell for cell in notebook.cells[1:position] if cell.cell_type == "markdown"]
    if not above:
        return []
    headings = [line for cell in above for line in cell.source.splitlines()
                if re.match(r"#{2,} ", line)]
    words = above[-1]
    if not headings or re.search(r"^#{2,} ", words.source, re.MULTILINE):
        return [words]
    return [nbformat.v4.new_markdown_cell(f"{headings[-1]}\n{words.source}", id=words.id)]


def write_pages(folder: Path, sources: Iterable[Path]) -> list[Path]:
    """Write the pages of the chapters `sources` into `folder`; those without playgrounds do not
    get one."""
    written = []
    for source in sources:
        notebook = canonical.read(source)
        if playgrounds(notebook):
            canonical.write(page(notebook), folder / source.name)
            written.append(folder / source.name)
    return written


def list_page(pages: Iterable[Path]) -> str:
    """The list of all pages, as HTML."""
    table, rows = paths.table("chapters")["chapters"], []
    for path in pages:
        entry = table.get(chapters.number(path), {})
        title, chinese = entry.get("title", path.stem), entry.get("zh", "")
        rows.append(f'<li><a href="voila/render/{quote(path.name)}">{chapters.number(path)} · '
                    f'{html.escape(title)}</a> <span lang="zh-Hant">{html.escape(chinese)}</span>'
                    f'<small>{html.escape(entry.get("promise", ""))}</small></li>')
    return LIST.replace("@ROWS@", "\n".join(rows))


# --- The server ----------------------------------------------------------------------------

def prepare(scratch: Path, sources: Iterable[Path]) -> list[Path]:
    """Pages in scratch/pages and Voilà's template in scratch/jupyter; returns the pages."""
    folder, template = scratch / "pages", scratch / "jupyter" / "voila" / "templates" / "course"
    folder.mkdir()
    shutil.copytree(TEMPLATE, template)
    pages = write_pages(folder, sources)
    # Jinja reads this file: what chapters say must not look like a command to it.
    text = "{% raw %}" + list_page(pages) + "{% endraw %}"
    write_whole(template / "tree.html", text)
    return pages


def voila_command(folder: Path, port: int) -> list[str]:
    """Voilà on this computer only, with a token (see `environment`)."""
    return [sys.executable, "-m", "voila", str(folder), "--no-browser", "--token",
            "--Voila.ip=localhost", f"--port={port}", "--template=course", "--classic-tree",
            "--VoilaConfiguration.extension_denylist=nbdime-jupyterlab",   # would fail to load
            f"--MappingKernelManager.cull_idle_timeout={IDLE_SECONDS}",
            "--MappingKernelManager.cull_interval=60", "--Voila.log_level=WARN"]


def environment(scratch: Path, token: str) -> dict[str, str]:
    """Environment variables of the server and its kernels.

    The token is not on the command line, where other users of the computer could read it. Missions
    reached in front of a class do not count for the teacher: progress is kept in `scratch`.
    """
    kept = {k: v for k, v in os.environ.items() if k != "COURSE_HEADLESS"}
    own = [str(scratch / "jupyter"), str(Path(sys.prefix) / "share" / "jupyter")]
    return kept | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_PATH": os.pathsep.join(filter(None, [*own, kept.get("JUPYTER_PATH")])),
        "COURSE_STUDY_DIR": str(scratch / "study"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(chapters.ROOT), kept.get("PYTHONPATH")])),
    }


def free_port() -> int:
    """The usual port, or any free one."""
    if is_free(PORT):
        return PORT
    with socket.socket() as trial:
        trial.bind(("localhost", 0))
        return trial.getsockname()[1]


def wait_for(server: subprocess.Popen, port: int, seconds: float = 600) -> bool:
    """Whether the server answers within `seconds`."""
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        if not is_free(port):
            return True
        time.sleep(0.2)
    return False


def serve(scratch: Path, pages: list[Path], port: int, opened: Path | None, browser: bool) -> int:
    """Run the server until it is stopped; returns its exit status."""
    token = secrets.token_hex(16)
    place = f"voila/render/{quote(opened.name)}" if opened else ""
    address = f"http://localhost:{port}/{place}?token={token}"
    server = subprocess.Popen(voila_command(scratch / "pages", port),
                              env=environment(scratch, token))
    try:
        print("course: starting the server …", flush=True)
        if not wait_for(server, port):
            print("course: Voilà did not start; its last lines above say why", file=sys.stderr)
            server.terminate()
            return server.wait() or 1
        print(f"course: {len(pages)} pages of playgrounds at {address}\n"
              "course: stop with Ctrl-C", flush=True)
        if browser:
            webbrowser.open(address)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py play", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="02, or a file name; without it, a list of all")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument("--port", type=port_number,
                        help=f"port of the server (default: {PORT} or another)")
    chosen = parser.parse_args(arguments)
    if chosen.port is not None and not is_free(chosen.port):
        print(f"course: port {chosen.port} is in use; close what uses it, or name another with "
              "--port", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="course-play-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        try:
            pages = prepare(scratch, chapters.choose(chosen.chapter))
        except (ValueError, NameError, OSError) as error:
            print(f"course: {error}", file=sys.stderr)
            return 1
        if not pages:
            print("course: there is no playground in what you named; leave the chapter away to "
                  "see the list", file=sys.stderr)
            return 1
        return serve(scratch, pages, chosen.port or free_port(),
                     pages[0] if len(pages) == 1 else None, not chosen.no_browser)


if __name__ == "__main__":
    sys.exit(main())
