"""What may go into `training.fit` and `training.evaluate`: batches, and checks with advice."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

Data = tuple[Tensor, Tensor] | DataLoader
Loss = Callable[[Tensor, Tensor], Tensor]
Metrics = Mapping[str, Callable[[Tensor, Tensor], Any]]

EVALUATION_ROWS = 1_000  # rows at a time where nobody learns: bounds the memory of activations


class Batches:
    """A data set as batches on the model's device: checked once, then only indexed.

    Attributes:
        rows: number of rows, or None where a DataLoader does not know it.
        count: batches in one pass, or None likewise.
    """

    def __init__(
        self,
        name: str,
        data: Data,
        model: nn.Module,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        *,
        learning: bool = False,
    ) -> None:
        """With `learning`, batches of a given size come in a new order at every pass, and without
        a size all rows come at once; otherwise rows come in their order, a bounded number at a
        time.
        """
        self.name, self._generator = name, generator
        self._shuffle = learning and batch_size is not None
        self._largest = None if learning else EVALUATION_ROWS
        self.device = next(model.parameters()).device
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator is {_kind(generator)}; give a torch.Generator, for example "
                "course_utils.seeding.generator(0)"
            )
        if isinstance(data, DataLoader):
            self._take_loader(data, batch_size)
        else:
            self._take_tensors(data, model, batch_size)

    def _take_loader(self, loader: DataLoader, batch_size: int | None) -> None:
        if batch_size is not None or self._generator is not None:
            raise ValueError(
                f"{self.name} is a DataLoader, which has its own batch_size and generator: "
                "give them to DataLoader(…), or give (x, y) here"
            )
        self._loader = loader
        try:
            self.rows, self.count = len(loader.dataset), len(loader)
        except TypeError:  # a stream: nobody knows its length
            self.rows = self.count = None
        if self.rows == 0 or self.count == 0:
            raise ValueError(f"{self.name} is empty: the DataLoader holds no batch")

    def _take_tensors(self, data: Any, model: nn.Module, batch_size: int | None) -> None:
        self._loader = None
        self.x, self.y = _pair(self.name, data)
        self.rows = len(self.x)
        if not self.rows:
            raise ValueError(f"{self.name} is empty: x has shape {tuple(self.x.shape)}")
        for letter, tensor in (("x", self.x), ("y", self.y)):
            if tensor.device != self.device:
                raise ValueError(
                    f"{letter} of {self.name} is on {tensor.device}, the model on {self.device}; "
                    f"move one of them, e.g. {letter}.to('{self.device}')"
                )
        dtypes = {p.dtype for p in model.parameters()}
        if self.x.is_floating_point() and self.x.dtype not in dtypes:
            one = next(iter(dtypes))
            raise TypeError(
                f"x of {self.name} is {_short(self.x.dtype)}, the model's parameters are "
                f"{_short(one)}; convert one of them, e.g. x.to(torch.{_short(one)})"
            )
        if batch_size is None:
            self._size = min(self.rows, self._largest or self.rows)
        else:
            self._size = whole(batch_size, "batch_size")
        if self._size > self.rows:
            raise ValueError(
                f"batch_size is {self._size}, but {self.name} has only {self.rows} rows; "
                "None puts all of them in one batch"
            )
        self.count = math.ceil(self.rows / self._size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self._loader is not None:
            return self._from_loader()
        return self._from_tensors()

    def _from_tensors(self) -> Iterator[tuple[Tensor, Tensor]]:
        x, y = self.x, self.y
        if not self._shuffle:
            yield from zip(x.split(self._size), y.split(self._size), strict=True)
            return
        where = "cpu" if self._generator is None else self._generator.device
        order = torch.randperm(self.rows, generator=self._generator, device=where).to(self.device)
        for rows in order.split(self._size):
            yield x[rows], y[rows]

    def _from_loader(self) -> Iterator[tuple[Tensor, Tensor]]:
        empty = True
        for batch in self._loader:
            x, y = _pair(f"a batch of {self.name}", batch)
            empty = False
            yield x.to(self.device), y.to(self.device)
        if empty:
            raise ValueError(f"{self.name} is empty: the DataLoader gave no batch")

    def flaw(self) -> str:
        """Where the numbers themselves are NaN or infinite, in words; "" if they are not."""
        if self._loader is not None:
            return ""
        for letter, tensor in (("x", self.x), ("y", self.y)):
            bad = ~torch.isfinite(tensor.reshape(self.rows, -1)).all(dim=1)
            if bad.any():
                first = int(bad.nonzero()[0])
                return (
                    f"{letter} of {self.name} holds NaN or infinity in {int(bad.sum())} of "
                    f"{self.rows} rows, first in row {first}."
                )
        return ""


def whole(value: Any, name: str) -> int:
    """A whole number from 1 up; `name` is what a message calls it.

    Raises:
        TypeError: not a whole number.
        ValueError: below 1.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it has to be a whole number, such as 32") from None
    if number < 1:
        raise ValueError(f"{name} is {number}; it has to be at least 1")
    return number


