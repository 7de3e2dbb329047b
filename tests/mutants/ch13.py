"""Answers for chapter 13: what a learner may hand in for a case, whichever fault it has.

Named already in test_capstone_judge.py, and not repeated here: evidence of another fault, a loss or
the rate alone, numbers that are the same everywhere or not finite, a wrong name, a script that is
still ill, healthy but another, or better by other means (its CHEATS).
"""

import re

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


def changed(letter, *pairs):
    """The worked answer, its mended script changed once more."""
    def change(fault, evidence, mended):
        for old, new in pairs:
            assert old in mended, old
            mended = mended.replace(old, new)
        return fault, evidence, mended
    return answer(letter, change)


def replaced(*pairs):
    """A way to mend a case's script."""
    def mend(script):
        for old, new in pairs:
            assert old in script, old
            script = script.replace(old, new)
        return script
    return mend


ZERO, RATE, EVAL = "missing zero_grad", "a rate beyond 2/λmax", "forgotten eval()"
SCALE = "unscaled features"
RAW = "x_train, x_held = x_train.float(), x_held.float()"
TRAIN, STEP = "    net.train()\n", "        optimizer.step()\n"
BACKWARD = "        loss(net(x_train[rows]), label_train[rows]).backward()\n"
MEASURE = "    with torch.no_grad():"


def scaled(by):
    """Both parts, by mean and standard deviation of the rows that `by` names."""
    return (f"mean, sd = {by}.mean(dim=0), {by}.std(dim=0) + 1\n"
            "x_train, x_held = (x_train - mean) / sd, (x_held - mean) / sd")


# (fault, way) -> what is made of the script: each mends nothing, half, or something else as well.
BAD_WAYS = {
    (ZERO, "once an epoch"): replaced((TRAIN, TRAIN + "    optimizer.zero_grad()\n")),
    (ZERO, "halved, not emptied"): replaced((STEP, STEP + (
        "        for p in net.parameters():\n            p.grad.mul_(0.5)\n"))),
    (ZERO, "between backward and step"): replaced((STEP, "        optimizer.zero_grad()\n" + STEP)),
    (ZERO, "the last layer only"): replaced((BACKWARD, "        net[-1].zero_grad()\n" + BACKWARD)),
    (RATE, "still beyond the limit"): replaced(("lr=4.0", "lr=1.0")),
    (RATE, "falls, but begins beyond the limit"): replaced(
        (TRAIN, TRAIN + "    optimizer.param_groups[0]['lr'] *= 0.8\n")),
    (RATE, "warmed up, then as it was"): replaced(
        (TRAIN, TRAIN + "    optimizer.param_groups[0]['lr'] = 0.3 if epoch < 20 else 4.0\n")),
    (EVAL, "eval for train"): replaced((TRAIN, "    net.eval()\n")),
    (EVAL, "a level too deep"): replaced((STEP, STEP + "        net.eval()\n")),
    (EVAL, "at the last epoch only"): replaced(
        (MEASURE, "    if epoch == 24:\n        net.eval()\n" + MEASURE)),
    (EVAL, "without brackets"): replaced((MEASURE, "    net.eval\n" + MEASURE)),
    (SCALE, "by numbers of the held-out rows"): replaced((RAW, scaled("x_held"))),
    (SCALE, "by numbers of all rows"): replaced((RAW, scaled("x"))),
    (SCALE, "each part by its own numbers"): replaced(
        (RAW, "x_train, x_held = ((part - part.mean(dim=0)) / (part.std(dim=0) + 1)\n"
              "                   for part in (x_train, x_held))")),
}
# The same for ways that mend it.
GOOD_WAYS = {
    (ZERO, "each set to None"): replaced(
        (BACKWARD, "        for p in net.parameters():\n            p.grad = None\n" + BACKWARD)),
    (ZERO, "by autograd.grad"): replaced(
        (BACKWARD, "        params = list(net.parameters())\n"
                   "        grads = torch.autograd.grad(loss(net(x_train[rows]), "
                   "label_train[rows]), params)\n"
                   "        for p, g in zip(params, grads):\n            p.grad = g\n")),
    (EVAL, "eval and back at once"): replaced(
        ("            scores = net(inputs)\n", "            net.eval()\n"
         "            scores = net(inputs)\n            net.train()\n")),
    (SCALE, "plus nearly nothing"): replaced(
        (RAW, scaled("x_train").replace("+ 1\n", "+ 1e-8\n"))),
    (SCALE, "each picture by its own numbers"): replaced(
        (RAW, "x_train, x_held = ((part - part.mean(dim=1, keepdim=True)) / "
              "part.std(dim=1, keepdim=True)\n                   for part in (x_train, x_held))")),
}


def mended_in(letter, ways):
    """The ways that are about this letter's fault, as answers."""
    fault = current().fault_in(letter)

    def handed_in(mend):
        return answer(letter, lambda fault, evidence, mended: (
            fault, evidence, mend(current()[letter].script)))

    return {way: handed_in(mend) for (about, way), mend in ways.items() if about == fault}


def common(letter):
    return {
        "what one sees first": answer(
            letter, lambda fault, evidence, mended: (fault, SYMPTOMS[fault], mended)),
        "a run that is remembered": remembers(letter),
        "another line lost": answer(letter, damages),
        "a number as text": answer(letter, lambda fault, evidence, mended: (
            fault, lambda run: f"{evidence(run):.3f}", mended)),
        "train() lost on the way": changed(letter, (TRAIN, "")),
        "eval() for train()": changed(letter, (TRAIN, "    net.eval()\n")),
        "fewer epochs": changed(letter, ("range(25)", "range(20)")),
        "fewer updates": changed(letter, (".split(100)", ".split(120)")),
        **mended_in(letter, BAD_WAYS),
    }


WRONG = {
    "cap-case-a": common("A") | {
        "another rate too": changed("A", ("lr=0.3", "lr=0.5")),
        "the order turned": answer("A", lambda fault, evidence, mended: (fault, mended, evidence)),
    },
    "cap-case-b": common("B") | {
        "number of the fault": answer("B", lambda fault, evidence, mended: (
            FAULTS.index(fault), evidence, mended)),
    },
    "cap-case-c": common("C") | {
        "a curve's end": answer("C", lambda fault, evidence, mended: (
            fault, lambda run: run.held_out_loss[-1], mended)),
        "the case, not its text": answer("C", lambda fault, evidence, mended: (
            fault, evidence, current()["C"])),
    },
    "cap-case-d": common("D") | {
        "needs a healthy run beside it": answer("D", lambda fault, evidence, mended: (
            fault, lambda run, well: evidence(run) - evidence(well), mended)),
    },
    "cap-case-e": common("E") | {
        "weights decay too": answer("E", lambda fault, evidence, mended: (
            fault, evidence, re.sub(r"(SGD\(.*)\)", r"\1, weight_decay=1e-3)", mended))),
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


def as_a_list(letter):
    return lambda: list(worked(letter))


def numpys_array(letter):
    return answer(letter, lambda fault, evidence, mended: (
        fault, lambda run: np.array([evidence(run)]), mended))


RIGHT = {f"cap-case-{letter.lower()}": {"sign turned, a line more": turned(letter),
                                        "logarithm, a number of numpy's": logarithm(letter),
                                        "a list of three": as_a_list(letter),
                                        "numpy's array of one number": numpys_array(letter),
                                        **mended_in(letter, GOOD_WAYS)}
         for letter in "ABCDE"}
