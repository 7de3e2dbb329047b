"""Does an answer do what the exercise asks? If not: what to tell the learner."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from .compare import difference
from .model import Case, Exercise, Verdict
from .outcomes import Outcome, call, functions_called, line_of, same_randomness
from .show import kind_of, short
from .stubs import is_untouched, unwritten_methods

_SWITCHED = {
    "gradients": "Your code leaves torch's gradients switched off, so that nothing could be "
                 "trained after it. After `with torch.no_grad():` they are on again by themselves.",
    "dtype": "Your code leaves torch with another default dtype: all that is made after it would "
             "have that dtype, too. Give `dtype=…` to the tensors that need it.",
}


@dataclass(frozen=True)
class Finding:
    """What was found out about an answer; texts are plain, "" where there is nothing to say.

    Attributes:
        state: "passed", "failed" or "not tried".
        message: what was wrong, or what was reached.
        note: which input it happened on, in words.
        given, got, expected: values, shortened.
        line: the line of the learner's code that raised.
        printed: what their code printed on that input.
        warned: what PyTorch or NumPy warned of.
        mistake: name of the recognised mistake.
    """

    state: str
    message: str = ""
    note: str = ""
    given: str = ""
    got: str = ""
    expected: str = ""
    line: str = ""
    printed: str = ""
    warned: str = ""
    mistake: str = ""

    @property
    def passed(self) -> bool:
        return self.state == "passed"


def examine(exercise: Exercise, answer: Any) -> Finding:
    """Try an answer on everything the exercise has.

    Whatever the learner's code raises becomes part of the finding, a KeyboardInterrupt excepted.
    What the bank's own code raises passes through: that is a fault of the course.
    """
    wrong_kind = _wrong_kind(exercise, answer)
    if wrong_kind:
        return Finding("failed", wrong_kind)
    if is_untouched(answer, exercise.stub):
        return Finding("not tried")
    unwritten = unwritten_methods(answer, exercise.stub)
    if unwritten:
        return Finding("failed", f"Still to write: {', '.join(unwritten)}.")
    return _judge(exercise, answer) if exercise.judge else _compare(exercise, answer)


def _wrong_kind(exercise: Exercise, answer: Any) -> str:
    wants_class = isinstance(exercise.solution, type)
    name = exercise.solution.__name__
    if callable(answer) and (isinstance(answer, type) or not wants_class):
        return ""
    what = "class" if wants_class else "function"
    return (f'Hand over the {what} itself: check("{exercise.id}", {name}), without brackets '
            f"after its name. This is {kind_of(answer)}.")


# ---- output by output -----------------------------------------------------------------------


def _compare(exercise: Exercise, answer: Callable) -> Finding:
    with same_randomness():
        cases = exercise.cases()
    outcomes, first = [], None
    for case in cases:
        outcomes.append(call(answer, case.args))
        first = first or _fault(exercise, answer, case, outcomes[-1])
    first = first or _ruled_out(exercise, answer, cases)
    if first is None:
        notes = "; ".join(dict.fromkeys(case.note for case in cases if case.note))
        return Finding("passed", f"Right on all {len(cases)} inputs{': ' if notes else ''}{notes}.")
    for mistake in exercise.mistakes:
        alike = (_alike(case, call(mistake.answer, case.args), outcome, exercise.tolerance)
                 for case, outcome in zip(cases, outcomes, strict=True))
        if all(alike):
            return replace(first, message=mistake.message, mistake=mistake.name)
    return first


def _ruled_out(exercise: Exercise, answer: Callable, cases: list[Case]) -> Finding | None:
    """The answer is right, but by means of a function that it was to do without."""
    for case in cases if exercise.forbidden else ():
        used = functions_called(answer, case.args) & set(exercise.forbidden)
        if used:
            names = " and ".join(f"`{name}`" for name in sorted(used))
            return Finding("failed", f"The result is right, but your code uses {names}, itself or "
                           "through another function, and the exercise is to do without.",
                           note=case.note)
    return None


def _fault(exercise: Exercise, answer: Callable, case: Case, outcome: Outcome) -> Finding | None:
    """What is wrong with this outcome, or None."""
    reference = call(exercise.oracle or exercise.solution, case.args)
    if case.raises:
        return _not_raised(exercise, case, outcome)
    if reference.error:
        raise reference.error  # the course's own fault, not the learner's
    shown = {
        "state": "failed", "note": case.note, "given": _given(exercise, case.args),
        "expected": short(reference.value), "printed": _tail(outcome.printed),
        "warned": _tail("\n".join(outcome.warned)),
    }
    if outcome.error:
        message = _signature(exercise, answer, case.args) or f"Your code raised {_named(outcome)}"
        return Finding(**shown, message=message, line=_line(outcome.error))
    shown["got"] = short(outcome.value)
    problem = difference(outcome.value, reference.value, exercise.tolerance)
    if problem:
        return Finding(**shown, message=problem)
    if outcome.changed and not exercise.in_place:
        names = " and ".join(_names(exercise, len(case.args))[i] for i in outcome.changed)
        instead = _instead([case.args[i] for i in outcome.changed])
        return Finding(**shown, message=(
            f"The result is right, but your code also changes its input {names}. Whoever calls it "
            f"still needs that as it was: {instead}."))
    if outcome.switched:
        return Finding(**shown, message=_SWITCHED[outcome.switched[0]])
    return None


def _instead(changed: list) -> str:
    """How to leave inputs as they were."""
    if not all(isinstance(one, list) for one in changed):
        return "work on a new tensor (`x = x - 1`, not `x -= 1`)"
    if any(isinstance(item, list | torch.Tensor) for one in changed for item in one):
        return "make a new list, and new items for it (`t - 1`, not `t -= 1`)"
    return "work on a copy (`x = list(x)`)"


def _not_raised(exercise: Exercise, case: Case, outcome: Outcome) -> Finding | None:
    if isinstance(outcome.error, case.raises):
        return None
    name = case.raises.__name__
    shown = {
        "state": "failed", "note": case.note, "given": _given(exercise, case.args),
        "expected": f"raise {name}", "printed": _tail(outcome.printed),
    }
    if outcome.error:
        return Finding(**shown, message=f"Your code raised {_named(outcome)}; {name} is expected.",
                       line=_line(outcome.error))
    return Finding(**shown, message=f"This input is to be refused with a {name}.",
                   got=short(outcome.value))


def _alike(case: Case, mistaken: Outcome, outcome: Outcome, tolerance: Any) -> bool:
    if case.raises and all(isinstance(one.error, case.raises) for one in (mistaken, outcome)):
        return True  # both refuse what is to be refused; the words are the learner's own
    if mistaken.error or outcome.error:
        return _cause(mistaken.error) == _cause(outcome.error)
    if not set(mistaken.changed) <= set(outcome.changed):
        return False  # its message may be about the input that it changes
    return difference(outcome.value, mistaken.value, tolerance) is None


def _cause(error: Exception | None) -> Any:
    """Type and message, without the name of the function that a TypeError begins with."""
    return error and (type(error), str(error).partition("() ")[2] or str(error))


# ---- with a judge ---------------------------------------------------------------------------


def _judge(exercise: Exercise, answer: Any) -> Finding:
    outcome = call(exercise.judge, (answer,))
    if outcome.switched:  # what the judge found may come from that alone
        return Finding("failed", _SWITCHED[outcome.switched[0]])
    if outcome.error:
        line = _line(outcome.error)
        whose = "Your code raised" if line else "The check could not use your code:"
        return _recognised(exercise, outcome, Finding(
            "failed", f"{whose} {_named(outcome)}", line=line, printed=_tail(outcome.printed)))
    verdict = outcome.value
    if not isinstance(verdict, Verdict):
        raise TypeError(f"the judge of {exercise.id!r} returned {kind_of(verdict)}, not a Verdict")
    finding = Finding(
        "passed" if verdict.ok else "failed", verdict.message, given=_shown(verdict.given),
        got=_shown(verdict.got), expected=_shown(verdict.expected),
        printed="" if verdict.ok else _tail(outcome.printed),
        warned="" if verdict.ok else _tail("\n".join(outcome.warned)),
    )
    return finding if verdict.ok else _recognised(exercise, outcome, finding)


def _recognised(exercise: Exercise, outcome: Outcome, finding: Finding) -> Finding:
    for mistake in exercise.mistakes:
        if _said(call(exercise.judge, (mistake.answer,))) == _said(outcome):
            return replace(finding, message=mistake.message, mistake=mistake.name)
    return finding


def _said(outcome: Outcome) -> Any:
    """What a judge said, for comparing."""
    if outcome.error:
        return _cause(outcome.error)
    verdict = outcome.value
    return verdict.ok, verdict.message, _shown(verdict.given), _shown(verdict.got)


# ---- texts ----------------------------------------------------------------------------------


def _signature(exercise: Exercise, answer: Callable, args: tuple) -> str:
    """What to say if the answer cannot be called with these arguments at all."""
    try:
        inspect.signature(answer).bind(*args)
    except TypeError:
        asked = ", ".join(_names(exercise, len(args)))
        takes = ", ".join(inspect.signature(answer).parameters) or "nothing"
        return f"Your function takes ({takes}); it is called with ({asked})."
    except ValueError:  # built-in functions may have no signature
        pass
    return ""


def _names(exercise: Exercise, count: int) -> list[str]:
    names = list(inspect.signature(exercise.solution).parameters)[:count]
    return names + [f"input {i + 1}" for i in range(len(names), count)]


def _given(exercise: Exercise, args: tuple) -> str:
    named = zip(_names(exercise, len(args)), args, strict=True)
    return "\n".join(f"{name} = {short(value)}" for name, value in named)


def _shown(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else short(value)


def _named(outcome: Outcome) -> str:
    text = " ".join(str(outcome.error).split())
    text = text if len(text) <= 300 else text[:299] + "…"
    return f"{type(outcome.error).__name__}: {text}" if text else type(outcome.error).__name__


def _line(error: Exception) -> str:
    found = line_of(error)
    return f"line {found[0]}: {found[1]}" if found else ""


def _tail(text: str, lines: int = 6, width: int = 200) -> str:
    kept = text.strip().splitlines()
    cut = ["…"] if len(kept) > lines else []
    return "\n".join(line[:width] for line in cut + kept[-lines:])
