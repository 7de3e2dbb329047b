"""A stored chapter as its tests see it: its cells, and the names that its code defines."""

import ast
from types import SimpleNamespace

import torch

from course_utils import paths
from tools import canonical


class Chapter:
    """A notebook of the course, by its number.

    Attributes:
        path: the file.
        cells: id -> cell, in order.
        code: id -> code cell, in order.
        imports: id of the cell with the imports.
        prose: the text of all markdown cells.
    """

    def __init__(self, number):
        (self.path,) = paths.notebooks_dir().glob(f"{number}_*.ipynb")
        self.number = number
        self.cells = {cell.id: cell for cell in canonical.read(self.path).cells}
        self.code = {id: cell for id, cell in self.cells.items() if cell.cell_type == "code"}
        self.imports = next(id for id in self.code if id.endswith("imports"))
        self.prose = " ".join(cell.source for cell in self.cells.values()
                              if cell.cell_type == "markdown")

    def names(self, run, between=None, **more):
        """Names of the chapter: all its imports, functions and classes, and what `run` defines.

        Args:
            run: ids of cells that are run as they stand, in this order; of the others only
                functions and classes are taken.
            between: between(id, names), called before the last statement of each cell of `run`.
            more: names that the cells need and other cells would define.
        Returns:
            the names as attributes; `shown` holds what each cell of `run` displayed last, by id.
        """
        names = {"display": lambda shown: None, "shown": {}, **more}   # defaults may need `more`
        exec(self.code[self.imports].source, names)
        for id, cell in self.code.items():
            if id not in ("bootstrap", self.imports):
                for node in ast.parse(cell.source).body:
                    if isinstance(node, ast.FunctionDef | ast.ClassDef):
                        self._execute(node, names)
        names |= more
        for id in run:
            *body, last = ast.parse(self.code[id].source).body
            for node in body:
                self._execute(node, names)
            if between is not None:
                between(id, names)
            if isinstance(last, ast.Expr):
                names["shown"][id] = eval(compile(ast.Expression(last.value), id, "eval"), names)
            else:
                self._execute(last, names)
        return SimpleNamespace(**names)

    def calls(self, function):
        """(first argument, position of the cell) of every call of a function by its name."""
        found = []
        for position, cell in enumerate(self.code.values()):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
                    found.append((ast.unparse(node.args[0]) if node.args else "", position))
        return found

    def tagged(self, tag):
        """Ids of the code cells with a tag."""
        return [id for id, cell in self.code.items() if tag in cell.metadata.get("tags", [])]

    def _execute(self, node, names):
        exec(compile(ast.Module([node], []), f"<chapter {self.number}>", "exec"), names)


def assert_seen(playground, moves, steps=25):
    """Moving these controls changes the picture of a short run, and its alternative text."""
    start = dict(playground.settings)

    def picture():
        playground.reset()
        playground.run_now(steps)
        return playground._live.png(), playground.alt

    before = picture()
    playground.move(**moves)
    after = picture()
    assert after[0] != before[0] and after[1] != before[1]
    playground.move(**start)


def assert_follows(explorer, moves):
    """Moving these controls changes the picture and its alternative text; then all go back."""
    start = {name: explorer.settings[name] for name in explorer._frame.controls}
    before = explorer._live.png(), explorer.alt
    explorer.move(**moves)
    assert explorer._live.png() != before[0] and explorer.alt != before[1], moves
    explorer.move(**start)


def missions(chapter, cell):
    """Goals of the playground that a cell showed; none is reached before anything was moved.

    Args:
        chapter: what `Chapter.names` gave.
    """
    frame = chapter.shown[cell]._frame
    assert frame.missions and not frame._reached, "a mission is done before anything was moved"
    return [mission.goal for mission in frame.missions]


def draw(*shape, number=0):
    """Standard normal numbers in float64; `number` is their seed."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
