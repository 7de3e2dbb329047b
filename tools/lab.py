"""Open JupyterLab on the learner's own copy of a chapter (python course.py lab)."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from tools import chapters
from tools.copies import Copies

ROOT = Path(__file__).resolve().parents[1]
MINE = ROOT / "my_course"
SETTINGS = Path(__file__).resolve().parent / "lab_settings"     # no news prompt


def jupyter_command(chapter: Path, port: int | None, browser: bool) -> list[str]:
    """JupyterLab on this computer only, with its token, opened on `chapter`."""
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=localhost",
               f"--ServerApp.root_dir={chapter.parent}",
               f"--LabApp.default_url=/lab/tree/{quote(chapter.name)}",
               f"--LabApp.app_settings_dir={SETTINGS}", "--log-level=WARN"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.settimeout(1)
        return trial.connect_ex(("localhost", port)) != 0


def damaged_data() -> list[str]:
    """What is wrong with the data sets, one line each."""
    from course_utils import datasets

    return [f"{report.name}: {report.message}" for report in datasets.verify_all()
            if not report.ok]


def prepare(copies: Copies, chapter: str | None, fresh: str | None) -> Path:
    """Bring the copies up to date, say what changed; returns the copy to open.

    Raises:
        ValueError: there is no such chapter.
    """
    wanted = chapters.choose([chapter or fresh])[0] if chapter or fresh else None
    for line in copies.refresh():
        print(f"course: {line}")
    if fresh:
        print(f"course: {copies.fresh(chapters.choose([fresh])[0])}")
    return copies.folder / wanted.name if wanted else copies.last_touched()


def port_number(text: str) -> int:
    """A port from the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 1 to 65535")
    return int(text)


def options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python course.py lab", description=__doc__)
    parser.add_argument("chapter", nargs="?", help="number of the chapter to open; without it, "
                        "the lab goes on where you stopped")
    parser.add_argument("--fresh", metavar="NN", help="start this chapter anew; your old copy is "
                        "kept in my_course/earlier")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument("--port", type=port_number,
                        help="port of the server (default: 8888 or the next)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    chosen = options(arguments)
    try:
        opened = prepare(Copies(MINE), chosen.chapter, chosen.fresh)
    except (ValueError, OSError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    for line in damaged_data():
        print(f"course: damaged data set: {line}", file=sys.stderr)
    if chosen.port is not None and not is_free(chosen.port):
        print(f"course: port {chosen.port} is in use; close what uses it, or name another with "
              "--port", file=sys.stderr)
        return 1
    own_kernel = {"JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter")}
    print(f"course: opening {opened.relative_to(ROOT).as_posix()} (stop with Ctrl-C, twice)",
          flush=True)
    server = subprocess.Popen(jupyter_command(opened, chosen.port, not chosen.no_browser),
                              env=os.environ | own_kernel)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:  # Jupyter hears it too: it asks, and ends at the second one
            continue


if __name__ == "__main__":
    sys.exit(main())
