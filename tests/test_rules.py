"""Each rule for stored chapters: a good chapter passes, one spoiled in one way is refused."""

import json

import pytest

from tests.notebook_maker import code, error, notebook, prose, shown, start, stream
from tools import canonical, rules


def good(*extra):
    return notebook(prose("title", "# 02 · Regression"), start(),
                    code("line-run", "print(1)", [stream("1\n")], count=2, tags=["verdict"]),
                    *extra)


def chapter(tmp_path, book, canonically=True):
    path = tmp_path / "02_regression.ipynb"
    text = canonical.dumps(book) if canonically else json.dumps(book)
    path.write_text(text, encoding="utf-8", newline="\n")
    return rules.Chapter.read(path)


def test_a_good_chapter_has_no_complaints(tmp_path):
    assert rules.complaints(chapter(tmp_path, good()).path) == []


def test_every_rule_is_applied():
    named = {rule.__name__ for rule in rules.RULES}
    written = {name for name in vars(rules)
               if name.startswith(("has_", "is_", "starts_")) and callable(getattr(rules, name))}

    assert named == written and len(rules.RULES) == len(named)


SPOILED = [
    ("has_outputs", good(code("later-run", "2")), "cell later-run was not run"),
    ("has_outputs", notebook(start()), "no outputs"),
    ("has_no_errors", good(code("x-run", "1/0", [error()], 3)), "cell x-run holds an error"),
    ("has_no_errors", good(code("x-run", "1", [], 3, ["raises-exception"])), "did not raise"),
    ("has_no_warnings", good(code("x-run", "1", [stream("w", "stderr")], 3)), "standard error"),
    ("starts_with_bootstrap", notebook(code("a-run")), "0 bootstrap cells"),
    ("starts_with_bootstrap", notebook(code("a-run"), start()), "not the first"),
    ("starts_with_bootstrap", notebook(code("b", "old", tags=["bootstrap"])), "differs"),
    ("has_known_tags", good(code("x-run", tags=["verdikt"])), "unknown tag 'verdikt'"),
    ("has_speaking_ids", good(code("3f2a9c01")), "3f2a9c01 does not speak"),
    ("has_speaking_ids", good(code("a1b2c3d4-1234-4321-abcd-0123456789ab")), "does not speak"),
    ("has_speaking_ids", good(code("Camel_Case")), "does not speak"),
    ("has_no_attachments", good(prose("a-picture") | {"attachments": {"a": {}}}), "attachments"),
    ("has_no_machine_paths", good(code("x-run", "open('/var/lib/x')")), "/var/lib"),
    ("has_no_machine_paths", good(code("x-run", "1", [stream("in C:\\Users\\me")])), "Users"),
    ("has_no_machine_paths", good(code("x-run", "1", [shown({"text/html": "<b>/tmp/x</b>"})])),
     "/tmp/x"),
    ("has_no_addresses", good(code("x-run", "1", [stream("<F at 0x7f00deadbeef>")])), "address"),
    ("is_small", good(code("x-run", "1", [stream("x" * 1_500_000)])), "MB, the limit"),
    ("has_working_links", good(prose("to-a", "[x](04_gone.ipynb)")), "04_gone.ipynb"),
    ("has_working_links", good(prose("to-b", "[x](#No-such)")), "#No-such"),
]


@pytest.mark.parametrize(("rule", "book", "message"), SPOILED)
def test_a_chapter_spoiled_in_one_way_is_refused_by_its_rule(tmp_path, rule, book, message):
    found = getattr(rules, rule)(chapter(tmp_path, book))

    assert len(found) == 1 and message in found[0]
    assert found[0] in rules.complaints(tmp_path / "02_regression.ipynb")


def test_every_rule_has_refused_something():
    unproven = {rule.__name__ for rule in rules.RULES} - {rule for rule, *_ in SPOILED}

    # proven below, on raw files; the link in test_colab.py, with a repository set
    assert unproven == {"is_canonical", "has_no_widget_views", "has_its_link_to_colab"}


def test_another_indent_or_order_of_run_counts_is_not_canonical(tmp_path):
    spoiled = good()
    spoiled.cells[2].execution_count = 5
    found = chapter(tmp_path, spoiled, canonically=False)

    assert "not in canonical form" in rules.is_canonical(found)[0]
    assert rules.has_outputs(found) == ["the run counts are out of order"]


@pytest.mark.parametrize("where", ["output", "metadata"])
def test_a_stored_widget_view_is_refused(tmp_path, where):
    view = shown({canonical.WIDGET_VIEW: {"model_id": "x"}})
    book = good(code("x-run", "1", [view] if where == "output" else [], 3))
    if where == "metadata":
        book.metadata["widgets"] = {}

    assert len(rules.has_no_widget_views(chapter(tmp_path, book, canonically=False))) == 1


def test_two_cells_with_one_id_are_refused(tmp_path):
    book = good(code("line-run", "2", [], 3))
    path = tmp_path / "02_x.ipynb"
    path.write_text(json.dumps(book), encoding="utf-8")

    assert "cell id line-run is used more than once" in rules.complaints(path)


@pytest.mark.parametrize("text", ["https://example.org/home/me", "a/tmp/x", "…/usr/x", "and/or",
                                  "/η", "ratio 1/100", "C: \\frac"])
def test_what_only_looks_like_a_path_passes(tmp_path, text):
    assert rules.has_no_machine_paths(chapter(tmp_path, good(prose("x", text)))) == []


def test_links_to_headings_of_this_and_other_chapters_pass(tmp_path):
    other = notebook(prose("g", "## Notation and `glossary`"))
    canonical.write(other, tmp_path / "00_start_here.ipynb")
    book = good(prose("links", "## What does *it* look like?\n[a](#What-does-it-look-like?) "
                      "[η](00_start_here.ipynb#Notation-and-glossary) "
                      "[file](00_start_here.ipynb) [web](https://example.org/x.html#y)"))

    assert rules.has_working_links(chapter(tmp_path, book)) == []


def test_what_is_no_notebook_is_one_complaint(tmp_path):
    (tmp_path / "02_x.ipynb").write_text("{", encoding="utf-8")

    (complaint,) = rules.complaints(tmp_path / "02_x.ipynb")
    assert "is not a notebook" in complaint
