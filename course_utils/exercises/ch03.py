"""Chapter 03, Training guide: reading curves, writing the map, early stopping, folds, dropout."""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

# ---- guide-five-curves ---------------------------------------------------------------------------


def five_diagnoses() -> dict[str, str]:
    return {
        "A": "model bias",      # training loss large, and the smaller network's is no lower
        "B": "overfitting",     # training loss small; fresh rows of the same kind go wrong as well
        "C": "optimisation",    # training loss large, although a smaller network gets it down
        "D": "fine",            # both small
        "E": "mismatch",        # training loss small, and fresh rows of the training kind are fine
    }


NEEDS = {
    "model bias": "the training loss is large and the smaller network's is no lower",
    "optimisation": "the training loss is large and the smaller network's is much lower",
    "overfitting": "the training loss is small, the held-out loss is large, and so is the loss on "
                   "fresh rows like the training rows",
    "mismatch": "the training loss is small, the held-out loss is large, but on fresh rows like "
                "the training rows it is small",
    "fine": "the training loss and the held-out loss are both small",
}


def _judge_five(answer) -> Verdict:
    given, right = answer(), five_diagnoses()
    problem = _not_five(given, right)
    if problem:
        return problem
    wrong = [letter for letter in right if given[letter] != right[letter]]
    if not wrong:
        return Verdict(True, "All five are right.")
    first = wrong[0]
    return Verdict(False, f"{5 - len(wrong)} of 5 are right. Run {first}: \"{given[first]}\" would "
                   f"mean that {NEEDS[given[first]]}. Is that so?",
                   got={letter: given[letter] for letter in right})


def _not_five(given, right: dict[str, str]) -> Verdict | None:
    if not isinstance(given, dict) or set(given) != set(right):
        return Verdict(False, "Return a dict with one entry for each of the runs A to E.",
                       got=given, expected='{"A": "…", "B": "…", "C": "…", "D": "…", "E": "…"}')
    left = [letter for letter in right if given[letter] is ...]
    if left:
        return Verdict(False, f"A `...` is still left at {', '.join(left)}.", got=given)
    unknown = [letter for letter in right if given[letter] not in list(NEEDS)]
    if unknown:
        return Verdict(False, f"Run {unknown[0]}: that is none of the five branches.",
                       got=given[unknown[0]], expected=", ".join(f'"{name}"' for name in NEEDS))
    return None


def _bias_for_optimisation():
    return {**five_diagnoses(), "A": "optimisation", "C": "model bias"}


def _always_bias():
    return {**five_diagnoses(), "C": "model bias"}


def _always_optimisation():
    return {**five_diagnoses(), "A": "optimisation"}


def _mismatch_for_overfitting():
    return {**five_diagnoses(), "B": "mismatch", "E": "overfitting"}


def _always_overfitting():
    return {**five_diagnoses(), "E": "overfitting"}


def _always_mismatch():
    return {**five_diagnoses(), "B": "mismatch"}


def _held_out_only():
    return {**dict.fromkeys("ABCDE", "overfitting"), "D": "fine"}


def _any_gap():
    return {**five_diagnoses(), "D": "overfitting"}


FIVE_CURVES = Exercise(
    id="guide-five-curves",
    chapter="03",
    title="Five runs, five diagnoses",
    solution=five_diagnoses,
    cases=list,
    judge=_judge_five,
    hints=(
        "Begin with the *training* loss of each run. Beside the baseline, is it large or small?",
        "Large: did the smaller network do better on the same rows? A larger network could copy "
        "it, so its family of functions cannot be to blame then.",
        "Small: look at the held-out loss. If it is large, look at the loss on fresh rows like the "
        "training rows. Large there too: the network learned its rows by heart. Small there: the "
        "held-out rows are of another kind.",
    ),
    mistakes=(
        Mistake("bias and optimisation swapped", _bias_for_optimisation,
                "Model bias and optimisation are swapped. If a *smaller* network reaches a lower "
                "training loss, the larger one could do so as well: what failed?"),
        Mistake("always model bias", _always_bias,
                "Two runs have a large training loss, and you call both model bias. In one of them "
                "a smaller network fits the same rows well."),
        Mistake("always optimisation", _always_optimisation,
                "Two runs have a large training loss, and you call both optimisation. In one of "
                "them the smaller network is no better: nothing shows that the network could fit "
                "these rows."),
        Mistake("overfitting and mismatch swapped", _mismatch_for_overfitting,
                "Overfitting and mismatch are swapped. Which of the two networks does well on "
                "fresh rows, as long as they are drawn like its training rows?"),
        Mistake("always overfitting", _always_overfitting,
                "Not every gap between training and held-out loss is overfitting. One of these "
                "networks does well on rows that it has never seen."),
        Mistake("always mismatch", _always_mismatch,
                "Two runs have a wide gap, and you call both mismatch. One of the networks also "
                "fails on fresh rows of the very kind it was trained on."),
        Mistake("only the held-out loss", _held_out_only,
                "You call every large held-out loss overfitting. Look at the training loss first: "
                "a network that does not even fit its training rows cannot overfit them."),
        Mistake("any gap", _any_gap,
                "A held-out loss slightly above the training loss is what always happens. Both "
                "losses of that run are tiny beside the baseline."),
    ),
    stub='''def five_diagnoses():                    # "model bias", "optimisation", "overfitting",
    return {                             # "mismatch" or "fine" for each run
        "A": ...,
        "B": ...,
        "C": ...,
        "D": ...,
        "E": ...,
    }

check("guide-five-curves", five_diagnoses)''',
)

