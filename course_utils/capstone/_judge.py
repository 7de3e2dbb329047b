"""The judge: does the evidence point at this fault and no other, and is the script mended?"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from .. import seeding
from . import _mended
from ._casebook import current
from ._run import Run, ScriptError, Seen, run_script
from ._script import FAULTS, RATE_FAULT, decoy, written

CASE_SEEDS, HEALTHY_SEEDS, OTHER_SEEDS = (0, 1, 2), (0, 1, 2), (0,)
ROUNDING = 1e-5  # of the size of the numbers: less is no difference
# A number that shows the one may rightly show the other: without scaling, λmax is a thousand
# times larger, and so every rate is beyond 2/λmax.
RELATED = {RATE_FAULT: {"unscaled features"}}
HEALTHY = "healthy"
CURVES = ("train_loss", "held_out_loss", "train_accuracy", "held_out_accuracy")
DECOY = ("a healthy script with the same η but a smaller loss (`run.loss` is the script's "
         "own)")

Evidence = Callable[[Run], Any]


@dataclass(frozen=True)
class Ruling:
    """What the judge says.

    Attributes:
        ok: the case is solved.
        message: what is wrong, or what was reached.
        got, expected: shown beside it, or None.
    """

    ok: bool
    message: str
    got: Any = None
    expected: Any = None


@dataclass(frozen=True)
class Solved:
    """What the report tells of a solved case: evidence on it, on healthy runs, once mended."""

    letter: str
    fault: str
    evidence: Evidence
    on_case: tuple[float, ...]
    on_healthy: tuple[float, ...]
    on_mended: tuple[float, ...]


solved: dict[tuple[int, str], Solved] = {}  # by the book's seed and the letter


class _Refused(Exception):
    """Ends the judging with what is said."""


def judge(letter: str, answer: Callable[[], Any]) -> Ruling:
    """Judge an answer to a case of the current book.

    Args:
        letter: "A" to "E".
        answer: a function that returns (fault, evidence, mended): one of `FAULTS`; a function
            evidence(run) -> number; the mended script's text.
    Raises:
        whatever `answer` or the evidence raises, as it is.
    """
    try:
        return _judged(letter, answer())
    except _Refused as refused:
        return refused.args[0]


def _judged(letter: str, given: Any) -> Ruling:
    book = current()
    case, fault = book[letter], book.fault_in(letter)
    name, evidence, mended = _parts(given, case.script)
    case_runs = [runs_of(case.script, seed) for seed in CASE_SEEDS]
    on_case = _values(evidence, case_runs)
    on_healthy = _values(evidence, _panel(HEALTHY))
    above = _tells(letter, on_case, on_healthy)
    _singles_out(evidence, fault, on_case, above, chance(on_healthy))
    if _is_a_curves_end(on_case + on_healthy, case_runs + _panel(HEALTHY)):
        _refuse("That number is the end of a recorded curve (measured again, it is the same), and "
                "many things move it. Ask the run something that the curves do not show.",
                range_text(on_case))
    if name != fault:
        _refuse(_wrong_name(evidence, name, on_case))
    runs = _mended_runs(case.script, mended, fault)
    on_mended = _values(evidence, runs)
    if not _back(on_mended, on_case, on_healthy):
        _refuse("Fault and evidence fit, and the mended script learns; but your own evidence "
                "still shows the fault on it.", range_text(on_mended), f"as on healthy runs: "
                f"{range_text(on_healthy)}")
    _refuse_for(_mended.beyond_the_limit([_copied(run) for run in runs], fault))
    solved[book.seed, letter] = Solved(letter, fault, evidence, on_case, on_healthy, on_mended)
    return Ruling(True, f"It is \"{fault}\". Your evidence: {range_text(on_case)} on this case, "
                  f"{range_text(on_healthy)} on healthy runs, {range_text(on_mended)} once mended.")


def _mended_runs(script: str, mended: str, fault: str) -> list[Run]:
    """Runs of the mended script; refuses if it is not whole."""
    _refuse_for(_mended.not_the_case(script, mended))
    runs = []
    for seed in CASE_SEEDS:
        try:
            runs.append(runs_of(mended, seed))
        except ScriptError as error:
            _refuse(f"Fault and evidence fit. The mended script does not run: {error}")
        _refuse_for(_mended.by_other_means(runs[-1], fault))
    _refuse_for(_mended.not_whole(runs, _panel(HEALTHY)))
    return runs


def _refuse_for(problem: _mended.Problem | None) -> None:
    if problem:
        _refuse(f"Fault and evidence fit. {problem[0]}", *problem[1:])


# ---- what was handed in ------------------------------------------------------------------------


def _parts(given: Any, script: str) -> tuple[str, Evidence, str]:
    if not isinstance(given, list | tuple) or len(given) != 3:
        _refuse("Return three things: the fault, the evidence function and the mended script.",
                given if isinstance(given, str | int | float) else type(given).__name__,
                "fault, evidence, mended")
    name, evidence, mended = given
    if name is ... or evidence is ... or mended is ...:
        _refuse("A `...` is still left: the fault, the evidence or the mended script is missing.")
    if name not in FAULTS:
        _refuse("That is none of the faults; write one as it stands in `FAULTS`.", name,
                ", ".join(FAULTS))
    if isinstance(evidence, bool | int | float | str) or not callable(evidence):
        _refuse("The evidence is to be a function of a run, not its result: the judge computes "
                "it again, on this case and on others.", evidence if isinstance(
                    evidence, bool | int | float | str) else type(evidence).__name__,
                "evidence(run) -> a number")
    if not isinstance(mended, str):
        _refuse("The mended script is to be its text; the judge runs it.",
                type(mended).__name__, "str")
    if mended.split() == script.split():
        _refuse("The mended script is the case's script, unchanged. `.replace(old, new)` changes "
                "nothing where `old` is not found letter by letter.")
    return name, evidence, mended


def _values(evidence: Evidence, runs: list[Run]) -> tuple[float, ...]:
    """The evidence on copies of runs, so that it may change them."""
    return tuple(_number(evidence(_copied(run))) for run in runs)


def _copied(run: Run) -> Run:
    """Without its script: the text would tell a case from the others and prove nothing."""
    grads = [p.grad for p in run.net.parameters()]
    net, start = copy.deepcopy(run.net), copy.deepcopy(run.start)
    for parameter, grad in zip(net.parameters(), grads, strict=True):
        parameter.grad = None if grad is None else grad.clone()
    lists = {name: list(getattr(run, name)) for name in CURVES}
    tensors = {name: getattr(run, name).clone() for name in
               ("x_train", "label_train", "x_held", "label_held")}
    return replace(run, script="", _seen=Seen(), net=net, start=start, **lists, **tensors)


def _number(value: Any) -> float:
    if value is None:
        _refuse("Your evidence returns None: is the `return` missing, or its body still `...`?")
    try:
        one = value.item() if isinstance(value, Tensor | np.ndarray) else value
        if isinstance(one, str):  # "0.5" would do for float(), but nobody can compare it
            raise TypeError
        number = float(one)
    except (TypeError, ValueError, RuntimeError):
        _refuse("Your evidence has to return one number.", type(value).__name__, "a number")
    if not math.isfinite(number):
        _refuse("Your evidence is not a finite number on one of the runs.", number)
    return number


# ---- evidence ----------------------------------------------------------------------------------


@lru_cache(maxsize=128)
def _run_of(script: str, seed: int, course_seed: int) -> Run:
    return run_script(script, seed)


def runs_of(script: str, seed: int) -> Run:
    """A run of the script, kept: not to be changed."""
    return _run_of(script, seed, seeding.course_seed())


def _panel(kind: str) -> list[Run]:
    """Runs to compare with: healthy ones, or ones with a planted fault."""
    if kind == DECOY:
        return [runs_of(decoy(), seed) for seed in OTHER_SEEDS]
    seeds = HEALTHY_SEEDS if kind == HEALTHY else OTHER_SEEDS
    return [runs_of(written(None if kind == HEALTHY else kind), seed) for seed in seeds]


def _apart(one: tuple[float, ...], other: tuple[float, ...], above: bool,
           least: float = 0.0) -> bool:
    """Whether all of `one` lie above (or below) all of `other`, by more than `least` and rounding.

    A number of pure chance is the highest of all once in a while, but seldom by far.
    """
    least = max(least, ROUNDING * max(map(abs, one + other)))
    return min(one) - max(other) > least if above else min(other) - max(one) > least


def chance(on_healthy: tuple[float, ...]) -> float:
    """Half of how far healthy runs differ: a distance that chance alone makes often enough."""
    return (max(on_healthy) - min(on_healthy)) / 2


def _tells(letter: str, on_case: tuple, on_healthy: tuple) -> bool:
    """Whether the case lies above healthy runs; refuses if it does not lie apart."""
    for above in (True, False):
        if _apart(on_case, on_healthy, above, chance(on_healthy)):
            return above
    return _refuse(
        f"Your evidence does not show it: on healthy scripts it is {range_text(on_healthy)}, on "
        f"case {letter} {range_text(on_case)}. Whatever the fault is called, find a number that "
        "lies apart, and clearly so.",
        range_text(on_case), f"a range apart from {range_text(on_healthy)}")


def _singles_out(evidence: Evidence, fault: str, on_case: tuple, above: bool,
                 least: float) -> None:
    """Refuse if other faults show the same, or nearly: within `least`."""
    others = [other for other in FAULTS
              if other != fault and other not in RELATED.get(fault, ())]
    if fault in RELATED:
        others.append(DECOY)
    for other in others:
        values = _values(evidence, _panel(other))
        if not _apart(on_case, values, above, least):
            side = "high" if above else "low"
            script = other if other == DECOY else f'a script with "{other}"'
            _refuse(f"Your number says that something is wrong, not what: {script} gives "
                    f"{range_text(values)}, as {side} or nearly so. Find a number that only this "
                    "fault moves so.",
                    range_text(on_case), f"a range apart from {range_text(values)}")


def _is_a_curves_end(values: tuple[float, ...], runs: list[Run]) -> bool:
    """Whether the evidence is the last entry of one of the recorded lists, on every run."""
    return any(all(math.isclose(value, getattr(run, name)[-1], rel_tol=1e-6)
                   for value, run in zip(values, runs, strict=True)) for name in CURVES)


def _wrong_name(evidence: Evidence, name: str, on_case: tuple) -> str:
    values = _values(evidence, _panel(name))
    return (f"Your evidence does single this case out ({range_text(on_case)}), but not as "
            f"\"{name}\": a script with that fault gives {range_text(values)}. What does your "
            "number measure, and which fault moves it?")


def _back(on_mended: tuple, on_case: tuple, on_healthy: tuple) -> bool:
    """Whether every mended run lies beside the healthy ones: a quarter of the way at most."""
    above = min(on_case) > max(on_healthy)
    near, far = (max(on_healthy), min(on_case)) if above else (min(on_healthy), max(on_case))
    limit = near + (far - near) / 4
    return all(value < limit if above else value > limit for value in on_mended)


def range_text(values: tuple[float, ...]) -> str:
    """Lowest and highest, to three digits."""
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def _refuse(message: str, got: Any = None, expected: Any = None) -> Any:
    raise _Refused(Ruling(False, message, got, expected))
