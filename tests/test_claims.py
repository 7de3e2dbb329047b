"""Claims: how a verdict is decided, shown, stored and read back."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
import torch

from course_utils import claims, paths
from course_utils.claims import Record, claim, claims_table, read_claims, what_if

SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")
ID = "reg-overfit"


@pytest.fixture(autouse=True)
def fresh_kernel(monkeypatch):
    monkeypatch.setattr(claims, "_verdicts", {})


@pytest.fixture
def timed(monkeypatch):
    """A claim about speed, as chapter 04 has one."""
    table = paths.table("claims")
    table["claims"]["reg-fast"] = {"chapter": "02", "kind": "time", "en": "Fast.", "zh": "快。"}
    monkeypatch.setattr(claims.paths, "table", lambda name: table)
    return "reg-fast"


def verdict_of(card):
    return card.metadata["claim"]["verdict"]


# ---- deciding -------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "verdict"), [
    ({"holds": True}, "holds"),
    ({"holds": False}, "does not hold"),
    ({"inside": True, "outside": False, "when": "c"}, "holds when"),
    ({"inside": True, "outside": True, "when": "c"}, "holds"),
    ({"inside": False, "outside": True, "when": "c"}, "does not hold"),
    ({"inside": False, "outside": False, "when": "c"}, "does not hold"),
    ({"holds": True, "decided": False}, "not decided"),
    ({"holds": False, "decided": False}, "not decided"),
    ({"inside": True, "outside": False, "when": "c", "decided": False}, "not decided"),
])
def test_the_verdict_follows_from_the_measurement(arguments, verdict):
    made = claim(ID, **arguments, measured="1")

    assert verdict_of(made) == verdict
    assert made.text == f"{ID}: {verdict}"


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True), torch.tensor(True)])
def test_booleans_of_python_numpy_and_torch_count_as_booleans(value):
    assert verdict_of(claim(ID, holds=value, measured="1")) == "holds"


@pytest.mark.parametrize("value", [
    0.3, 1, "yes", torch.tensor(0.3), torch.tensor([True]), np.array([True, True]), [True],
])
def test_anything_else_is_refused_with_advice(value):
    with pytest.raises(TypeError, match=r"holds= must be a boolean.*(comparison|\.all\(\))"):
        claim(ID, holds=value, measured="1")
    with pytest.raises(TypeError, match="decided= must be a boolean"):
        claim(ID, holds=True, decided=value, measured="1")


@pytest.mark.parametrize(("arguments", "error"), [
    ({}, TypeError),
    ({"inside": True}, TypeError),
    ({"inside": True, "when": "c"}, TypeError),
    ({"outside": True, "when": "c"}, TypeError),
    ({"holds": True, "inside": True, "outside": False, "when": "c"}, TypeError),
    ({"holds": True, "when": "c"}, TypeError),
    ({"inside": True, "outside": False}, ValueError),
])
def test_arguments_that_do_not_go_together_are_refused(arguments, error):
    with pytest.raises(error, match=ID):
        claim(ID, **arguments, measured="1")


def test_a_claim_needs_its_measurement():
    with pytest.raises(ValueError, match="measured"):
        claim(ID, holds=True, measured=" ")


def test_an_unknown_claim_names_the_nearest_ones():
    with pytest.raises(KeyError, match="reg-overfit"):
        claim("reg-overfitt", holds=True, measured="1")


# ---- showing --------------------------------------------------------------------------------


def test_the_card_shows_the_sentence_in_both_languages_and_the_measurement():
    row = paths.table("claims")["claims"][ID]

    shown = claim(ID, holds=True, measured="0.1 < 0.2").html

    assert row["en"] in shown
    assert f'<span lang="zh-Hant">{row["zh"]}</span>' in shown
    assert '<span class="measured">0.1 &lt; 0.2</span>' in shown


def test_measured_numbers_stand_nowhere_but_in_the_masked_part():
    made = claim(ID, holds=True, measured="0.123")

    assert "0.123" not in re.sub(r'<span class="measured">.*?</span>', "", made.html)
    assert "0.123" not in made.text


@pytest.mark.parametrize(("inside", "outside", "words"), [
    (True, False, "holds when ‖step‖ ≤ 0.1"),
    (True, True, "the condition ‖step‖ ≤ 0.1 is not needed"),
    (False, False, "does not hold, not even when ‖step‖ ≤ 0.1"),
])
def test_the_card_says_what_the_condition_does(inside, outside, words):
    made = claim(ID, inside=inside, outside=outside, when="‖step‖ ≤ 0.1", measured="1")

    assert words in made.html


def test_each_verdict_has_its_own_sign():
    signs = [claim(ID, holds=True, measured="1").sign, claim(ID, holds=False, measured="1").sign,
             claim(ID, inside=True, outside=False, when="c", measured="1").sign,
             claim(ID, holds=True, decided=False, measured="1").sign]
    assert len(set(signs)) == 4


def test_a_claim_about_speed_may_come_out_differently_elsewhere(timed):
    def stored(holds):
        made = claim(timed, holds=holds, measured=f"{holds}")
        masked = re.sub(r'<span class="measured">.*?</span>', "", made.html)
        table = re.sub(r'<span class="measured">.*?</span>', "", claims_table("02").html)
        return made.text, masked, table, claims_table("02").text

    assert stored(True) == stored(False)
    assert claim(timed, holds=True, measured="1").text == "reg-fast: measured"
    made = claim(timed, holds=False, measured="1")
    assert verdict_of(made) == "does not hold"
    assert '<span class="measured">on this computer: does not hold. 1</span>' in made.html


def test_metadata_holds_the_record_and_the_seed(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "7")

    made = claim(ID, inside=True, outside=False, when="c", measured="0.5")

    assert made.metadata == {"claim": {
        "id": ID, "verdict": "holds when", "measured": "0.5", "when": "c", "seed": 7,
    }}
    json.dumps(made.metadata)


# ---- the learner's own version --------------------------------------------------------------


def test_what_if_decides_alike_but_is_not_the_claims_verdict():
    claim(ID, holds=True, measured="1")

    made = what_if(ID, holds=False, measured="2")

    assert made.kind == "your version"
    assert made.text == f"{ID}, your version: does not hold"
    assert not made.metadata
    assert f"{ID}: holds" in claims_table("02").text.splitlines()


# ---- the table of a chapter -----------------------------------------------------------------


def test_the_table_has_every_claim_of_the_chapter_and_says_which_have_not_run():
    claim(ID, holds=False, measured="0.25")

    made = claims_table("02")

    rows = [id for id, row in paths.table("claims")["claims"].items() if row["chapter"] == "02"]
    lines = made.text.splitlines()
    assert [line.split(":")[0] for line in lines] == rows
    assert f"{ID}: does not hold" in lines
    assert lines.count("reg-two-relus: not run yet") == 1
    assert '<span class="measured">0.25</span>' in made.html


def test_the_table_shows_the_last_of_two_runs():
    claim(ID, holds=False, measured="1")
    claim(ID, holds=True, measured="2")

    assert f"{ID}: holds" in claims_table("02").text.splitlines()


def test_a_chapter_without_claims_is_refused():
    with pytest.raises(ValueError, match="'99'"):
        claims_table("99")


# ---- reading back ---------------------------------------------------------------------------


def notebook(*cells):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "code", "id": id, "metadata": {}, "source": "", "execution_count": 1,
         "outputs": outputs} for id, outputs in cells
    ]}


def output(metadata):
    return {"output_type": "execute_result", "execution_count": 1, "data": {},
            "metadata": metadata}


def test_verdicts_are_read_back_with_their_cells(tmp_path):
    made = claim(ID, holds=True, measured="≈ 1").metadata
    stored = notebook(("start", [{"output_type": "stream", "name": "stdout", "text": "x"}]),
                      ("verdict-a", [output({}), output(made)]), ("verdict-b", [output(made)]))
    stored["cells"].insert(0, {"cell_type": "markdown", "id": "title", "source": "#"})
    path = tmp_path / "02_regression.ipynb"
    path.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")

    records = read_claims(path)

    assert records == read_claims(str(path)) == read_claims(stored)
    assert records == [Record(ID, "holds", "≈ 1", "", 42069, "verdict-a"),
                       Record(ID, "holds", "≈ 1", "", 42069, "verdict-b")]


def test_what_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.ipynb is not a notebook"):
        read_claims(path)
    with pytest.raises(ValueError, match="no cells"):
        read_claims({"metadata": {}})
    with pytest.raises(ValueError, match="unknown verdict 'maybe'"):
        read_claims(notebook(("c", [output({"claim": {"id": ID, "verdict": "maybe"}})])))


# ---- the table of sentences -----------------------------------------------------------------


def test_every_claim_of_the_table_is_complete():
    table = paths.table("claims")["claims"]
    assert len(table) >= 19
    for id, row in table.items():
        assert set(row) == {"chapter", "kind", "en", "zh"}, id
        assert row["kind"] in ("fact", "time"), id
        assert row["chapter"] in paths.table("chapters")["chapters"], id
        assert row["en"].endswith(".") and row["zh"].endswith("。"), id
        assert re.search(r"[\u4e00-\u9fff]", row["zh"]) and len(row["en"]) < 220, id


def test_the_claims_of_a_chapter_share_a_prefix_that_no_other_chapter_has():
    chapters = {}
    for id, row in paths.table("claims")["claims"].items():
        chapters.setdefault(id.partition("-")[0], set()).add(row["chapter"])
    assert chapters.pop("att") == {"11", "12"}   # attention, in two chapters
    assert all(len(found) == 1 for found in chapters.values()), chapters


# ---- in a kernel ----------------------------------------------------------------------------


CODE = """
import os
from course_utils.claims import claim
number = float(os.environ.get("NUMBER", "0.25"))
claim("reg-overfit", holds=number < 0.5, measured=f"{number} < 0.5")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook with one claim, executed and stored."""
    cell = nbformat.v4.new_code_cell(CODE, id="verdict", metadata={"tags": ["nbval-check-output"]})
    book = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(book, resources={"metadata": {"path": str(paths.root())}}).execute()
    path = tmp_path_factory.mktemp("executed") / "claim.ipynb"
    nbformat.write(book, path)
    return path


def test_a_kernel_stores_the_record_in_the_outputs_metadata(executed):
    assert read_claims(executed) == [Record(ID, "holds", "0.25 < 0.5", "", 42069, "verdict")]
    (out,) = json.loads(executed.read_text(encoding="utf-8"))["cells"][0]["outputs"]
    assert set(out["data"]) == {"text/plain", "text/html"}


@pytest.mark.parametrize(("number", "agrees"), [("0.3", True), ("0.7", False)])
def test_nbval_passes_with_other_numbers_and_fails_with_another_verdict(
    executed, tmp_path, monkeypatch, number, agrees
):
    monkeypatch.setenv("NUMBER", number)
    monkeypatch.setenv("PYTHONPATH", str(paths.root()))
    copy = shutil.copy(executed, tmp_path)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path,
         "--nbval-lax", "--nbval-sanitize-with", SANITIZE, "--nbval-current-env", copy],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=tmp_path,
    )

    assert (run.returncode == 0) == agrees, run.stdout + run.stderr
    assert ("1 passed" if agrees else "1 failed") in run.stdout
