"""The data sets of the course, ready to use.

Every loader reads a file of `data/` (or of the folder that `COURSE_DATA` names), compares its
checksum once per process, and returns fresh tensors: change them in place as you like, the next
call is not affected. Nothing is downloaded. The splits are fixed; no seed changes them. Sources
and licences: data/README.md.

>>> births()
Births: dates (5479,), count (5479,), weekday (5479,), split train validation test
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import datafiles, paths
from .datafiles import DataError, FileReport, verify_all

__all__ = [
    "BROWN_CATEGORIES",
    "Bikes",
    "Births",
    "Brown",
    "DataError",
    "FileReport",
    "Images",
    "Photos",
    "Sentence",
    "Table",
    "bikes",
    "bikes_by_hour",
    "births",
    "breast_cancer",
    "brown",
    "diabetes",
    "digits",
    "fashion",
    "photos",
    "verify_all",
    "wine",
]

FASHION_CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat")
FASHION_CLASSES += ("sandal", "shirt", "sneaker", "bag", "ankle boot")
PHOTO_CREDITS = {
    "china": "danielbuechele, Flickr 6061409035, CC BY 2.0, reduced",
    "flower": "vultilion, Flickr 6056698931, CC BY 2.0, reduced",
}
BROWN_CATEGORIES = {
    "a": "press: reportage",
    "b": "press: editorial",
    "c": "press: reviews",
    "d": "religion",
    "e": "skills and hobbies",
    "f": "popular lore",
    "g": "belles lettres, biography, memoirs",
    "h": "government and house organs",
    "j": "learned",
    "k": "fiction: general",
    "l": "fiction: mystery and detective",
    "m": "fiction: science",
    "n": "fiction: adventure and western",
    "p": "fiction: romance and love story",
    "r": "humor",
}


class _Summary:
    """A repr of names and shapes: the same on every computer, and short."""

    def __repr__(self) -> str:
        parts = [f"{f.name} {_size(getattr(self, f.name))}" for f in fields(self)]
        return f"{type(self).__name__}: {', '.join(parts)}"


def _size(value: Any) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return str(tuple(value.shape))
    if isinstance(value, dict):
        return " ".join(value)
    return repr(value) if isinstance(value, str) else f"[{len(value)}]"


@dataclass(frozen=True, repr=False, eq=False)
class Births(_Summary):
    """Births per day in the United States; see `births`."""

    dates: np.ndarray
    count: Tensor
    weekday: Tensor
    split: dict[str, slice]


@dataclass(frozen=True, repr=False, eq=False)
class Bikes(_Summary):
    """Bicycles rented per hour; see `bikes`."""

    features: Tensor
    names: tuple[str, ...]
    count: Tensor
    hour: Tensor
    day: Tensor
    weekday: Tensor
    workingday: Tensor
    split: dict[str, Tensor]


@dataclass(frozen=True, repr=False, eq=False)
class Images(_Summary):
    """Grey images with labels; see `digits` and `fashion`."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Table(_Summary):
    """Rows of numbers with an answer each; see `wine`, `diabetes` and `breast_cancer`."""

    x: Tensor
    y: Tensor
    names: tuple[str, ...]
    target: str
    classes: tuple[str, ...]
    split: dict[str, Tensor]


@dataclass(frozen=True, repr=False, eq=False)
class Photos(_Summary):
    """Colour photographs; see `photos`."""

    images: tuple[Tensor, ...]
    names: tuple[str, ...]
    credits: tuple[str, ...]


