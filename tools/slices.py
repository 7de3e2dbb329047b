"""Which statements of a notebook a cell needs: a walk backwards over the names that it reads.

Nothing is run. A statement is needed if it binds, or visibly changes, a name that a needed
statement reads. Names read inside a function count as read when the cell itself runs, for the
function looks them up when it is called. When in doubt a statement is kept: too much costs a
moment, too little an error. A change hidden in a function of another module is not seen; the tests
compare what a sliced playground says with what the whole chapter says.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Calls whose first arguments are no longer what they were: they train, in place.
TRAINS = {"fit", "train", "backward"}
STEPS = {"step", "backward"}                    # methods that change what a network's names hold
COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
GIVEN = {*dir(builtins), "display", "get_ipython", "__name__"}
MAYBE = ast.While | ast.If | ast.Try            # a loop over something is taken to run


@dataclass
class Statement:
    """A statement at the top of a cell.

    Attributes:
        cell: id of its cell.
        node: the statement.
        binds: names that it gives a value.
        changes: names whose value it changes in place.
        reads: names that it reads when it runs.
        later: names that functions in it read when they are called.
    """

    cell: str
    node: ast.stmt
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)


def needed(cells: Mapping[str, str], targets: Iterable[str],
           must_be_bound: bool = True) -> dict[str, list[ast.stmt]]:
    """The statements that the cells `targets` need, by cell, in order; the targets are whole.

    Args:
        cells: id -> source of every code cell that may be run, in order.
        targets: ids of the cells that are wanted.
        must_be_bound: see `_walk`.
    Raises:
        KeyError: a target is not among the cells.
        NameError: a target reads a name that no cell before it binds; the message names both.
    """
    statements, kept = _statements(cells), set()
    for target in targets:
        own = [i for i, each in enumerate(statements) if each.cell == target]
        if not own:
            raise KeyError(f"there is no cell {target!r} to run")
        kept |= _walk(statements, own, must_be_bound)
    found: dict[str, list[ast.stmt]] = {}
    for i in sorted(kept):
        found.setdefault(statements[i].cell, []).append(statements[i].node)
    return found


def depending(cells: Mapping[str, str], sources: Iterable[str]) -> list[str]:
    """Ids of the cells that need one of the cells `sources`, these included, in order.

    Args:
        cells: id -> source of every code cell that may be run, in order.
    """
    statements, sources = _statements(cells), set(sources)

    def need(id: str) -> set[str]:
        own = [i for i, each in enumerate(statements) if each.cell == id]
        return {statements[i].cell for i in _walk(statements, own, must_be_bound=False)}

    return [id for id in cells if id in sources or need(id) & sources]


def _statements(cells: Mapping[str, str]) -> list[Statement]:
    trainers = set(TRAINS)
    return [_look(id, node, trainers) for id, source in cells.items()
            for node in ast.parse(source).body]


def _walk(statements: list[Statement], own: list[int], must_be_bound: bool = True) -> set[int]:
    """Positions of the statements `own` and of all that they need.

    Args:
        must_be_bound: whether a name that nothing before binds is an error; else it is one that
            a function finds later.
    """
    end, kept, pending = max(own, default=0) + 1, set(), list(own)
    while pending:
        position = pending.pop()
        if position in kept:
            continue
        kept.add(position)
        statement = statements[position]
        wanted = [(name, position) for name in statement.reads]
        wanted += [(name, end) for name in statement.later - statement.reads]
        for name, before in wanted:
            makers = _makers(statements, name, before)
            if (must_be_bound and not makers and name not in statement.binds
                    and name not in GIVEN):
                raise NameError(f"cell {statement.cell!r} reads {name!r}, which no cell before it "
                                "binds")
            pending += makers
    return kept


def _makers(statements: list[Statement], name: str, before: int) -> list[int]:
    """The last statement before a position that binds `name`, and those that change it since."""
    makers: list[int] = []
    for position in range(before - 1, -1, -1):
        statement = statements[position]
        if name in statement.changes or name in statement.binds:
            makers.append(position)
        if name in statement.binds and not isinstance(statement.node, MAYBE):
            break
    return makers


def _look(cell: str, node: ast.stmt, trainers: set[str]) -> Statement:
    """What a statement binds, changes and reads; adds a function that trains to `trainers`."""
    seen = Statement(cell, node)
    scope = symtable.symtable(ast.unparse(node), cell, "exec")
    for symbol in scope.get_symbols():
        if symbol.is_referenced():
            seen.reads.add(symbol.get_name())
        if symbol.is_assigned() or symbol.is_imported():
            seen.binds.add(symbol.get_name())
    own, read = _in_comprehensions(node)        # from Python 3.12 on they are inlined
    seen.binds -= own
    seen.reads = seen.reads - own | read
    _look_inside(scope, seen, called_later=False)
    if isinstance(node, ast.For):               # its own variable, unless it loops over that
        seen.reads -= _names(node.target, ast.Store) - _names(node.iter, ast.Load)
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):    # x += 1 reads x as well
        seen.reads |= {part.target.id for part in ast.walk(node)
                       if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name)}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):    # changes nothing before it is called
        if any(_method(call) in STEPS or _called(call) in trainers for call in _calls(node)):
            trainers.add(node.name)
    else:
        seen.changes = _changed(node, trainers)
    return seen


def _in_comprehensions(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Of a statement's comprehensions: variables whose names stand nowhere else; names they read.

    What is read inside a function is not told: its names may be the function's own.
    """
    variables: set[str] = set()
    inside: set[ast.AST] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            variables |= {name for loop in part.generators
                          for name in _names(loop.target, ast.Store)}
            inside |= {*ast.walk(part)} - {*ast.walk(part.generators[0].iter)}
    named = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = variables - {part.id for part in named if part not in inside}
    functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    hidden = {below for part in ast.walk(node) if isinstance(part, functions)
              for below in ast.walk(part)}
    return own, {part.id for part in named if part in inside and part not in hidden} - variables


