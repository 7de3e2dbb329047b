"""The table of tests/README.md is up to date."""

from tests import counts


def test_the_readme_tells_what_is_there():
    text = counts.README.read_text(encoding="utf-8")

    assert text.split(counts.BEGIN)[1].split(counts.END)[0] == counts.table(), (
        "run: python -m tests.counts")
