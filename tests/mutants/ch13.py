"""Answers for chapter 13: what a learner may hand in for a case, whichever fault it has.

Named already in test_capstone_judge.py, and not repeated here: evidence of another fault, a loss or
the rate alone, numbers that are the same everywhere or not finite, a wrong name, a script that is
still ill, healthy but another, or better by other means (its CHEATS).
"""

import numpy as np
import torch

from course_utils.capstone import FAULTS, current, run_script, worked

# What people look at first: it says that something is wrong, or not even that.
SYMPTOMS = {
    "missing zero_grad": lambda run: run.held_out_accuracy[-1],
    "forgotten eval()": lambda run: run.held_out_loss[-1],
    "double softmax": lambda run: run.train_loss[-1],
    "wrong dim": lambda run: run.held_out_accuracy[-1],
    "leaking test data": lambda run: run.train_loss[-1],
    "shuffled labels": lambda run: run.train_loss[-1],
    "a rate beyond 2/λmax": lambda run: run.train_accuracy[-1],
    "unscaled features": lambda run: run.held_out_accuracy[-1],
}


def answer(letter, change):
    """change(fault, evidence, mended) of the worked answer, as a case's function."""
    return lambda: change(*worked(letter))


def remembers(letter):
    """Tells the case because its losses are known by heart, of one start."""
    def change(fault, evidence, mended):
        known = run_script(current()[letter].script).train_loss[-1]
        return fault, lambda run: abs(run.train_loss[-1] - known) < 1e-6, mended
    return answer(letter, change)


def damages(fault, evidence, mended):
    """The fault is gone and another one there: a line is lost on the way."""
    lost = "net.train()" if fault == "missing zero_grad" else "zero_grad("
    lines = mended.splitlines()
    kept = [line for line in lines if lost not in line]
    if fault == "missing zero_grad":  # the mode, whichever its wording
        kept = [line for line in lines
                if line.strip() not in ("net.eval()", "net.train(False)", "net.train(mode=False)")]
    assert len(kept) == len(lines) - 1
    return fault, evidence, "\n".join(kept)


def common(letter):
    return {
        "what one sees first": answer(
            letter, lambda fault, evidence, mended: (fault, SYMPTOMS[fault], mended)),
        "a run that is remembered": remembers(letter),
        "another line lost": answer(letter, damages),
        "a number as text": answer(letter, lambda fault, evidence, mended: (
            fault, lambda run: f"{evidence(run):.3f}", mended)),
    }


WRONG = {
    "cap-case-a": common("A") | {
        "the order turned": answer("A", lambda fault, evidence, mended: (fault, mended, evidence)),
    },
    "cap-case-b": common("B") | {
        "number of the fault": answer("B", lambda fault, evidence, mended: (
            FAULTS.index(fault), evidence, mended)),
    },
    "cap-case-c": common("C") | {
        "the case, not its text": answer("C", lambda fault, evidence, mended: (
            fault, evidence, current()["C"])),
    },
    "cap-case-d": common("D") | {
        "needs a healthy run beside it": answer("D", lambda fault, evidence, mended: (
            fault, lambda run, well: evidence(run) - evidence(well), mended)),
    },
    "cap-case-e": common("E") | {
        "another spelling": answer("E", lambda fault, evidence, mended: (
            fault.title(), evidence, mended)),
    },
}


def turned(letter):
    """Another sign, a tensor, and lines in the script that change nothing."""
    return answer(letter, lambda fault, evidence, mended: (
        fault, lambda run: torch.tensor([-1.0 - 2 * evidence(run)]),
        "# mended\n" + mended + "\nprint(len(x_train))\n"))


def logarithm(letter):
    return answer(letter, lambda fault, evidence, mended: (
        fault, lambda run: np.log1p(evidence(run)), mended))


RIGHT = {f"cap-case-{letter.lower()}": {"sign turned, a line more": turned(letter),
                                        "logarithm, a number of numpy's": logarithm(letter)}
         for letter in "ABCDE"}
