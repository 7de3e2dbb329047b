"""Notebook ⇄ percent text: nothing but outputs may get lost."""

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools import bootstrap, canonical, percent

LINES = st.one_of(
    st.sampled_from(["", " ", "#", "# ", "# x", "# %%", "# # %%", "# # # %% id=a", "%%time",
                     "# %% [markdown] id=b", "x = 1  # 學習率 η", "\tindented", "#\u2028x"]),
    st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=12),
)
SOURCES = st.lists(LINES, max_size=6).map("\n".join)
TAGS = st.lists(st.sampled_from(["verdict", "slow", "a \"quoted\" ] tag", "標"]), unique=True)
CELLS = st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), SOURCES, TAGS),
                 min_size=1, max_size=6)


def notebook(cells):
    made = []
    for n, (kind, source, tags) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell-{n}", "source": source,
                "metadata": {"tags": tags} if tags else {}}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    return nbformat.from_dict({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@settings(max_examples=300, deadline=None)
@given(CELLS)
def test_a_round_trip_keeps_ids_tags_kinds_and_sources(cells):
    before = canonical.canonical(notebook(cells))

    assert percent.to_notebook(percent.to_text(before)) == before


@settings(max_examples=100, deadline=None)
@given(CELLS)
def test_the_text_of_a_text_is_the_same_text(cells):
    text = percent.to_text(notebook(cells))

    assert percent.to_text(percent.to_notebook(text)) == text


def test_a_draft_written_by_hand_is_read_as_meant():
    read = percent.to_notebook(
        "# %% [markdown] id=why\n# ## Why?\n#\n# Because.\n\n\n"
        '# %% id=run tags=["verdict"]\nx = 1\n\ny = 2\n')

    assert [(c.cell_type, c.id, c.source) for c in read.cells] == [
        ("markdown", "why", "## Why?\n\nBecause."), ("code", "run", "x = 1\n\ny = 2")]
    assert read.cells[1].metadata.tags == ["verdict"]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing():
    text = "# %% id=a\nx = 1\n\n# %% [markdown] id=b\n# text\n"

    assert percent.to_notebook("\ufeff" + text.replace("\n", "\r\n")) == percent.to_notebook(text)


@pytest.mark.parametrize(("text", "message"), [
    ("x = 1\n# %% id=a\n", "line 1.*begins with a cell header"),
    ("# %% id=a\n# %%\n", "line 2.*needs an id"),
    ("# %% id=a\n1\n# %% id=a\n2\n", "line 3.*id a was used before, in line 1"),
    ("# %% [markdown] id=a\nno sign\n", "line 2.*begins with '# '"),
    ("# %% id=a tag=['verdict']\n", "line 1.*cannot read the header"),
    ("# %% id=a tags=['verdict']\n", "line 1.*double quotes"),
    ("# %% id=ünïcode\n", "line 1.*needs an id"),
])
def test_a_wrong_draft_is_refused_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        percent.to_notebook(text)


def test_attachments_are_refused_since_text_cannot_hold_them():
    book = notebook([("markdown", "![](attachment:a.png)", [])])
    book.cells[0].attachments = {"a.png": {"image/png": "AAAA"}}

    with pytest.raises(ValueError, match="cell-0 has attachments"):
        percent.to_text(book)


def test_the_command_puts_the_bootstrap_cell_in_and_reads_the_text_back(tmp_path, capsys):
    draft, made = tmp_path / "draft.py", tmp_path / "02_x.ipynb"
    draft.write_text('# %% id=bootstrap tags=["bootstrap"]\nany\n', encoding="utf-8")

    assert percent.main(["to-notebook", str(draft), str(made)]) == 0
    assert canonical.read(made).cells[0].source == bootstrap.SOURCE
    assert percent.to_notebook(percent.to_text(canonical.read(made))) == canonical.read(made)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path, capsys):
    draft = tmp_path / "draft.py"
    draft.write_text("# %%\n", encoding="utf-8")

    assert percent.main(["to-notebook", str(draft), str(tmp_path / "x.ipynb")]) == 1
    assert capsys.readouterr().err.startswith("percent: line 1: the cell needs an id")
    assert not (tmp_path / "x.ipynb").exists()
