"""Has the learner begun? Read from the code, since a forgotten `return` also gives None."""

from __future__ import annotations

import ast
import dis
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any


def is_untouched(answer: Any, stub: str = "") -> bool:
    """Whether `answer` is as handed out: a body of `...`, or the same code as in `stub`.

    A class is untouched if all functions that the stub leaves open still are.
    """
    if isinstance(answer, type):
        left_open, written = _methods(answer, stub)
        if _same_as_stub(answer, stub):
            return True
        return bool(left_open) and not written
    function = _function(answer)
    if function is None:
        return False
    return _is_open(function) or _same_body(function, _stub_functions(stub).get(""))


def unwritten_methods(answer: Any, stub: str = "") -> list[str]:
    """Names of a class's methods that are still `...`."""
    return _methods(answer, stub)[0] if isinstance(answer, type) else []


def stub_name(stub: str) -> str:
    """The name that the stub's cell checks: `f` in `check("id", f)`, else its last definition."""
    tree = ast.parse(stub)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == "check" and len(node.args) == 2
            and isinstance(node.args[1], ast.Name)
        ):
            return node.args[1].id
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    return names[-1] if names else ""


def _methods(answer: type, stub: str) -> tuple[list[str], list[str]]:
    """(still open, written): methods by name. With a stub, only those that it leaves open."""
    asked = {name for name, node in _stub_functions(stub).items() if name and _is_open_body(node)}
    left_open, written = [], []
    for name, function in _own_functions(answer):
        if asked and name not in asked:
            continue
        (left_open if _is_open(function) else written).append(name)
    return left_open, written


def _same_as_stub(answer: type, stub: str) -> bool:
    given = {name: node for name, node in _stub_functions(stub).items() if name}
    own = dict(_own_functions(answer))
    return bool(given) and set(own) == set(given) and all(
        _same_body(own[name], node) for name, node in given.items()
    )


def _own_functions(answer: type) -> Iterator[tuple[str, FunctionType]]:
    for name, value in vars(answer).items():
        value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        # what a decorator such as @dataclass wrote is not the learner's
        if isinstance(value, FunctionType) and value.__code__.co_filename != "<string>":
            yield name, value


def _function(answer: Any) -> FunctionType | None:
    answer = inspect.unwrap(answer) if callable(answer) else answer
    is_def = isinstance(answer, FunctionType) and answer.__name__ != "<lambda>"
    return answer if is_def else None


def _stub_functions(stub: str) -> dict[str, ast.FunctionDef]:
    """Functions of the stub: the checked function as "", or the checked class's by name."""
    if not stub.strip():
        return {}
    wanted = stub_name(stub)
    for node in ast.parse(stub).body:
        if isinstance(node, ast.FunctionDef) and node.name == wanted:
            return {"": node}
        if isinstance(node, ast.ClassDef) and node.name == wanted:
            return {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    return {}


def _is_open(function: FunctionType) -> bool:
    node = _definition(function)
    return _is_open_code(function.__code__) if node is None else _is_open_body(node)


def _same_body(function: Callable, stub: ast.FunctionDef | None) -> bool:
    node = _definition(function)
    return None not in (node, stub) and _dump(node) == _dump(stub)


def _definition(function: Callable) -> ast.FunctionDef | None:
    """The `def` of a function, if its source can be found; notebooks keep it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, ast.FunctionDef) else None


def _dump(node: ast.FunctionDef) -> list[str]:
    return [ast.dump(line) for line in _body(node)]


def _body(node: ast.FunctionDef) -> list[ast.stmt]:
    """The statements without the docstring."""
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.body[1:] if is_text and isinstance(first.value.value, str) else node.body


def _is_open_body(node: ast.FunctionDef) -> bool:
    return all(
        isinstance(line, ast.Pass)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        or (isinstance(line, ast.Raise) and "NotImplementedError" in ast.dump(line))
        for line in _body(node)
    )


_IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


def _is_open_code(code: CodeType) -> bool:
    """Without a source: the code does what a body of `...` does, nothing."""
    return all(
        one.opname in _IDLE and ("CONST" not in one.opname or one.argval is None)
        for one in dis.get_instructions(code)
    )
