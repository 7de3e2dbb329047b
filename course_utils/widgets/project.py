"""Chapter 13's open project: accuracies against a baseline, a result kept, a test set seen once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import nn

from ..cards import Card, code, escape, measured, paragraph
from ..figures import COLORS, STYLES
from ..paths import headless
from ..study import notice, record, recorded
from .playground import Playground

ROOM = 0.25  # of the accuracy axis, below the baseline


@dataclass(frozen=True)
class _Best:
    """The best result kept since the notebook was started, with its network."""

    code: str
    updates: int
    accuracy: float
    net: nn.Module


_best: dict[str, _Best] = {}  # by the playground's name
_seen: dict[str, dict[str, Any]] = {}  # what the test set said; in headless runs kept only here


def accuracy_picture(baseline: float, budget: int) -> Callable:
    """Accuracy on training and held-out rows while it trains, beside the baseline's.

    Args:
        baseline: held-out accuracy to beat, 0 … 1.
        budget: updates that a run may take.
    Returns:
        picture for one panel. What the training yields has "accuracies", a list of (update,
        training accuracy, held-out accuracy), the newest last.
    """

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        lines = [ax.plot([], [], label=name.replace("_", "-"), color=COLORS[name],
                         **STYLES[name])[0] for name in ("train", "held_out")]
        (now,) = ax.plot([], [], "o", color=COLORS["held_out"], markersize=6)
        ax.axhline(baseline, color=COLORS["reference"], label="baseline", **STYLES["reference"])
        ax.set(xlim=(0, budget), ylim=(max(0.0, baseline - ROOM), 1.01), xlabel="step",
               ylabel="accuracy", title="held-out accuracy")
        ax.legend(loc="lower right")

        def update(state: Mapping[str, Any]) -> str:
            steps, *accuracies = zip(*state["accuracies"], strict=True)
            for line, values in zip(lines, accuracies, strict=True):
                line.set_data(steps, values)
            held_out = accuracies[1][-1]
            now.set_data(steps[-1:], accuracies[1][-1:])
            ax.set_title(f"held-out {held_out:.1%}, baseline {baseline:.1%}")
            return against(held_out, baseline)

        return [*lines, now, ax.title], update

    return picture


def against(held_out: float, baseline: float) -> str:
    """A held-out accuracy beside the baseline's, in words."""
    return f"held-out accuracy {held_out:.1%}, {_apart(held_out, baseline)} the baseline"


def _apart(accuracy: float, other: float) -> str:
    """How far an accuracy lies from another: "1.5 points below", or "level with"."""
    points = 100 * (accuracy - other)
    if abs(points) < 0.05:
        return "level with"
    return f"{abs(points):.1f} points {'above' if points > 0 else 'below'}"


def keep_result(playground: Playground, baseline: float) -> Card:
    """Keep the present run if it is the best so far; the last expression of its cell.

    Kept with the progress: the settings string, the number of updates, the held-out accuracy.

    Args:
        playground: its training yields "accuracies" (see `accuracy_picture`) and "net".
        baseline: held-out accuracy to beat, 0 … 1.
    """
    name, run = playground._frame.name, playground.current
    if run.step < 1 or run.state is None:
        return _result("·", "nothing to keep yet", "Let the playground train, then run this cell.")
    if run.diverged or run.error is not None:
        return _result("✗", "not kept", "This run has stopped with an error: Reset, and another.")
    moved = [key for key, values in run.changes.items()
             if len(values) > 1 or values[-1] != run.settings[key]]
    if moved:
        return _result("✗", "not kept", f"{escape(', '.join(moved))} moved while it trained: the "
                       "settings string would not give this result again. Reset, and let it run "
                       "through.")
    accuracy = float(run.state["accuracies"][-1][2])
    earlier = _kept(name)
    if earlier is not None and earlier["accuracy"] > accuracy:
        told = (f"This run: {measured(f'{accuracy:.1%}')}. The best stays "
                f"{measured(format(earlier['accuracy'], '.1%'))} with {code(earlier['code'])}.")
        return _result("·", "the earlier result stays", told)
    best = _Best(playground.code, run.step, accuracy, copy.deepcopy(run.state["net"]).eval())
    _best[name] = best
    record("mission", f"{name}/best",
           {"code": best.code, "updates": best.updates, "accuracy": accuracy})
    beaten = accuracy > baseline
    body = (f"This run: {measured(against(accuracy, baseline))}, after "
            f"{measured(best.updates)} updates, with {code(best.code)}.")
    return _result("✓" if beaten else "✗", "baseline beaten" if beaten else "not beaten yet", body)


def look_once(playground: Playground, accuracy: Callable[[nn.Module], float]) -> Card:
    """Measure the kept result on the test set, the first time only; the last expression.

    Afterwards the cell shows what was seen then: a test set that is looked at again and again
    becomes a held-out set.

    Args:
        accuracy: accuracy(net) -> accuracy on the test set, 0 … 1; called at most once.
    """
    name = playground._frame.name
    seen = _seen.get(name) if headless() else recorded("mission", f"{name}/test")
    if seen is not None:
        return _test(seen, "looked at before")
    best = _best.get(name)
    if best is None:
        again = "" if _kept(name) is None else (
            f" Your best settings are {code(_kept(name)['code'])}: paste them into the field "
            "<em>settings</em>, run, and keep the result again.")
        return Card("test set", "·", "closed", "not looked at yet", paragraph(
            f"There is no kept result to measure.{again}"), "test set: closed")
    seen = {"code": best.code, "held_out": best.accuracy, "test": float(accuracy(best.net))}
    _seen[name] = seen
    record("mission", f"{name}/test", seen)
    return _test(seen, "looked at once")


def _kept(name: str) -> dict[str, Any] | None:
    """The best result so far: of this notebook, else of the progress file."""
    if name in _best:
        return {"code": _best[name].code, "accuracy": _best[name].accuracy}
    return recorded("mission", f"{name}/best")


def _result(sign: str, word: str, body: str) -> Card:
    return Card("project", sign, word, "held-out result", paragraph(body) + notice(),
                f"project: {'result' if headless() else word}")


def _test(seen: Mapping[str, Any], word: str) -> Card:
    test, held_out = seen["test"], seen["held_out"]
    body = (f"Test accuracy {measured(f'{test:.1%}')}, {measured(_apart(test, held_out))} "
            f"the held-out accuracy, {measured(f'{held_out:.1%}')}. Settings: "
            f"{code(seen['code'])}.")
    return Card("test set", "", word, "not to be chosen by", paragraph(body) + notice(),
                f"test set: {'looked at' if headless() else word}")
