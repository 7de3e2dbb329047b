"""Values and code, short enough to read on a card."""

from __future__ import annotations

import ast
import html
import inspect
import math
from typing import Any

import numpy as np
import torch

from ..cards import BLOCK
from .model import Exercise

_ROW, _ROWS, _ITEMS, _TEXT = 8, 5, 6, 160


def short(value: Any) -> str:
    """A value on one to five lines: numbers to five digits, large tensors in outline."""
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return _array(value.detach().cpu(), "tensor", tuple(value.shape), dtype)
    if isinstance(value, np.ndarray):
        return _array(value, "array", value.shape, str(value.dtype))
    if isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, int | float | np.number):
        return number_text(value)
    if isinstance(value, str):
        return _cut(repr(value))
    if type(value) in (list, tuple):
        items = [short(one) for one in value[:_ITEMS]]
        items += [f"… {len(value)} items"] if len(value) > _ITEMS else []
        left, right = "[]" if isinstance(value, list) else "()"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return left + ", ".join(items) + comma + right
    if type(value) is dict:
        items = [f"{key!r}: {short(one)}" for key, one in list(value.items())[:_ITEMS]]
        items += [f"… {len(value)} entries"] if len(value) > _ITEMS else []
        return "{" + ", ".join(items) + "}"
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return getattr(value, "__name__", "…")
    return _represented(value)


def kind_of(value: Any) -> str:
    """The type of a value in words, with its article."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    names = {
        bool: "a bool (True or False)", int: "a whole number (int)", float: "a number (float)",
        str: "a text (str)", list: "a list", tuple: "a tuple", dict: "a dict",
    }
    if type(value) in names:
        return names[type(value)]
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return f"an object of type {type(value).__name__}"


def number_text(number: Any, digits: int = 5) -> str:
    """A number to some significant digits; whole numbers in full."""
    number = number.item() if hasattr(number, "item") else number
    if isinstance(number, bool | int):
        return str(number)
    if isinstance(number, complex):
        return f"{number:.{digits}g}"
    text = f"{number:.{digits}g}"
    plain = math.isfinite(number) and not set(text) & set(".e")
    return text + ".0" if plain else text


def _array(values: Any, name: str, shape: tuple, dtype: str) -> str:
    about = f"shape {shape}, {dtype}"
    if math.prod(shape) == 0:
        return f"{name}, empty, {about}"
    sizes = zip(reversed(shape), (_ROW, _ROWS), strict=False)
    if len(shape) > 2 or any(size > limit for size, limit in sizes):
        return f"{name}, {about}: {_outline(values)}"
    return f"{name}({_nested(values.tolist())}), {about}"


def _nested(numbers: Any) -> str:
    if not isinstance(numbers, list):
        return number_text(numbers) if isinstance(numbers, int | float | complex) else repr(numbers)
    gap = ",\n        " if numbers and isinstance(numbers[0], list) else ", "
    return "[" + gap.join(_nested(one) for one in numbers) + "]"


def _outline(values: Any) -> str:
    flat = values.reshape(-1)
    first = ", ".join(number_text(one) for one in flat[:4].tolist() if not isinstance(one, str))
    if str(values.dtype).removeprefix("torch.")[:3] not in ("flo", "int", "uin"):
        return f"{first}, …"
    smallest, largest = number_text(values.min().item()), number_text(values.max().item())
    return f"{first}, … (from {smallest} to {largest})"


def _represented(value: Any) -> str:
    try:
        return _cut(" ".join(repr(value).split()))
    except Exception:  # a learner's __repr__ may fail
        return f"an object of type {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


# JupyterLab's own colours for code, and ones that are legible on white and on black elsewhere.
_COLOURS = {
    "Keyword": "var(--jp-mirror-editor-keyword-color, #2f8f2f)",
    "Name.Builtin": "var(--jp-mirror-editor-builtin-color, #2f8f2f)",
    "Name.Function": "var(--jp-mirror-editor-def-color, #4a7fd0)",
    "Name.Class": "var(--jp-mirror-editor-def-color, #4a7fd0)",
    "Literal.String": "var(--jp-mirror-editor-string-color, #c0504d)",
    "Literal.Number": "var(--jp-mirror-editor-number-color, #1f8f6b)",
    "Operator": "var(--jp-mirror-editor-operator-color, #a050d0)",
    "Comment": "var(--jp-mirror-editor-comment-color, #638080)",
}


def highlighted(source: str) -> str:
    """Python code as HTML, coloured for the page's theme."""
    from pygments.lexers import PythonLexer  # comes with IPython

    parts = []
    for token, text in PythonLexer().get_tokens(source.strip("\n") + "\n"):
        name = str(token).removeprefix("Token.")
        colour = next((c for start, c in _COLOURS.items() if name.startswith(start)), None)
        escaped = html.escape(text)
        parts.append(f'<span style="color:{colour}">{escaped}</span>' if colour else escaped)
    return f'<pre style="{BLOCK}white-space:pre;overflow-x:auto">{"".join(parts).rstrip()}</pre>'


def worked_text(exercise: Exercise) -> str:
    """The worked answer as a learner can paste it: no names that only the bank imports."""
    if exercise.worked:
        return exercise.worked()
    return _without_annotations(inspect.getsource(exercise.solution))


def _without_annotations(source: str) -> str:
    """`def f(x: Tensor) -> Tensor:` becomes `def f(x):`; all else stays, comments too."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]  # ast counts in bytes
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    spans = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.annotation:
            spans.append((starts[node.lineno - 1] + node.col_offset + len(node.arg.encode()),
                          starts[node.end_lineno - 1] + node.end_col_offset))
        if isinstance(node, ast.FunctionDef) and node.returns:
            end = starts[node.returns.end_lineno - 1] + node.returns.end_col_offset
            arrow = b"".join(lines).rindex(b"->", 0, end)
            spans.append((len(b"".join(lines)[:arrow].rstrip()), end))
    text = b"".join(lines)
    for begin, end in sorted(spans, reverse=True):
        text = text[:begin] + text[end:]
    return text.decode()
