"""Settings of a sweep: checked, and sorted into groups of nets that can be trained together."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..cards import nearest
from ._calls import arguments, call, frozen, named, takes_anything
from ._data import Settings, Source
from ._rules import DEFAULT_LR, RULES, Rule, hyperparameters, needed
from ._train import Chunk

OWN = ("seed", "batch_size", "rule")  # settings that belong to the sweep itself
SHARES = ("alpha", "momentum")  # what a running mean keeps


def grid(**lists: Iterable[Any]) -> list[Settings]:
    """Every combination of the values, one dict a net; the last name varies fastest.

    `grid(lr=[0.1, 0.3], seed=range(10))` gives 20 settings.

    Raises:
        ValueError: nothing to combine, or an empty list.
        TypeError: a value that is not a list.
    """
    if not lists:
        raise ValueError("grid needs at least one list of values: grid(lr=[0.1, 0.3])")
    for name, values in lists.items():
        if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
            raise TypeError(f"{name} is {values!r}; grid takes lists: {name}=[{values!r}]")
    columns = {name: [plain(value) for value in values] for name, values in lists.items()}
    for name, values in columns.items():
        if not values:
            raise ValueError(f"{name} is an empty list; there would be no net to train")
    return [dict(zip(columns, row, strict=True)) for row in itertools.product(*columns.values())]


def plain(value: Any) -> Any:
    """NumPy's numbers and tensors of shape () as Python's numbers; anything else as it is."""
    scalar = isinstance(value, np.generic) or (isinstance(value, Tensor) and value.ndim == 0)
    return value.item() if scalar else value


def checked(settings: Any) -> list[Settings]:
    """The settings as a list of dicts with plain numbers.

    Raises:
        TypeError, ValueError: they are no list of dicts, or there are none.
    """
    if isinstance(settings, Mapping):
        raise TypeError("settings is one dict; give a list with a dict for each net, or grid(…)")
    try:
        listed = list(settings)
    except TypeError:
        kind = type(settings).__name__
        raise TypeError(f"settings is of type {kind}; give grid(lr=[…], seed=range(…))") from None
    if not listed:
        raise ValueError("settings is empty; there would be no net to train")
    for row, one in enumerate(listed):
        if not isinstance(one, Mapping):
            raise TypeError(f"net {row}: settings are {one!r}; give a dict for each net")
    return [{name: plain(value) for name, value in one.items()} for one in listed]


@dataclass(frozen=True)
class Given:
    """What the caller of `sweep` gave, as far as settings depend on it."""

    make: Callable[..., Any]
    train: Any
    held_out: Any
    rule: str | Rule
    schedule: Callable | None

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Training data and, where there is any, held-out data."""
        both = (Source("train", self.train), Source("held_out", self.held_out))
        return both if self.held_out is not None else both[:1]

    def rule_of(self, settings: Settings) -> tuple[str, Rule]:
        """(name, function) of the update rule of a net.

        Raises:
            ValueError: no such rule; the message names the nearest one.
        """
        rule = settings.get("rule", self.rule)
        if callable(rule) and not isinstance(rule, type):
            return getattr(rule, "__name__", "rule"), rule
        if not isinstance(rule, str) or rule not in RULES:
            alike = {name.lower(): name for name in RULES}
            hint = ""
            if isinstance(rule, str):
                close = get_close_matches(rule.lower(), alike, 1)
                hint = f" Did you mean {alike[close[0]]!r}?" if close else ""
            raise ValueError(f"there is no rule {rule!r}.{hint} There are {', '.join(RULES)}; or "
                             "give a function rule(theta, grad, state, step, *, lr)")  # fmt: skip
        return rule, RULES[rule]

    def hyper_of(self, settings: Settings) -> Settings:
        """The rule's hyperparameters among the settings; `betas` as beta1 and beta2.

        Raises:
            ValueError: `betas` is not two numbers.
        """
        _, rule = self.rule_of(settings)
        names = hyperparameters(rule)
        found = {name: settings[name] for name in names if name in settings}
        if "betas" in settings and "beta1" in names and "betas" not in names:
            try:
                found["beta1"], found["beta2"] = map(plain, settings["betas"])
            except (TypeError, ValueError):
                raise ValueError(f"betas is {settings['betas']!r}; it has to be two numbers, "
                                 "such as (0.9, 0.999)") from None  # fmt: skip
        return found

    def check(self, every: Sequence[Settings]) -> None:
        """Refuse settings that nothing would read, or that cannot be.

        Raises:
            ValueError, TypeError: says which net, what is wrong and what would be right.
        """
        if not callable(self.make) or isinstance(self.make, nn.Module):
            raise TypeError(f"make is of type {type(self.make).__name__}; it has to be a function "
                            "that builds a model: lambda: nn.Linear(2, 1)")  # fmt: skip
        readers = [f for f in (self.make, self.train, self.held_out) if callable(f)]
        of_functions = [name for f in readers for name in named(f)]
        anything = any(takes_anything(f) for f in readers) or self.schedule is not None
        for row, settings in enumerate(every):
            name, rule = self.rule_of(settings)
            extra = ["betas"] if "beta1" in hyperparameters(rule) else []
            known = [*OWN, *hyperparameters(rule), *extra, *of_functions]
            for key in settings:
                if key not in known and not anything:
                    raise ValueError(f"nothing reads the setting {key!r}.{nearest(key, known)} "
                                     f"{name} and your functions know "
                                     f"{', '.join(dict.fromkeys(known))}")  # fmt: skip
            _check_seed(row, settings.get("seed", 0))
            self._check_hyper(row, settings, own=name not in RULES)

    def _check_hyper(self, row: int, settings: Settings, own: bool) -> None:
        name, rule = self.rule_of(settings)
        hyper = self.hyper_of(settings)
        for key, value in hyper.items():
            if not (own and key != "lr"):
                _check_number(row, key, value)
        lacking = [n for n in needed(rule) if n not in hyper]
        if lacking and not (lacking == ["lr"] and (self.schedule or name in DEFAULT_LR)):
            raise ValueError(f"net {row}: the rule {name} needs {', '.join(lacking)}; add it to "
                             "the settings, or give it a default")  # fmt: skip


