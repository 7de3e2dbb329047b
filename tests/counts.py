"""How much is tested where: the table of tests/README.md (python -m tests.counts writes it)."""

import importlib
import re
from pathlib import Path

from course_utils.exercises import banks
from tests import faults
from tests.formulas import stated
from tools import chapters, matrix_rows

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- counts, made by python -m tests.counts -->\n", "<!-- end of counts -->\n"


def _files_in(folder: str) -> str:
    return f"{len(list((README.parent / folder).glob('test_*.py')))} files"


def _mutants(kind: str) -> int:
    tables = [importlib.import_module(f"tests.mutants.{name}") for name in banks.bank_names()]
    return sum(len(each) for table in tables for each in getattr(table, kind).values())


def table() -> str:
    """The rows: what is tested, where, how many."""
    every = chapters.notebooks()
    exercises = list(banks.exercises())
    listed = sum(len(exercise.mistakes) for exercise in exercises)
    formulas = sum(len(found) for path in every
                   for found in stated.displayed(chapters.number(path)).values())
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
        ("playgrounds in a real browser", "browser/", _files_in("browser")),
        ("other versions and surroundings", "`python course.py matrix`",
         f"{len(matrix_rows.ROWS)} rows"),
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