class Sentence(NamedTuple):
    """One sentence of the Brown Corpus: a word and a part of speech per token."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    category: str  # a key of BROWN_CATEGORIES
    document: str


@dataclass(frozen=True, repr=False, eq=False)
class Brown(_Summary):
    """Sentences with parts of speech; see `brown`."""

    train: list[Sentence]
    dev: list[Sentence]
    test: list[Sentence]


def births() -> Births:
    """Births per day in the United States, 2000-01-01 to 2014-12-31.

    Returns:
        dates: (5479,) NumPy datetime64[D], every day once, ascending.
        count: (5479,) float32; unit: births per day.
        weekday: (5479,) int64, Monday = 0.
        split: slices over days: "train" 2000–2010, "validation" 2011, "test" 2012–2014.
    Raises:
        DataError: the file is missing or damaged.
    Source: US Social Security Administration.
    """
    dates, count = _births(*_place("births"))
    first, second = np.searchsorted(dates, np.array(["2011-01-01", "2012-01-01"], dates.dtype))
    split = {"train": slice(0, int(first)), "validation": slice(int(first), int(second))}
    split["test"] = slice(int(second), len(dates))
    return Births(dates.copy(), torch.tensor(count), _weekday(dates), split)


def bikes() -> Bikes:
    """Bicycles rented per hour in Washington DC, 2011: 8,645 hours (those with a rental).

    Returns:
        features: (8645, 9) float32 in raw units; their columns are `names`: hour 0–23, day of the
            year 1–365, holiday 0 or 1, working day 0 or 1, weather 1 (clear) to 4 (heavy rain or
            snow), temperature and felt temperature in °C, humidity in %, wind in km/h.
        count: (8645,) float32; unit: rentals per hour.
        hour, day, weekday (Monday = 0), workingday: (8645,) int64 each.
        split: row numbers, int64: "train", and "test" with every fifth day of the year, whole days
            (neighbouring hours resemble each other).
    Raises:
        DataError: the file is missing or damaged.
    Source: Fanaee-T and Gama 2013, UCI Bike Sharing; CC BY 4.0.
    """
    dates, names, table = _bikes(*_place("bikes"))
    values = torch.tensor(table)
    year = dates.astype("datetime64[Y]")
    day = torch.tensor((dates - year).astype(np.int64) + 1)
    features = torch.cat([values[:, :1], day[:, None].float(), values[:, 1:-1]], dim=1)
    held_out = day % 5 == 0
    return Bikes(
        features=features,
        names=(names[0], "day", *names[1:-1]),
        count=values[:, -1].clone(),
        hour=values[:, 0].long(),
        day=day,
        weekday=_weekday(dates),
        workingday=values[:, names.index("workingday")].long(),
        split={"train": (~held_out).nonzero()[:, 0], "test": held_out.nonzero()[:, 0]},
    )


def bikes_by_hour() -> tuple[Tensor, Tensor]:
    """The two-peaked curve: the year's mean number of rentals at each hour of the day.

    Returns:
        hour: (24,) float32, 0 to 23.
        rentals: (24,) float32; unit: rentals per hour, mean over the hours with a rental.
    Raises:
        DataError: the file is missing or damaged.
    """
    data = bikes()
    total = torch.zeros(24, dtype=torch.float64).index_add_(0, data.hour, data.count.double())
    return torch.arange(24.0), (total / torch.bincount(data.hour, minlength=24)).float()


def digits() -> Images:
    """Handwritten digits, 8×8 pixels, white ink on black.

    Returns:
        train_x (1297, 1, 8, 8), test_x (500, 1, 8, 8): float32 in [0, 1], steps of 1/16.
        train_y (1297,), test_y (500,): int64, the digit. Test: 50 of each class.
        classes: "0" … "9". Rows are mixed: any first rows hold the classes in their shares.
    Raises:
        DataError: the file is missing or damaged.
    Source: UCI, Optical Recognition of Handwritten Digits; CC BY 4.0.
    """
    return _images("digits", 16, tuple("0123456789"))


def fashion() -> Images:
    """Fashion-MNIST, a class-balanced part: 28×28 pixels.

    Returns:
        train_x (5000, 1, 28, 28), test_x (2000, 1, 28, 28): float32 in [0, 1].
        train_y (5000,), test_y (2000,): int64. 500 and 200 of each class.
        classes: their names. Rows are mixed: each ten rows hold every class once.
    Raises:
        DataError: the file is missing or damaged.
    Source: Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747; MIT, © Zalando SE.
    """
    return _images("fashion", 255, FASHION_CLASSES)


def wine() -> Table:
    """178 wines of three cultivators: which one made it?

    Returns:
        x: (178, 13) float32, results of a chemical analysis in raw units (names say which).
        y: (178,) int64, the cultivator 0, 1 or 2.
        split: row numbers: "train" (142,) and "test" (36,), classes in their shares.
    Raises:
        DataError: the file is missing or damaged.
    Source: UCI, Wine; CC BY 4.0.
    """
    return _table("wine", "cultivator", ("cultivator 0", "cultivator 1", "cultivator 2"))


def diabetes() -> Table:
    """442 patients: how far did the disease progress in a year?

    Returns:
        x: (442, 10) float32 in raw units, not scaled (age in years, body mass index in kg/m², …).
        y: (442,) float32, a measure of disease progression, 25 to 346.
        split: row numbers: "train" (354,) and "test" (88,).
    Raises:
        DataError: the file is missing or damaged.
    Source: Efron, Hastie, Johnstone and Tibshirani 2004.
    """
    return _table("diabetes", "disease progression after one year", ())


def breast_cancer() -> Table:
    """569 tumours, measured on pictures of their cells: malignant or benign?

    Returns:
        x: (569, 30) float32: mean, standard error and worst of ten measures, raw units.
        y: (569,) int64: 0 malignant, 1 benign.
        split: row numbers: "train" (456,) and "test" (113,), classes in their shares.
    Raises:
        DataError: the file is missing or damaged.
    Source: UCI, Breast Cancer Wisconsin (Diagnostic); CC BY 4.0.
    """
    return _table("breast_cancer", "diagnosis", ("malignant", "benign"))


def photos() -> Photos:
    """Two colour photographs: a pavilion in China and a flower.

    Returns:
        images: two tensors (3, 213, 320) uint8, channels red, green, blue.
        names: "china", "flower". credits: who took them, and the licence; show it beside them.
    Raises:
        DataError: the file is missing or damaged.
    """
    arrays = _arrays(*_place("photos"))
    names = tuple(PHOTO_CREDITS)
    images = tuple(torch.tensor(arrays[name]) for name in names)
    return Photos(images, names, tuple(PHOTO_CREDITS.values()))


def brown() -> Brown:
    """English sentences of 1961, each word with its part of speech (12 universal tags).

    Returns:
        train, dev, test: 12,000, 2,000 and 2,000 sentences of 4 to 30 tokens, balanced over the
            categories as far as there are enough, mixed; no document is in two splits.
    Raises:
        DataError: the file is missing or damaged.
    Source: Brown Corpus, Francis and Kučera 1964/1979; redistribution permitted, usually given
        for non-commercial use.
    """
    parts = _sentences(*_place("brown"))
    return Brown(*(list(parts[name]) for name in ("train", "dev", "test")))


def _place(name: str) -> tuple[str, str]:
    """What the caches below are keyed by: the file's name and the folder it is read from now."""
    return name, str(paths.data_dir())


