"""Chapter 06's races: update rules from one start, on a surface or in a network, side by side.

The rules are the learner's: `rule(theta, grad, state, step, *, lr, …) -> new theta`, as in sweeps.
Here stand the bookkeeping (who is out, whose hyperparameters) and the pictures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import Tensor

from ..figures import COLORS
from ..surfaces import draw_surface

Rule = Callable[..., Tensor]
Hyper = Callable[[str], Mapping[str, Any]]
Updater = Callable[[Any], str]

YOURS = "yours"
FAR = 1e6  # a loss that many times the start's (or more) puts a rule out of the race
MAP_POINTS = 81  # heights per side of a map
DRAWN = 1_000  # places of a path that are drawn at most
_BLUE, _RED = COLORS["train"], COLORS["held_out"]
# Green and purple are left out: on a map they mean minima and saddles. No map of a race has maxima.
_SKY, _, _, _ORANGE, _WINE = COLORS["extra"]
_LONG, _TWO_DOTS = (0, (9, 2)), (0, (6, 1, 1, 1, 1, 1))
_LOOKS = (
    (_BLUE, "-"), (_RED, "--"), (_SKY, _TWO_DOTS), (_ORANGE, "-."), (_WINE, ":"), (_RED, _LONG),
)  # fmt: skip


def looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and line style of each rule, the same in every picture; "yours" is black.

    Raises:
        ValueError: more rules than can be told apart.
    """
    order = [name for name in names if name != YOURS]
    if len(order) > len(_LOOKS):
        raise ValueError(f"a race has at most {len(_LOOKS)} rules beside {YOURS!r}; "
                         f"it got {len(order)}")  # fmt: skip
    found = {name: {"color": color, "linestyle": style, "linewidth": 1.8}
             for name, (color, style) in zip(order, _LOOKS, strict=False)}  # fmt: skip
    if YOURS in names:
        found[YOURS] = {"color": COLORS["yours"], "linestyle": "-", "linewidth": 2.4}
    return found


def race(
    rules: Mapping[str, Rule], f: Callable[[Tensor], Tensor], start: Tensor, hyper: Hyper
) -> Iterator[dict[str, Any]]:
    """Every rule takes one step a turn, all from `start`; without end.

    Args:
        rules: name → rule(theta, grad, state, step, *, lr, …) -> new theta.
        f: the loss of parameters (P,), shape (); made of torch operations.
        start: (P,).
        hyper: hyper(name) -> hyperparameters of that rule, asked at every step; the rule gets those
            that it names.
    Yields:
        each rule's loss under its name; "thetas": name → (P,); "places": name → all thetas so far,
        where there are two parameters to draw; "out": name → the step at which it was taken out. A
        rule is out when its place or loss is not finite, or its loss is a million times the
        start's: it stays where it was before that step.
    Raises:
        ValueError: no rule, or a rule returns another shape.
    """
    if not rules:
        raise ValueError("a race needs at least one rule")
    racers = {name: Racer(name, rule, f, start) for name, rule in rules.items()}
    step = 0
    while True:
        yield {
            **{name: one.loss for name, one in racers.items()},
            "thetas": {name: one.theta for name, one in racers.items()},
            "places": {name: one.places for name, one in racers.items() if len(start) == 2},
            "out": {name: one.out for name, one in racers.items() if one.out is not None},
        }
        for name, one in racers.items():
            if one.out is None:
                one.move(step, hyper(name))
        step += 1


