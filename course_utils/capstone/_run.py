"""Running a script of the capstone: what it may use, what is kept, and where it is stopped."""

from __future__ import annotations

import ast
import copy
import itertools
import linecache
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from .. import datasets, paths, seeding

ROWS, EPOCHS, UPDATES = 1200, 25, 150  # pictures there are; what the healthy script makes
MOST_UPDATES, MOST_TURNS = 2 * UPDATES, 20_000  # beyond these a script is stopped
LEFT_BEHIND = ("net", "loss", "optimizer", "x_train", "label_train", "x_held", "label_held")
_numbers = itertools.count(1)


class ScriptError(RuntimeError):
    """A script did not run to its end, or left something out; the message says where and what.

    Attributes:
        line: number of the script's line, or None.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(eq=False, repr=False)
class Run:
    """What a training script has done, and everything it left behind.

    Attributes:
        script: its text. seed: which random numbers it drew.
        train_loss, held_out_loss, train_accuracy, held_out_accuracy: one number an epoch, as the
            script recorded them (with its own loss, in its own mode).
        net: the network as the script left it: mode and gradients (`p.grad`) included.
        start: a copy of it with the parameters from before the first update.
        loss: the script's own loss(scores, label), a mean over rows.
        lr: the optimiser's rate η.
        x_train, x_held: (N, 196) float32, as they went into the network.
        label_train, label_held: (N,) int64.
        updates: how many the optimiser made.
    """

    script: str
    seed: int
    train_loss: list[float] = field(default_factory=list)
    held_out_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    held_out_accuracy: list[float] = field(default_factory=list)
    updates: int = 0
    net: nn.Module = None
    start: nn.Module = None
    loss: Callable = None
    lr: float = math.nan
    x_train: Tensor = None
    label_train: Tensor = None
    x_held: Tensor = None
    label_held: Tensor = None

    def __repr__(self) -> str:
        return f"Run: {self.updates} updates, {len(self.train_loss)} epochs, seed {self.seed}"


@cache
def _pictures(folder: str) -> tuple[Tensor, Tensor]:
    data = datasets.fashion()
    small = nn.functional.avg_pool2d(data.train_x[:ROWS], 2).flatten(1)
    return (255 * small).round(), data.train_y[:ROWS]


def load() -> tuple[Tensor, Tensor]:
    """What a script's `load()` gives: part of Fashion-MNIST, reduced to 14 × 14 pixels.

    Returns:
        x: (1200, 196) float32, grey levels 0 to 255. label: (1200,) int64, 0 to 9.
    Raises:
        DataError: the file is missing or damaged.
    """
    x, label = _pictures(str(paths.data_dir()))
    return x.clone(), label.clone()


def run_script(script: str, seed: int = 0) -> Run:
    """Run a training script from its text; about half a second.

    The script finds `torch`, `nn`, `load()` and `record(name, loss, accuracy)`. Its random numbers
    follow from the course's seed and `seed`; the notebook's own stay as they were.

    Args:
        script: the text, such as a case's `.script`, or one you mended with `.replace(old, new)`.
        seed: 0, 1, 2, …: another split, start and order.
    Raises:
        TypeError: `script` is not text.
        ScriptError: it has a syntax error, raised an exception, went on for more than twice the
            updates of the healthy script, or did not leave `net`, `loss`, `optimizer` and the data.
    """
    if not isinstance(script, str):
        raise TypeError(f"script is {type(script).__name__}; hand over the script's text (str)")
    name = f"<script {next(_numbers)}>"
    code = _compiled(script, name)
    run = Run(script, seed)
    watch = _Watch(run)
    names = {"__name__": "script", "torch": torch, "nn": nn, "load": load, "record": watch.record,
             "_turn": watch.turn}
    mixed = int(torch.randint(2**31, (), generator=seeding.generator(13_000 + seed)))
    hook = register_optimizer_step_pre_hook(watch.step)
    try:
        with seeding.forked(), torch.enable_grad():
            torch.manual_seed(mixed)
            exec(code, names)
    except ScriptError:
        raise
    except Exception as error:
        raise _explained(error, name, script) from error
    finally:
        hook.remove()
    return _collected(run, names, watch)


class _Watch:
    """Counts updates and turns of loops, keeps what is recorded and the parameters at the start."""

    def __init__(self, run: Run) -> None:
        self.run, self.turns = run, 0
        self.begun: dict[int, Tensor] = {}
        self.alive: list[Any] = []  # optimisers and parameters: their ids must stay theirs

    def turn(self) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise ScriptError(f"The script's loops have turned {MOST_TURNS:,} times: one of them "
                              "does not end. Was a line of its head changed?")

    def step(self, optimizer: Any, *_: Any) -> None:
        if self.run.updates >= MOST_UPDATES:
            raise ScriptError(f"The script made {MOST_UPDATES} updates and would go on; the "
                              f"budget is {UPDATES}.")
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if id(parameter) not in self.begun:
                    self.alive.append(parameter)
                    self.begun[id(parameter)] = parameter.detach().clone()
        self.run.updates += 1

    def record(self, name: str, loss: Any, accuracy: Any) -> None:
        """Keep one epoch's loss and accuracy of "train" or "held_out"."""
        if name not in ("train", "held_out"):
            raise ValueError(f'record takes "train" or "held_out", not {name!r}')
        getattr(self.run, f"{name}_loss").append(float(loss))
        getattr(self.run, f"{name}_accuracy").append(float(accuracy))


