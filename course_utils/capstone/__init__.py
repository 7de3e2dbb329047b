"""The capstone: five training scripts with a fault each, and a judge for what is said about them.

What a fault looks like in a script stands in `_script.py`, which case has which in `_casebook.py`,
how each is found in `_worked.py`: reading them gives the answers away.

>>> book = draw_faults()
>>> run_script(book["A"].script)
Run: 150 updates, 25 epochs, seed 0
"""

from ._casebook import LETTERS, Case, Casebook, current, draw_faults
from ._judge import Ruling, judge
from ._report import report
from ._run import EPOCHS, UPDATES, Run, ScriptError, load, run_script
from ._script import FAULTS, written
from ._worked import worked, worked_text

__all__ = ["EPOCHS", "FAULTS", "LETTERS", "UPDATES", "Case", "Casebook", "Ruling", "Run",
           "ScriptError", "current", "draw_faults", "healthy_script", "judge", "load",
           "planted_script", "report", "run_script", "worked", "worked_text"]


def healthy_script() -> str:
    """The script without a fault."""
    return written(None)


def planted_script(fault: str) -> str:
    """The script with this fault, in plain wording: to see what the fault does to the curves.

    Raises:
        ValueError: `fault` is none of `FAULTS`.
    """
    if fault not in FAULTS:
        raise ValueError(f"{fault!r} is none of the faults: {', '.join(FAULTS)}")
    return written(fault)
