"""How much is tested where: the table of tests/README.md (python -m tests.counts writes it)."""

import ast
import importlib
import json
import re
from pathlib import Path

from course_utils.exercises import banks
from tests import faults
from tests.chapter import Chapter
from tests.formulas import stated
from tools import chapters, matrix, matrix_rows

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- counts, made by python -m tests.counts -->\n", "<!-- end of counts -->\n"


def _files_in(folder: str) -> str:
    return f"{len(list((README.parent / folder).glob('test_*.py')))} files"


def _mutants(kind: str) -> int:
    tables = [importlib.import_module(f"tests.mutants.{name}") for name in banks.bank_names()]
    return sum(len(each) for table in tables for each in getattr(table, kind).values())


def playgrounds() -> dict[str, bool]:
    """`02/live-playground` → whether the chapter's browser test opens it, for all of the course.

    Such a file names at its top, in a constant, a piece of the source of each cell that it opens.
    """
    found = {}
    for path in chapters.notebooks():
        chapter = Chapter(chapters.number(path))
        test = README.parent / "browser" / f"test_chapter_{chapter.number}.py"
        named = _constants(test) if test.exists() else []
        found |= {f"{chapter.number}/{id}": any(text in chapter.code[id].source for text in named)
                  for id in chapter.tagged("playground")}
    return found


def _constants(file: Path) -> list[str]:
    """Texts in the assignments at the top of a file."""
    assigned = [node.value for node in ast.parse(file.read_text(encoding="utf-8")).body
                if isinstance(node, ast.Assign)]
    return [node.value for value in assigned for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _stored_rows() -> int:
    """Rows of the matrix that were tried, with the result stored."""
    records = json.loads(matrix.RESULTS.read_text(encoding="utf-8"))
    return sum(records[name]["result"] != matrix_rows.NOT_TRIED
               for name in matrix_rows.ROWS if name in records)


def table() -> str:
    """The rows: what is tested, where, how many."""
    every = chapters.notebooks()
    exercises = list(banks.exercises())
    listed = sum(len(exercise.mistakes) for exercise in exercises)
    formulas = sum(len(found) for path in every
                   for found in stated.displayed(chapters.number(path)).values())
    opened = playgrounds().values()
    rows = [
        ("chapters as a learner gets them, both stacks", "nbval", f"{len(every)} chapters"),
        ("chapters with every exercise solved", "solved/", f"{len(every)} chapters"),
        ("wrong answers that every check rejects", "mutants/, test_mutants.py",
         f"{_mutants('WRONG')} for {len(exercises)} exercises"),
        ("typical mistakes, each with its own message", "test_exercises.py", str(listed)),
        ("right answers in other styles that are accepted", "mutants/, test_mutants.py",
         str(_mutants("RIGHT"))),
        ("displayed formulas, evaluated independently", "formulas/", str(formulas)),
        ("faults: disk, data, kernel, memory, page, server", "faults/",
         f"{len(re.findall(r'(?m)^[|] (?!fault |---)', faults.__doc__))}"),
        ("accessibility: words, keyboard, contrast, greyscale", "access/, browser/",
         _files_in("access")),
        ("playgrounds in a real browser", "browser/", f"{sum(opened)} of {len(opened)}"),
        ("other versions and surroundings", "`python course.py matrix`",
         f"{_stored_rows()} of {len(matrix_rows.ROWS)} rows have a stored result"),
        ("the modules themselves", "test_*.py", _files_in(".")),
    ]
    return "\n".join(["| what | where | how many |", "|---|---|---|",
                      *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    README.write_text(before + BEGIN + table() + END + rest.split(END)[1], encoding="utf-8",
                      newline="\n")
    print(table())


if __name__ == "__main__":
    main()