def check_parts(model: nn.Module, loss: Loss, metrics: Metrics | None) -> dict[str, Any]:
    """Refuse what is no model, no loss or no metric; give back the metrics as a dict.

    Raises:
        TypeError: one of them is of another kind.
        ValueError: no parameters, a loss that does not average, a metric with a taken name.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {_kind(model)}; it has to be an nn.Module")
    if not any(True for _ in model.parameters()):
        raise ValueError("model has no parameters: there is nothing to train or to measure")
    if isinstance(loss, type):
        raise TypeError(f"loss is the class {loss.__name__}; make one of it: {loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"loss is {_kind(loss)}; it has to be a function of (prediction, label)")
    if getattr(loss, "reduction", "mean") != "mean":
        raise ValueError(f"loss has reduction={loss.reduction!r}; fit averages: use 'mean'")
    metrics = dict(metrics or {})
    for name, metric in metrics.items():
        if not callable(metric):
            raise TypeError(f"metric {name!r} is {_kind(metric)}; give a function")
        if name == "loss" or name.startswith("train "):
            raise ValueError(f"a metric cannot be named {name!r}: fit uses that name itself")
    return metrics


def check_optimizer(optimizer: Any, model: nn.Module) -> None:
    """Refuse an optimiser without `step`, with an impossible rate, or of another model.

    An optimiser that the learner wrote is welcome: what it does not have is not checked.

    Raises:
        TypeError: no `step` and `zero_grad`.
        ValueError: a rate that is not above 0, or no trainable parameter of the model.
    """
    if isinstance(optimizer, type) or not all(
        callable(getattr(optimizer, name, None)) for name in ("step", "zero_grad")
    ):
        raise TypeError(
            f"optimizer is {_kind(optimizer)}; it has to have step() and zero_grad(), such as "
            "torch.optim.SGD(model.parameters(), lr=0.1)"
        )
    for rate in learning_rates(optimizer):
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"the learning rate is {rate}; it has to be a number above 0")
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:
        return
    held = {id(p) for group in groups for p in group["params"]}
    if not any(id(p) in held for p in model.parameters() if p.requires_grad):
        raise ValueError(
            "optimizer holds no trainable parameter of this model, so nothing would be learned; "
            "make it after the model: torch.optim.SGD(model.parameters(), lr=0.1)"
        )


def learning_rates(optimizer: Any) -> list[float]:
    """The learning rates of all groups, or `optimizer.lr`; empty if it has neither."""
    groups = getattr(optimizer, "param_groups", None)
    rates = [getattr(optimizer, "lr", None)] if groups is None else [g.get("lr") for g in groups]
    return [float(rate) for rate in rates if rate is not None]


def check_prediction(prediction: Any, label: Tensor) -> None:
    """Refuse a prediction that would be compared with the wrong labels by broadcasting.

    Class numbers and other labels of whole numbers may have fewer dimensions than the prediction.

    Raises:
        TypeError: prediction and label are of two floating-point types.
        ValueError: their shapes would broadcast.
    """
    if not isinstance(prediction, Tensor):
        return  # several outputs: the loss knows what to do with them
    p, y = prediction.shape, label.shape
    floats = prediction.is_floating_point() and label.is_floating_point()
    if floats and prediction.dtype != label.dtype:
        raise TypeError(
            f"the prediction is {_short(prediction.dtype)}, the label {_short(label.dtype)}; "
            f"convert the label: y.to(torch.{_short(prediction.dtype)})"
        )
    if p == y:
        return
    try:
        together = torch.broadcast_shapes(p, y)
    except RuntimeError:
        return  # they do not broadcast: the loss decides whether they belong together
    stretches_prediction = together.numel() > p.numel()
    stretches_label = floats and len(p) == len(y) and together.numel() > y.numel()
    if stretches_prediction or stretches_label:
        raise ValueError(
            f"the prediction has shape {tuple(p)}, the label {tuple(y)}: compared, they would "
            f"silently broadcast to {tuple(together)}. Give both the same shape, e.g. "
            f"{'prediction.squeeze(1)' if len(p) > len(y) else 'y.reshape(prediction.shape)'}"
        )


def check_loss(value: Any, learning: bool) -> None:
    """Refuse a loss that is not one number, or that does not depend on the parameters.

    Args:
        learning: whether it is to be differentiated.
    Raises:
        TypeError: no tensor.
        ValueError: not of shape (), or (where it is to be differentiated) cut off.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"loss returned {_kind(value)}; it has to return a tensor of shape ()")
    if value.numel() != 1:
        raise ValueError(
            f"loss returned shape {tuple(value.shape)}; it has to be the mean over the batch, ()"
        )
    if learning and not value.requires_grad:
        raise ValueError(
            "the loss does not depend on any trainable parameter; look for detach(), .item(), "
            ".numpy() or torch.no_grad() in model and loss"
        )


