"""The training loop of chapter 01, with the bookkeeping around it: `fit`, `evaluate`, `History`.

The loop itself stands in `_one_epoch`. Everything else here checks what comes in, keeps what comes
out, and says clearly what went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from .figures import COLORS, STYLES, new_figure, show
from .progress_bar import Bar
from .training_input import (
    Batches,
    Data,
    Loss,
    Metrics,
    check_loss,
    check_optimizer,
    check_parts,
    check_prediction,
    explained,
    learning_rates,
    whole,
)


@dataclass
class History:
    """What happened during `fit`, one entry an epoch. Shows itself as a picture.

    Attributes:
        train_loss: mean loss over the epoch's batches, each taken before its update, so it lags
            behind the weights by about half an epoch.
        held_out_loss: mean loss on the held-out data after the epoch; empty without such data.
        metrics: name -> values on the held-out data (on the training batches if there is none);
            "train " + name -> values on the training batches, where there is held-out data.
        updates: how many times the parameters were changed.
        interrupted: whether a kernel interrupt ended the run; the model then also holds the
            updates of the unfinished epoch.
        planned: how many epochs were asked for.
    """

    train_loss: list[float] = field(default_factory=list)
    held_out_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    updates: int = 0
    interrupted: bool = False
    planned: int = 0

    def __len__(self) -> int:
        return len(self.train_loss)

    def __repr__(self) -> str:
        epochs = f"{len(self)} {'epoch' if len(self) == 1 else 'epochs'}"
        if self.interrupted:
            epochs = f"interrupted after {len(self)} of {self.planned} epochs"
        return f"History: {epochs}, {self.updates} {'update' if self.updates == 1 else 'updates'}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the loss over the epochs: training solid, held-out dash-dotted.

        Args:
            ax: where to draw; None makes a figure (`.figure` of what is returned).
        Returns:
            the axes, to add a title or a curve of your own.
        """
        if ax is None:
            _, ax = new_figure()
        curves = {"train": self.train_loss, "held_out": self.held_out_loss}
        for key, label in (("train", "training"), ("held_out", "held-out")):
            losses = curves[key]
            if losses:
                marker = "o" if len(losses) == 1 else None
                style = {"color": COLORS[key], "label": label, "marker": marker, **STYLES[key]}
                ax.plot(range(1, len(losses) + 1), losses, **style)
        losses = [value for curve in curves.values() for value in curve]
        if losses and min(losses) > 0 and max(losses) > 30 * min(losses):
            ax.set_yscale("log")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="epoch", ylabel="loss")
        if losses:
            ax.legend()
        return ax

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        which = "Training and held-out loss" if self.held_out_loss else "Training loss"
        picture = show(self.plot().figure, f"{which} against the epoch. {self!r}.")
        data, metadata = picture._repr_mimebundle_()
        return {**data, "text/plain": repr(self)}, metadata


