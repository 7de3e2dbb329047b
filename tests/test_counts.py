"""The table of tests/README.md is up to date, and no playground is left out of the browser."""

from tests import counts


def test_the_readme_tells_what_is_there():
    text = counts.README.read_text(encoding="utf-8")

    assert text.split(counts.BEGIN)[1].split(counts.END)[0] == counts.table(), (
        "run: python -m tests.counts")


def test_every_playground_is_opened_by_its_chapters_browser_test():
    opened = counts.playgrounds()

    assert len(opened) >= 30
    assert [cell for cell, is_opened in opened.items() if not is_opened] == []
