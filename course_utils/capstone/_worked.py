"""Worked answers: for each fault one number that gives it away, and the line that mends it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch

from ..curvature import extreme_eigenpairs
from ..parameters import flat_loss
from ._casebook import current
from ._run import Run
from ._script import HEALTHY, PLANTED


def leftover_gradient(run: Run) -> float:
    kept = torch.cat([p.grad.flatten() for p in run.net.parameters()])     # since zero_grad
    net = run.net.eval()
    loss = run.loss(net(run.x_train), run.label_train)
    fresh = torch.autograd.grad(loss, list(net.parameters()))
    return (kept.norm() / torch.cat([g.flatten() for g in fresh]).norm()).item()


def measured_again(run: Run) -> float:
    with torch.no_grad():
        again = run.loss(run.net.eval()(run.x_held), run.label_held)
    return abs(run.held_out_loss[-1] - again.item())


def sums_to_one(run: Run) -> float:
    sums = run.net.eval()(run.x_held).sum(dim=1)                           # logits sum to anything
    return ((sums - 1).abs() < 0.001).float().mean().item()                # share of the rows


def halves_differ(run: Run) -> float:
    scores, label = run.net.eval()(run.x_held), run.label_held             # a mean over rows is
    halves = [run.loss(scores[part], label[part]) for part in (slice(0, 300), slice(300, 600))]
    return (run.loss(scores, label) - sum(halves) / 2).abs().item()        # that of its halves


def seen_before(run: Run) -> float:
    nearest = torch.cdist(run.x_held, run.x_train).amin(dim=1)
    return (nearest < 0.01).float().mean().item()


def neighbours_agree(run: Run) -> float:
    distance = torch.cdist(run.x_train, run.x_train).fill_diagonal_(float("inf"))
    return (run.label_train[distance.argmin(dim=1)] == run.label_train).float().mean().item()


def rate_over_limit(run: Run) -> float:
    some = run.x_train[:200], run.label_train[:200]                        # enough, and quicker
    f, theta = flat_loss(run.start, run.loss, some)
    return run.lr * extreme_eigenpairs(f, theta).values[-1].item() / 2     # of the largest λ


def input_spread(run: Run) -> float:
    return run.x_train.std().item()


EVIDENCE: dict[str, Callable[[Run], float]] = {
    "missing zero_grad": leftover_gradient,
    "forgotten eval()": measured_again,
    "double softmax": sums_to_one,
    "wrong dim": halves_differ,
    "leaking test data": seen_before,
    "shuffled labels": neighbours_agree,
    "a rate beyond 2/λmax": rate_over_limit,
    "unscaled features": input_spread,
}
# Where a line is missing: what stands before which line.
INSERTED = {
    "missing zero_grad": ("        optimizer.zero_grad()\n", "        loss(net("),
    "forgotten eval()": ("    net.eval()\n", "    with torch.no_grad():"),
}


def edit(fault: str, script: str) -> tuple[str, str]:
    """(old, new) for `script.replace(old, new)`: what mends this fault in this script."""
    if fault in INSERTED:
        line, before = INSERTED[fault]
        return before, line + before
    planted = PLANTED[fault]
    old = next(wording for wording in planted.wordings if wording in script)
    return old, HEALTHY[planted.place][0]


def worked(letter: str) -> tuple[str, Callable[[Run], float], str]:
    """A worked answer to a case of the current book: fault, evidence, mended script."""
    book = current()
    fault, script = book.fault_in(letter), book[letter].script
    return fault, EVIDENCE[fault], script.replace(*edit(fault, script))


def worked_text(letter: str) -> str:
    """The worked answer as it could stand in the cell."""
    book = current()
    fault = book.fault_in(letter)
    evidence = EVIDENCE[fault]
    small = letter.lower()
    source = inspect.getsource(evidence).replace(f"def {evidence.__name__}(run: Run) -> float:",
                                                 f"def evidence_{small}(run):")
    old, new = edit(fault, book[letter].script)
    return (
        f'{source}\n\ndef case_{small}():\n    fault = "{fault}"\n'
        f"    old = {_quoted(old)}\n    new = {_quoted(new)}\n"
        f'    mended = book["{letter}"].script.replace(old, new)\n'
        f"    return fault, evidence_{small}, mended\n"
    )


def _quoted(text: str) -> str:
    """A text as Python writes it; several lines in brackets, one below the other."""
    lines = text.splitlines(keepends=True)
    if len(lines) == 1:
        return repr(text)
    return "(\n" + "".join(f"        {line!r}\n" for line in lines) + "    )"
