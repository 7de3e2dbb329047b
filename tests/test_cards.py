"""Cards: what a learner sees, and what is stored."""

import re

import pytest
from IPython.core.formatters import DisplayFormatter

from course_utils.cards import Card, block, escape, measured, nearest, pairs_html, table_html


def card(**changes):
    fields = {"kind": "claim", "sign": "✓", "word": "holds", "title": "reg-overfit",
              "body": "<p>1 &lt; 2</p>", "text": "reg-overfit: holds"}
    return Card(**(fields | changes))


def test_a_card_is_shown_with_its_text_its_html_and_its_metadata():
    made = card(metadata={"claim": {"id": "reg-overfit"}})

    data, metadata = DisplayFormatter().format(made)

    assert data["text/plain"] == "reg-overfit: holds"
    assert data["text/html"] == made.html
    assert set(data) == {"text/plain", "text/html"}
    assert metadata == {"claim": {"id": "reg-overfit"}}


def test_the_verdict_is_a_sign_and_a_word_and_a_screen_reader_hears_the_word():
    shown = card().html

    assert '<span aria-hidden="true">✓</span> holds' in shown
    assert 'role="group" aria-label="claim: holds"' in shown


def test_a_card_reads_well_without_its_styles():
    bare = re.sub(r' style="[^"]*"', "", card().html)

    words = re.sub(r"<[^>]+>", " ", bare).replace("&nbsp;", " ").split()
    assert words == ["Claim", "✓", "holds", "reg-overfit", "1", "&lt;", "2"]


def test_a_card_fits_light_and_dark_pages():
    for style in re.findall(r'style="([^"]*)"', card().html + table_html(["a"], [["b"]])):
        for rule in style.split(";"):
            name, _, value = rule.partition(":")
            if name == "color":
                assert value == "inherit"
            if name.startswith("background"):
                assert "rgba" in value or value == "transparent"
    assert "<style" not in card().html  # GitHub and Colab's sandbox would drop it


@pytest.mark.parametrize("sign", ["✓", "✗", "◐", "?"])
def test_each_verdict_has_a_colour_of_its_own(sign):
    def colour(of):
        return re.search(r"border-left:5px solid ([^;]+);", card(sign=of).html)[1]

    others = {"✓", "✗", "◐", "?", "·", ""} - {sign}
    assert colour(sign) not in {colour(other) for other in others}


def test_text_from_outside_cannot_become_html():
    made = card(kind="<a>", sign="<s>", word="<b>", title="<i>")

    assert not {"<a>", "<s>", "<b>", "<i>"} & set(re.findall(r"<[^>]+>", made.html))
    assert escape('<&"\'>') == "&lt;&amp;&quot;&#x27;&gt;"
    assert "<b>" not in pairs_html([("<b>", "")])


def test_measured_text_is_one_line_and_escaped():
    # nbval's masks work line by line: a line end inside would leave numbers uncovered
    assert measured("0.3 < 0.5\n2\r\n3") == (
        '<span class="measured">0.3 &lt; 0.5<br>2<br>3</span>'
    )


def test_a_card_prints_as_its_text_not_as_html():
    assert repr(card()) == str(card()) == "reg-overfit: holds"


def test_tables_name_their_columns_for_screen_readers():
    assert '<th scope="col"' in table_html(["Claim"], [])


def test_pairs_read_well_without_their_styles():
    bare = re.sub(r' style="[^"]*"', "", pairs_html([("Got", block("1")), ("Expected", "2")]))
    assert bare == ("<div><div><strong>Got</strong></div><div><pre>1</pre></div></div>"
                    "<div><div><strong>Expected</strong></div><div>2</div></div>")


def test_nearest_offers_similar_ids_only():
    assert nearest("torch-mes", ["torch-mse", "reg-overfit"]) == " Did you mean 'torch-mse'?"
    assert nearest("zzz", ["torch-mse"]) == ""
