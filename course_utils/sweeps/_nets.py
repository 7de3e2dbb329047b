"""K nets of one architecture as one function: stacked parameters, one forward pass for all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state, vmap

from ..parameters import write
from ..seeding import forked
from ._data import Batch

Score = Callable[[Tensor, Tensor], Any]  # (prediction, label) -> one number: loss or metric


class Nets:
    """K nets of one architecture.

    Attributes:
        theta: (K, P), one net a row; needs gradients.
        buffers: name -> (K, …), such as BatchNorm's running statistics; changed in place.
        reason: why the nets are run one after another, or "" if they run together.
    Source: the recipe of PyTorch's tutorial on model ensembling (`torch.func`).
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        _check_alike(nets)
        parameters, buffers = stack_module_state(list(nets))
        self.count = len(nets)
        self.template = copy.deepcopy(nets[0])
        self.buffers = {name: value.detach().clone() for name, value in buffers.items()}
        self.theta = torch.cat([p.detach().flatten(1) for p in parameters.values()], 1)
        self.theta.requires_grad_()
        self._shapes = {name: value.shape[1:] for name, value in parameters.items()}
        self._sizes = [shape.numel() for shape in self._shapes.values()]
        self._frozen = [not value.requires_grad for value in parameters.values()]
        self._places = _places(self.template)
        self._training: bool | None = None
        self.reason = ""
        self._apart: set[int] = set()  # metrics that vmap cannot run, by id

    def scores(self, batch: Batch, functions: Sequence[Score], training: bool) -> list[Tensor]:
        """What each function says about each net's predictions: a list of (K,).

        Args:
            training: train mode (BatchNorm uses the batch, dropout drops) or eval mode.
        """
        if training is not self._training:
            self.template.train(training)
            self._training = training
        if self.reason:
            return self._one_by_one(batch, functions)
        together = [f for f in functions if id(f) not in self._apart]
        keep = len(together) < len(functions)

        def net(theta: Tensor, x: Tensor, y: Tensor, *buffers: Tensor) -> tuple[Tensor, ...]:
            prediction = self._call(theta, buffers, x)
            found = tuple(f(prediction, y) for f in together)
            return (*found, prediction) if keep else found

        dims = (0, None if batch.shared_x else 0, None if batch.shared_y else 0)
        every = vmap(net, in_dims=dims + (0,) * len(self.buffers), randomness="different")
        found = every(self.theta, batch.x, batch.y, *self.buffers.values())
        if not keep:
            return list(found)
        scored = dict(zip(map(id, together), found, strict=False))
        return [scored[id(f)] if id(f) in scored else self._each(f, found[-1], batch)
                for f in functions]  # fmt: skip

    def grad(self, losses: Tensor) -> Tensor:
        """(K, P): row k is the gradient of net k's own loss. losses: (K,).

        The losses share no parameter, so the gradient of their sum holds each one's own; a NaN in
        one of them stays in its row.
        """
        (found,) = torch.autograd.grad(losses, self.theta, torch.ones_like(losses))
        return found

    def fixed(self) -> Tensor | None:
        """(P,) booleans: which parameters are not trained; None if all of them are."""
        if not any(self._frozen):
            return None
        parts = [torch.full((size,), frozen)
                 for size, frozen in zip(self._sizes, self._frozen, strict=True)]  # fmt: skip
        return torch.cat(parts).to(self.theta.device)

    def find_way(
        self, training: Batch, measuring: Batch, loss: Score, metrics: Sequence[Score]
    ) -> None:
        """Try all nets at once; what vmap cannot do, though one net can, is done in turn."""
        before = {name: value.clone() for name, value in self.buffers.items()}
        with forked(), torch.no_grad():
            try:
                self.scores(training, [loss], training=True)
                self.scores(measuring, [loss], training=False)
            except Exception as error:  # whatever vmap says; the plain loop then tells the truth
                self.reason = _first_sentence(error)
            for metric in [] if self.reason else metrics:
                try:
                    self.scores(measuring, [metric], training=False)
                except Exception:
                    self._apart.add(id(metric))
        for name, value in before.items():
            self.buffers[name].copy_(value)

    def module(self, row: int) -> nn.Module:
        """Net number `row` as a module of its own, in eval mode."""
        net = write(copy.deepcopy(self.template), self.theta[row].detach())
        for name, value in net.named_buffers():
            value.copy_(self.buffers[name][row])
        return net.eval()

    def _parameters(self, theta: Tensor) -> dict[str, Tensor]:
        """Named parameters of one net as views of its row, shape (P,)."""
        named = zip(self._shapes.items(), theta.split(self._sizes), strict=True)
        return {name: part.view(shape) for (name, shape), part in named}

    def _call(self, theta: Tensor, buffers: Sequence[Tensor], x: Tensor) -> Any:
        """The template's answer with these tensors in the place of its own.

        What `torch.func.functional_call` does, with the places looked up once; and a buffer that
        `forward` assigns anew is kept, as a module keeps it.
        """
        own = [held[key] for held, key, _ in self._places]
        named = dict(zip(self.buffers, buffers, strict=True))
        tensors = self._parameters(theta) | named
        try:
            for held, key, name in self._places:
                held[key] = tensors[name]
            prediction = self.template(x)
            for held, key, name in self._places:
                if name in named and held[key] is not named[name]:
                    named[name].copy_(held[key].detach())
            return prediction
        finally:
            for (held, key, _), tensor in zip(self._places, own, strict=True):
                held[key] = tensor

    def _one_by_one(self, batch: Batch, functions: Sequence[Score]) -> list[Tensor]:
        rows = []
        for k in range(self.count):
            x, y = batch.of(k)
            prediction = self._call(self.theta[k], [b[k] for b in self.buffers.values()], x)
            rows.append([self._number(f(prediction, y)) for f in functions])
        return [torch.stack(column) for column in zip(*rows, strict=True)]

    def _each(self, function: Score, predictions: Tensor, batch: Batch) -> Tensor:
        values = [function(predictions[k], batch.of(k)[1]) for k in range(self.count)]
        return torch.stack([self._number(value) for value in values])

    def _number(self, value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=self.theta.dtype, device=self.theta.device).reshape(())