def explained(error: Exception, x: Any, label: Any, prediction: Any) -> Exception:
    """What PyTorch said about the first batch, together with the shapes that led to it."""
    given = {"x": x, "label": label, "prediction": prediction}
    lines = [f"  {name}: {_outline(value)}" for name, value in given.items() if value is not None]
    where = "loss or backward" if prediction is not None else "model"
    said = str(error)
    if "Long" in said and prediction is not None:
        lines.append("Class numbers have to be int64: y.long()")
    if "out of bounds" in said and isinstance(prediction, Tensor) and prediction.ndim > 1:
        lines.append(f"Class numbers run from 0 to {prediction.shape[1] - 1} here")
    return ValueError("\n".join([f"The first batch failed in the {where}: {said}", *lines]))


def _pair(name: str, data: Any) -> tuple[Tensor, Tensor]:
    """(x, y) as two tensors with equally many rows."""
    if isinstance(data, Dataset):
        raise TypeError(f"{name} is a {_kind(data)}; give DataLoader(dataset, …) or (x, y)")
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{name} is {_kind(data)}; give two tensors (x, y), or a DataLoader")
    for letter, tensor in zip("xy", data, strict=True):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{letter} of {name} is {_kind(tensor)}; give a tensor: torch.as_tensor({letter})"
            )
        if tensor.ndim == 0:
            raise ValueError(f"{letter} of {name} is a single number; it needs rows: shape (N, …)")
    x, y = data
    if len(x) != len(y):
        raise ValueError(f"x and y of {name} have different numbers of rows: {len(x)} and {len(y)}")
    return x, y


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"of type {type(value).__name__}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _outline(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"shape {tuple(value.shape)}, {_short(value.dtype)}, on {value.device}"
    return _kind(value)
