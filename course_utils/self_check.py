"""Is this computer ready for the course, and if not, what to do about it.

`examine` looks and reports, `this_computer` shows the report in a notebook, with a button that
finds out what no kernel can know by itself: whether the page answers. Nothing here raises for a
broken computer, and nothing is stored that tells one computer from another.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import torch

from . import datasets, study
from .cards import Card, code, escape, measured, paragraph, table_html
from .device import describe_computer, pick_device
from .paths import headless

# The oldest versions that the course runs on; the same as in pyproject.toml.
OLDEST_PYTHON = (3, 11)
OLDEST = {
    "torch": "2.6",
    "numpy": "1.26",
    "scipy": "1.13",
    "matplotlib": "3.10",
    "ipywidgets": "7.7.1",
    "ipython": "7.34",
    "joblib": "1.4",
    "distributed": "2024.8",
    "tqdm": "4.66",
    "platformdirs": "4.0",
    "pillow": "10.0",
}
START_AGAIN = "in the folder of the course, run `python course.py lab` again"
NO_ANSWER = (
    "If no button shows, or nothing happens within a second after the click, the page does not "
    "talk to Python: save, reload the page in the browser, restart the kernel, run this cell "
    f"again. If that does not help, {START_AGAIN}. Reading works all the same: every widget leaves "
    "a still picture."
)


@dataclass(frozen=True)
class Finding:
    """What one look at the computer found.

    Attributes:
        name: what was looked at, e.g. "data files".
        ok: nothing to be done.
        found: what was found, in words.
        advice: what to do if it is not ok, else "".
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at versions, device, data files, widgets and the study folder.

    Returns:
        one finding per look, in the order in which to mend them. A look that fails itself is a
        finding that is not ok; nothing is raised.
    """
    return [_safely(name, look) for name, look in LOOKS.items()]


def this_computer() -> Any:
    """The report as a card, and a button that tests the page; the last expression of its cell."""
    findings = examine()
    if headless():
        return _Shown(_headless_card(findings))
    return _Shown(_card(findings), _with_button(findings))


def _safely(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # a broken computer is what this is for
        return Finding(name, False, f"{type(error).__name__}: {error}",
                       f"{START_AGAIN}; if this stays, it is worth reporting")


def _python() -> Finding:
    have = ".".join(map(str, sys.version_info[:3]))
    need = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("Python", True, have)
    return Finding("Python", False, f"{have}, too old",
                   f"install Python {need} or newer; then, {START_AGAIN}")


def _packages() -> Finding:
    have = {name: _installed(name) for name in OLDEST}
    wrong = {name: version for name, version in have.items()
             if version is None or _numbers(version) < _numbers(OLDEST[name])}
    if not wrong:
        main = ", ".join(f"{name} {have[name]}" for name in ("torch", "numpy", "matplotlib"))
        return Finding("packages", True, f"{main} and {len(have) - 3} more")
    found = ", ".join(f"{name} {version or 'is missing'}" for name, version in wrong.items())
    wanted = " ".join(f'"{name}>={OLDEST[name]}"' for name in wrong)
    return Finding("packages", False, found,
                   f"{START_AGAIN}, or run `%pip install {wanted}` here and restart the kernel")


def _device() -> Finding:
    try:
        device = pick_device()
    except ValueError as error:
        return Finding("device", False, str(error), "change or remove COURSE_DEVICE, then restart")
    facts = describe_computer()
    words = f"{device}, {facts['cores']} cores, {facts['memory']} memory"
    a = torch.arange(64.0).reshape(8, 8)
    try:
        agree = torch.allclose((a.to(device) @ a.to(device)).cpu(), a @ a)
        problem = "" if agree else "a matrix product comes out wrong"
    except RuntimeError as error:
        problem = str(error).splitlines()[0]
    if problem:
        return Finding("device", False, f"{device}: {problem}",
                       "set COURSE_DEVICE=cpu before starting the course: no chapter needs a GPU")
    return Finding("device", True, words)


def _data_files() -> Finding:
    reports = datasets.verify_all()
    wrong = [report for report in reports if not report.ok]
    if not reports:
        return Finding("data files", False, "none are listed", "download the course again")
    if not wrong:
        return Finding("data files", True, f"{len(reports)} files, every checksum is right")
    first = wrong[0].message.splitlines()
    names = ", ".join(report.name for report in wrong)
    return Finding("data files", False, f"damaged or missing: {names}. {first[0]}",
                   " ".join(line.strip() for line in first[1:]) or "download the course again")


def _study_folder() -> Finding:
    folder = study.store().path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "study folder", False, f"{folder} cannot be written ({error.strerror or error})",
            "set COURSE_STUDY_DIR to a folder of yours before starting the course; until then "
            "progress is kept only while this kernel runs")
    return Finding("study folder", True, f"{folder} can be written")


def _widgets() -> Finding:
    import ipywidgets

    slider = ipywidgets.IntSlider(value=3)
    slider.close()
    if _installed("jupyterlab") and not _installed("jupyterlab_widgets"):
        return Finding("widgets", False, "JupyterLab's part of ipywidgets is missing",
                       "run `%pip install jupyterlab_widgets`, then restart JupyterLab")
    return Finding("widgets", True, f"ipywidgets {ipywidgets.__version__}, Python's side works")


# Inside a widget the page's own style for tables does not reach the card.
_CLASS = "mlm-computer"
_SPACED = f"<style>.{_CLASS} td,.{_CLASS} th{{padding:.2em 1em .2em 0}}</style>"

LOOKS: dict[str, Callable[[], Finding]] = {
    "Python": _python,
    "packages": _packages,
    "device": _device,
    "data files": _data_files,
    "study folder": _study_folder,
    "widgets": _widgets,
}


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 13, 0) for "2.13.0+cpu"; what follows the numbers does not count."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, leading[0].split("."))) if leading else ()


class _Shown:
    """A card, or where somebody can click, the card and the button as a widget."""

    def __init__(self, card: Card, widget: Any = None):
        self.card, self.widget = card, widget

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data, data_about = self.card._repr_mimebundle_()
        if self.widget is not None:
            data["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return data, data_about

    def __repr__(self) -> str:
        return self.card.text


def _card(findings: Iterable[Finding]) -> Card:
    findings = list(findings)
    wrong = sum(not finding.ok for finding in findings)
    word = "ready" if not wrong else f"{wrong} to mend"
    table = table_html(["", "What", "Found", "What to do"], map(_row, findings))
    body = table + paragraph(_with_code(NO_ANSWER), quiet=True)
    return Card("this computer", "✗" if wrong else "✓", word, "", body, f"this computer: {word}")


def _headless_card(findings: Iterable[Finding]) -> Card:
    """Names and signs only: what is stored in the repository is about no particular computer."""
    names = ", ".join(finding.name for finding in findings)
    note = paragraph(f"When you run this cell, it looks at: {escape(names)}. It then says what it "
                     "found, and what to do about whatever is wrong.")
    return Card("this computer", "", "", "", note, f"this computer: looks at {names}")


def _row(finding: Finding) -> list[str]:
    sign = "✓ fine" if finding.ok else "✗ mend"
    return [sign, escape(finding.name), measured(finding.found), _with_code(finding.advice)]


def _with_code(advice: str) -> str:
    """HTML; what stands between backticks becomes code."""
    parts = advice.split("`")
    return "".join(code(part) if n % 2 else escape(part) for n, part in enumerate(parts))


def _with_button(findings: Iterable[Finding]) -> Any:
    """The card, and a button whose click travels from the page to Python and back."""
    import ipywidgets

    button = ipywidgets.Button(description="Does the page answer?", layout={"width": "auto"})
    words = ipywidgets.HTML(_said("Not tried yet: press the button."))

    def pressed(_: Any) -> None:
        words.value = _said("✓ It does: sliders, buttons and live training will work here.")

    button.on_click(pressed)
    row = ipywidgets.Box([button, words], layout={"display": "flex", "flex_flow": "row wrap",
                                                  "align_items": "center"})
    return ipywidgets.VBox([ipywidgets.HTML(_SPACED + _card(findings).html), row]).add_class(_CLASS)


def _said(text: str) -> str:
    return f'<div role="status" aria-live="polite" style="margin:0 .6em">{escape(text)}</div>'
