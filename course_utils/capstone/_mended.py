"""Is a mended script whole again: same network, budget and data, and as good as a healthy one?"""

from __future__ import annotations

import copy
import difflib
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ._run import EPOCHS, ROWS, UPDATES, Run, ScriptError, load, prepared
from ._script import HEALTHY_RATE, RATE_FAULT
from ._worked import rate_over_limit

NET = ["Linear(in_features=196, out_features=32, bias=True)", "Tanh()",
       "Dropout(p=0.5, inplace=False)", "Linear(in_features=32, out_features=10, bias=True)"]
OUTPUTS = {"Softmax", "LogSoftmax"}  # may stay, if the loss fits
CHANGED = 8  # lines taken out and put in, at most
WORSE, BETTER = 0.15, 0.07  # held-out loss, mean over seeds, beside the healthy scripts' mean
AGREES = 2e-3  # between a recorded number and the same one measured again

Problem = tuple  # a message, and what is shown beside it


@dataclass(frozen=True)
class Measured:
    """Cross-entropy and accuracy in eval mode, by the judge's own hand."""

    train_loss: float
    held_out_loss: float
    held_out_accuracy: float


def measured(run: Run) -> Measured:
    """Measure a run's network on the rows it left, without trusting what was recorded."""
    net = copy.deepcopy(run.net).eval()
    with torch.no_grad():
        train, held = log_probabilities(net(run.x_train)), log_probabilities(net(run.x_held))
        return Measured(
            nn.functional.nll_loss(train, run.label_train).item(),
            nn.functional.nll_loss(held, run.label_held).item(),
            (held.argmax(dim=1) == run.label_held).float().mean().item(),
        )


def log_probabilities(scores: Tensor) -> Tensor:
    """(N, K) logits, probabilities or their logarithms -> (N, K) logarithms of probabilities."""
    sums_to_one = torch.allclose(scores.sum(dim=1), torch.ones(len(scores)), atol=1e-4)
    if sums_to_one and (scores >= 0).all():
        return scores.clamp(min=1e-12).log()
    return torch.log_softmax(scores, dim=1)


def not_the_case(script: str, mended: str) -> Problem | None:
    """What is wrong with a mended script before it is run, or None."""
    changed = _changed(script, mended)
    if changed <= CHANGED:
        return None
    return (f"The mended script differs from the case in {changed} lines. The fault sits at one "
            "place: change that, and leave the rest as it is.",)


def by_other_means(run: Run, fault: str) -> Problem | None:
    """Another network, budget, optimiser, mode or data than the case's, or None."""
    return (_other_training(run) or _other_optimizer(run, fault) or _other_steps(run)
            or _wrong_data(run) or _held_out_numbers(run))


def beyond_the_limit(runs: list[Run], fault: str) -> Problem | None:
    """A rate that was too high, and still is, or None. (Runs that may be changed.)"""
    if fault != RATE_FAULT:
        return None
    times = [rate_over_limit(run) for run in runs]
    if max(times) < 1:
        return None
    return (f"The mended script learns, but η = {runs[0].lr:g} is still beyond 2/λmax where the "
            "network starts.", f"up to {max(times):.2f} times 2/λmax", "below 1")


def not_whole(runs: list[Run], healthy: list[Run]) -> Problem | None:
    """What a mended script does not reach, or reaches in its record only; or None.

    Args:
        runs: of the mended script, under several seeds. healthy: runs of the healthy script.
    """
    reached, usual = ([measured(run) for run in some] for some in (runs, healthy))
    return _not_as_good(reached, usual) or _wrong_record(runs, reached)


def _changed(script: str, mended: str) -> int:
    """Lines taken out and put in; spaces at the ends, blank lines and comments do not count."""
    texts = [[line.partition("#")[0].rstrip() for line in text.splitlines()]
             for text in (script, mended)]
    one, two = ([line for line in lines if line] for lines in texts)
    return sum(line[0] in "+-" for line in difflib.ndiff(one, two))


def _other_training(run: Run) -> Problem | None:
    layers = [repr(part) for part in run.net.modules()
              if not list(part.children()) and type(part).__name__ not in OUTPUTS]
    if layers != NET:
        return ("The network has become another one; the fault is to be mended with the same "
                "network.", ", ".join(layers), ", ".join(NET))
    if run.updates < 1:
        return ("The optimiser has made no update: `optimizer.step()` is not reached.", 0, UPDATES)
    if run.updates != UPDATES:
        more = "more" if run.updates > UPDATES else "less"
        return (f"The mended script makes {run.updates} updates. The budget is {UPDATES}, as "
                f"before: {more} training is no mending.", run.updates, UPDATES)
    if len(run.train_loss) != EPOCHS:
        return (f"The mended script goes through the rows {len(run.train_loss)} times; before it "
                f"was {EPOCHS} times.", len(run.train_loss), EPOCHS)
    return None


def _other_optimizer(run: Run, fault: str) -> Problem | None:
    rates, optimizers = run._seen.rates, run._seen.optimizers
    if optimizers != {"SGD"}:
        return ("The optimiser has become another one; the fault is to be mended with the same "
                "optimiser.", "; ".join(sorted(optimizers)), "SGD")
    if min(rates) != max(rates):
        return ("η changes during the training. It is to be one number, as before.",
                f"from {min(rates):.3g} to {max(rates):.3g}", "the same at each update")
    if fault != RATE_FAULT and not math.isclose(
            rates[0], HEALTHY_RATE, rel_tol=1e-6):
        return ("η has become another one; this fault is to be mended with the same η.",
                rates[0], HEALTHY_RATE)
    return None


