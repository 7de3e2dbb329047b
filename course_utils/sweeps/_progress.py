"""A progress bar over all updates of all nets."""

from __future__ import annotations

import time
from typing import Any

from tqdm import tqdm

from ..paths import headless

PATIENCE = 1.0  # seconds before the bar appears


class Bar:
    """A bar under the cell, for sweeps that somebody waits for; erased at the end."""

    def __init__(self, total: int, wanted: bool | None) -> None:
        self._total, self._done = total, 0
        self._off = wanted is False or (wanted is None and headless())
        self._from = time.perf_counter() + (0.0 if wanted else PATIENCE)
        self._bar: tqdm | None = None

    def step(self, updates: int) -> None:
        """Count the updates of one step of a chunk: one for each of its nets."""
        self._done += updates
        if self._bar is not None:
            self._bar.update(updates)
        elif not self._off and time.perf_counter() > self._from:
            self._bar = tqdm(total=self._total, initial=self._done, unit=" updates",
                             unit_scale=True, mininterval=0.5, leave=False, ascii=True)  # fmt: skip

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *reason: Any) -> None:
        if self._bar is not None:
            self._bar.close()