class Racer:
    """One rule on its way: where it stands, what it remembers, whether it is out."""

    def __init__(self, name: str, rule: Rule, f: Callable[[Tensor], Tensor], start: Tensor):
        self.theta = start.detach()
        self.loss, self._gradient = loss_and_slope(f, self.theta)
        self.places = [self.theta]
        self.out: int | None = None
        self._name, self._rule, self._f = name, rule, f
        self._limit = FAR * max(1.0, abs(self.loss))
        self._takes = tuple(inspect.signature(rule).parameters)[4:]
        self._state: dict[str, Any] = {}

    def move(self, step: int, hyper: Mapping[str, Any]) -> None:
        """One step, or out of the race.

        Raises:
            ValueError: the rule returned another shape.
        """
        given = {key: value for key, value in hyper.items() if key in self._takes}
        here = self.theta.clone(), self._gradient.clone()  # the rule may work in place
        new = self._rule(*here, self._state, step, **given).detach()
        if new.shape != self.theta.shape:
            raise ValueError(f"the rule {self._name!r} returned theta of shape {tuple(new.shape)}; "
                             f"it was given {tuple(self.theta.shape)}")  # fmt: skip
        loss, gradient = loss_and_slope(self._f, new)
        if not (bool(new.isfinite().all()) and abs(loss) < self._limit):  # also where it is nan
            self.out = step + 1
            return
        self.theta, self.loss, self._gradient = new, loss, gradient
        if len(new) == 2:
            self.places.append(new)


def loss_and_slope(f: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[float, Tensor]:
    """`f` at theta, and its gradient there, (P,): one pass forward, one back."""
    theta = theta.detach().requires_grad_()
    loss = f(theta)
    (gradient,) = torch.autograd.grad(loss, theta)
    return float(loss.detach()), gradient


def race_picture(surfaces: Mapping[str, Any], names: Sequence[str]) -> Callable:
    """A surface from above with the path of every rule.

    Args:
        surfaces: name → surface.
        names: of the rules.
    Returns:
        picture for one panel; its setting is `surface`, and what training yields is what `race`
        yields.
    """
    styles = looks(names)

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        surface = surfaces[settings["surface"]]
        draw_surface(ax, surface, points=MAP_POINTS)
        ax.set_title(f"{settings['surface']}: {surface.formula}", fontsize=9)
        lines = {name: ax.plot([], [], zorder=3, **styles[name])[0] for name in names}
        rings = {name: ax.plot([], [], "o", markerfacecolor="white", markeredgewidth=1.8,
                               markersize=8, zorder=6, color=styles[name]["color"])[0]
                 for name in names}  # fmt: skip

        def update(state: Mapping[str, Any]) -> str:
            for name, places in state["places"].items():
                stride = -(-len(places) // DRAWN)
                shown = torch.stack([*places[::stride], places[-1]]).numpy()
                lines[name].set_data(*shown.T)
                rings[name].set_data(*shown[-1:].T)
            return standings(state, names)

        return [*lines.values(), *rings.values()], update

    return picture


def fits_picture(
    x: Tensor, label: Tensor, fine: Tensor, names: Sequence[str], xlabel: str, ylabel: str
) -> Callable:
    """Data, and the curve of every rule's network.

    Args:
        x, label: (N,), the data.
        fine: (M,), where the curves are drawn.
        names: of the rules.
        xlabel, ylabel: what the data are.
    Returns:
        picture for one panel; what training yields is what `race` yields, and "shape": a function
        from the parameters (P,) to the heights (M,) of a network. It is asked once a redraw, not
        at every step.
    """
    styles, places = looks(names), fine.numpy()

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        ax.plot(x, label, "o", color=COLORS["minimum"], markersize=5, label="data")
        lines = {name: ax.plot([], [], **styles[name])[0] for name in names}
        low, high = float(label.min()), float(label.max())
        ax.set(xlabel=xlabel, ylabel=ylabel,
               ylim=(low - 0.3 * (high - low), high + 0.3 * (high - low)))
        ax.legend(loc="upper left")

        def update(state: Mapping[str, Any]) -> str:
            for name, theta in state["thetas"].items():
                lines[name].set_data(places, state["shape"](theta).numpy())
            return standings(state, names)

        return list(lines.values()), update

    return picture


def standings(state: Mapping[str, Any], names: Sequence[str]) -> str:
    """Who is ahead and who is out, in words."""
    running = [name for name in names if name not in state["out"]]
    words = []
    if running:
        best = min(running, key=lambda name: state[name])
        words.append(f"lowest: {best}")
    words += [f"{name} has been out since step {step}" for name, step in state["out"].items()]
    return "; ".join(words)
