"""Chapter 03's playground: the decision map, lit by what the learner's `diagnose` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from .decision_map import BOXES, FINDINGS, DecisionMap

NOT_YET = "not yet"
GUESSES = (NOT_YET, *FINDINGS)  # what the learner may choose
ENOUGH = 5  # values of a curve before there is something to read

Diagnose = Callable[[Sequence[float], Sequence[float], float], str]


def diagnosis_picture(diagnose: Diagnose) -> Callable:
    """The map; dark until the learner has guessed, then lit by `diagnose`.

    Args:
        diagnose: diagnose(train, held_out, baseline) -> a place on the map: the two losses so
            far, and the present training loss of the shallower net.
    Returns:
        picture for one panel. Its setting is `guess`, one of `GUESSES`; what training yields holds
        "curves": (train, held_out, baseline), the arguments of `diagnose`.
    """

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        board = DecisionMap(ax, remedies=False)

        def update(state: Mapping[str, Any]) -> str:
            guess = settings["guess"]
            if guess == NOT_YET:
                board.light(None)
                return "the map stays dark until you guess where this run stands"
            train, held_out, baseline = state["curves"]
            if len(train) < ENOUGH:
                board.light(None, guess)
                return f"your guess is {guess}; the curves are still too short to read"
            found = diagnose(train, held_out, baseline)
            return f"{board.light(found, guess)}; {compared(found, guess)}"

        return board.artists, update

    return picture


def compared(found: str, guess: str) -> str:
    """What the curves say beside what the learner guessed, in words."""
    if found == guess:
        return f"you guessed {guess} too"
    if BOXES[guess].parent == found:  # the reading ended at the question above the guess
        return f"you guessed {guess}, which is one of the two"
    return f"you guessed {guess}"