def groups(given: Given, every: Sequence[Settings]) -> list[list[int]]:
    """Which nets can be trained together: their numbers, in order of appearance."""
    found: dict[tuple, list[int]] = {}
    for row, settings in enumerate(every):
        _, rule = given.rule_of(settings)
        architecture = {k: v for k, v in arguments(given.make, settings).items() if k != "seed"}
        if takes_anything(given.make):
            architecture = {k: v for k, v in architecture.items() if k not in OWN}
            architecture = {k: v for k, v in architecture.items() if k not in hyperparameters(rule)}
        words = {k: v for k, v in given.hyper_of(settings).items() if not _is_number(v)}
        key = (rule, settings.get("batch_size"), frozen(architecture), frozen(words),
               tuple(sorted(settings)), *(source.outline(settings) for source in given.sources))
        found.setdefault(key, []).append(row)
    return list(found.values())


def chunk_of(given: Given, every: Sequence[Settings], rows: Sequence[int]) -> Chunk:
    """The chunk that trains the nets `rows`, which belong to one group."""
    mine = [every[row] for row in rows]
    name, rule = given.rule_of(mine[0])
    hypers = [given.hyper_of(settings) for settings in mine]
    takes = [key for key in hypers[0] if key != "lr" or given.schedule is None]
    column = _alike if name in RULES else _column  # own rules always get tensors
    hyper = {key: column(hypers, key) for key in takes if _is_number(hypers[0][key])}
    fixed = {key: hypers[0][key] for key in takes if key not in hyper}
    numbers = {key: _column(mine, key) for key in mine[0]
               if key not in ("seed", "rule") and all(_is_number(s[key]) for s in mine)}
    if "lr" in hyperparameters(rule) and name in DEFAULT_LR and "lr" not in mine[0]:
        numbers["lr"] = torch.full((len(mine),), DEFAULT_LR[name], dtype=torch.float64)
        if given.schedule is None:
            hyper["lr"] = DEFAULT_LR[name]
    examples = [source.rows(mine) for source in given.sources]
    return Chunk(
        make=[partial(call, given.make, settings, "make") for settings in mine],
        seeds=[int(settings.get("seed", 0)) for settings in mine],
        rule=rule, hyper=hyper, fixed=fixed, numbers=numbers,
        batch_size=mine[0].get("batch_size"),
        train=examples[0], held_out=examples[1] if len(examples) > 1 else None,
    )  # fmt: skip


def _check_seed(row: int, seed: Any) -> None:
    try:
        if isinstance(seed, bool) or operator.index(seed) < 0:
            raise TypeError
    except TypeError:
        raise ValueError(f"net {row}: seed is {seed!r}; seeds are 0, 1, 2, …") from None


def _check_number(row: int, key: str, value: Any) -> None:
    if isinstance(value, bool) and key != "lr":
        return
    if not _is_number(value):
        raise TypeError(f"net {row}: {key} is {value!r}; it has to be a number")
    if not math.isfinite(value) or value < 0 or (key == "lr" and value == 0):
        need = "above 0" if key == "lr" else "0 or more"
        raise ValueError(f"net {row}: {key} is {value}; it has to be finite and {need}")
    if key in ("beta1", "beta2") and value >= 1:  # their corrections divide by 1 − beta
        raise ValueError(f"net {row}: {key} is {value}; it has to be below 1")
    if key in SHARES and value > 1:
        raise ValueError(f"net {row}: {key} is {value}; it is 1 at most")


def _alike(hypers: Sequence[Settings], key: str) -> Tensor | float:
    """One number where all nets have the same, else a column."""
    values = {one[key] for one in hypers}
    return float(values.pop()) if len(values) == 1 else _column(hypers, key)


def _column(every: Sequence[Settings], key: str) -> Tensor:
    return torch.tensor([float(one[key]) for one in every], dtype=torch.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