# The caches keep what was read and verified, as NumPy arrays and tuples; loaders hand out copies.


@cache
def _arrays(name: str, folder: str) -> dict[str, np.ndarray]:
    return datafiles.read(name)


@cache
def _births(name: str, folder: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [line.split(",") for line in datafiles.read(name).decode().splitlines()[1:]]
    dates = np.array([day for day, _ in rows], "datetime64[D]")
    return dates, np.array([count for _, count in rows], np.float32)


@cache
def _bikes(name: str, folder: str) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    head, *lines = datafiles.read(name).decode().splitlines()
    rows = [line.split(",") for line in lines]
    dates = np.array([row[0] for row in rows], "datetime64[D]")
    return dates, tuple(head.split(",")[1:]), np.array([row[1:] for row in rows], np.float32)


@cache
def _sentences(name: str, folder: str) -> dict[str, list[Sentence]]:
    parts: dict[str, list[Sentence]] = {"train": [], "dev": [], "test": []}
    for line in datafiles.read(name).decode("ascii").splitlines():
        part, document, text = line.split("\t")
        words, tags = zip(*(token.rsplit("/", 1) for token in text.split(" ")), strict=True)
        parts[part].append(Sentence(words, tags, document[1], document))
    return parts


def _images(name: str, white: int, classes: tuple[str, ...]) -> Images:
    arrays = _arrays(*_place(name))
    x = {part: torch.tensor(arrays[f"{part}_x"])[:, None] / white for part in ("train", "test")}
    y = {part: torch.tensor(arrays[f"{part}_y"]).long() for part in ("train", "test")}
    return Images(x["train"], y["train"], x["test"], y["test"], classes)


def _table(name: str, target: str, classes: tuple[str, ...]) -> Table:
    arrays = {
        key.removeprefix(f"{name}_"): values
        for key, values in _arrays(*_place("tabular")).items()
        if key.startswith(f"{name}_")
    }
    y = torch.tensor(arrays["y"])
    test = torch.tensor(arrays["test"]).long()
    held_out = torch.zeros(len(y), dtype=torch.bool).index_fill_(0, test, True)
    return Table(
        x=torch.tensor(arrays["x"]),
        y=y.long() if classes else y,
        names=tuple(arrays["names"].tolist()),
        target=target,
        classes=classes,
        split={"train": (~held_out).nonzero()[:, 0], "test": test},
    )


def _weekday(dates: np.ndarray) -> Tensor:
    epoch = date(1970, 1, 1).weekday()  # day 0 of NumPy's dates
    return torch.tensor((dates.astype(np.int64) + epoch) % 7)
