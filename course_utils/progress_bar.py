"""The course's progress bar: for work that somebody waits for, and for nobody else."""

from __future__ import annotations

import time
from typing import Any

from tqdm import tqdm

from .paths import headless

PATIENCE = 1.0  # seconds before a bar appears


class Bar:
    """A bar on the terminal or under the cell, for work that somebody waits for.

    Plain text on stderr, erased at the end: the same in notebook and terminal, and nothing of it
    stays in a stored notebook.

    Args:
        total: how many steps there are; None if nobody knows.
        unit: what is counted.
        wanted: None shows the bar if the work takes over a second and somebody is watching (not
            under COURSE_HEADLESS=1); True at once; False never.
        scaled: write thousands as k and millions as M.
    """

    def __init__(
        self, total: int | None, unit: str, wanted: bool | None = None, *, scaled: bool = False
    ) -> None:
        self._look = {"total": total, "unit": f" {unit}", "unit_scale": scaled}
        self._off = wanted is False or (wanted is None and headless())
        self._from = time.perf_counter() + (0.0 if wanted else PATIENCE)
        self._steps, self._text = 0, ""
        self._bar: tqdm | None = None

    def step(self, count: int = 1) -> None:
        """Count work that was done."""
        self._steps += count
        if self._bar is not None:
            self._bar.update(count)
        elif not self._off and time.perf_counter() > self._from:
            self._bar = tqdm(initial=self._steps, postfix=self._text or None, mininterval=0.5,
                             leave=False, ascii=True, **self._look)  # fmt: skip

    def say(self, text: str) -> None:
        """Put words beside the bar."""
        self._text = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *reason: Any) -> None:
        if self._bar is not None:
            self._bar.close()
