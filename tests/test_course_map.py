"""The map of the course, and the way from the notes' headings to the cells."""

import json
import re

import pytest

from course_utils import course_map, paths
from course_utils.course_map import BOX_HEIGHT, BOX_WIDTH, Chapter, Place

# Every heading of the notes, in their order.
HEADINGS = """機器學習基本概念 · 分類 · 機器學習的 Framework · 機器學習的任務攻略 ·
類神經網路訓練不起來 · 卡在 Critical Point · 泰勒展開式 · 為什麼要用 Batch · Momentum ·
Learning Rate · 一般情況下的 Learning Rate 造成的問題 · AdaGrad · RMSprop ·
Learning Rate Scheduling · Loss Function · Classification ·
Loss Function of Classification · Batch Normalization · Regularization (L1, L2) ·
Convolutional Neural Network · Receptive Field · Shared Parameter · Pooling · CNN Structure ·
Self-Attention · Multi-Head Self-Attention · Positional Encoding · Truncated Self-Attention ·
Self-Attention vs CNN · Self-Attention vs RNN · PyTorch · Tensor · vs Numpy · Device · DNN 的架構 ·
Gradient · Dataset & DataLoader · Neural Network Layers · Activation Function · Loss Function ·
Optimizer · Build Model · Training · Evaluation (Validation, Testing) · Save & Load Model ·
可重現性 (Reproducibility)"""

CHAPTERS = {chapter.number: chapter for chapter in course_map.chapters()}


def chapter(number, builds_on=(), lane=1):
    return Chapter(number, "slug", "Title", "標題", "promise", tuple(builds_on), 10, lane)


def cell_ids(chapter):
    text = (paths.notebooks_dir() / chapter.file).read_text(encoding="utf-8")
    return {cell["id"] for cell in json.loads(text)["cells"]}


def fake_notebook(folder, name, *cells):
    cells = [{"cell_type": kind, "id": id, "source": source, "metadata": {}}
             for kind, id, source in cells]
    (folder / name).write_text(json.dumps({"cells": cells}), encoding="utf-8")


# ---- the chapters -------------------------------------------------------------------------------


def test_there_are_fifteen_chapters_in_order():
    assert list(CHAPTERS) == [f"{n:02}" for n in range(15)]


def test_every_chapter_but_the_first_builds_on_an_earlier_one():
    assert CHAPTERS["00"].builds_on == ()
    for number, each in list(CHAPTERS.items())[1:]:
        assert each.builds_on and all(earlier < number for earlier in each.builds_on)


def test_a_written_notebook_is_in_the_table():
    files = {path.name for path in paths.notebooks_dir().glob("*.ipynb")}
    assert files and files <= {each.file for each in CHAPTERS.values()}


def test_a_chapter_cannot_build_on_a_later_one(monkeypatch):
    entry = {"slug": "a", "title": "A", "zh": "甲", "promise": "p", "minutes": 1, "lane": 0}
    table = {"chapters": {"00": entry | {"builds_on": ["01"]}, "01": entry | {"builds_on": []}}}
    monkeypatch.setattr(paths, "table", lambda name: table)

    with pytest.raises(ValueError, match="chapter 00 cannot build on 01"):
        course_map.chapters()


def test_a_row_lies_below_all_that_it_builds_on():
    diamond = [chapter("00"), chapter("01", ["00"]), chapter("02", ["00", "01"]),
               chapter("03", ["00"])]

    assert course_map.rows(diamond) == {"00": 0, "01": 1, "02": 2, "03": 1}


# ---- the picture --------------------------------------------------------------------------------


def test_no_two_boxes_share_a_place():
    depth = course_map.rows(CHAPTERS.values())
    places = [(each.lane, depth[number]) for number, each in CHAPTERS.items()]
    assert len(set(places)) == len(places)


def test_no_arrow_runs_through_a_box():
    depth = course_map.rows(CHAPTERS.values())
    at = {number: (each.lane, depth[number]) for number, each in CHAPTERS.items()}
    for number, each in CHAPTERS.items():
        for earlier in each.builds_on:
            (x0, y0), (x1, y1) = course_map.arrow_ends(at[earlier], at[number])
            for other in CHAPTERS.keys() - {number, earlier}:
                for k in range(101):
                    x, y = x0 + k / 100 * (x1 - x0), y0 + k / 100 * (y1 - y0)
                    inside = (abs(x - at[other][0]) < BOX_WIDTH / 2 - 0.01
                              and abs(y - at[other][1]) < BOX_HEIGHT / 2)
                    assert not inside, f"{earlier} → {number} runs through {other}"


def test_the_map_says_in_words_what_is_ready(monkeypatch, tmp_path):
    fake_notebook(tmp_path, CHAPTERS["01"].file)
    monkeypatch.setattr(paths, "notebooks_dir", lambda: tmp_path)

    assert "ready: 01; the others are coming" in course_map.draw_map().alt
    for chapter in CHAPTERS.values():
        fake_notebook(tmp_path, chapter.file)
    assert "all are ready" in course_map.draw_map().alt


def test_the_list_links_what_is_there_and_nothing_else(monkeypatch, tmp_path):
    fake_notebook(tmp_path, CHAPTERS["02"].file)
    monkeypatch.setattr(paths, "notebooks_dir", lambda: tmp_path)

    html = course_map.chapter_list().html

    assert re.findall(r'href="([^"]+)"', html) == [CHAPTERS["02"].file]
    assert html.count("coming") == 14 and f"{CHAPTERS['02'].minutes}&nbsp;min" in html


# ---- the notes' headings ------------------------------------------------------------------------


def test_every_heading_of_the_notes_has_a_place():
    expected = [heading.strip() for heading in HEADINGS.replace("\n", " ").split("·")]

    assert [each.heading for each in course_map.headings()] == expected
    assert expected.count("Loss Function") == 2
    assert all(each.places for each in course_map.headings())


@pytest.mark.parametrize("place", sorted({place for each in course_map.headings()
                                          for place in each.places}, key=str),
                         ids=lambda place: f"{place.chapter}-{place.cell}")
def test_every_place_exists(place):
    target = CHAPTERS[place.chapter]
    if target.written:
        assert place.cell, f"chapter {place.chapter} is written: name the cell"
        assert place.cell in cell_ids(target)
    else:
        assert not place.cell, f"chapter {place.chapter} is not written and has no cells yet"


def test_the_index_links_to_cells_under_the_name_of_their_section(monkeypatch, tmp_path):
    fake_notebook(tmp_path, CHAPTERS["02"].file, ("markdown", "title", "# 02 · Regression"),
                  ("markdown", "reg-ask", ["---\n", "## How `far`\n", "is it? text"]),
                  ("markdown", "reg-more", "no heading"), ("code", "reg-run", ""))
    monkeypatch.setattr(paths, "notebooks_dir", lambda: tmp_path)
    monkeypatch.setattr(course_map, "headings", lambda: (
        course_map.Heading("Gradient", "PyTorch", (Place("02", "reg-run"), Place("02"))),
        course_map.Heading("Momentum", "PyTorch", (Place("06"),))))

    html = course_map.notes_index().html

    assert '<a href="02_regression.ipynb#cell-id=reg-run">02 · How far</a>' in html
    assert '<a href="02_regression.ipynb">02 · Regression</a>' in html
    assert "chapter 06, coming" in html and html.count("<a ") == 2


def test_no_heading_names_one_section_twice():
    html = course_map.notes_index().html
    for cell in re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL):
        names = re.findall(r">(\d\d · [^<]+)</a>", cell)
        assert len(names) == len(set(names)), names
