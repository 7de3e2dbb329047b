"""Chapter 14 as a learner uses it: the ring, worker processes and a cluster behind JupyterLab."""

from tests.browser import keyboard
from tests.browser.lab import Widget

RING = 'Explorer("dist-ring"'
STEPS, SWEEP = 'claim("dist-same-steps"', 'claim("dist-sweep-survives"'


def test_workers_run_and_the_ring_answers_to_its_controls(chapter, screenshot):
    notebook = chapter("14")
    assert notebook.tracebacks() == []
    assert "holds when" in notebook.cell(STEPS).inner_text()
    assert "24 of 24 results" in notebook.cell(SWEEP).inner_text()

    ring = Widget(notebook, notebook.cell(RING))
    screenshot("playground-ring-start", ring.output)
    assert "✓ done" not in ring.text() and "0 of 6 rounds" in ring.words
    ring.changes(lambda: ring.move("rounds passed", times=3))
    notebook.eventually(lambda: "3 of 6 rounds" in ring.words)
    screenshot("playground-ring-half", ring.output)
    ring.changes(lambda: ring.move("workers k", times=2))
    ring.changes(lambda: ring.move("rounds passed", times=2))
    notebook.eventually(lambda: "✓ done: Stop 6 workers" in ring.text())
    ring.changes(lambda: ring.move("workers k", "ArrowLeft", times=3))
    ring.move("rounds passed", "ArrowLeft")
    notebook.eventually(lambda: "✓ done: Let 3 workers" in ring.text())
    screenshot("playground-ring", ring.output)

    screenshot("chapter-14")
    keyboard.assert_reachable(notebook, "14")
    assert notebook.tracebacks() == [] and notebook.errors == []
