"""The facts of the data that chapters rely on, and how the loaders behave."""

import dataclasses
import socket
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils import datasets, paths

LOADERS = {
    "births": datasets.births,
    "bikes": datasets.bikes,
    "bikes_by_hour": datasets.bikes_by_hour,
    "digits": datasets.digits,
    "fashion": datasets.fashion,
    "wine": datasets.wine,
    "diabetes": datasets.diabetes,
    "breast_cancer": datasets.breast_cancer,
    "photos": datasets.photos,
    "brown": datasets.brown,
}
TABLES = ["wine", "diabetes", "breast_cancer"]
UNIVERSAL = {"NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "NUM", "CONJ", "PRT", "X", "."}


def arrays_of(value):
    """All tensors and NumPy arrays in what a loader returned."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, dict):
        value = list(value.values())
    return [a for part in value for a in arrays_of(part)] if isinstance(value, list | tuple) else []


# --- births -------------------------------------------------------------------------------------


def test_births_has_every_day_of_fifteen_years_once():
    data = datasets.births()
    every_day = np.arange("2000-01-01", "2015-01-01", dtype="datetime64[D]")
    np.testing.assert_array_equal(data.dates, every_day)
    assert data.count.shape == data.weekday.shape == (5479,)
    assert data.count.dtype == torch.float32 and data.weekday.dtype == torch.int64


def test_births_known_days_and_weekdays():
    data = datasets.births()
    assert data.count[:3].tolist() == [9083, 8006, 11363]
    expected = [day.weekday() for day in data.dates.astype("O")]  # the calendar's own answer
    assert data.weekday.tolist() == expected


def test_births_splits_are_whole_years_and_cover_all_days():
    data = datasets.births()
    years = {
        n: set(data.dates[s].astype("datetime64[Y]").astype(str)) for n, s in data.split.items()
    }
    assert years == {
        "train": {str(year) for year in range(2000, 2011)},
        "validation": {"2011"},
        "test": {"2012", "2013", "2014"},
    }
    assert sum(len(data.dates[s]) for s in data.split.values()) == 5479


def test_births_have_a_weekly_cycle():
    data = datasets.births()
    by_day = torch.stack([data.count[data.weekday == day].mean() for day in range(7)])
    assert by_day.argmin() == 6 and by_day[5:].max() < 0.75 * by_day[:5].min()
    # a week back resembles today more than any other of the last ten days
    errors = [float((data.count[lag:] - data.count[:-lag]).abs().mean()) for lag in range(1, 11)]
    assert 1 + int(np.argmin(errors)) == 7


# --- bikes --------------------------------------------------------------------------------------


def test_bikes_rentals_peak_at_8_and_17_and_nearly_vanish_at_night():
    hour, rentals = datasets.bikes_by_hour()
    assert_close(hour, torch.arange(24.0))
    peaks = [h for h in range(1, 23) if rentals[h] > max(rentals[h - 1], rentals[h + 1])]
    assert {8, 17} <= set(peaks) and rentals.topk(1).indices == 17
    assert rentals[8].round() == 263 and rentals[17].round() == 350
    assert rentals.argmin() == 4 and rentals[4].round() == 5


def test_bikes_by_hour_is_the_plain_mean_of_each_hour():
    data, (_, rentals) = datasets.bikes(), datasets.bikes_by_hour()
    slow = [data.count[data.hour == hour].mean() for hour in range(24)]
    assert_close(rentals, torch.stack(slow))


def test_bikes_columns_agree_with_their_names_and_units():
    data = datasets.bikes()
    column = dict(zip(data.names, data.features.T, strict=True))
    assert data.features.shape == (8645, 9) and data.features.dtype == torch.float32
    assert_close(column["hour"], data.hour.float())
    assert_close(column["day"], data.day.float())
    assert_close(column["workingday"], data.workingday.float())
    ranges = {name: (float(c.min()), float(c.max())) for name, c in column.items()}
    assert ranges["hour"] == (0, 23) and ranges["day"] == (1, 365)
    assert ranges["weather"] == (1, 4) and ranges["humidity_percent"] == (0, 100)
    assert -10 < ranges["temperature_c"][0] < 0 and 35 < ranges["temperature_c"][1] < 40
    assert_close(column["wind_kmh"], column["wind_kmh"].round())
    assert data.count.min() == 1 and data.count.sum() == 1_243_103  # the riders of 2011


def test_bikes_weekdays_and_working_days_fit_the_calendar():
    data = datasets.bikes()
    dates = np.datetime64("2011-01-01") + (data.day.numpy() - 1)
    assert data.weekday.tolist() == [day.weekday() for day in dates.astype("O")]
    holiday = data.features[:, data.names.index("holiday")].bool()
    assert torch.equal(data.workingday.bool(), (data.weekday < 5) & ~holiday)


def test_bikes_rows_are_in_the_order_of_time():
    data = datasets.bikes()
    assert ((data.day * 24 + data.hour).diff() > 0).all()


def test_bikes_split_keeps_days_whole():
    data = datasets.bikes()
    train, test = data.split["train"], data.split["test"]
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(8645))
    assert not set(data.day[train].tolist()) & set(data.day[test].tolist())
    assert 0.19 < len(test) / 8645 < 0.21


# --- pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "side", "train", "test", "steps"),
    [(datasets.digits, 8, 1297, 500, 16), (datasets.fashion, 28, 5000, 2000, 255)],
)
def test_images_have_their_shapes_and_lie_between_0_and_1(load, side, train, test, steps):
    data = load()
    for x, y, rows in ((data.train_x, data.train_y, train), (data.test_x, data.test_y, test)):
        assert x.shape == (rows, 1, side, side) and x.dtype == torch.float32
        assert y.shape == (rows,) and y.dtype == torch.int64
        assert x.min() == 0 and x.max() == 1
        assert_close(x * steps, (x * steps).round())
        assert y.unique().tolist() == list(range(10))
    assert len(data.classes) == 10


def test_digits_test_has_fifty_of_each_and_no_image_was_lost():
    data = datasets.digits()
    assert data.test_y.bincount().tolist() == [50] * 10
    counts = torch.cat([data.train_y, data.test_y]).bincount().tolist()
    assert counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI counts them


def test_fashion_is_balanced_and_every_ten_rows_hold_each_class_once():
    data = datasets.fashion()
    assert data.train_y.bincount().tolist() == [500] * 10
    assert data.test_y.bincount().tolist() == [200] * 10
    for y in (data.train_y, data.test_y):
        assert_close(y.view(-1, 10).sort(dim=1).values, torch.arange(10).expand(len(y) // 10, 10))


@pytest.mark.parametrize("load", [datasets.digits, datasets.fashion])
def test_first_rows_are_a_fair_and_mixed_sample(load):
    y = load().train_y
    counts = y[:200].bincount(minlength=10)
    assert counts.min() >= 17 and counts.max() <= 23
    following = Counter(zip(y[:-1].tolist(), y[1:].tolist(), strict=True))
    assert following.most_common(1)[0][1] < 0.04 * len(y)  # no fixed order of the classes


@pytest.mark.parametrize(("load", "least"), [(datasets.digits, 0.94), (datasets.fashion, 0.70)])
def test_labels_belong_to_their_images(load, least):
    data = load()
    train, test = data.train_x.flatten(1)[:1000], data.test_x.flatten(1)[:300]
    nearest = torch.cdist(test, train).argmin(dim=1)
    accuracy = (data.train_y[nearest] == data.test_y[:300]).float().mean()
    assert accuracy > least  # chance is 0.1


def test_images_stand_upright():
    digits, fashion = datasets.digits(), datasets.fashion()
    one = digits.train_x[digits.train_y == 1].mean(dim=0)[0]  # (8, 8): rows, columns
    assert one.sum(dim=1).std() < one.sum(dim=0).std()  # upright: ink in every row, not column
    trouser = fashion.train_x[fashion.train_y == 1].mean(dim=0)[0]
    assert trouser[4:24, 14].mean() > trouser[14, [1, 2, 3, 24, 25, 26]].mean() + 0.2
    boot = fashion.train_x[fashion.train_y == 9].mean(dim=0)[0]
    assert boot[14:].sum() > boot[:14].sum()  # the sole is below …
    assert boot[:10, 14:].sum() > boot[:10, :14].sum()  # … and the toe points left


@pytest.mark.parametrize("load", [datasets.digits, datasets.fashion])
def test_no_image_is_in_train_and_test(load):
    data = load()
    train = {image.numpy().tobytes() for image in data.train_x}
    assert not any(image.numpy().tobytes() in train for image in data.test_x)


def test_photos_are_colour_pictures_with_credits():
    data = datasets.photos()
    assert data.names == ("china", "flower")
    assert all(i.shape == (3, 213, 320) and i.dtype == torch.uint8 for i in data.images)
    assert all("CC BY 2.0" in credit for credit in data.credits)
    china, flower = (i.float().mean(dim=(1, 2)) for i in data.images)
    sky, ground = data.images[0][:, :40].float().mean(), data.images[0][:, -40:].float().mean()
    assert sky > ground + 50 and china[2] > 110  # upright, and blue enough
    red, green, blue = data.images[1][:, 110, 160].tolist()  # the middle of the flower is orange
    assert red > green > blue and flower[0] < 100


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "shape", "classes"),
    [
        (datasets.wine, (178, 13), [59, 71, 48]),
        (datasets.breast_cancer, (569, 30), [212, 357]),
        (datasets.diabetes, (442, 10), []),
    ],
)
def test_tables_have_known_shapes_and_class_counts(load, shape, classes):
    data = load()
    assert data.x.shape == shape and data.x.dtype == torch.float32
    assert len(data.names) == len(set(data.names)) == shape[1]
    assert len(data.classes) == len(classes)
    if classes:
        assert data.y.dtype == torch.int64 and data.y.bincount().tolist() == classes
    else:
        assert data.y.dtype == torch.float32 and (data.y.min(), data.y.max()) == (25, 346)
    assert data.x.isfinite().all()


def test_tables_columns_stand_under_their_names():
    wine, cancer, diabetes = datasets.wine(), datasets.breast_cancer(), datasets.diabetes()
    assert 11 < wine.x[:, wine.names.index("alcohol")].min() < 11.1
    assert wine.x[:, wine.names.index("proline")].max() == 1680
    radius = cancer.x[:, cancer.names.index("mean radius")]
    area = cancer.x[:, cancer.names.index("mean area")]
    assert torch.corrcoef(torch.stack([radius**2, area]))[0, 1] > 0.99
    assert radius[cancer.y == 0].mean() > radius[cancer.y == 1].mean()  # malignant: larger
    assert (diabetes.x[:, diabetes.names.index("age")].min(), diabetes.x[:, 0].max()) == (19, 79)
    hdl = diabetes.x[:, diabetes.names.index("HDL")]
    total = diabetes.x[:, diabetes.names.index("total cholesterol")]
    ratio = diabetes.x[:, diabetes.names.index("total cholesterol / HDL")]
    assert torch.corrcoef(torch.stack([total / hdl, ratio]))[0, 1] > 0.95


@pytest.mark.parametrize("name", TABLES)
def test_tables_split_holds_out_a_fifth_with_classes_in_their_shares(name):
    data = LOADERS[name]()
    train, test = data.split["train"], data.split["test"]
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(data.y)))
    assert abs(len(test) - len(data.y) / 5) <= 1
    if data.classes:
        share = data.y.bincount() / len(data.y)
        assert_close(data.y[test].bincount() / len(test), share, atol=0.02, rtol=0)


# --- Brown --------------------------------------------------------------------------------------


def test_brown_has_its_sizes_lengths_and_tags():
    data = datasets.brown()
    assert [len(part) for part in (data.train, data.dev, data.test)] == [12_000, 2_000, 2_000]
    for sentence in (*data.train, *data.dev, *data.test):
        assert 4 <= len(sentence.words) == len(sentence.tags) <= 30
        assert set(sentence.tags) <= UNIVERSAL and all(sentence.words)
        assert sentence.document[1] == sentence.category
    assert {tag for s in data.train for tag in s.tags} == UNIVERSAL


def test_brown_has_no_document_in_two_splits():
    data = datasets.brown()
    documents = [{s.document for s in part} for part in (data.train, data.dev, data.test)]
    assert all(documents)
    assert sum(map(len, documents)) == len(set.union(*documents))


def test_brown_has_all_fifteen_categories_balanced_where_there_is_enough():
    data = datasets.brown()
    for part in (data.train, data.dev, data.test):
        counts = Counter(s.category for s in part)
        assert set(counts) == set(datasets.BROWN_CATEGORIES)
        largest = max(counts.values())
        assert sum(n >= largest - 1 for n in counts.values()) >= 12  # the rest gave what they had


def test_brown_first_rows_are_mixed_over_categories():
    assert len({s.category for s in datasets.brown().train[:300]}) == 15


def test_brown_tags_known_words_as_one_would():
    data = datasets.brown()
    tags = {word: Counter() for word in ("the", "because", "she", "Chicago", "three", "quickly")}
    ends = Counter()
    for sentence in data.train:
        ends[sentence.tags[-1]] += 1
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            if word in tags:
                tags[word][tag] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in tags.items()}
    assert usual == {
        "the": "DET",
        "because": "CONJ",
        "she": "PRON",
        "Chicago": "NOUN",
        "three": "NUM",
        "quickly": "ADV",
    }
    assert ends.most_common(1)[0][0] == "."


def test_brown_ends_with_one_sign_where_the_tape_has_two():
    data = datasets.brown()
    for sentence in (*data.train, *data.dev, *data.test):
        pairs = zip(sentence.words[:-1], sentence.words[1:], strict=True)
        assert not any(a == b and a in {";", "?", "!"} for a, b in pairs)


# --- how loaders behave -------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in LOADERS if n != "brown"])
def test_changing_what_a_loader_gave_does_not_change_the_next(name):
    first = LOADERS[name]()
    kept = [np.asarray(a).copy() for a in arrays_of(first)]
    assert kept
    for values in arrays_of(first):
        values[...] = values[0].copy() if isinstance(values, np.ndarray) else 7
    for before, now in zip(kept, arrays_of(LOADERS[name]()), strict=True):
        np.testing.assert_array_equal(before, np.asarray(now))


def test_arrays_of_one_answer_are_contiguous_and_do_not_share_memory():
    for load in (datasets.births, datasets.bikes, datasets.digits, datasets.wine):
        assert all(a.is_contiguous() for a in arrays_of(load()) if isinstance(a, torch.Tensor))
        places = [a.data_ptr() for a in arrays_of(load()) if isinstance(a, torch.Tensor)]
        assert len(set(places)) == len(places)


def test_changing_the_list_of_sentences_does_not_change_the_next():
    datasets.brown().train.clear()
    assert len(datasets.brown().train) == 12_000


def test_a_file_is_read_and_verified_once_per_process(monkeypatch, tmp_path):
    datasets.digits()
    monkeypatch.setattr(datasets.datafiles, "read", lambda name: pytest.fail("read again"))
    datasets.digits()


def test_another_data_folder_is_read_anew(monkeypatch, tmp_path):
    datasets.digits()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(datasets.DataError, match=r"digits\.npz is missing"):
        datasets.digits()
    for file in ("digits.npz", "births.csv.gz"):
        (tmp_path / file).write_bytes((paths.root() / "data" / file).read_bytes())
    assert len(datasets.digits().train_y) == 1297 and len(datasets.births().count) == 5479


@pytest.mark.parametrize("name", LOADERS)
def test_no_loader_touches_the_random_generators(name):
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    LOADERS[name]()
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])


def test_a_course_seed_changes_nothing(monkeypatch):
    without = arrays_of(datasets.wine())
    monkeypatch.setenv("COURSE_SEED", "5")
    for before, now in zip(without, arrays_of(datasets.wine()), strict=True):
        assert torch.equal(before, now)


def test_all_loaders_work_with_the_network_off(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a loader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for cached in (datasets._arrays, datasets._births, datasets._bikes, datasets._sentences):
        cached.cache_clear()
    for load in LOADERS.values():
        load()


def test_a_displayed_set_is_one_line_without_numbers_from_a_run():
    assert repr(datasets.births()) == (
        "Births: dates (5479,), count (5479,), weekday (5479,), split train validation test"
    )
    assert all(
        "\n" not in repr(load()) for load in LOADERS.values() if load is not datasets.bikes_by_hour
    )


def test_loading_needs_numpy_and_torch_only():
    code = (
        "import sys\n"
        "from course_utils import datasets as d\n"
        "d.births(), d.bikes(), d.digits(), d.wine(), d.photos(), d.brown()\n"
        "extra = {'pandas', 'sklearn', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules)\n"
        "assert not extra, extra\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=paths.root())
