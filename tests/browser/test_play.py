"""Playgrounds without notebooks: a list, and pages that train, on this computer only."""

import pytest

pytest.importorskip("voila", reason="Voilà is missing: pip install -r requirements-play.txt")


@pytest.fixture(scope="module")
def playgrounds(tmp_path_factory):
    from tests.browser.play import Playgrounds

    served = Playgrounds(tmp_path_factory.mktemp("play"), ["02", "10"])
    yield served
    served.close()


def test_the_list_names_the_pages_and_needs_the_token(playgrounds, page, screenshot):
    page.goto(playgrounds.address(token=""))
    assert not page.get_by_role("link", name="Regression").count()

    page.goto(playgrounds.address())
    page.get_by_role("link", name="10 · Convolutional networks").wait_for()
    screenshot("play-list")
    assert page.get_by_role("link").count() == 2


def test_a_page_shows_its_playgrounds_alone_and_they_train(playgrounds, page, screenshot):
    from tests.browser.play import PlayPage

    opened = PlayPage(page, playgrounds.address("02"))
    live = opened.widget("Pieces that find their places")
    line = opened.widget("Move the line")
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


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1400)])
def test_a_page_fits_a_phone_and_follows_the_dark_from_the_list(playgrounds, page, screenshot,
                                                                 scheme, width):
    from tests.browser.play import PlayPage

    page.emulate_media(color_scheme=scheme)
    page.goto(playgrounds.address())
    address = page.get_by_role("link", name="Regression").evaluate("link => link.href")
    page.set_viewport_size({"width": width, "height": 900})
    opened = PlayPage(page, address)
    live = opened.widget("Pieces that find their places")
    live.press("Step")
    opened.eventually(lambda: live.step >= 1)
    screenshot(f"play-02-{scheme}-{width}")
    screenshot(f"play-02-{scheme}-{width}-live", live.output)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back, ink = (page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
                 for name in ("backgroundColor", "color"))
    assert (sum(back[:3]) < sum(ink[:3])) == (scheme == "dark")
    assert opened.errors == []


def test_a_digit_is_drawn_and_read_on_the_page_of_chapter_10(playgrounds, page, screenshot):
    from tests.browser.play import PlayPage

    opened = PlayPage(page, playgrounds.address("10"))
    draw = opened.widget("Draw a digit")
    draw.changes(lambda: draw.press("clear"))
    for row in range(1, 9):
        draw.changes(lambda row=row: draw.output.locator(
            f'button[title^="row {row}, column 5:"]').click())
    screenshot("play-10-draw", draw.output)
    screenshot("play-10")
    assert opened.tracebacks() == [] and opened.errors == [] and opened.foreign == []