class DivergedError(FloatingPointError):
    """The loss became NaN or infinite. `history` holds the epochs before that."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def fit(
    model: nn.Module,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    train: Data,
    held_out: Data | None = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    metrics: Metrics | None = None,
    generator: torch.Generator | None = None,
    progress: bool | None = None,
) -> History:
    """Train `model` by the loop of chapter 01: zero_grad, forward, loss, backward, step.

    Args:
        model: changed in place; its train/eval mode is restored afterwards.
        loss: loss(prediction, label) -> mean over the batch, shape ().
        optimizer: holds the model's parameters; its learning rates are above 0.
        train: (x, y), shapes (N, …) and (N, …), on the model's device; or a DataLoader.
        held_out: data to measure on after each epoch, in the same form.
        epochs: how often to go through the data, at least 1.
        batch_size: 1 … N rows a batch, in a new order every epoch, the smaller rest as last batch.
            None puts all rows in one batch, in their order. Not with a DataLoader: it has its own.
        metrics: name -> function(prediction, label) -> mean over the batch.
        generator: where the order of the rows is drawn; None draws from torch's global stream,
            which `seed_everything` starts.
        progress: None shows a bar if the run takes over a second and somebody is watching
            (not under COURSE_HEADLESS=1); True at once; False never.
    Returns:
        the history; after a kernel interrupt, what there is of it, with `interrupted` set.
    Raises:
        TypeError, ValueError: something given does not fit; the message says what, and what to do.
        DivergedError: the loss became NaN or infinite; carries the history so far.
    """
    metrics = check_parts(model, loss, metrics)
    check_optimizer(optimizer, model)
    history = History(planned=whole(epochs, "epochs"))
    batches = Batches("train", train, model, batch_size, generator, learning=True)
    held = None if held_out is None else Batches("held_out", held_out, model)
    total = None if batches.count is None else history.planned * batches.count
    bar = Bar(total, "updates", progress)
    with _modes_restored(model), bar:
        try:
            for _ in range(history.planned):
                trained = _one_epoch(model, loss, optimizer, batches, metrics, history, bar)
                _check_finite(trained, batches, history, optimizer)
                measured = None
                if held is not None:
                    measured = _measure(model, loss, held, metrics)
                    _check_finite(measured, held, history, optimizer)
                _record(history, trained, measured)
                bar.say(f"loss {history.train_loss[-1]:.3g}")
        except KeyboardInterrupt:
            history.interrupted = True
    return history


def evaluate(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    batch_size: int | None = None,
    metrics: Metrics | None = None,
) -> dict[str, float]:
    """Measure `model` on data without training it: eval mode, no gradients.

    Args:
        model: its train/eval mode is restored afterwards.
        loss: loss(prediction, label) -> mean over the batch, shape ().
        data: (x, y), shapes (N, …) and (N, …), on the model's device; or a DataLoader.
        batch_size: rows at a time; None takes 1,000. Changes memory and rounding, not the result.
        metrics: name -> function(prediction, label) -> mean over the batch.
    Returns:
        {"loss": …} and one entry for each metric: means over all rows.
    Raises:
        TypeError, ValueError: something given does not fit; the message says what, and what to do.
    """
    metrics = check_parts(model, loss, metrics)
    return _measure(model, loss, Batches("data", data, model, batch_size), metrics).means()


def _one_epoch(
    model: nn.Module,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    metrics: Metrics,
    history: History,
    bar: Bar,
) -> _Tally:
    """Go through the data once and learn: the loop of chapter 01."""
    tally = _Tally(metrics)
    x = y = prediction = None
    model.train()
    try:
        for x, y in batches:
            optimizer.zero_grad()
            prediction = model(x)
            if not tally.sizes:
                check_prediction(prediction, y)
            value = loss(prediction, y)
            if not tally.sizes:
                check_loss(value, learning=True)
            value.backward()
            optimizer.step()
            history.updates += 1
            tally.add(value, prediction, y)
            bar.step()
    except (RuntimeError, IndexError) as error:
        if x is None or history.updates or type(error) not in (RuntimeError, IndexError):
            raise
        raise explained(error, x, y, prediction) from error
    return tally


def _measure(model: nn.Module, loss: Loss, batches: Batches, metrics: Metrics) -> _Tally:
    """Go through the data once without learning."""
    tally = _Tally(metrics)
    x = y = prediction = None
    with _modes_restored(model), torch.inference_mode():
        model.eval()
        try:
            for x, y in batches:
                prediction = model(x)
                if not tally.sizes:
                    check_prediction(prediction, y)
                value = loss(prediction, y)
                if not tally.sizes:
                    check_loss(value, learning=False)
                tally.add(value, prediction, y)
        except (RuntimeError, IndexError) as error:
            if x is None or tally.sizes or type(error) not in (RuntimeError, IndexError):
                raise
            raise explained(error, x, y, prediction) from error
    return tally


class _Tally:
    """Means over rows. Values stay tensors until `means`: reading one waits for the device."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.sizes: list[int] = []
        self.values: dict[str, list[Any]] = {name: [] for name in ("loss", *metrics)}
        self._losses = self.values["loss"]

    def add(self, loss: Tensor, prediction: Any, label: Tensor) -> None:
        """Note one batch."""
        self.sizes.append(label.size(0))
        self._losses.append(loss.detach())
        if self.metrics:
            with torch.no_grad():
                for name, metric in self.metrics.items():
                    self.values[name].append(metric(prediction, label))

    @cached_property
    def floats(self) -> dict[str, list[float]]:
        """name -> value of each batch."""
        return {name: _floats(name, values) for name, values in self.values.items()}

    def means(self) -> dict[str, float]:
        """name -> mean over all rows: each batch counts by its size."""
        rows, sizes = sum(self.sizes), self.sizes
        return {
            name: sum(value * size for value, size in zip(values, sizes, strict=True)) / rows
            for name, values in self.floats.items()
        }


def _floats(name: str, values: list[Any]) -> list[float]:
    """Numbers and tensors of one element as floats; from a GPU all at once, one wait for all."""
    try:
        if all(isinstance(value, Tensor) and value.device.type != "cpu" for value in values):
            values = torch.stack([value.reshape(()) for value in values]).tolist()
        return [float(value) for value in values]
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name!r} has to give one number for a batch, its mean; it gave {values[0]!r}"
        ) from error


def _record(history: History, trained: _Tally, measured: _Tally | None) -> None:
    """Append one epoch to the history."""
    means = trained.means()
    entries = {name: value for name, value in means.items() if name != "loss"}
    if measured is not None:
        entries = {f"train {name}": value for name, value in entries.items()}
        held_out = measured.means()
        history.held_out_loss.append(held_out.pop("loss"))
        entries |= held_out
    for name, value in entries.items():
        history.metrics.setdefault(name, []).append(value)
    history.train_loss.append(means["loss"])


def _check_finite(tally: _Tally, batches: Batches, history: History, optimizer: Any) -> None:
    """Stop a run whose loss is NaN or infinite, with the likeliest reason and what to try."""
    losses = tally.floats["loss"]
    bad = next((i for i, value in enumerate(losses) if not math.isfinite(value)), None)
    if bad is None:
        return
    rates = ", ".join(f"{rate:g}" for rate in learning_rates(optimizer)) or "unknown"
    update = history.updates - len(losses) + bad + 1 if batches.name == "train" else history.updates
    advice = batches.flaw() or (
        f"Most often the learning rate is too large (here {rates}): try a tenth of it. Else look "
        "for inputs of very large scale (standardise them) and for log(0) or a division by 0."
    )
    raise DivergedError(
        f"The loss on {batches.name} became {losses[bad]} at update {update}, epoch "
        f"{len(history) + 1} of {history.planned}. {advice} The parameters are of no use now: make "
        "model and optimizer anew. The epochs before are in the error's .history.",
        history,
    )


@contextmanager
def _modes_restored(model: nn.Module) -> Iterator[None]:
    """Give every module its train/eval mode back at the end."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
