"""The stored form of a notebook: same notebook, same bytes."""

import json

import pytest

from tests.notebook_maker import code, error, notebook, prose, shown, stream
from tools import canonical

PNG = "iVBORw0KGgo="


def test_run_counts_follow_the_order_of_the_cells():
    book = notebook(code("a", count=7), prose("b"), code("c"), code("d", count=3))

    counts = [cell.get("execution_count") for cell in canonical.canonical(book).cells]

    assert counts == [1, None, None, 2]


def test_a_result_carries_the_count_of_its_cell():
    result = {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {},
              "execution_count": 9}
    book = canonical.canonical(notebook(code("a", count=4), code("b", outputs=[result], count=9)))

    assert book.cells[1].outputs[0].execution_count == 2


def test_a_widget_view_goes_and_its_picture_stays():
    view = {canonical.WIDGET_VIEW: {"model_id": "x"}, "image/png": PNG, "text/plain": "p: 3 steps"}
    book = canonical.canonical(notebook(code("a", outputs=[shown(view)], count=1)))

    assert book.cells[0].outputs[0].data == {"image/png": PNG, "text/plain": "p: 3 steps"}


def test_an_output_that_was_only_a_widget_view_goes_altogether():
    only = shown({canonical.WIDGET_VIEW: {"model_id": "x"}})
    assert canonical.canonical(notebook(code("a", outputs=[only], count=1))).cells[0].outputs == []


def test_timings_widget_state_and_an_editors_marks_go():
    cell = code("a", count=1, tags=["verdict"])
    cell.metadata |= {"execution": {"iopub.execute_input": "now"}, "collapsed": True}
    book = notebook(cell)
    book.metadata |= {"widgets": {canonical.WIDGET_STATE: {}}, "kernelspec": {"name": "mine"},
                      "language_info": {"name": "python", "version": "3.13.9"}}

    clean = canonical.canonical(book)

    assert clean.cells[0].metadata == {"tags": ["verdict"]}
    assert clean.metadata == {"kernelspec": canonical.KERNEL, "language_info": {"name": "python"}}


def test_a_claims_metadata_stays():
    claim = shown({"text/plain": "reg-x: holds"}, {"claim": {"id": "reg-x", "verdict": "holds"}})
    book = canonical.canonical(notebook(code("a", outputs=[claim], count=1)))

    assert book.cells[0].outputs[0].metadata.claim.verdict == "holds"


def test_what_was_printed_in_pieces_is_one_output():
    pieces = [stream("a\n"), stream("b\n"), stream("w\n", "stderr"), stream("c\n")]
    outputs = canonical.canonical(notebook(code("a", outputs=pieces, count=1))).cells[0].outputs

    assert [(o.name, o.text) for o in outputs] == [
        ("stdout", "a\nb\n"), ("stderr", "w\n"), ("stdout", "c\n")]


@pytest.mark.parametrize("path", ["/home/me/.venv/lib/python3.12/site-packages/torch/nn.py",
                                  r"C:\Users\me\lib\site-packages\torch\nn.py",
                                  "/srv/course_utils/training.py"])
def test_a_shown_error_does_not_tell_where_the_computer_keeps_its_packages(path):
    book = notebook(code("a", outputs=[error(f"File {path}:3")], count=1))
    (line,) = canonical.canonical(book).cells[0].outputs[0].traceback

    assert "home" not in line and "Users" not in line and "srv" not in line
    assert line.endswith(("nn.py:3", "training.py:3")) and "…/" in line


def test_line_ends_and_blank_lines_around_a_cell_do_not_count():
    assert canonical.source("\n\nx = 1\r\ny = 2\r\n\n") == "x = 1\ny = 2"


def test_canonical_form_is_a_fixed_point_and_leaves_the_original_alone():
    book = notebook(code("a", "x\n", [stream("η\n")], count=5), prose("b", "學習率"))
    before = json.dumps(book)
    text = canonical.dumps(book)

    assert canonical.dumps(canonical.canonical(book)) == text
    assert json.dumps(book) == before
    assert "學習率" in text and "η" in text and text.endswith("}\n") and "\r" not in text


def test_written_and_read_back_it_is_the_same(tmp_path):
    book = canonical.canonical(notebook(code("a", outputs=[stream("1\n")], count=1)))
    canonical.write(book, tmp_path / "x.ipynb")

    assert canonical.read(tmp_path / "x.ipynb") == book
    assert b"\r" not in (tmp_path / "x.ipynb").read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["x.ipynb"]


def test_a_copy_to_hand_out_has_neither_outputs_nor_counts():
    clean = canonical.without_outputs(notebook(code("a", outputs=[stream("1")], count=1)))

    assert clean.cells[0].outputs == [] and clean.cells[0].execution_count is None


def test_two_cells_with_one_id_are_not_stored(tmp_path):
    with pytest.raises(ValueError, match="more than one cell has the id a"):
        canonical.write(notebook(code("a"), code("a")), tmp_path / "x.ipynb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "message"), [
    ("[]", "is not a notebook"),
    ('{"nbformat": 4, "nbformat_minor": 5, "cells": [{}], "metadata": {}}', "is not a notebook"),
    ("not json", "is not a notebook"),
    ('{"nbformat": 4, "nbformat_minor": 4, "cells": [], "metadata": {}}', "format 4.4"),
])
def test_what_is_no_notebook_with_ids_is_refused(tmp_path, text, message):
    (tmp_path / "x.ipynb").write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=message):
        canonical.read(tmp_path / "x.ipynb")
