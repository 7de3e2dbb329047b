"""The site's parts: what becomes of a chapter, the glossary, the ledger, before Sphinx reads it."""

import base64

import pytest
from nbformat import NotebookNode, v4

from course_utils.claims import Record
from course_utils.glossary import Term, read_terms
from tools import addresses, canonical, chapters, ledger, site, site_chapters, site_ledger
from tools.site_words import FirstUses, glossary, names


def term(en, chapter="02", symbol="", zh="詞"):
    return Term(en, symbol, "", en, zh, "", chapter, f"What {en} means.")


# --- Addresses -----------------------------------------------------------------------------

def test_addresses_follow_from_the_one_setting():
    for setting in ("https://github.com/me/course", "https://github.com/me/course.git"):
        assert addresses.colab(setting, "notebooks/02_x.ipynb") == (
            "https://colab.research.google.com/github/me/course/blob/main/notebooks/02_x.ipynb")
        assert addresses.source(setting, "a.md") == "https://github.com/me/course/blob/main/a.md"


@pytest.mark.parametrize("setting", ["", "https://example.org/me/course", "github.com/me"])
def test_without_a_repository_on_github_there_are_none(setting):
    assert addresses.colab(setting, "x.ipynb") is None and addresses.source(setting, "x") is None


# --- Links to the glossary -----------------------------------------------------------------

def test_only_the_first_use_of_a_word_is_linked():
    words = FirstUses([term("weight")], "02")

    assert words.link("Weights and a weight.") == "{term}`Weights <weight>` and a weight."
    assert words.link("Another weight.") == "Another weight."


def test_the_longest_name_counts_and_hides_the_shorter_one_in_it():
    words = FirstUses([term("loss"), term("loss surface")], "02")

    assert words.link("The loss surface of a loss.") == (
        "The {term}`loss surface <loss surface>` of a {term}`loss <loss>`.")


@pytest.mark.parametrize("text", ["`weight`", "$weight$", "$$\nweight\n$$", "[weight](x.ipynb)",
                                  "## A weight", "<b title='weight'>", "```\nweight\n```",
                                  "weighty", "under-weight"])
def test_code_formulas_links_and_headings_stay_as_they_are(text):
    assert FirstUses([term("weight")], "02").link(text) == text


def test_a_word_is_linked_from_the_chapter_on_that_explains_it():
    later = [term("window", chapter="11")]

    assert FirstUses(later, "10").link("a window") == "a window"
    assert FirstUses(later, "12").link("a window") == "a {term}`window <window>`"


def test_a_name_with_capitals_is_found_only_so():
    words = FirstUses([term("Adam")], "02")

    assert words.link("adam, Adam") == "adam, {term}`Adam <Adam>`"


def test_a_symbol_that_led_to_chapter_00_leads_to_its_entry():
    words = FirstUses([term("learning rate", "00", symbol="η")], "02")

    assert words.link("[η](00_start_here.ipynb#Notation-and-glossary)") == (
        "{term}`η <learning rate>`")


def test_an_entry_may_have_several_names():
    assert names(term("filter, kernel")) == ["filter", "kernel"]
    assert names(term("to diverge")) == ["diverge"]
    assert names(term("part of speech (tag)")) == ["part of speech"]
    assert FirstUses([term("filter, kernel")], "02").link("a kernel, a filter") == (
        "a {term}`kernel <filter>`, a filter")


# --- The glossary's page -------------------------------------------------------------------

def test_an_entry_has_both_languages_its_symbol_and_its_meaning():
    text = glossary([term("learning rate", "02", "η", "學習率")], {"02": "Regression"})

    assert "## 02 · Regression" in text
    assert "\nlearning rate\n學習率\n  What learning rate means.\n" in text and "**η**" in text


def test_no_name_of_the_course_is_an_entry_twice():
    titles = {term.chapter: "t" for term in read_terms()}
    lines = glossary(read_terms(), titles).splitlines()
    heads = [line.lower() for line in lines
             if line and not line.startswith((" ", "#", "`"))]

    assert len(heads) == len(set(heads)) > 300


# --- A chapter -----------------------------------------------------------------------------

PIXEL = base64.b64encode(b"not really a picture").decode()


def code(id, output=None, tags=()):
    cell = v4.new_code_cell("1", id=id, metadata={"tags": list(tags)})
    cell.outputs = [output] if output else []
    return cell


def result(text, more, metadata=None):
    return v4.new_output("execute_result", {"text/plain": text, **more}, metadata=metadata or {})


def made(tmp_path, *cells, **known):
    notebook = NotebookNode(cells=[v4.new_markdown_cell("# 02 · R", id="title"), *cells],
                            metadata={}, nbformat=4, nbformat_minor=5)
    return site_chapters.page(notebook, "02", FirstUses([], "02"), site_chapters.Addresses(
        "../_static/notebooks/02_r.ipynb", **known), tmp_path)


