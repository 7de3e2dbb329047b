"""The glossary: a table made from one file."""

import re

import pytest

from course_utils import glossary as module
from course_utils import paths
from course_utils.glossary import Term, glossary, read_terms

FAKE = {"terms": {
    "learning-rate": {"symbol": "η", "code": "lr", "en": "learning rate", "zh": "學習率",
                      "shape": "scalar", "chapter": "02", "meaning": "Length <of> a step."},
    "eigenvalue": {"symbol": "λᵢ, u", "code": "values, f(0, 1)", "en": "eigenvalue", "zh": "特徵值",
                   "shape": "", "chapter": "04", "meaning": "How it bends."},
}}


@pytest.fixture
def two_terms(monkeypatch):
    monkeypatch.setattr(module.paths, "table", lambda name: FAKE)


def test_the_card_has_every_term_with_all_its_fields(two_terms):
    shown = glossary().html

    for part in ("η", ">lr</code>", "learning rate", '<span lang="zh-Hant">學習率</span>', "scalar",
                 "Length &lt;of&gt; a step.", "02", "λᵢ, u", ">values</code>", ">f(0, 1)</code>"):
        assert part in shown
    assert shown.count("<tr>") == 1 + 2


def test_its_text_has_one_line_for_each_term(two_terms):
    assert glossary().text.splitlines() == [
        "learning rate η (學習率): Length <of> a step.", "eigenvalue λᵢ, u (特徵值): How it bends.",
    ]


def test_a_chapter_shows_its_own_terms_only(two_terms):
    assert glossary("04").text == "eigenvalue λᵢ, u (特徵值): How it bends."
    with pytest.raises(ValueError, match="'07'.*02.*04"):
        glossary("07")


@pytest.mark.parametrize("change", [{"meaning": None}, {"colour": "red"}])
def test_an_entry_with_a_field_missing_or_too_many_is_named(monkeypatch, change):
    fields = FAKE["terms"]["eigenvalue"] | change
    fields = {key: value for key, value in fields.items() if value is not None}
    monkeypatch.setattr(module.paths, "table", lambda name: {"terms": {"eigenvalue": fields}})

    with pytest.raises(ValueError, match="'eigenvalue'"):
        read_terms()


def test_every_stored_term_is_complete():
    terms = read_terms()
    assert len(terms) >= 3
    chapters = paths.table("chapters")["chapters"]
    for term in terms:
        assert isinstance(term, Term) and all(isinstance(v, str) for v in vars(term).values())
        assert term.chapter in chapters, term.id
        assert term.en and term.meaning.endswith((".", ".)")), term.id
        assert re.search(r"[\u4e00-\u9fff]", term.zh) or term.zh == "Hessian", term.id


def test_no_word_is_explained_twice():
    names = [term.en for term in read_terms()]
    assert len(names) == len(set(names))