# ---- guide-diagnose ------------------------------------------------------------------------------


def diagnose(train: list[float], held_out: list[float], baseline: float) -> str:
    if not train or len(train) != len(held_out) or not baseline > 0:
        raise ValueError("two curves of the same length, and a baseline above 0")
    if not all(math.isfinite(loss) for loss in train + held_out):
        return "diverged"                                # first: NaN answers no to every comparison
    large = baseline / 2
    if train[-1] > large:                                # the training loss comes first
        halfway = train[len(train) // 2]
        return "train longer" if train[-1] < 0.9 * halfway else "bias or optimisation"
    return "overfitting or mismatch" if held_out[-1] > large else "fine"


def _diagnose_case_by_case(train: list[float], held_out: list[float], baseline: float) -> str:
    """The same by another way: every condition computed, then looked up."""
    last_train, last_held_out, middle = train[-1], held_out[-1], train[len(train) // 2]
    if any(loss != loss or abs(loss) == math.inf for loss in [*train, *held_out]):
        return "diverged"
    table = {
        (False, False): "fine",
        (False, True): "overfitting or mismatch",
        (True, False): "bias or optimisation",
        (True, True): "bias or optimisation",
    }
    found = table[2 * last_train > baseline, 2 * last_held_out > baseline]
    return "train longer" if found.startswith("bias") and last_train < 0.9 * middle else found


def _diagnose_cases() -> list[Case]:
    nan, inf = math.nan, math.inf
    draw = random.Random(2)
    curves = [[draw.choice((0.1, 0.4, 1.0, 1.2, 3.0)) for _ in range(7)] for _ in range(12)]
    return [
        Case(([2.0, 0.5, 0.2, 0.1], [2.0, 0.7, 0.4, 0.3], 2.0), "both losses end small"),
        Case(([2.0, 0.5, 0.1, 0.0], [2.0, 1.0, 1.4, 1.9], 2.0), "a gap opens"),
        Case(([2.0, 1.6, 1.5, 1.5], [2.1, 1.7, 1.6, 1.6], 2.0), "both stay large"),
        Case(([2.0, 1.8, 1.6, 1.3], [2.1, 1.9, 1.7, 1.5], 2.0), "large, but still falling"),
        Case(([2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.35], [2.0] * 8, 2.0), "falling slowly"),
        Case(([4.0, 2.5, 1.9, 1.85], [4.0, 2.7, 2.1, 2.0], 2.0),
             "large, it fell early and hardly falls now"),
        Case(([3.0, 2.0, 1.8], [3.0, 2.2, 2.0], 2.0), "exactly 0.9 of halfway: not below"),
        Case(([2.0, 1.0], [2.0, 1.0], 2.0), "exactly half the baseline: not large"),
        Case(([2.0, 1.5, 1.4], [1.2, 0.8, 0.7], 2.0), "only the training loss is large"),
        Case(([0.03, 0.02, 0.01], [0.03, 0.03, 0.03], 0.04), "a small baseline"),
        Case(([90.0, 40.0, 30.0], [95.0, 45.0, 40.0], 100.0), "a large baseline"),
        Case(([2.0, 0.5, 0.1], [0.2, 0.4, 1.5], 2.0), "the best held-out loss was the first one"),
        Case(([2.0, 1.0, nan], [2.0, 1.0, nan], 2.0), "NaN at the end"),
        Case(([2.0, inf, 0.4], [2.0, 1.0, 0.4], 2.0), "infinite once, in the middle"),
        Case(([2.0, 0.5, 0.1], [2.0, nan, 0.3], 2.0), "NaN once, held-out"),
        Case(([2.0, 0.5, 0.1], [2.0, -inf, 0.3], 2.0), "minus infinity once"),
        Case(([2.0, inf, 4.0, 1.5], [2.0] * 4, 2.0), "infinite once, large and falling at the end"),
        Case(([2.0, nan, 1.5, 1.5], [2.0] * 4, 2.0), "NaN once, large at the end"),
        Case(([3e7, 2e7, 1e7], [3e7, 2e7, 1e7], 1e8), "a huge baseline"),
        Case(([1.5], [0.5], 2.0), "one epoch only"),
        *(Case((one, two, 2.0), "random curves")
          for one, two in zip(curves[::2], curves[1::2], strict=True)),
        Case(([], [], 2.0), "no epoch", ValueError),
        Case(([1.0, 0.5], [1.0], 2.0), "curves of different lengths", ValueError),
        Case(([1.0], [1.0, 0.5], 2.0), "more held-out epochs", ValueError),
        Case(([1.0], [1.0], 0.0), "a baseline of 0", ValueError),
        Case(([1.0], [1.0], nan), "a baseline that is NaN", ValueError),
        Case(([1.0, nan], [1.0], 2.0), "different lengths, and NaN", ValueError),
    ]


def _guarded(train, held_out, baseline):
    if not train or len(train) != len(held_out) or not baseline > 0:
        raise ValueError
    return not all(math.isfinite(loss) for loss in train + held_out)


def _held_out_first(train, held_out, baseline):
    if _guarded(train, held_out, baseline):
        return "diverged"
    if held_out[-1] > baseline / 2 and held_out[-1] > train[-1]:
        return "overfitting or mismatch"
    return diagnose(train, held_out, baseline)


def _nan_unseen(train, held_out, baseline):
    _guarded(train, held_out, baseline)
    if train[-1] > baseline / 2:
        falling = train[-1] < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return "overfitting or mismatch" if held_out[-1] > baseline / 2 else "fine"


def _nan_at_the_end_only(train, held_out, baseline):
    _guarded(train, held_out, baseline)
    if not (math.isfinite(train[-1]) and math.isfinite(held_out[-1])):
        return "diverged"
    return _nan_unseen(train, held_out, baseline)


def _isnan_only(train, held_out, baseline):
    _guarded(train, held_out, baseline)
    if any(math.isnan(loss) for loss in train + held_out):
        return "diverged"
    return _nan_unseen(train, held_out, baseline)


def _equal_is_large(train, held_out, baseline):
    if _guarded(train, held_out, baseline):
        return "diverged"
    if train[-1] >= baseline / 2:
        falling = train[-1] < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return "overfitting or mismatch" if held_out[-1] >= baseline / 2 else "fine"


def _best_instead_of_last(train, held_out, baseline):
    if _guarded(train, held_out, baseline):
        return "diverged"
    if min(train) > baseline / 2:
        falling = min(train) < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return "overfitting or mismatch" if min(held_out) > baseline / 2 else "fine"


def _whole_baseline(train, held_out, baseline):
    return diagnose(train, held_out, 2 * baseline)


def _no_baseline(train, held_out, baseline):
    _guarded(train, held_out, baseline)
    return diagnose(train, held_out, 2.0)


def _never_longer(train, held_out, baseline):
    found = diagnose(train, held_out, baseline)
    return "bias or optimisation" if found == "train longer" else found


def _since_the_start(train, held_out, baseline):
    found = diagnose(train, held_out, baseline)
    if found in ("train longer", "bias or optimisation"):
        return "train longer" if train[-1] < 0.9 * train[0] else "bias or optimisation"
    return found


def _last_two(train, held_out, baseline):
    found = diagnose(train, held_out, baseline)
    if found in ("train longer", "bias or optimisation"):
        return "train longer" if train[-1] < 0.9 * train[-2:][0] else "bias or optimisation"
    return found


def _falling_first(train, held_out, baseline):
    found = diagnose(train, held_out, baseline)
    falling = found != "diverged" and train[-1] < 0.9 * train[len(train) // 2]
    return "train longer" if falling else found


def _gap(train, held_out, baseline):
    found = diagnose(train, held_out, baseline)
    if found in ("overfitting or mismatch", "fine"):
        wide = held_out[-1] > 2 * train[-1]
        return "overfitting or mismatch" if wide else "fine"
    return found


def _unguarded(train, held_out, baseline):
    if not all(math.isfinite(loss) for loss in train + held_out):
        return "diverged"
    return _nan_unseen_unguarded(train, held_out, baseline)


def _nan_unseen_unguarded(train, held_out, baseline):
    if train[-1] > baseline / 2:
        falling = train[-1] < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return "overfitting or mismatch" if held_out[-1] > baseline / 2 else "fine"


DIAGNOSE = Exercise(
    id="guide-diagnose",
    chapter="03",
    title="The map as a function",
    solution=diagnose,
    cases=_diagnose_cases,
    oracle=_diagnose_case_by_case,
    hints=(
        "Take the list in the text from top to bottom, one `if … return` for each line: an earlier "
        "line decides before a later one is read.",
        "NaN answers no to every comparison, so it slips through all of them: "
        "`all(math.isfinite(loss) for loss in train + held_out)` comes first.",
        "The last loss is `train[-1]`, the one halfway `train[len(train) // 2]`. Large: "
        "`train[-1] > baseline / 2`. Only inside that branch: "
        "`train[-1] < 0.9 * train[len(train) // 2]`.",
    ),
    mistakes=(
        Mistake("held-out loss first", _held_out_first,
                "A run whose training loss is large is called overfitting. The training loss comes "
                "first; only when it is small does the held-out loss say anything."),
        Mistake("NaN unseen", _nan_unseen,
                "NaN slips through: `nan > 1` and `nan < 1` are both False. Look for losses that "
                "are not finite before you compare."),
        Mistake("only at the end", _nan_at_the_end_only,
                "You look at the last losses only. A loss that is not finite *anywhere* counts as "
                "diverged."),
        Mistake("infinity forgotten", _isnan_only,
                "NaN is caught, an infinite loss is not. `math.isfinite` refuses both."),
        Mistake("equal counts as large", _equal_is_large,
                "A loss of exactly half the baseline is not large: `>`, not `>=`."),
        Mistake("best instead of last", _best_instead_of_last,
                "You take the lowest loss of the run. The network you have is the one at the end."),
        Mistake("the whole baseline", _whole_baseline,
                "You compare with the baseline. Large means more than *half* of it."),
        Mistake("a fixed threshold", _no_baseline,
                "Right for a baseline of 2 only. Whether a loss is large depends on `baseline`."),
        Mistake("never longer", _never_longer,
                "\"train longer\" never comes out: a large training loss that still falls is not "
                "yet a verdict on the network."),
        Mistake("since the start", _since_the_start,
                "You compare with the first loss. Nearly every curve falls at first: compare with "
                "the loss *halfway*."),
        Mistake("the last two", _last_two,
                "You compare the last two losses. Between neighbours a falling curve falls only a "
                "little: compare with the loss *halfway*."),
        Mistake("falling first", _falling_first,
                "You say \"train longer\" for every falling curve. It is asked only where the "
                "training loss is still large."),
        Mistake("the ratio of the losses", _gap,
                "You compare the held-out loss with the training loss. A training loss near 0 "
                "makes every ratio huge: compare with half the baseline, as for training."),
        Mistake("nothing refused", _unguarded,
                "The inputs that mean nothing are still to be refused with a ValueError: empty "
                "curves, different lengths, a baseline that is not above 0."),
    ),
    stub='''def diagnose(train, held_out, baseline): # two lists of losses, one an epoch; a number
    ...                                  # your code: one of the five texts

check("guide-diagnose", diagnose)''',
)

# ---- guide-early-stopping ------------------------------------------------------------------------


def early_stop(held_out: list[float], patience: int) -> tuple[int, int]:
    if not held_out or patience < 1:
        raise ValueError("at least one epoch, and a patience of at least 1")
    best, lowest = 0, math.inf                           # NaN in epoch 0 leaves it at infinity
    for epoch, loss in enumerate(held_out):
        if loss < lowest:                                # strictly: a tie is no progress
            best, lowest = epoch, loss
        if epoch - best == patience:                     # that many epochs without progress
            return best, epoch
    return best, len(held_out) - 1                       # the run ended first


def _stop_slowly(held_out: list[float], patience: int) -> tuple[int, int]:
    """For each epoch anew: where was the first lowest loss so far, and how long ago?"""
    for epoch in range(len(held_out)):
        so_far = [math.inf if loss != loss else loss for loss in held_out[: epoch + 1]]
        best = so_far.index(min(so_far))
        if epoch - best >= patience or epoch == len(held_out) - 1:
            return best, epoch
    raise AssertionError("no epoch")


def _stop_cases() -> list[Case]:
    draw = random.Random(3)
    curves = [[float(draw.randint(1, 9)) for _ in range(12)] for _ in range(8)]
    return [
        Case(([5.0, 4.0, 3.0, 4.0, 5.0, 6.0, 2.0], 2), "it stops before a later, lower loss"),
        Case(([5.0, 4.0, 3.0, 4.0, 2.0, 3.0, 1.0, 2.0], 2), "setbacks shorter than the patience"),
        Case(([5.0, 4.0, 4.0, 4.0, 4.0, 3.0], 3), "ties"),
        Case(([5.0, 3.0, 4.0, 3.5, 3.2, 3.1, 2.0], 3), "falling again, but not below the best"),
        Case(([5.0, 4.0, 3.0, 2.0], 1), "it always improves"),
        Case(([1.0, 2.0, 3.0, 4.0], 2), "it never improves"),
        Case(([5.0, 4.0, 4.5, 4.6], 10), "a patience longer than the run"),
        Case(([5.0, 4.0, 4.5, 4.6], 2), "patience runs out in the very last epoch"),
        Case(([3.0], 1), "one epoch"),
        Case(([5.0, math.nan, 4.0, math.nan, math.nan, 1.0], 2), "NaN in between"),
        Case(([1.0, 0.999, 0.998, 0.9979, 1.5, 1.5], 2), "a little lower is lower"),
        Case(([1.0, 1 - 1e-9, 1.5, 1.6], 2), "lower by a billionth"),
        Case(([1.0, 0.0, 0.5, 0.6], 2), "a loss of 0"),
        Case(([3e8, 2e8, 2.5e8, 2.6e8], 2), "huge losses"),
        Case(([math.inf, math.inf, 1.0], 1), "infinite at first"),
        Case(([5.0, 4.0, math.nan, math.nan, math.nan], 3), "NaN to the end"),
        *(Case((curve, patience), "random curves")
          for curve, patience in zip(curves, (1, 2, 3, 4) * 2, strict=True)),
        Case(([math.nan, 2.0, 1.0, 1.5, 1.6], 2), "NaN in the first epoch"),
        Case(([], 3), "no epoch", ValueError),
        Case(([2.0, 1.0], 0), "a patience of 0", ValueError),
    ]


def _refused(held_out, patience):
    if not held_out or patience < 1:
        raise ValueError


def _nan_stays_best(held_out, patience):
    _refused(held_out, patience)
    best = 0
    for epoch, loss in enumerate(held_out):
        if loss < held_out[best]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(held_out) - 1


def _foresight(held_out, patience):
    _refused(held_out, patience)
    best = min(range(len(held_out)), key=lambda epoch: held_out[epoch])
    return best, min(best + patience, len(held_out) - 1)


def _one_late(held_out, patience):
    _refused(held_out, patience)
    return _nan_stays_best(held_out, patience + 1)


def _one_early(held_out, patience):
    _refused(held_out, patience)
    best = 0
    for epoch, loss in enumerate(held_out):
        if loss < held_out[best]:
            best = epoch
        elif epoch - best >= patience - 1:
            return best, epoch
    return best, len(held_out) - 1


def _not_reset(held_out, patience):
    _refused(held_out, patience)
    best = waited = 0
    for epoch, loss in enumerate(held_out[1:], 1):
        if loss < held_out[best]:
            best = epoch
        else:
            waited += 1
        if waited == patience:
            return best, epoch
    return best, len(held_out) - 1


def _tie_is_progress(held_out, patience):
    _refused(held_out, patience)
    best = 0
    for epoch, loss in enumerate(held_out):
        if loss <= held_out[best]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(held_out) - 1


def _against_the_one_before(held_out, patience):
    _refused(held_out, patience)
    best = waited = 0
    for epoch in range(1, len(held_out)):
        if held_out[epoch] < held_out[best]:
            best = epoch
        waited = 0 if held_out[epoch] < held_out[epoch - 1] else waited + 1
        if waited == patience:
            return best, epoch
    return best, len(held_out) - 1


def _nan_is_progress(held_out, patience):
    _refused(held_out, patience)
    best = waited = 0
    for epoch, loss in enumerate(held_out[1:], 1):
        if loss >= held_out[best]:
            waited += 1
        else:
            best, waited = epoch, 0
        if waited == patience:
            return best, epoch
    return best, len(held_out) - 1


def _from_one(held_out, patience):
    best, stop = early_stop(held_out, patience)
    return best + 1, stop + 1


def _swapped_epochs(held_out, patience):
    return early_stop(held_out, patience)[::-1]


def _the_loss(held_out, patience):
    best, stop = early_stop(held_out, patience)
    return held_out[best], stop


def _none_at_the_end(held_out, patience):
    best, stop = early_stop(held_out, patience)
    return best, (stop if stop - best == patience else None)


def _nothing_refused(held_out, patience):
    best = stop = 0
    for epoch, loss in enumerate(held_out):
        stop = epoch
        if loss < held_out[best]:
            best = epoch
        if epoch - best == patience:
            break
    return best, stop


EARLY_STOPPING = Exercise(
    id="guide-early-stopping",
    chapter="03",
    title="When to stop",
    solution=early_stop,
    cases=_stop_cases,
    oracle=_stop_slowly,
    hints=(
        "Go through the epochs one by one and remember the best so far. At each epoch you may know "
        "only what came before.",
        "After each epoch ask: how many epochs ago was the best one? If that is `patience`, stop.",
        "Keep the lowest loss beside its epoch, `best, lowest = 0, math.inf` at first: "
        "`if loss < lowest: best, lowest = epoch, loss`, then "
        "`if epoch - best == patience: return best, epoch`. After the loop the run is over: "
        "`return best, len(held_out) - 1`.",
    ),
    mistakes=(
        Mistake("foresight", _foresight,
                "You look at the whole curve for its lowest loss. During training the later losses "
                "do not exist yet: it may have stopped before."),
        Mistake("one epoch late", _one_late,
                "It stops one epoch late: with patience 2 the second epoch without progress ends "
                "the run."),
        Mistake("one epoch early", _one_early,
                "It stops one epoch early: patience 2 allows one epoch without progress; the "
                "*second* ends the run."),
        Mistake("not reset", _not_reset,
                "You count all epochs without progress. After a new best, counting begins anew."),
        Mistake("a tie counts as progress", _tie_is_progress,
                "A loss equal to the best is no progress: the first of the equal ones stays best, "
                "and the waiting goes on."),
        Mistake("compared with the epoch before", _against_the_one_before,
                "Progress means lower than the *best* so far, not lower than the epoch before: a "
                "curve may fall for long and stay above its best."),
        Mistake("NaN counts as progress", _nan_is_progress,
                "NaN became the best epoch: `nan >= best` is False, and you took that for better. "
                "Ask `loss < best` instead."),
        Mistake("NaN in the first epoch", _nan_stays_best,
                "Right, unless the *first* loss is NaN: then it stays the best, as `loss < nan` is "
                "False for every loss. A number counts as lower than NaN."),
        Mistake("counted from 1", _from_one,
                "Both are one too large: epochs count from 0 here, as positions in the list."),
        Mistake("swapped", _swapped_epochs,
                "Both numbers are right, in the wrong order: the best epoch first."),
        Mistake("the loss itself", _the_loss,
                "The first number should be the *epoch* of the lowest loss, not the loss."),
        Mistake("None when it never stops", _none_at_the_end,
                "When the patience lasts to the end, the run stops at its last epoch: return that "
                "epoch."),
        Mistake("nothing refused", _nothing_refused,
                "An empty curve and a patience below 1 mean nothing: refuse both with a "
                "ValueError."),
    ),
    stub='''def early_stop(held_out, patience):      # a list of losses, one an epoch; whole number
    ...                                  # your code: (best epoch, epoch where it stops)

check("guide-early-stopping", early_stop)''',
)

# ---- guide-folds ---------------------------------------------------------------------------------


def folds(n: int, k: int) -> list[tuple[list[int], list[int]]]:
    if not 2 <= k <= n:
        raise ValueError(f"{n} rows cannot make {k} folds")
    pairs, start = [], 0
    for fold in range(k):
        size = n // k + (fold < n % k)                   # the first n % k folds get one row more
        stop = start + size
        held_out = list(range(start, stop))
        pairs.append(([*range(start), *range(stop, n)], held_out))
        start = stop
    return pairs


def _folds_by_dealing(n: int, k: int) -> list[tuple[list[int], list[int]]]:
    """Deal one row after another to find the sizes, then ask for each row where it belongs."""
    sizes = [0] * k
    for row in range(n):
        sizes[row % k] += 1
    belongs = [fold for fold, size in enumerate(sizes) for _ in range(size)]
    return [([row for row in range(n) if belongs[row] != fold],
             [row for row in range(n) if belongs[row] == fold]) for fold in range(k)]


def _folds_cases() -> list[Case]:
    return [
        Case((6, 3), "k divides n"),
        Case((10, 3), "one row left over"),
        Case((11, 4), "three rows left over"),
        Case((9, 5), "nearly twice as many rows as folds"),
        Case((4, 4), "one row a fold"),
        Case((7, 2), "two folds"),
        Case((9, 2), "two folds of nine rows"),
        Case((103, 10), "ten folds"),
        Case((3, 5), "more folds than rows", ValueError),
        Case((5, 1), "one fold: nothing would be left to train on", ValueError),
        Case((5, 0), "no fold", ValueError),
    ]


def _by_sizes(n, k, sizes):
    if not 2 <= k <= n:
        raise ValueError
    pairs, start = [], 0
    for size in sizes:
        held_out = [row for row in range(start, start + size) if row < n]
        pairs.append(([row for row in range(n) if row not in held_out], held_out))
        start += size
    return pairs


def _rest_dropped(n, k):
    return _by_sizes(n, k, [n // k] * k) if k else folds(n, k)


def _rest_to_the_last(n, k):
    return _by_sizes(n, k, [n // k] * (k - 1) + [n - n // k * (k - 1)]) if k else folds(n, k)


def _rounded_up(n, k):
    return _by_sizes(n, k, [-(-n // k)] * k) if k else folds(n, k)


def _larger_last(n, k):
    sizes = [n // k + (fold >= k - n % k) for fold in range(k)] if k else []
    return _by_sizes(n, k, sizes)


def _every_kth(n, k):
    if not 2 <= k <= n:
        raise ValueError
    return [([row for row in range(n) if row % k != fold], list(range(fold, n, k)))
            for fold in range(k)]


def _leak(n, k):
    return [(list(range(n)), held_out) for _, held_out in folds(n, k)]


def _only_before(n, k):
    return [(list(range(held_out[0])), held_out) for _, held_out in folds(n, k)]


def _held_out_swapped(n, k):
    return [(held_out, train) for train, held_out in folds(n, k)]


def _only_held_out(n, k):
    return [held_out for _, held_out in folds(n, k)]


def _counted_from_one(n, k):
    return [([row + 1 for row in train], [row + 1 for row in held_out])
            for train, held_out in folds(n, k)]


def _folds_unguarded(n, k):
    pairs, start = [], 0
    for fold in range(k):
        stop = start + n // k + (fold < n % k)
        pairs.append(([*range(start), *range(stop, n)], list(range(start, stop))))
        start = stop
    return pairs


FOLDS = Exercise(
    id="guide-folds",
    chapter="03",
    title="k folds",
    solution=folds,
    cases=_folds_cases,
    oracle=_folds_by_dealing,
    hints=(
        "By hand first: 10 rows, 3 folds. How many rows does each fold hold out?",
        "Every fold has `n // k` rows; the first `n % k` folds have one more. Where a fold stops, "
        "the next one starts.",
        "Held out: `list(range(start, stop))`. Training: the rows before and after, "
        "`[*range(start), *range(stop, n)]`.",
    ),
    mistakes=(
        Mistake("rest dropped", _rest_dropped,
                "The rows left over are never held out. Every row belongs to exactly one fold."),
        Mistake("rest to the last fold", _rest_to_the_last,
                "The last fold gets all the rows left over and may become nearly twice as large. "
                "Give one each to the first folds."),
        Mistake("rounded up", _rounded_up,
                "Rounded up, the first folds take too much and the last one gets little or "
                "nothing: sizes should differ by one at most."),
        Mistake("larger folds last", _larger_last,
                "The sizes are right, but the *first* folds should be the larger ones."),
        Mistake("every k-th row", _every_kth,
                "Each fold takes every k-th row. That is a split too, but asked for are rows next "
                "to each other: 0, 1, 2, … in the first fold."),
        Mistake("held-out rows in training", _leak,
                "The training rows still contain the held-out rows: what is measured on them then "
                "is memory."),
        Mistake("only the rows before", _only_before,
                "The rows *after* the fold are missing in training; in the first fold nothing is "
                "left to train on."),
        Mistake("swapped", _held_out_swapped,
                "Training and held-out rows are swapped: the many rows are for training."),
        Mistake("held-out rows only", _only_held_out,
                "Each entry should be a pair: training rows, held-out rows."),
        Mistake("counted from 1", _counted_from_one,
                "Rows count from 0: with n rows the last index is n − 1."),
        Mistake("nothing refused", _folds_unguarded,
                "Fewer than two folds, or more folds than rows, mean nothing: refuse them with a "
                "ValueError."),
    ),
    stub='''def folds(n, k):                         # n rows 0 … n − 1, k folds
    ...                                  # your code: k pairs (training rows, held-out rows)

check("guide-folds", folds)''',
)

# ---- guide-dropout -------------------------------------------------------------------------------


def dropout(x: Tensor, p: float, u: Tensor, training: bool) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}; a probability lies between 0 and 1")
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)                       # 0 / 0 would be NaN
    return x * (u >= p) / (1 - p)                        # dividing keeps the average as it was


def _dropout_one_by_one(x: Tensor, p: float, u: Tensor, training: bool) -> Tensor:
    if not training:
        return x
    kept = [0.0 if draw < p else value / (1 - p)
            for value, draw in zip(x.flatten().tolist(), u.flatten().tolist(), strict=True)]
    return torch.tensor(kept, dtype=x.dtype).reshape(x.shape)


def _dropout_cases() -> list[Case]:
    g = torch.Generator().manual_seed(5)
    x, u = torch.randn(4, 6, generator=g), torch.rand(4, 6, generator=g)
    ones, half = torch.ones(4), torch.tensor([0.0, 0.49, 0.5, 0.99])
    double = torch.randn(3, 2, 5, generator=g, dtype=torch.float64)
    return [
        Case((ones, 0.5, half, True), "four ones, p = 0.5"),
        Case((x, 0.2, u, True), "random, 4 × 6, p = 0.2"),
        Case((x, 0.9, u, True), "the same, p = 0.9"),
        Case((double, 0.3, torch.rand(3, 2, 5, generator=g), True), "three dims, float64"),
        Case((x, 0.5, u, False), "not training"),
        Case((x, 0.0, u, True), "p = 0"),
        Case((x, 1.0, u, True), "p = 1"),
        Case((x, 1.0, u, False), "p = 1, not training"),
        Case((double, 1.0, torch.zeros(3, 2, 5), True), "p = 1, float64"),
        Case((torch.zeros(0), 0.5, torch.zeros(0), True), "no value at all"),
        Case((x, 1.5, u, True), "p above 1", ValueError),
        Case((x, -0.1, u, False), "p below 0", ValueError),
    ]


def _probability(p):
    if not 0 <= p <= 1:
        raise ValueError


def _mask(x, p, keep, factor):
    return torch.where(keep, x * factor, torch.zeros_like(x))


def _unscaled(x, p, u, training):
    _probability(p)
    return _mask(x, p, u >= p, 1) if training else x


def _scaled_by_p(x, p, u, training):
    _probability(p)
    return _mask(x, p, u >= p, 1 / p if p else 1) if training else x


def _scaled_down(x, p, u, training):
    _probability(p)
    return _mask(x, p, u >= p, 1 - p) if training else x


def _not_inverted(x, p, u, training):
    _probability(p)
    return _mask(x, p, u >= p, 1) if training else x * (1 - p)


def _keeps_p(x, p, u, training):
    _probability(p)
    return _mask(x, p, u < p, 1 / (1 - p) if p < 1 else 0) if training else x


def _keeps_p_and_scales(x, p, u, training):
    _probability(p)
    return _mask(x, p, u < p, 1 / p if p else 0) if training else x


def _equal_dropped(x, p, u, training):
    _probability(p)
    return _mask(x, p, u > p, 1 / (1 - p) if p < 1 else 0) if training else x


def _nan_for_one(x, p, u, training):
    _probability(p)
    return x * (u >= p) / (1 - p) if training else x


def _always_on(x, p, u, training):
    return dropout(x, p, u, True)


def _turned_round(x, p, u, training):
    return dropout(x, p, u, not training)


def _whole_rows(x, p, u, training):
    if not training or x.dim() < 2:
        return dropout(x, p, u, training)
    return dropout(x, p, u[..., :1].expand_as(x), training)


def _draws_afresh(x, p, u, training):
    return dropout(x, p, torch.rand_like(x), training)


def _any_p(x, p, u, training):
    return _mask(x, p, u >= p, 1 / (1 - p) if p != 1 else 0) if training else x


DROPOUT = Exercise(
    id="guide-dropout",
    chapter="03",
    title="Dropout, with inverted scaling",
    solution=dropout,
    cases=_dropout_cases,
    oracle=_dropout_one_by_one,
    hints=(
        "By hand: four ones, p = 0.5, u = 0, 0.49, 0.5, 0.99. Which two survive, and what must "
        "they become for the sum to stay near 4?",
        "`u >= p` is True where a value survives; times that, a value is kept or 0. What survives "
        "is divided by 1 − p, the share that survives on average.",
        "`x * (u >= p) / (1 - p)` in training; `x` itself otherwise. Two things remain: p = 1 "
        "would be 0 / 0, and a p outside 0 … 1 is refused.",
    ),
    mistakes=(
        Mistake("not scaled", _unscaled,
                "The right values survive, but they stay as they were: the average of the output "
                "falls. What survives has to make up for what is gone."),
        Mistake("divided by p", _scaled_by_p,
                "You divide by p. The share that *survives* is 1 − p."),
        Mistake("multiplied", _scaled_down,
                "You multiply by 1 − p: that makes the average even smaller. Divide."),
        Mistake("scaled when not training", _not_inverted,
                "You leave the training values as they are and scale when not training. That is "
                "dropout too, the older form; the *inverted* one scales in training, so that "
                "nothing is left to do afterwards."),
        Mistake("keeps the wrong ones", _keeps_p,
                "You keep where u < p: p is the probability to be *dropped*."),
        Mistake("p as the probability to keep", _keeps_p_and_scales,
                "You use p as the probability to *survive*, in the mask and in the scaling. It is "
                "the probability to be dropped."),
        Mistake("u = p dropped", _equal_dropped,
                "Where u equals p, the value survives: `u >= p`. (rand can give 0 exactly, and "
                "p = 0 should drop nothing.)"),
        Mistake("NaN for p = 1", _nan_for_one,
                "At p = 1 this is 0 / 0, which is NaN. Everything is dropped there: zeros."),
        Mistake("always on", _always_on,
                "It also drops when not training. Then every value passes unchanged."),
        Mistake("turned round", _turned_round,
                "It drops when *not* training and passes all in training: turned round."),
        Mistake("whole rows", _whole_rows,
                "A whole row survives or goes together. Each value has its own number in u."),
        Mistake("draws afresh", _draws_afresh,
                "You draw new random numbers. Use those given in `u`, so that the result can be "
                "checked."),
        Mistake("any p", _any_p,
                "A p below 0 or above 1 is no probability: refuse it with a ValueError, also when "
                "not training."),
    ),
    stub='''def dropout(x, p, u, training):          # x, u: same shape, u uniform in [0, 1)
    ...                                  # your code: a new tensor, shape and dtype of x

check("guide-dropout", dropout)''',
)

EXERCISES: tuple[Exercise, ...] = (FIVE_CURVES, DIAGNOSE, EARLY_STOPPING, FOLDS, DROPOUT)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "guide-q-first", "03", "A model disappoints. Which number do you look at first?",
        ("its training loss", "its held-out loss", "its number of weights"), 0,
        "If it does not even fit its training rows, the held-out loss cannot tell you why.",
    ),
    Question(
        "guide-q-large-both", "03",
        "Training loss and held-out loss are both as large as the baseline. Is it overfitting?",
        ("yes, the held-out loss is large", "no, the training loss would be small",
         "only if the two are equal"), 1,
        "Overfitting means a small training loss and a large held-out loss. Here it is model bias "
        "or optimisation.",
    ),
    Question(
        "guide-q-shallower", "03",
        "Your 20-layer network has a higher training loss than a 4-layer one. Most likely?",
        ("model bias", "overfitting", "optimisation"), 2,
        "The deep network could copy the shallow one and pass its output on. It can represent the "
        "solution; training did not find it.",
    ),
    Question(
        "guide-q-larger", "03",
        "The training loss is large because of model bias. Which of these can help?",
        ("more training rows", "a better feature", "more dropout"), 1,
        "Only a family of functions that can follow the data helps: better features, more units "
        "or layers.",
    ),
    Question(
        "guide-q-mismatch", "03",
        "Trained on drawings, used on photographs, and it fails. What helps least?",
        ("photographs in the training set", "drawings that look more like photographs",
         "ten times as many such drawings"), 2,
        "More rows of the wrong kind describe the wrong distribution more exactly. That is "
        "mismatch, not overfitting.",
    ),
    Question(
        "guide-q-tell-mismatch", "03",
        "The training loss is small, the held-out loss large. How do you tell mismatch?",
        ("by fresh rows drawn like the training rows", "by training for longer",
         "by the number of weights"), 0,
        "If fresh rows of the training kind go well, the network did learn, but something other "
        "than what the held-out rows ask.",
    ),
    Question(
        "guide-q-test", "03",
        "You choose among 1,000 settings by their score on the test set. Its best score is then:",
        ("an honest estimate", "too pessimistic", "too optimistic"), 2,
        "The best of many is partly the luckiest of many: even guessing ones look good. Choose on "
        "a validation set.",
    ),
    Question(
        "guide-q-folds", "03", "In 5-fold cross-validation, how often is each row held out?",
        ("once", "four times", "five times"), 0,
        "Every row is in exactly one fold. It is held out once and trained on four times.",
    ),
    Question(
        "guide-q-dropout", "03",
        "Dropout with p = 0.75 in training. A value of 1 that survives becomes:",
        ("1", "1.33", "4"), 2,
        "A quarter survives, so it is divided by 1 − p = 0.25; the average stays as it was.",
    ),
    Question(
        "guide-q-dropout-eval", "03", "What does inverted dropout do in eval mode?",
        ("nothing", "it multiplies by 1 − p", "it drops with half the probability"), 0,
        "The scaling was done in training already. In eval mode every value passes unchanged.",
    ),
    Question(
        "guide-q-early", "03",
        "Early stopping with patience 5 ended a run. Which weights do you keep?",
        ("those of the last epoch", "those of the best epoch", "the mean of the last five"), 1,
        "The last five epochs brought nothing better. The best weights were saved when they were "
        "reached.",
    ),
    Question(
        "guide-q-stopping-data", "03", "On which data does early stopping watch the loss?",
        ("on the training set", "on the test set", "on a validation set"), 2,
        "The training loss does not turn up, and a test set that decides is no longer unseen.",
    ),
    Question(
        "guide-q-augment", "03",
        "You read handwritten digits and augment by turning pictures upside down. The risk?",
        ("a turned 6 is a 9, still labelled 6", "too few pictures for one epoch",
         "the pixels no longer fit the network"), 0,
        "Augmentation must keep the label true. Small shifts do; half a turn does not.",
    ),
    Question(
        "guide-q-too-far", "03",
        "Against overfitting you take fewer and fewer weights. Where does that lead?",
        ("to mismatch", "to model bias", "to more overfitting"), 1,
        "A model too small to follow the data has a large training loss again. Overfitting and "
        "model bias are two ends of one scale.",
    ),
)
