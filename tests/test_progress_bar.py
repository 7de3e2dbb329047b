"""The bar: shown after a second to somebody who watches, and gone at the end."""

import pytest

from course_utils import progress_bar
from course_utils.progress_bar import Bar


@pytest.fixture
def watched(monkeypatch):
    """Somebody watches, and a second has always passed."""
    monkeypatch.setattr(progress_bar, "PATIENCE", 0.0)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)


def test_it_counts_what_was_done_before_it_appeared(watched, capsys):
    with Bar(40, "rows") as bar:
        bar.step(30)
    assert "30/40" in capsys.readouterr().err


def test_it_leaves_nothing_behind(watched, capsys):
    with Bar(40, "rows") as bar:
        bar.step(10)
    lines = capsys.readouterr().err.split("\r")
    assert any("rows" in line for line in lines) and not lines[-1].strip()


def test_without_a_total_it_only_counts(watched, capsys):
    with Bar(None, "updates") as bar:
        bar.step(7)
    assert "7 updates" in capsys.readouterr().err


def test_large_numbers_are_scaled_on_request(watched, capsys):
    with Bar(20_000, "updates", scaled=True) as bar:
        bar.step(10_000)
    assert "10.0k/20.0k" in capsys.readouterr().err