def shown(page):
    return "".join(output.get("data", {}).get("text/html", "") for cell in page.cells
                   for output in cell.get("outputs", []))


def test_a_live_widget_is_a_still_picture_that_says_how_to_get_the_live_one(tmp_path):
    live = code("live", result("playground reg-live: Step 4", {"image/png": PIXEL, **{
        canonical.WIDGET_VIEW: {"model_id": "x"}}}, {"image/png": {"alt": "a <b>", "width": 9}}))
    page = made(tmp_path, live)

    assert '<img src="../_static/figures/02/live-0.png" alt="a &lt;b&gt;" width="9"' in shown(page)
    assert "python course.py lab 02" in shown(page)
    assert (tmp_path / "live-0.png").read_bytes() == b"not really a picture"
    assert canonical.WIDGET_VIEW not in str(page)


def test_a_figure_has_no_such_words(tmp_path):
    page = made(tmp_path, code("fig", result("Figure: x", {"image/png": PIXEL})))

    assert "<figure" in shown(page) and "still picture" not in shown(page)


def test_a_cards_link_to_a_cell_leads_to_its_place_on_the_page(tmp_path):
    card = '<a href="04_critical_points.ipynb#cell-id=zero-question">z</a> <a href="01_x.ipynb">'
    page = made(tmp_path, code("card", result("card", {"text/html": card})))

    assert 'href="04_critical_points.html#cell-zero-question"' in shown(page)
    assert 'href="01_x.html"' in shown(page)
    assert any('id="cell-card"' in cell.source for cell in page.cells)


def test_the_buttons_of_places_that_do_not_exist_are_absent(tmp_path):
    row = made(tmp_path).cells[1].source
    assert "Download" in row and "Colab" not in row and "source" not in row

    row = made(tmp_path, colab="https://c", source="https://s").cells[1].source
    assert 'href="https://c"' in row and 'href="https://s"' in row


def test_the_cells_that_a_reader_skips_are_folded(tmp_path):
    page = made(tmp_path, code("bootstrap", tags=["bootstrap"]), code("imports"), code("reg-fit"))
    folded = [cell.metadata.get("tags") for cell in page.cells if cell.cell_type == "code"]

    assert folded == [["bootstrap", "hide-input"], ["hide-input"], []]


def test_a_chapter_left_out_keeps_its_places():
    notebook = canonical.read(chapters.choose(["02"])[0])
    text = "\n".join(cell.source for cell in site_chapters.stub(notebook).cells)

    assert text.startswith("# 02 · Regression\n")
    assert all(f'id="cell-{cell.id}"' in text for cell in notebook.cells[1:])


# --- The ledger ----------------------------------------------------------------------------

class NoRuns:
    def of(self, path):
        return {}


def test_the_ledger_has_a_row_a_claim_with_verdict_evidence_and_link():
    table = {"reg-a": {"en": "A < b", "zh": "甲", "kind": "fact"},
             "reg-b": {"en": "B", "zh": "乙", "kind": "time"}}
    records = [Record("reg-a", "holds when", "1 & 2", "η < 1", 1, "a-verdict"),
               Record("reg-b", "holds", "8 times", "", 1, "b-verdict")]
    page = site_ledger.page(
        table, [ledger.Chapter("02", chapters.choose(["02"])[0], records)], NoRuns())

    assert page.count('<tr id="claim-') == 2
    assert 'data-verdict="holds when" data-chapter="02"' in page
    assert 'href="chapters/02_regression.html#cell-a-verdict"' in page
    assert "A &lt; b" in page and "1 &amp; 2" in page and " η &lt; 1" in page
    assert page.count("speed on one computer") == 1 and page.count("not run") == 2
    assert '<option value="holds">holds (1)</option>' in page


# --- The rest ------------------------------------------------------------------------------

def test_the_reference_shows_no_answers_and_nothing_private():
    every = site.modules()

    assert {"training", "sweeps", "widgets", "widgets.playground", "exercises"} <= set(every)
    assert not [name for name in every if "exercises.ch" in name or "._" in name]


def test_mathjax_comes_along_with_its_fonts_and_nothing_else(tmp_path):
    pytest.importorskip("sphinx", reason="install requirements-site.txt")
    site.copy_mathjax(tmp_path)
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]

    assert "tex-chtml-full.js" in files and len(files) > 20
    assert all(file.endswith(".woff") for file in files if file != "tex-chtml-full.js")


def test_a_slip_is_answered_in_one_line(capsys):
    assert site.main(["99"]) == 1
    assert "there is no chapter '99'" in capsys.readouterr().err