def _other_steps(run: Run) -> Problem | None:
    """Steps and measurements in another mode, or by another gradient, than they should be."""
    seen = run._seen
    if seen.without_dropout:
        return (f"At {seen.without_dropout} of {run.updates} updates the network learns in eval "
                "mode, with dropout off. Learning is to be in training mode.",
                seen.without_dropout, 0)
    if seen.with_dropout:
        return (f"{seen.with_dropout} of {seen.records} times what is recorded was measured in "
                "training mode, with dropout on.", seen.with_dropout, 0)
    if seen.stale:
        return (f"At {seen.stale} of {run.updates} updates `p.grad` is not the gradient that the "
                "last `backward` computed: it holds something else.", seen.stale, 0)
    return None


def _wrong_data(run: Run) -> Problem | None:
    half = ROWS // 2
    sizes = tuple(len(part) for part in (run.x_train, run.label_train, run.x_held, run.label_held))
    if sizes != (half,) * 4 or {run.x_train.ndim, run.x_held.ndim} != {2}:
        return (f"There are to be {half} training rows and {half} held-out rows, as before.",
                f"{sizes[0]} and {sizes[2]}", f"{half} and {half}")
    with torch.no_grad():
        distance = torch.cdist(run.x_held, run.x_train,
                               compute_mode="donot_use_mm_for_euclid_dist")
        # the training rows' own size: one held-out pixel may be as large as it likes
        least = 1e-5 * run.x_train.norm(dim=1).mean()
        seen = int((distance.amin(dim=1) < least).sum())
    if seen:
        return (f"{seen} of the {half} held-out rows are training rows too: what is measured on "
                "them says nothing about new pictures.", seen, 0)
    wrong = _wrong_labels(run)
    if wrong:
        return (f"{wrong} of the {ROWS} labels do not belong to the picture they stand beside.",
                wrong, 0)
    return None


def _held_out_numbers(run: Run) -> Problem | None:
    """Rows that come out otherwise if *other* held-out rows are changed, or None."""
    plain, half = prepared(run.script, run.seed, load), ROWS // 4
    held = plain.get("held")
    if not isinstance(held, Tensor) or held.shape != (2 * half,):
        return None

    def changed() -> tuple[Tensor, Tensor]:
        x, label = load()
        x[held[:half]] = 255 - x[held[:half]] / 2
        return x, label

    try:
        again = prepared(run.script, run.seed, changed)
    except ScriptError:
        return None  # the script asks something of the data itself
    pairs = [[names.get(name) for names in (plain, again)] for name in ("x_train", "x_held")]
    if not all(isinstance(rows, Tensor) for pair in pairs for rows in pair):
        return None  # not made before the first update
    same = all(old.shape == new.shape and torch.allclose(old[which], new[which], 1e-4, 1e-6)
               for (old, new), which in zip(pairs, (slice(None), slice(half, None)), strict=True))
    return None if same else (
        "What the rows are scaled by depends on held-out rows. It has to come from the training "
        "rows alone: held-out rows stand for pictures that nobody has seen yet.",)


def _wrong_labels(run: Run) -> int:
    """Labels that differ from those loaded; 0 if the rows cannot be recognised any more."""
    x, label = load()
    used = torch.cat([run.x_train, run.x_held]).detach().float()
    if used.shape != x.shape:
        return 0
    # whatever each column was shifted and scaled by
    one, two = ((rows - rows.mean(dim=0)) / (rows.std(dim=0) + 1e-9) for rows in (used, x))
    distance, row = torch.cdist(one, two).min(dim=1)
    known = distance < 0.05
    given = torch.cat([run.label_train, run.label_held])
    return int((given != label[row])[known].sum())


def _not_as_good(reached: list[Measured], healthy: list[Measured]) -> Problem | None:
    def mean(values: list[Measured], name: str) -> float:
        return sum(getattr(one, name) for one in values) / len(values)

    loss, usual = mean(reached, "held_out_loss"), mean(healthy, "held_out_loss")
    right, share = mean(reached, "held_out_accuracy"), mean(healthy, "held_out_accuracy")
    shown = (f"loss {loss:.2f}, accuracy {right:.0%}", f"loss {usual:.2f}, accuracy {share:.0%}")
    if not loss <= usual + WORSE:
        return ("The mended script does not yet learn as a healthy one does: see its held-out "
                "loss and accuracy, measured by the judge in eval mode over three seeds.", *shown)
    if loss < usual - BETTER:
        return ("The mended script is better on held-out rows than a healthy one can be: "
                "something of them has reached the training.", *shown)
    return None


def _wrong_record(runs: list[Run], reached: list[Measured]) -> Problem | None:
    for run, own in zip(runs, reached, strict=True):
        for name in ("held_out_loss", "held_out_accuracy", "train_loss"):
            recorded, again = getattr(run, name)[-1], getattr(own, name)
            if not abs(recorded - again) <= AGREES * max(1.0, abs(again)):
                words = name.replace("_", " ").replace("held out", "held-out")
                return (f"The mended script learns, but the {words} it records is not what the "
                        "judge measures on the same network and rows in eval mode.",
                        f"{recorded:.4f} recorded", f"{again:.4f} measured again")
    return None
