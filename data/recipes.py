"""From the files of a source package to the content of one data file.

Every recipe is a pure function: source files in, text or arrays out. Where something is picked
or shuffled, the order is that of a SHA-256 hash of a name, so no random generator's version
matters.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from datetime import date, timedelta

import numpy as np

Files = dict[str, bytes]
Arrays = dict[str, np.ndarray]
MONTHS = ("Jan", "Feb", "March", "April", "May", "June")
MONTHS += ("July", "Aug", "Sept", "Oct", "Nov", "Dec")
WEATHER = ("clear", "cloudy/misty", "light rain/snow", "heavy rain/snow")
DIGITS_TEST, FASHION_PER_CLASS = 50, {"train": 500, "test": 200}


def rank(name: str) -> bytes:
    """A fixed, well mixed sort key for a name."""
    return hashlib.sha256(name.encode()).digest()


def picked(labels: np.ndarray, name: str, counts: dict[int, int]) -> list[int]:
    """Ascending row numbers: of each class as many as `counts` says, by hash."""
    order = sorted(range(len(labels)), key=lambda row: rank(f"{name} {row}"))
    chosen = ([r for r in order if labels[r] == c][:count] for c, count in counts.items())
    return sorted(row for rows in chosen for row in rows)


def mixed(labels: np.ndarray, name: str) -> list[int]:
    """All row numbers, mixed so that every stretch of rows holds the classes in their shares.

    With classes of equal size, each run of as many rows as there are classes holds each once.
    """
    order = sorted(range(len(labels)), key=lambda row: rank(f"{name} {row}"))
    totals = {label: int((labels == label).sum()) for label in np.unique(labels).tolist()}
    seen = dict.fromkeys(totals, 0)
    keys = {}
    for row in order:
        label = int(labels[row])
        jitter = int.from_bytes(rank(f"{name} within {row}")[:4], "big") / 2**32  # in [0, 1)
        keys[row] = (seen[label] + jitter) / totals[label]
        seen[label] += 1
    return sorted(order, key=keys.__getitem__)


def births(table: str) -> bytes:
    """Lines `date,births`, one per day.

    Args:
        table: the source's table as csv, columns date, births and others.
    """
    rows = sorted(
        (row["date"][:10], int(row["births"])) for row in csv.DictReader(table.splitlines())
    )
    first = date.fromisoformat(rows[0][0])
    for day, (name, _) in enumerate(rows):
        if name != (first + timedelta(days=day)).isoformat():
            raise ValueError(f"births: the day before {name} is missing")
    return _csv("date,births", [f"{name},{count}" for name, count in rows])


def bikes(files: Files) -> bytes:
    """One line per hour that has rentals: the source's numbers, in units one can read.

    The source scales its weather to [0, 1]. Undone here as the data set's page at UCI says:
    temperature 47 t − 8 °C, felt temperature 66 t − 16 °C, humidity 100 h %, wind 67 v km/h.
    """
    (text,) = files.values()
    lines = []
    for row in csv.DictReader(io.StringIO(text.decode())):
        day = date(2011, 1, 1) + timedelta(days=int(row["day"]) - 1)
        sunday_is_0 = (day.weekday() + 1) % 7
        if MONTHS[day.month - 1] != row["mnth"] or sunday_is_0 != int(row["weekday"]):
            raise ValueError(f"bikes: day {row['day']} is not {day}")
        fields = [day.isoformat(), row["hr"], row["holiday"], row["workingday"]]
        fields.append(str(WEATHER.index(row["weathersit"]) + 1))
        fields.append(f"{47 * float(row['temp']) - 8:.2f}")
        fields.append(f"{round(66 * float(row['atemp']) - 16)}")
        fields.append(f"{round(100 * float(row['hum']))}")
        fields.append(f"{round(67 * float(row['windspeed']))}")
        fields.append(row["bikers"])
        lines.append((day, int(row["hr"]), ",".join(fields)))
    head = "date,hour,holiday,workingday,weather,temperature_c,feels_like_c,humidity_percent,"
    return _csv(head + "wind_kmh,rentals", [line for *_, line in sorted(lines)])


def digits(files: Files) -> Arrays:
    """Images (n, 8, 8) uint8 0–16 and labels, 50 of each class held out."""
    (raw,) = files.values()
    table = np.loadtxt(io.BytesIO(gzip.decompress(raw)), delimiter=",")
    images, labels = table[:, :-1].reshape(-1, 8, 8).astype(np.uint8), table[:, -1].astype(np.uint8)
    test = picked(labels, "digits split", dict.fromkeys(range(10), DIGITS_TEST))
    train = sorted(set(range(len(labels))) - set(test))
    return _split_images(images, labels, {"train": train, "test": test}, "digits")


def fashion(files: Files) -> Arrays:
    """Images (n, 28, 28) uint8 and labels: 500 of each class to train, 200 to test on."""
    parts = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = _idx(_only(files, f"{prefix}-images-idx3-ubyte.gz"))
        labels = _idx(_only(files, f"{prefix}-labels-idx1-ubyte.gz"))
        counts = dict.fromkeys(range(10), FASHION_PER_CLASS[part])
        kept = picked(labels, f"fashion {part}", counts)
        parts |= _split_images(images, labels, {part: kept}, "fashion")
    return parts


def tabular(files: Files) -> Arrays:
    """Wine, diabetes (unscaled) and breast cancer: x, y, names and the rows held out."""
    arrays: Arrays = {}
    for name in ("wine", "breast_cancer"):
        file = "wine_data.csv" if name == "wine" else "breast_cancer.csv"
        lines = _only(files, file).decode().splitlines()
        table = np.loadtxt(lines[1:], delimiter=",")
        names = WINE_NAMES if name == "wine" else CANCER_NAMES
        arrays |= _table(name, table[:, :-1], table[:, -1].astype(np.uint8), names)
    x = np.loadtxt(io.BytesIO(gzip.decompress(_only(files, "diabetes_data_raw.csv.gz"))))
    y = np.loadtxt(io.BytesIO(gzip.decompress(_only(files, "diabetes_target.csv.gz"))))
    return arrays | _table("diabetes", x, y.astype(np.float32), DIABETES_NAMES)


def photos(files: Files) -> Arrays:
    """Two photographs, uint8 (3, 213, 320): each pixel the mean of 2 × 2 pixels of the source."""
    from PIL import Image

    arrays = {}
    for name in ("china", "flower"):
        with Image.open(io.BytesIO(_only(files, f"{name}.jpg"))) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(np.uint32)
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        blocks = pixels[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
        small = (blocks.sum(axis=(1, 3)) + 2) // 4
        arrays[name] = np.ascontiguousarray(small.astype(np.uint8).transpose(2, 0, 1))
    return arrays


def _csv(head: str, lines: list[str]) -> bytes:
    return ("\n".join([head, *lines]) + "\n").encode()


def _only(files: Files, ending: str) -> bytes:
    (raw,) = [raw for name, raw in files.items() if name.endswith(ending)]
    return raw


def _idx(raw: bytes) -> np.ndarray:
    """An array in the idx format: two zeros, type 8 (uint8), the number of axes, their lengths."""
    raw = gzip.decompress(raw)
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", count=axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _split_images(images: np.ndarray, labels: np.ndarray, rows: dict, name: str) -> Arrays:
    parts = {}
    for part, kept in rows.items():
        order = [kept[i] for i in mixed(labels[kept], f"{name} {part}")]
        parts |= {f"{part}_x": images[order], f"{part}_y": labels[order]}
    return parts


def _table(name: str, x: np.ndarray, y: np.ndarray, names: tuple[str, ...]) -> Arrays:
    if x.shape[1] != len(names):
        raise ValueError(f"{name}: {x.shape[1]} columns, {len(names)} names")
    groups = y if y.dtype == np.uint8 else np.zeros(len(y), np.uint8)
    test = picked(groups, name, {c: round((groups == c).sum() / 5) for c in np.unique(groups)})
    return {
        f"{name}_x": x.astype(np.float32),
        f"{name}_y": y,
        f"{name}_names": np.array(names),
        f"{name}_test": np.array(test, np.int16),
    }


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


WINE_NAMES = _names(
    "alcohol, malic acid, ash, alcalinity of ash, magnesium, total phenols, flavanoids, "
    "nonflavanoid phenols, proanthocyanins, color intensity, hue, OD280/OD315 of diluted wines, "
    "proline"
)
DIABETES_NAMES = _names(
    "age, sex, body mass index, blood pressure, total cholesterol, LDL, HDL, "
    "total cholesterol / HDL, log triglycerides, blood sugar"
)
_CELL = _names(
    "radius, texture, perimeter, area, smoothness, compactness, concavity, concave points, "
    "symmetry, fractal dimension"
)
CANCER_NAMES = tuple(f"{how} {what}" for how in ("mean", "error", "worst") for what in _CELL)