def _look_inside(scope: symtable.SymbolTable, seen: Statement, called_later: bool) -> None:
    """Names of the module that functions, classes and comprehensions in `scope` read."""
    for inner in scope.get_children():
        at_once = inner.get_type() == "class" or inner.get_name() in COMPREHENSIONS
        later = called_later or not at_once
        names = {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
        (seen.later if later else seen.reads).update(names)
        _look_inside(inner, seen, later)


def _changed(node: ast.stmt, trainers: set[str]) -> set[str]:
    """Names that a statement changes in place, as far as one can see."""
    changed: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            changed |= _bases(t for t in targets if not isinstance(t, ast.Name))
        elif isinstance(part, ast.Expr) and _method(part.value):
            changed |= _bases([part.value.func])
    for call in _calls(node):
        if _called(call) in trainers:
            changed |= {a.id for a in [*call.args, *(k.value for k in call.keywords)]
                        if isinstance(a, ast.Name)}
    if any(_method(call) in STEPS for call in _calls(node)):
        changed |= _names(node, ast.Load)
    return changed


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Names that are read (ast.Load) or given a value (ast.Store) in `node`."""
    return {part.id for part in ast.walk(node)
            if isinstance(part, ast.Name) and isinstance(part.ctx, context)}


def _calls(node: ast.AST) -> list[ast.Call]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Call)]


def _called(call: ast.Call) -> str:
    """Name of the function that is called by its name, or nothing."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _method(node: ast.AST) -> str:
    """Name of the method that is called, or nothing."""
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return node.func.attr if is_method else ""


def _bases(targets: Iterable[ast.AST]) -> set[str]:
    """`a` of a[0], a.b and a.b[0].c; of a tuple, each."""
    found: set[str] = set()
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            found |= _bases(t for t in target.elts if not isinstance(t, ast.Name))
            continue
        while isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
            target = target.value
        if isinstance(target, ast.Name):
            found.add(target.id)
    return found
