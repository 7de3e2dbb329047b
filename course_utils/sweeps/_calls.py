"""Calling the learner's functions with those settings that they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def named(function: Callable, after: int = 0) -> list[str]:
    """Names of the parameters that can be given by name, the first `after` parameters left out."""
    return [p.name for p in list(_parameters(function).values())[after:] if p.kind in _NAMED]


def required(function: Callable, after: int = 0) -> list[str]:
    """Those of them that have no default."""
    parameters = _parameters(function)
    return [name for name in named(function, after)
            if parameters[name].default is inspect.Parameter.empty]  # fmt: skip


def takes_anything(function: Callable) -> bool:
    """Whether the function has a `**settings`."""
    kinds = [p.kind for p in _parameters(function).values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def arguments(function: Callable, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the function asks for by name."""
    if takes_anything(function):
        return dict(settings)
    return {name: settings[name] for name in named(function) if name in settings}


def call(function: Callable, settings: Mapping[str, Any], called: str) -> Any:
    """function(**the settings that it names).

    Args:
        called: what the function is, for the message: "make", "train".
    Raises:
        ValueError: a parameter without default is not among the settings.
    """
    given = arguments(function, settings)
    missing = [name for name in required(function) if name not in given]
    if missing:
        wanted = ", ".join(missing)
        raise ValueError(f"{called} needs {wanted}, which is in no setting: add it, such as "
                         f"grid({missing[0]}=[…]), or give it a default")  # fmt: skip
    return function(**given)


@lru_cache(maxsize=64)
def _parameters(function: Callable) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def frozen(value: Any) -> Any:
    """A hashable stand-in: equal for equal values; for what cannot be compared, the object."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(key), frozen(one)) for key, one in value.items()))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *map(frozen, value))
    if isinstance(value, bool | int | float | str | type(None)):
        return type(value).__name__, str(value) if isinstance(value, float) else value
    return type(value).__name__, id(value)
