"""Running a script of the capstone: what it may use, what is kept, and where it is stopped."""

from __future__ import annotations

import ast
import contextlib
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
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from .. import datasets, paths, seeding

ROWS, EPOCHS, UPDATES = 1200, 25, 150  # pictures there are; what the healthy script makes
MOST_UPDATES, MOST_TURNS = 2 * UPDATES, 20_000  # beyond these a script is stopped
PLAIN = {"momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False}
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


@dataclass
class Seen:
    """What is watched for the judge; evidence does not get it: it would name some of the faults.

    Attributes:
        rates: the optimiser's η at each update.
        optimizers: which there were, with every setting that is not a plain one's.
        without_dropout: updates by a pass with dropout off.
        with_dropout: numbers recorded after a pass with dropout on.
        records: how many were recorded.
        stale: updates by something else than what the last `backward` gave.
    """

    rates: list[float] = field(default_factory=list)
    optimizers: set[str] = field(default_factory=set)
    without_dropout: int = 0
    with_dropout: int = 0
    records: int = 0
    stale: int = 0


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
        lr: the optimiser's rate η, at the first update.
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
    _seen: Seen = field(default_factory=Seen)

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
    watch = _Watch(Run(script, seed))
    _execute(watch, load)
    return _collected(watch.run, watch.names, watch)


def prepared(script: str, seed: int, given: Callable[[], tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """The script's names at its first update, with `given` in the place of `load`."""
    watch = _Watch(Run(script, seed), stop=True)
    with contextlib.suppress(_FirstUpdate):
        _execute(watch, given)
    return watch.names


def _execute(watch: _Watch, given: Callable[[], tuple[Tensor, Tensor]]) -> None:
    name = f"<script {next(_numbers)}>"
    script, seed = watch.run.script, watch.run.seed
    code = _compiled(script, name)
    watch.names |= {"__name__": "script", "torch": torch, "nn": nn, "load": given,
                    "record": watch.record, "_turn": watch.turn}
    mixed = int(torch.randint(2**31, (), generator=seeding.generator(13_000 + seed)))
    watch.hooks = [register_optimizer_step_pre_hook(watch.step),
                   register_module_forward_pre_hook(watch.forward)]
    try:
        with seeding.forked(), torch.enable_grad():
            torch.manual_seed(mixed)
            exec(code, watch.names)
    except (ScriptError, _FirstUpdate):
        raise
    except Exception as error:
        raise _explained(error, name, script) from error
    finally:
        for hook in watch.hooks:
            hook.remove()


class _FirstUpdate(Exception):
    """Ends a run before its first update."""


class _Watch:
    """Counts updates and turns of loops, keeps what is recorded and the parameters at the start.

    How the network is trained and measured goes into `run._seen`.
    """

    def __init__(self, run: Run, stop: bool = False) -> None:
        self.run, self.turns, self.stop = run, 0, stop
        self.names: dict[str, Any] = {}
        self.hooks: list[Any] = []
        self.begun: dict[int, Tensor] = {}
        self.fresh: dict[int, Tensor] = {}  # what the last `backward` gave each parameter
        self.followed: set[int] = set()
        self.alive: list[Any] = []  # optimisers and parameters: their ids must stay theirs
        self.dropout: bool | None = None  # on in the last pass; None: there was none
        self.learned: bool | None = None  # on when the last gradient was computed

    def forward(self, module: nn.Module, *_: Any) -> None:
        """Before each pass of any module: look at the script's network."""
        if module is not self.names.get("net"):
            return
        self.dropout = _has_dropout(module)
        for parameter in module.parameters():
            if parameter.requires_grad and id(parameter) not in self.followed:
                self._follow(parameter)

    def _follow(self, parameter: Tensor) -> None:
        def keep(grad: Tensor, key: int = id(parameter)) -> None:
            self.fresh[key] = grad.detach().clone()
            self.learned = _has_dropout(self.names["net"])

        self.followed.add(id(parameter))
        self.alive.append(parameter)
        self.hooks.append(parameter.register_hook(keep))

    def turn(self) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise ScriptError(f"The script's loops have turned {MOST_TURNS:,} times: one of them "
                              "does not end. Was a line of its head changed?")

    def step(self, optimizer: Any, *_: Any) -> None:
        if self.run.updates >= MOST_UPDATES:
            raise ScriptError(f"The script made {MOST_UPDATES} updates and would go on; the "
                              f"budget is {UPDATES}.")
        if self.stop:
            raise _FirstUpdate
        seen = self.run._seen
        seen.without_dropout += self.learned is False
        seen.stale += any(map(self._stale, optimizer.param_groups))
        for group in optimizer.param_groups:
            seen.rates.append(float(group["lr"]))
            seen.optimizers.add(_named(optimizer, group))
            for parameter in group["params"]:
                if id(parameter) not in self.begun:
                    self.alive.append(parameter)
                    self.begun[id(parameter)] = parameter.detach().clone()
        self.run.updates += 1

    def _stale(self, group: dict[str, Any]) -> bool:
        """Whether a gradient is not what the last `backward` gave."""
        pairs = [(p.grad, self.fresh[id(p)]) for p in group["params"] if id(p) in self.fresh]
        return any(grad is None or not torch.allclose(grad, fresh, 1e-4, 1e-7, equal_nan=True)
                   for grad, fresh in pairs)

    def record(self, name: str, loss: Any, accuracy: Any) -> None:
        """Keep one epoch's loss and accuracy of "train" or "held_out"."""
        if name not in ("train", "held_out"):
            raise ValueError(f'record takes "train" or "held_out", not {name!r}')
        self.run._seen.records += 1
        self.run._seen.with_dropout += self.dropout is True
        getattr(self.run, f"{name}_loss").append(float(loss))
        getattr(self.run, f"{name}_accuracy").append(float(accuracy))


def _has_dropout(net: nn.Module) -> bool:
    """Whether a dropout layer of it is in training mode."""
    return any(part.training for part in net.modules() if isinstance(part, nn.Dropout))


def _named(optimizer: Any, group: dict[str, Any]) -> str:
    """An optimiser in words: "SGD", or "SGD, momentum 0.9"."""
    other = [f"{name} {group[name]}" for name, plain in PLAIN.items()
             if group.get(name, plain) != plain]
    return ", ".join([type(optimizer).__name__, *other])


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
    run.net, run.loss = net, names["loss"]
    run.lr = (run._seen.rates or [names["optimizer"].param_groups[0]["lr"]])[0]
    run.x_train, run.label_train = names["x_train"], names["label_train"]
    run.x_held, run.label_held = names["x_held"], names["label_held"]
    run.start = copy.deepcopy(net).eval()
    with torch.no_grad():
        for begun, parameter in zip(net.parameters(), run.start.parameters(), strict=True):
            parameter.grad = None
            parameter.copy_(watch.begun.get(id(begun), begun))
    return run