def _places(net: nn.Module) -> list[tuple[dict, str, str]]:
    """Where the module holds its tensors: (dict, key, name of the stacked tensor).

    A tensor that stands in several places has the name of the first one.
    """
    names: dict[int, str] = {}
    found = []
    for prefix, module in net.named_modules():
        for held in (module._parameters, module._buffers):
            for key, tensor in held.items():
                if tensor is not None:
                    name = names.setdefault(id(tensor), f"{prefix}.{key}" if prefix else key)
                    found.append((held, key, name))
    return found


def _check_alike(nets: Sequence[nn.Module]) -> None:
    """Refuse what cannot be stacked, before PyTorch does in its own words."""
    if len({id(net) for net in nets}) < len(nets):
        raise ValueError("make gave the same model twice; it has to build a new one at each call")
    types = {p.dtype for p in nets[0].parameters()}
    if len(types) > 1:
        said = " and ".join(sorted(str(one).removeprefix("torch.") for one in types))
        raise TypeError(f"the model's parameters are {said}; a sweep needs one type for all")
    shapes = [{n: tuple(p.shape) for n, p in net.named_parameters()} for net in nets]
    for other in shapes:
        if other != shapes[0]:
            name = next((n for n in shapes[0] if other.get(n) != shapes[0][n]), "a parameter")
            raise ValueError(
                f"make gave nets of different shapes for the same settings: {name} has shape "
                f"{shapes[0].get(name)} and {other.get(name)}. Make what they differ in a "
                "parameter of make and a setting"
            )


def _first_sentence(error: Exception) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.split(". ")[0].rstrip(".")
