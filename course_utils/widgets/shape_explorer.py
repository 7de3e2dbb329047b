"""Chapter 01's shape explorer: one operation on a tensor, its blocks before and after, drawn.

A block is one number of the tensor; the number written in it is its place in memory, so that the
eye follows where it goes. Blocks of one colour belong together: those of a sum become one block.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import Tensor

from ..figures import COLORS
from .blocks import CENTRED, Blocks, blank
from .controls import Choice, Slider, Toggle
from .explorer import Explorer, Update
from .frame import Mission
from .settings import Settings

REARRANGE = ("reshape", "view", "permute", "transpose", "squeeze", "unsqueeze")
REDUCE = ("sum", "mean")
JOIN = ("cat", "add")
SHAPES = ((2, 3), (6,), (3, 1), (1, 6), (3, 4), (2, 2, 3))
TARGETS = ((3, 2), (6,), (2, 3), (6, 1), (1, 4), (4,), (4, 3), (2, -1))


@dataclass(frozen=True)
class Step:
    """One operation, carried out.

    Attributes:
        code: the line of Python that was run.
        before, other: what went in; `other` only for `cat` and `add`.
        after: what came out; None after an error.
        error: PyTorch's words, or "".
        groups: for `before`, `other`, `after`: an integer per block; equal numbers share a colour.
    """

    code: str
    before: Tensor
    other: Tensor | None
    after: Tensor | None
    error: str
    groups: tuple[Tensor, Tensor | None, Tensor | None]


def apply(operation: str, shape: Sequence[int], *, dim: int = 0, target: Sequence[int] = (6,),
          keepdim: bool = False, transposed: bool = False) -> Step:
    """Carry out one operation on x = 0, 1, 2, … of the given shape.

    Args:
        operation: one of REARRANGE, REDUCE, JOIN.
        shape: of x.
        dim: for permute (moved to the front), transpose (swapped with the last), squeeze,
            unsqueeze, sum, mean, cat.
        target: the new shape for reshape and view; the second tensor's shape for cat and add.
        keepdim: for sum and mean.
        transposed: swap the last two dims of x first, without moving a number in memory.
    Raises:
        ValueError: there is no such operation.
    """
    if operation not in REARRANGE + REDUCE + JOIN:
        raise ValueError(f"no operation {operation!r}; there are: "
                         + ", ".join(REARRANGE + REDUCE + JOIN))
    x = torch.arange(math.prod(shape), dtype=torch.float32).reshape(tuple(shape))
    if transposed and x.dim() > 1:
        x = x.transpose(-2, -1)
    target, other = tuple(target), None
    code = _code(operation, x, dim, target, keepdim)
    try:
        if operation in JOIN:
            if min(target) < 0:
                raise ValueError(f"no tensor has the shape {target}: only reshape and view work "
                                 "out a −1 for you")
            other = 10 * (1 + torch.arange(math.prod(target), dtype=torch.float32))
            other = other.reshape(target)
        after = _run(operation, x, other, dim, target, keepdim)
    except (RuntimeError, IndexError, ValueError) as error:
        words = str(error).partition("\n")[0]
        plain = torch.arange(x.numel()).reshape(x.shape)
        grey = None if other is None else torch.full(other.shape, -1)
        return Step(code, x, other, None, words, (plain, grey, None))
    return Step(code, x, other, after, "", _groups(operation, x, other, after, dim))


def _code(operation: str, x: Tensor, dim: int, target: tuple[int, ...], keepdim: bool) -> str:
    last = x.dim() - 1
    match operation:
        case "reshape" | "view":
            return f"x.{operation}{target}"
        case "permute":
            front = dim % x.dim() if -x.dim() <= dim <= last else dim
            order = [front, *(k for k in range(x.dim()) if k != front)]
            return f"x.permute({', '.join(map(str, order))})"
        case "transpose":
            return f"x.transpose({dim}, -1)"
        case "sum" | "mean":
            return f"x.{operation}(dim={dim}{', keepdim=True' if keepdim else ''})"
        case "cat":
            return f"torch.cat([x, y], dim={dim})"
        case "add":
            return "x + y"
    return f"x.{operation}({dim})"


def _run(operation: str, x: Tensor, other: Tensor | None, dim: int, target: tuple[int, ...],
         keepdim: bool) -> Tensor:
    match operation:
        case "reshape" | "view":
            return getattr(x, operation)(target)
        case "permute":
            x.size(dim)  # says which dims there are, if this one is not among them
            return x.movedim(dim, 0)
        case "transpose":
            return x.transpose(dim, -1)
        case "sum" | "mean":
            return getattr(x, operation)(dim=dim, keepdim=keepdim)
        case "cat":
            return torch.cat([x, other], dim=dim)
        case "add":
            return x + other
    return getattr(x, operation)(dim)


def _groups(operation: str, x: Tensor, other: Tensor | None, after: Tensor,
            dim: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
    plain = torch.arange(x.numel()).reshape(x.shape)
    if operation in REDUCE:
        ends = torch.arange(after.numel()).reshape(after.shape)
        kept = ends if ends.dim() == x.dim() else ends.unsqueeze(dim)
        return kept.expand(x.shape), None, ends
    if operation in JOIN:
        grey = torch.full(other.shape, -1)
        if operation == "cat":
            return plain, grey, torch.cat([plain, grey], dim=dim)
        return plain, grey, plain.expand(after.shape)
    return plain, None, after.long() if operation in REARRANGE else plain


def picture(ax: Axes, settings: Settings) -> tuple[list[Artist], Update]:
    """The explorer's picture: x, the second tensor if there is one, and the result or the error."""
    width = blank(ax, 6.4)
    before, other, after = Blocks(ax), Blocks(ax), Blocks(ax)
    code = ax.text(width / 2, 6.0, "", **CENTRED, fontsize=13, family="monospace")
    arrow = ax.text(0, 2.8, "→", **CENTRED, fontsize=20)
    frame = {"boxstyle": "round", "facecolor": "white", "edgecolor": COLORS["warning"]}
    error = ax.text(0, 2.8, "", **CENTRED, fontsize=10, bbox=frame)

    def update(settings: Settings) -> str:
        step = apply(settings.operation, settings.shape, dim=settings.dim, target=settings.target,
                     keepdim=settings.keepdim, transposed=settings.transposed)
        slots = 2 if step.other is None else 3
        slot = width / slots
        boxes = [(k * slot + 0.6, 0.4, slot - 1.2, 4.4) for k in range(slots)]
        code.set_text(step.code)
        arrow.set_x((slots - 1) * slot)
        before.show(f"x: {tuple(step.before.shape)}", step.before, step.groups[0], boxes[0])
        other.hide()
        if step.other is not None:
            other.show(f"y: {tuple(step.other.shape)}", step.other, step.groups[1], boxes[1])
        after.hide()
        error.set_text(textwrap.fill(f"error: {step.error}", 34 if slots == 2 else 24)
                       if step.error else "")
        error.set_x((slots - 0.5) * slot)
        if step.after is not None:
            after.show(f"result: {tuple(step.after.shape)}", step.after, step.groups[2], boxes[-1])
        return sentence(step)

    return [*before.artists, *other.artists, *after.artists, code, arrow, error], update


