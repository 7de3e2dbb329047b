"""Examples of many nets: shared, or different for each net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..seeding import forked, generator
from ._calls import arguments, call, frozen

Settings = dict[str, Any]
KEPT = 2.5e8  # bytes of examples that are made once and kept during a sweep
DATA_STREAM = 1_000_033  # the stream of data functions that draw without a generator of their own


@dataclass(frozen=True)
class Rows:
    """Examples of the K nets of a chunk.

    Attributes:
        x, y: shape (N, …) if all nets share it, else (U, N, …) for U different ones.
        of_x, of_y: (K,) which of the U belongs to which net; None where shared.
    """

    x: Tensor
    y: Tensor
    of_x: Tensor | None = None
    of_y: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[0 if self.of_x is None else 1]

    def slice(self, start: int, stop: int) -> Batch:
        """The same row numbers for all nets."""
        x, y = (
            part[start:stop] if of is None else part[of, start:stop]
            for part, of in ((self.x, self.of_x), (self.y, self.of_y))
        )
        return Batch(x, y, self.of_x is None, self.of_y is None)

    def take(self, rows: Tensor) -> Batch:
        """Row numbers of each net's own, shape (K, B)."""
        return Batch(_take(self.x, self.of_x, rows), _take(self.y, self.of_y, rows), False, False)


@dataclass(frozen=True)
class Batch:
    """What the nets see at once.

    Attributes:
        x, y: (rows, …) if shared by all nets, else (K, rows, …).
        shared_x, shared_y: which of the two it is.
    """

    x: Tensor
    y: Tensor
    shared_x: bool
    shared_y: bool

    def __len__(self) -> int:
        return self.x.shape[0 if self.shared_x else 1]

    def of(self, net: int) -> tuple[Tensor, Tensor]:
        """(x, y) of one net."""
        return (self.x if self.shared_x else self.x[net],
                self.y if self.shared_y else self.y[net])  # fmt: skip


class Source:
    """`train` or `held_out` as given: (x, y), or a function of settings that makes them."""

    def __init__(self, name: str, given: Any) -> None:
        self.name, self.given = name, given
        self._outlines: dict[Any, tuple] = {}
        self._made: dict[Any, tuple[Tensor, Tensor]] = {}  # up to KEPT bytes, to make them once
        self._bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        """Without what was made: a worker makes what it needs."""
        return self.__dict__ | {"_made": {}, "_bytes": 0}

    def key(self, settings: Settings) -> Any:
        """Equal for two nets that get the same examples."""
        return frozen(arguments(self.given, settings)) if callable(self.given) else None

    def of(self, settings: Settings) -> tuple[Tensor, Tensor]:
        """The examples of a net. What the function draws from torch's global stream is fixed.

        Raises:
            TypeError, ValueError: they are not two tensors with equally many rows.
        """
        key, data = self.key(settings), self.given
        if key in self._made:
            return self._made[key]
        if callable(data):
            with forked():
                start_stream(generator(DATA_STREAM).initial_seed())
                data = call(self.given, settings, self.name)
        pair = isinstance(data, Sequence) and len(data) == 2
        if not pair or not all(isinstance(part, Tensor) and part.ndim for part in data):
            what = f"the function returned {_kind(data)}" if callable(self.given) else _kind(data)
            raise TypeError(f"{self.name} has to be two tensors (x, y) of shape (N, …), or a "
                            f"function that returns them: {what}")  # fmt: skip
        x, y = data
        if len(x) != len(y):
            raise ValueError(f"x and y of {self.name} have different numbers of rows: {len(x)} "
                             f"and {len(y)}")  # fmt: skip
        size = _bytes(x) + _bytes(y)
        if self._bytes + size <= KEPT:
            self._made[key] = x, y
            self._bytes += size
        return x, y

    def outline(self, settings: Settings) -> tuple:
        """Shapes and types of the net's examples."""
        key = self.key(settings)
        if key not in self._outlines:
            self._outlines[key] = tuple((part.shape, part.dtype) for part in self.of(settings))
        return self._outlines[key]

    def rows(self, every: Sequence[Settings]) -> Rows:
        """The examples of these nets, each different data set once."""
        made: dict[Any, tuple[Tensor, Tensor]] = {}
        for settings in every:
            key = self.key(settings)
            if key not in made:
                made[key] = self.of(settings)
        pairs = [made[self.key(settings)] for settings in every]
        (x, of_x), (y, of_y) = (_distinct(parts) for parts in zip(*pairs, strict=True))
        return Rows(x, y, of_x, of_y)

    def bytes_per_net(self, every: Sequence[Settings]) -> float:
        """Memory for the examples of these nets, a net; 0 where they share them."""
        different = {self.key(settings) for settings in every}
        if len(different) == 1:
            return 0.0
        one = sum(map(_bytes, self.of(every[0])))
        return one * len(different) / len(every)


def start_stream(seed: int) -> None:
    """`torch.manual_seed(seed)`; without a GPU only the CPU's stream, a hundred times as fast."""
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def _distinct(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Different objects stacked, with the number of each net's own."""
    known = {id(part): part for part in parts}
    if len(known) == 1:
        return parts[0], None
    numbers = {one: i for i, one in enumerate(known)}
    of = torch.tensor([numbers[id(part)] for part in parts], device=parts[0].device)
    return torch.stack(list(known.values())), of


def _take(values: Tensor, of: Tensor | None, rows: Tensor) -> Tensor:
    if of is not None:
        return values[of[:, None], rows]
    return values.index_select(0, rows.reshape(-1)).unflatten(0, rows.shape)


def _bytes(values: Tensor) -> int:
    return values.numel() * values.element_size()


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}: " + ", ".join(map(_kind, value[:3]))
    return "None" if value is None else f"a {type(value).__name__}"


Data = tuple[Tensor, Tensor] | Callable[..., tuple[Tensor, Tensor]]
