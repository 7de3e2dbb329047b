"""Every stored picture has words for those who cannot see it, and a live one has a name."""

import ast
import base64
import html
import re

import pytest
from PIL import Image, ImageChops

from course_utils.figures import LONGEST_ALT, new_figure, sentence, show
from course_utils.widgets import Explorer, LiveFigure, Slider
from tools import canonical, chapters

SHORTEST_ALT = 40
EMPTY_WORDS = re.compile(r"^(a |an |the )?(figure|image|picture|plot|chart|graph) (of|shows)", re.I)


def pictures(path):
    """(cell, output) of every stored picture of a chapter."""
    return [
        (cell, output)
        for cell in canonical.read(path).cells if cell.cell_type == "code"
        for output in cell.outputs
        if any(kind.startswith("image/") for kind in output.get("data", {}))
    ]


def titles(source):
    """All fixed texts that a cell's code gives as a title."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = [keyword.value for call in calls for keyword in call.keywords
             if keyword.arg == "title"]
    given += [call.args[0] for call in calls if call.args
              and getattr(call.func, "attr", "") in ("set_title", "suptitle")]
    return {node.value for node in given if isinstance(node, ast.Constant)}


def faults(cell, output):
    """What is wrong with the words of a picture."""
    about = output.metadata.get("image/png", {})
    alt = about.get("alt", "")
    is_live = "playground" in cell.metadata.get("tags", [])
    said = output.data.get("text/plain", "")
    checks = {
        "there are none": not alt.strip(),
        "more than a screen reader reads in one go": len(alt) > LONGEST_ALT and not is_live,
        "too few": len(alt) < SHORTEST_ALT and not is_live,
        "not a sentence": alt != sentence(alt) or alt != " ".join(alt.split()),
        "they name the kind of thing, not what is to be seen": bool(EMPTY_WORDS.match(alt)),
        "only the title": alt.rstrip(".") in titles(cell.source),
        "the text output says something else": said.partition(": ")[2].rstrip(".") not in alt
        and not said.startswith("History"),
        "no size": not (about.get("width", 0) > 0 and about.get("height", 0) > 0),
        "no white ground in dark mode": output.metadata.get("needs_background") != "light",
    }
    return [words for words, wrong in checks.items() if wrong]


def test_there_are_pictures():
    assert sum(len(pictures(path)) for path in chapters.notebooks()) > 100


@pytest.mark.parametrize("path", chapters.notebooks(), ids=lambda path: path.name[:2])
def test_every_stored_picture_has_words_that_say_what_is_to_be_seen(path):
    wrong = {f"{cell.id}: {fault}: {output.metadata.get('image/png', {}).get('alt', '')!r}"
             for cell, output in pictures(path) for fault in faults(cell, output)}
    assert not wrong


@pytest.mark.parametrize("path", chapters.notebooks(), ids=lambda path: path.name[:2])
def test_no_two_pictures_of_a_chapter_have_the_same_words(path):
    alts = [output.metadata.get("image/png", {}).get("alt") for _, output in pictures(path)]
    assert len(set(alts)) == len(alts)


@pytest.mark.parametrize(("alt", "fault"), [
    ("", "there are none"),
    ("The loss falls.", "too few"),
    ("x" * 400 + ".", "one go"),
    ("the loss falls fast at first, and then slowly, over 20 epochs.", "not a sentence"),
    ("Figure of the loss, which falls fast at first and then slowly.", "kind of thing"),
    ("The loss falls fast at first, and then it falls slowly.", "only the title"),
])
def test_words_that_do_not_help_are_found(alt, fault):
    cell = canonical.read(chapters.notebooks()[0]).cells[0]
    cell.metadata = {}
    cell.source = 'ax.set(title="The loss falls fast at first, and then it falls slowly")'
    data, metadata = show(new_figure()[0], alt[:400] or "words")._repr_mimebundle_()
    metadata["image/png"]["alt"] = alt
    output = canonical.NotebookNode(data=data, metadata=metadata)
    assert any(fault in found for found in faults(cell, output))


def test_a_figure_s_words_become_a_sentence():
    fig, _ = new_figure()
    assert show(fig, "the loss\n falls").alt == "The loss falls."
    for whole in ("η is too large.", "Does it fall?", "It falls, then …"):
        assert sentence(whole)[1:] == whole[1:]


def test_the_moving_pictures_of_the_readme_are_there_move_are_small_and_have_words():
    text = (chapters.ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^]]*)\]\((docs/[\w-]+\.gif)\)", text)
    assert len(shown) == len({name for _, name in shown}) == 3
    for alt, name in shown:
        assert SHORTEST_ALT <= len(alt) <= LONGEST_ALT and not EMPTY_WORDS.match(alt), name
        assert (chapters.ROOT / name).stat().st_size < 2_000_000, name
        with Image.open(chapters.ROOT / name) as picture:
            assert picture.format == "GIF" and picture.n_frames > 10, name
            first = picture.convert("RGB")
            picture.seek(picture.n_frames - 1)
            assert ImageChops.difference(first, picture.convert("RGB")).getbbox(), name


def test_with_a_page_a_figure_brings_its_words_where_the_page_would_drop_them(monkeypatch):
    """JupyterLab 4.6 shows image/png without the alternative text of its metadata."""
    picture = show(new_figure(size=(2, 1))[0], 'A "<b>" & a line')
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    data, metadata = picture._repr_mimebundle_()
    tag = data["text/html"]
    assert html.unescape(re.search(r'alt="([^"]*)"', tag)[1]) == 'A "<b>" & a line.'
    assert "<b>" not in tag and tag.count("<") == 1
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', tag)[1]
    assert base64.b64decode(encoded) == picture.png
    assert 'width="192" height="96"' in tag and "max-width:100%" in tag
    assert metadata["image/png"]["alt"] == picture.alt


def test_a_stored_figure_does_not_carry_its_picture_twice():
    data, _ = show(new_figure()[0], "a line")._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png"}


def test_a_live_picture_has_a_name_and_its_stored_form_has_its_words():
    live = LiveFigure(new_figure(size=(4, 3))[0], alt="w is 0.5", name="Your line")
    assert live.image.tooltip.startswith("Your line")
    assert live.image.get_state()["description"] == ""  # without it the page fails on a tooltip
    assert live.about()["image/png"] == {"width": 384, "height": 288, "alt": "Your line: w is 0.5."}
    live.say("w is 0.7")
    assert live.about()["image/png"]["alt"] == "Your line: w is 0.7."
    asked = LiveFigure(new_figure()[0], alt="yes", name="Does it fall?")
    assert asked.about()["image/png"]["alt"] == "Does it fall? yes."


def test_the_words_of_a_live_picture_are_announced_and_named_after_the_widget():
    def picture(ax, settings):
        (line,) = ax.plot([], [])
        return [line], lambda now: f"w is {now.w}"

    explorer = Explorer("line", picture, {"w": Slider(0, 9, 1)}, title="Turn the line")
    _, metadata = explorer._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "Turn the line: w is 1."
    explorer.move(w=4)
    assert explorer._repr_mimebundle_()[1]["image/png"]["alt"] == "Turn the line: w is 4."
    line = explorer._live._alt_line.value
    assert 'aria-live="polite"' in line and "w is 4" in line