def sentence(step: Step) -> str:
    """What the picture shows, in words."""
    given = f"x has the shape {tuple(step.before.shape)}"
    if step.other is not None:
        given += f", y has the shape {tuple(step.other.shape)}"
    if step.error:
        return f"{step.code} is an error: {step.error.rstrip('.')}. {given}."
    whole = bool((step.after == step.after.round()).all())
    numbers = (step.after.long() if whole else step.after).tolist()
    return f"{step.code} has the shape {tuple(step.after.shape)}: {numbers}. {given}."


def _step(run: Any, operation: str | None = None) -> Step:
    chosen = {name: run.settings[name] for name in ("dim", "target", "keepdim", "transposed")}
    return apply(operation or run.settings["operation"], run.settings["shape"], **chosen)


def _both_stretch(run: Any) -> bool:
    step = _step(run)
    return (run.settings["operation"] == "add" and step.after is not None
            and step.after.shape not in (step.before.shape, step.other.shape))


def _one_mean_per_row(run: Any) -> bool:
    step = _step(run)
    return (run.settings["operation"] == "mean" and step.after is not None
            and step.before.shape == (2, 3) and step.after.shape == (2, 1))


def _only_view_refuses(run: Any) -> bool:
    return (run.settings["operation"] == "view" and bool(_step(run).error)
            and not _step(run, "reshape").error)


def shape_explorer() -> Explorer:
    """The explorer `torch-shapes`: one operation, its arguments, three missions."""
    controls = {
        "operation": Choice(REARRANGE + REDUCE + JOIN, "reshape", label="operation"),
        "shape": Choice(SHAPES, (2, 3), label="shape of x"),
        "target": Choice(TARGETS, (3, 2), label="new shape, or y's"),
        "dim": Slider(-2, 2, 0, step=1, label="dim"),
        "keepdim": Toggle(False, label="keepdim=True"),
        "transposed": Toggle(False, label="x is transposed first"),
    }
    missions = [
        Mission("Add two tensors so that both are stretched.", goal=_both_stretch),
        Mission("One mean per row, as a column: (2, 3) becomes (2, 1).", goal=_one_mean_per_row),
        Mission("Make view refuse where reshape works.", goal=_only_view_refuses),
    ]
    return Explorer("torch-shapes", picture, controls, title="Shape explorer",
                    figsize=(9.0, 3.6), missions=missions)
