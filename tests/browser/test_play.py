"""Playgrounds without notebooks: a list, and pages that train, on this computer only."""

import pytest

pytest.importorskip("voila", reason="Voilà is missing: pip install -r requirements-play.txt")


@pytest.fixture(scope="module")
def playgrounds(tmp_path_factory):
    from tests.browser.play import Playgrounds

    served = Playgrounds(tmp_path_factory.mktemp("play"), ["02", "11"])
    yield served
    served.close()


def test_the_list_names_the_pages_and_needs_the_token(playgrounds, page, screenshot):
    page.goto(playgrounds.address(token=""))
    assert not page.get_by_role("link", name="Regression").count()

    page.goto(playgrounds.address())
    page.get_by_role("link", name="11 · Self-attention").wait_for()
    screenshot("play-list")
    assert page.get_by_role("link").count() == 2


def test_a_page_shows_its_playgrounds_alone_and_they_train(playgrounds, page, screenshot):
    from tests.browser.play import PlayPage

    opened = PlayPage(page, playgrounds.address("02"))
    live = opened.widget("Pieces that find their places")
    line = opened.widget("Drag the line")
    text = page.locator("#rendered_cells").inner_text()
    assert "import torch" not in text and "worked answer" not in text
    line.changes(lambda: line.move("weight w", "ArrowLeft", times=5))

    live.choose("speed", "10 steps a second")
    live.press("Run")
    opened.eventually(lambda: live.step >= 3, seconds=60)
    picture = live.picture
    live.move("learning rate", "ArrowLeft", times=2)
    opened.eventually(lambda: live.picture != picture)
    live.press("Pause")
    opened.eventually(lambda: live.button("Run").is_visible())
    screenshot("play-02")
    screenshot("play-02-live", live.output)
    assert opened.tracebacks() == [] and opened.errors == [] and opened.foreign == []


def test_the_attention_page_reads_a_sentence_and_watches_a_tagger(playgrounds, page, screenshot):
    from tests.browser.play import PlayPage

    opened = PlayPage(page, playgrounds.address("11"), seconds=600)
    explore = opened.widget("Where does each word look?")
    explore.changes(lambda: explore.type("your sentence", "They want to blorf the work ."))
    assert "Unknown to the vocabulary: “blorf”" in explore.words
    screenshot("play-11-explore", explore.output)

    train = opened.widget("A tagger learns where to look")
    train.changes(lambda: train.press("Run"))
    opened.eventually(lambda: train.step >= 2, seconds=120)
    screenshot("play-11-train", train.output)
    assert opened.tracebacks() == [] and opened.errors == [] and opened.foreign == []
