"""Slider to pixels: `Explorer` against `interact` with inline figures, in a real browser.

    python -m benchmarks.slider

The same heavy figure twice: filled contours, a path, two curves, and one point that follows a
slider. A move is a key press on the slider; it ends when the browser has drawn the new picture.
"""

import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

from benchmarks import report
from tests.browser.lab import CHROMIUM_FLAGS, Notebook, Server
from tools.test import find_chromium

MOVES = report.rounds(25)

SHARED = """\
import numpy as np
X, Y = np.meshgrid(np.linspace(-2, 2, 120), np.linspace(-2, 2, 120))
Z = (1 - X)**2 + 5 * (Y - X**2)**2
t = np.linspace(0, 6, 200)

def scene(left, right):
    left.contourf(X, Y, np.log1p(Z), 30)
    left.contour(X, Y, np.log1p(Z), 12, colors="white", linewidths=0.5)
    left.plot(np.cos(t) * t / 5, np.sin(t) * t / 5)
    right.plot(t, np.exp(-t)); right.plot(t, np.exp(-t / 2))
"""
EXPLORER = """\
from course_utils.widgets import Explorer, Slider

def picture(axes, settings):
    scene(*axes)
    point, = axes[0].plot([], [], "ko", ms=9)
    def update(now):
        point.set_data([now.w], [now.w / 2])
        return f"w = {now.w:.2f}"
    return [point], update

Explorer("bench", picture, {"w": Slider(-2.0, 2.0, 0.0, step=0.02, label="moved")}, panels=2,
         figsize=(9, 3.6))
"""
INTERACT = """\
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

def draw(w):
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), dpi=DPI)
    scene(*axes)
    axes[0].plot([w], [w / 2], "ko", ms=9)
    plt.show()

_ = interact(draw, w=FloatSlider(min=-2, max=2, value=0, step=0.02, description="moved"))
"""
# Resolves when the picture in the output has changed and the new one has been decoded.
WAIT = """async ([cell, before]) => {
    const begin = performance.now();
    while (performance.now() - begin < 20000) {
        const area = document.querySelectorAll('.jp-CodeCell')[cell];
        const img = area.querySelector('.jp-OutputArea img');
        if (img && img.src !== before && img.complete && img.naturalWidth) return img.src;
        await new Promise(requestAnimationFrame);
    }
    throw new Error('the picture did not change');
}"""


def book() -> nbformat.NotebookNode:
    cells = [SHARED, EXPLORER, INTERACT.replace("DPI", "96"), INTERACT.replace("DPI", "192")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[new_code_cell(c) for c in cells], metadata={"kernelspec": kernel})


def move_time(page: Page, cell: int) -> float:
    """Seconds from the key press to the new picture."""
    area = page.locator(".jp-CodeCell").nth(cell)
    before = area.locator(".jp-OutputArea img").first.get_attribute("src")
    area.locator(".noUi-handle").first.focus()
    begin = page.evaluate("performance.now()")
    page.keyboard.press("ArrowRight")
    page.evaluate(WAIT, [cell, before])
    return (page.evaluate("performance.now()") - begin) / 1000


def main() -> None:
    names = {"interact + inline, 96 dpi": 2, "interact + inline, 192 dpi": 3,
             "Explorer (192 dpi)": 1}
    times = {name: [] for name in names}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder, private = Path(scratch) / "course", Path(scratch) / "private"
        folder.mkdir()
        private.mkdir()
        nbformat.write(book(), folder / "bench.ipynb")
        server = Server(folder, private)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=find_chromium({}), args=CHROMIUM_FLAGS)
                page = browser.new_page(viewport={"width": 1400, "height": 2200})
                Notebook(page, server.address("bench.ipynb")).run_all()
                for move in range(MOVES + 3):
                    for name, cell in names.items():
                        seconds = move_time(page, cell)
                        page.wait_for_timeout(150)
                        if move >= 3:  # the first moves warm caches up
                            times[name].append(seconds)
                browser.close()
        finally:
            server.close()
    found = report.Report("slider", ("jupyterlab", "ipykernel", "ipywidgets", "matplotlib"))
    ratio = found.ratios("Slider to pixels, in the browser", times,
                         base="interact + inline, 192 dpi")
    found.number("slider to pixels, Explorer / interact, the same figure",
                 ratio["Explorer (192 dpi)"], at_most=0.2)
    found.write()


if __name__ == "__main__":
    main()
