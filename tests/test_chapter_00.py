"""Chapter 00: its cells compute what they say, its missions can be reached, its tables agree."""

import re

import numpy as np
import pytest
import torch

from course_utils import datasets, glossary, paths
from tests.chapter import Chapter

CHAPTER = Chapter("00")
LONG = {"ml-structured-data", "ml-structured-predict", "ml-structured-fit", "ml-structured-run",
        "ml-structured-unseen", "ml-structured-live"}


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names after its code cells ran, the tagger's left out; `shown` as there."""
    left_out = LONG | {"bootstrap", CHAPTER.imports}
    return vars(CHAPTER.names([id for id in CHAPTER.code if id not in left_out]))


def test_the_miss_is_what_it_says(chapter):
    births = datasets.births()
    number = dict(zip(births.dates, births.count.tolist(), strict=True))
    days = [day for day in births.dates if np.datetime64("2012-01-01") <= day]
    slow = np.mean([abs(number[day - 7] - number[day]) for day in days]) / 1000

    assert chapter["miss"](7) == pytest.approx(slow, rel=1e-5)
    assert len(days) == 1096


def test_the_title_of_the_first_picture_is_true(chapter):
    misses = chapter["misses"]
    assert misses["like a week before"] < 0.5 * min(misses["like the day before"],
                                                    chapter["baseline"])
    assert misses["like three days before"] > chapter["baseline"]


def test_the_verdict_turns_where_the_text_asks_for_it(chapter):
    miss = chapter["miss"]
    assert [miss(seen) < miss(1) for seen in range(2, 9)] == [False] * 5 + [True, False]


def test_the_day_before_wins_on_two_weekdays_only(chapter):
    weekday = chapter["births"].weekday[chapter["test"]]
    start, stop, count = chapter["test"].start, chapter["test"].stop, chapter["count"]

    def off(lag, day):
        distance = (count[start - lag : stop - lag] - count[start:stop]).abs()
        return distance[weekday == day].mean().item()

    assert [day for day in range(7) if off(1, day) < off(7, day)] == [3, 4]     # Thursday, Friday
    assert chapter["miss_on_chosen"](7) == pytest.approx(off(7, chapter["weekday"]))


def test_rows_hold_the_days_before_their_label(chapter):
    x, label, above = chapter["x"], chapter["label"], chapter["above"]
    for row in (0, 100, len(x) - 1):
        torch.testing.assert_close(x[row], above[row : row + 28])
        torch.testing.assert_close(label[row, 0], above[row + 28])
    births = datasets.births()
    assert chapter["learn"].stop + 28 == births.split["train"].stop


def test_learning_beats_the_week_and_loses_to_the_year(chapter):
    found = (chapter["prediction"] - chapter["count"][chapter["test"]]).abs().mean()
    assert chapter["miss"](364) < found < chapter["miss"](7)


def test_the_line_ends_near_least_squares_with_a_slope_below_one(chapter):
    x, y = chapter["last_week"].double(), chapter["today"].double()
    design = torch.stack([torch.ones_like(x), x], dim=1)
    best = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]

    torch.testing.assert_close(chapter["theta"].double(), best, atol=0.01, rtol=0)
    assert best[1] < 0.99


def test_the_line_wins_by_squares_and_loses_by_distance(chapter):
    guess = chapter["line"](chapter["theta"], chapter["week_before"])
    label, week = chapter["above"][chapter["test"]], chapter["week_before"]
    assert ((guess - label) ** 2).mean() < ((week - label) ** 2).mean()
    assert (guess - label).abs().mean() > (week - label).abs().mean()


# ---- missions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "control", "values"), [
    ("start-knob", "back", range(1, 401)), ("ml-regression-live", "day", range(1096)),
    ("ml-classification-live", "number", range(500))])
def test_missions_can_be_reached_and_are_not_at_the_start(chapter, cell, control, values):
    frame = chapter["shown"][cell]._frame
    assert frame.missions and not frame._reached
    for mission in frame.missions:
        reached = [mission.goal(_Run({control: value})) for value in values]
        assert any(reached), mission.text


def test_the_missions_of_the_live_training(chapter):
    quick, too_far = chapter["shown"]["steps-playground"]._frame.missions
    for lr, expected in ((0.01, (False, False)), (0.12, (True, False)), (0.2, (False, True))):
        losses = []
        for state, _ in zip(chapter["train_line"](_Settings(lr=lr)), range(61), strict=False):
            losses.append(state["train"].item())
        run = _Run({"lr": lr}, {"train": losses})
        assert (quick.goal(run), too_far.goal(run)) == expected


class _Settings(dict):
    __getattr__ = dict.__getitem__


class _Run:
    def __init__(self, settings, curves=None):
        self.settings, self.curves = settings, curves


# ---- text ----------------------------------------------------------------------------------------


def test_the_notation_table_is_the_glossarys():
    rows = [[part.strip() for part in line.strip("|").split("|")]
            for line in CHAPTER.cells["start-notation"].source.splitlines() if line.startswith("|")]
    head, _, *rows = rows
    known = [[term.symbol, ", ".join(f"`{name.strip()}`" for name in term.code.split(",")),
              term.en, term.zh, term.shape] for term in glossary.read_terms()]
    assert head == ["symbol", "in code", "English", "繁體中文", "shape"]
    assert len(rows) >= 20 and all(row in known for row in rows)
    for symbol in ["ŷ", "y", "y′", "η", "μ", "λ", "θ", "g", "H", "N", "B"]:
        assert [row for row in rows if row[0] == symbol], symbol


def test_other_chapters_find_the_notation_under_its_name():
    assert CHAPTER.cells["start-notation"].source.startswith("## Notation and glossary\n")


def test_links_go_where_the_text_says():
    lines = [line for cell in CHAPTER.cells.values() if cell.cell_type == "markdown"
             for line in cell.source.splitlines()]
    headings = {line.lstrip("#").strip().replace(" ", "-")
                for line in lines if line.startswith("#")}
    for file, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", CHAPTER.prose):
        assert not file or (paths.notebooks_dir() / file).is_file(), file
        assert not anchor or anchor in headings, anchor