class _Counted(ast.NodeTransformer):
    """Each turn of a loop first says so."""

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body.insert(0, ast.copy_location(
            ast.Expr(ast.Call(ast.Name("_turn", ast.Load()), [], [])), node.body[0]))
        return node

    visit_While = visit_For


def _compiled(script: str, name: str) -> Any:
    linecache.cache[name] = (len(script), None, script.splitlines(keepends=True), name)
    try:
        tree = ast.parse(script, filename=name)
    except SyntaxError as error:
        line = error.lineno
        raise ScriptError(f"The script is no valid Python, line {line}: {error.msg}: "
                          f"{(error.text or '').strip()}", line) from None
    return compile(ast.fix_missing_locations(_Counted().visit(tree)), name, "exec")


def _explained(error: Exception, name: str, script: str) -> ScriptError:
    """An exception in the script, with the line of the script that led to it."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = script.splitlines()
    where = f"line {line}, `{lines[line - 1].strip()}`" if line else "its end"
    text = " ".join(str(error).split())[:200]
    return ScriptError(f"The script stopped at {where}: {type(error).__name__}: {text}", line)


def _collected(run: Run, names: dict[str, Any], watch: _Watch) -> Run:
    missing = [name for name in LEFT_BEHIND if name not in names]
    if missing:
        raise ScriptError(f"The script ended without {', '.join(missing)}; it has to leave "
                          f"{', '.join(LEFT_BEHIND)}.")
    if not run.held_out_loss or len(run.train_loss) != len(run.held_out_loss):
        raise ScriptError('The script has to call record("train", …) and record("held_out", …) '
                          "once an epoch.")
    net = names["net"]
    if not isinstance(net, nn.Module):
        raise ScriptError(f"`net` is {type(net).__name__}, not a network.")
    if not isinstance(names["optimizer"], torch.optim.Optimizer):
        raise ScriptError(f"`optimizer` is {type(names['optimizer']).__name__}, not an optimiser.")
    run.net, run.loss, run.lr = net, names["loss"], names["optimizer"].param_groups[0]["lr"]
    run.x_train, run.label_train = names["x_train"], names["label_train"]
    run.x_held, run.label_held = names["x_held"], names["label_held"]
    run.start = copy.deepcopy(net).eval()
    with torch.no_grad():
        for begun, parameter in zip(net.parameters(), run.start.parameters(), strict=True):
            parameter.grad = None
            parameter.copy_(watch.begun.get(id(begun), begun))
    return run
