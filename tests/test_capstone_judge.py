"""The capstone's judge: evidence that points at one fault, a name, and a script truly mended."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import capstone
from course_utils.capstone import FAULTS, healthy_script, judge, report, run_script
from course_utils.capstone import _casebook as casebook
from course_utils.capstone import _judge as judging
from course_utils.capstone._casebook import Casebook
from course_utils.capstone._mended import log_probabilities
from course_utils.capstone._worked import EVIDENCE, edit, worked
from tests.mutants.ch13 import BAD_WAYS, GOOD_WAYS

RATE, UNSCALED = "a rate beyond 2/λmax", "unscaled features"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(casebook, "_open", {})
    monkeypatch.setattr(judging, "solved", {})
    monkeypatch.setattr("course_utils.capstone._report.solved", judging.solved)


def open_case(fault, seed=7):
    """A book whose case A has this fault; returns the case's script."""
    others = tuple(other for other in FAULTS if other != fault)[:4]
    casebook._open["book"] = Casebook(seed, (fault, *others))
    return casebook._open["book"]["A"].script


def said(fault, evidence=None, mended=None, name=None, seed=7):
    """What the judge says of an answer that is the worked one but for what is given."""
    script = open_case(fault, seed)
    own, right, whole = worked("A")
    mended = mended(script) if callable(mended) else mended
    return judge("A", lambda: (name or own, evidence or right, mended or whole))


# ---- every fault ----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_the_worked_answer_solves_its_case_under_another_seed(fault, monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "2")
    open_case(fault, seed=2)
    ruling = judge("A", lambda: worked("A"))
    assert ruling.ok, ruling
    assert f'It is "{fault}"' in ruling.message and "on healthy runs" in ruling.message


# Evidence made for one fault may lie apart for another too, for a reason.
EXPLAINED = {
    (UNSCALED, RATE),  # large features, large curvature: every rate is beyond 2/λmax
    ("double softmax", RATE),  # a second softmax flattens the loss
    (RATE, "missing zero_grad"),  # a run that jumps about ends with a steep loss
}


@pytest.fixture(scope="module")
def numbers():
    """evidence → script → the evidence's numbers on its runs."""
    runs = {fault: [judging.runs_of(capstone.planted_script(fault), seed)
                    for seed in judging.CASE_SEEDS] for fault in FAULTS}
    runs[None] = judging._panel(judging.HEALTHY)
    return {name: {script: judging._values(evidence, some) for script, some in runs.items()}
            for name, evidence in EVIDENCE.items()}


@pytest.mark.parametrize(("fault", "name"), list(itertools.product(FAULTS, FAULTS)))
def test_of_every_fault_and_every_evidence_those_go_together_that_should(numbers, fault, name):
    own = numbers[name][fault]
    others = [values for script, values in numbers[name].items()
              if script != fault and script not in judging.RELATED.get(fault, ())]
    least = judging.chance(numbers[name][None])
    apart = any(all(judging._apart(own, values, above, least) for values in others)
                for above in (True, False))
    assert apart == (fault == name) or (fault, name) in EXPLAINED


def test_the_evidence_of_another_fault_does_not_solve_a_case():
    shows_nothing = said("wrong dim", evidence=EVIDENCE["leaking test data"])
    assert not shows_nothing.ok and "does not show it" in shows_nothing.message
    assert not said("double softmax", evidence=EVIDENCE["wrong dim"]).ok


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != RATE])
def test_a_wrong_name_does_not_pass_with_the_right_evidence(fault):
    for name in FAULTS:
        if name == fault:
            continue
        ruling = said(fault, name=name)
        assert not ruling.ok and f'but not as "{name}"' in ruling.message
        assert f'"{fault}"' not in ruling.message, "the answer is given away"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_script_with_the_fault_still_in_it_is_refused(fault):
    ruling = said(fault, mended=lambda script: script + "\nnote = 'mended'")
    assert not ruling.ok and ruling.message.startswith("Fault and evidence fit.")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_healthy_script_in_the_cases_place_is_refused(fault):
    ruling = said(fault, mended=healthy_script())
    assert not ruling.ok and "The fault sits at one place" in ruling.message


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change_elsewhere_is_refused(fault):

    script = open_case(fault)
    changed = script.replace("split(100)", "split(120)")
    assert changed != script
    assert not said(fault, mended=changed).ok


# ---- evidence -------------------------------------------------------------------------------


@pytest.mark.parametrize("evidence", [
    lambda run: 3,
    lambda run: torch.rand(()).item() * 0 + len(run.script),
    lambda run: run.updates,
    lambda run: run.train_accuracy[-1] > 0.01,
])
def test_a_number_that_is_the_same_everywhere_shows_nothing(evidence):
    ruling = said("double softmax", evidence=evidence)
    assert not ruling.ok and "does not show it" in ruling.message


def test_a_number_of_chance_shows_nothing():
    """About one in a hundred passes by luck; these ten do not."""
    passed = 0
    for seed in range(10):
        draws = torch.Generator().manual_seed(seed)
        passed += said("wrong dim", lambda run, g=draws: torch.rand((), generator=g)).ok
    assert passed == 0


def test_a_loss_alone_says_that_something_is_wrong_but_not_what():
    ruling = said("double softmax", evidence=lambda run: run.train_loss[-1])
    assert "says that something is wrong, not what" in ruling.message
    assert "as high or nearly so" in ruling.message


def test_the_end_of_a_recorded_curve_is_no_evidence_even_where_it_lies_apart():
    for fault, name in (("wrong dim", "held_out_loss"), ("leaking test data", "held_out_accuracy")):
        ruling = said(fault, evidence=lambda run, name=name: torch.tensor(getattr(run, name)[-1]))
        assert not ruling.ok and "the end of a recorded curve" in ruling.message


def test_the_rate_alone_is_no_evidence_and_with_the_curvature_it_is():
    ruling = said(RATE, evidence=lambda run: run.lr)
    assert "a healthy script with the same η" in ruling.message
    assert said(RATE).ok


@pytest.mark.parametrize(("value", "words"), [
    (lambda run: None, "returns None"),
    (lambda run: "much", "one number"),
    (lambda run: [1.0, 2.0], "one number"),
    (lambda run: torch.ones(3), "one number"),
    (lambda run: np.ones(3), "one number"),
    (lambda run: np.array(["0.5"]), "one number"),
    (lambda run: math.nan, "not a finite number"),
    (lambda run: math.inf, "not a finite number"),
])
def test_evidence_has_to_be_one_finite_number(value, words):
    ruling = said("wrong dim", evidence=value)
    assert not ruling.ok and words in ruling.message


def test_evidence_may_be_a_tensor_with_a_graph_an_array_or_a_boolean():
    def spread(run):
        return (run.x_train * torch.ones(1, requires_grad=True)).std()

    assert said(UNSCALED, evidence=spread).ok
    assert said(UNSCALED, evidence=lambda run: np.array([[run.x_train.std()]])).ok
    assert said("forgotten eval()", evidence=lambda run: run.net.training).ok


def test_evidence_may_change_the_run_it_gets():
    def spoils(run):
        number = run.x_train.std().item()
        run.x_train.zero_()
        run.train_loss.clear()
        run.net.train()
        for parameter in run.net.parameters():
            parameter.data.zero_()
            parameter.grad = None
        return number

    assert said(UNSCALED, evidence=spoils).ok
    assert said(UNSCALED, evidence=spoils).ok
    assert said("missing zero_grad").ok


def test_what_evidence_raises_is_the_learners():
    def raising(run):
        return run.losses[-1]

    with pytest.raises(AttributeError, match="losses"):
        said("wrong dim", evidence=raising)


# ---- what is handed in ----------------------------------------------------------------------


@pytest.mark.parametrize(("given", "words"), [
    (None, "Return three things"),
    ("wrong dim", "Return three things"),
    (("wrong dim", "text"), "Return three things"),
    ((..., lambda run: 1, "text"), "`...` is still left"),
    (("wrong dim", ..., "text"), "`...` is still left"),
    (("wrong dim", lambda run: 1, ...), "`...` is still left"),
    (("wrong dimension", lambda run: 1, "text"), "none of the faults"),
    ((["wrong dim"], lambda run: 1, "text"), "none of the faults"),
    (("wrong dim", 0.69, "text"), "a function of a run, not its result"),
    (("wrong dim", torch.ones(()), "text"), "a function of a run, not its result"),
    (("wrong dim", lambda run: 1, lambda: 1), "is to be its text"),
])
def test_what_does_not_fit_is_said(given, words):
    open_case("wrong dim")
    ruling = judge("A", lambda: given)
    assert not ruling.ok and words in ruling.message


def test_a_replacement_that_found_nothing_is_noticed():
    ruling = said("wrong dim", mended=lambda script: script.replace("not in it", "new") + " \n\n")
    assert not ruling.ok and "letter by letter" in ruling.message


def test_the_judge_raises_what_the_answer_raises():
    open_case("wrong dim")
    with pytest.raises(ZeroDivisionError):
        judge("A", lambda: 1 / 0)


# ---- the mended script ----------------------------------------------------------------------


def whole(script):
    return script.replace(*edit("wrong dim", script))


def mended_with(old, new):
    def change(script):
        assert old in whole(script), f"{old!r} is not in\n{whole(script)}"
        return whole(script).replace(old, new)

    return change


PLAIN = 1  # a book whose case "wrong dim" has the wordings that are changed here
CHEATS = {
    "syntax error": ("for epoch in", "for epoch in in", "does not run: .*no valid Python"),
    "exception": ("nn.Dropout(0.5)", "nn.Dropout(5)", "does not run: .*ValueError"),
    "endless loop": ("for epoch in range(25):", "while True:", "does not run"),
    "an empty endless loop": ("for epoch in", "while True:\n    pass\nfor epoch in",
                              "one of them does not end"),
    "another network": ("32), nn.Tanh()", "32), nn.ReLU()", "network has become another"),
    "no dropout": ("nn.Dropout(0.5)", "nn.Dropout(0.1)", "network has become another"),
    "more updates": ("range(25)", "range(40)", "240 updates. The budget is 150"),
    "larger batches, more epochs": ("range(25)", "range(50)", "updates|50 times"),
    "no update": ("optimizer.step()", "pass", "no update"),
    "slow": (".backward()", ".mul(0.01).backward()", "does not yet learn"),
    "not a number": (".backward()", ".mul(1e30).backward()", "does not yet learn"),
    "fewer held-out rows": ("x_held, label_held = x[held], label[held]",
                            "x_held, label_held = x[held][:500], label[held][:500]",
                            "600 held-out rows, as before"),
    "held-out rows among the training rows": (
        "x_held, label_held = x[held], label[held]",
        "x_held, label_held = x[held], label[held]\nx_train[:300] = x_held[:300]\n"
        "label_train[:300] = label_held[:300]", "300 of the 600 held-out rows"),
    "measured on training rows": (
        "x_held, label_held = x[held], label[held]", "x_held, label_held = x_train, label_train",
        "600 of the 600 held-out rows"),
    "held-out rows learned by another name": (
        "    with torch.no_grad():", "    net.train()\n    for _ in range(1):\n"
        "        nn.functional.cross_entropy(net(x_held), label_held).backward()\n"
        "        [p.data.sub_(p.grad) for p in net.parameters()]\n    net.eval()\n"
        "    with torch.no_grad():", "lines|better on held-out"),
    "a hard-coded record": ("record(name, loss(scores, truth)", "record(name, 0.6",
                            "is not what the judge measures"),
    "a constant prediction": ("scores = net(inputs)", "scores = net(inputs) * 0",
                              "is not what the judge measures"),
    "wrong labels for those held out": (
        "x_held, label_held = x[held], label[held]", "x_held, label_held = x[held], label[:600]",
        "labels do not belong"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_mended_script_that_is_not_whole_is_refused(cheat):
    old, new, words = CHEATS[cheat]
    ruling = said("wrong dim", mended=mended_with(old, new), seed=PLAIN)
    assert not ruling.ok and re.search(words, ruling.message), ruling


@pytest.mark.parametrize(("fault", "way"), BAD_WAYS)
def test_half_a_mending_is_refused(fault, way):
    ruling = said(fault, mended=BAD_WAYS[fault, way])
    assert not ruling.ok and ruling.message.startswith("Fault and evidence fit"), ruling


def test_the_judge_tells_in_which_mode_it_was_trained_and_measured():
    ruling = said("wrong dim", mended=lambda script: whole(script).replace("    net.train()\n", ""))
    assert "At 144 of 150 updates the network learns in eval mode" in ruling.message
    ruling = said("forgotten eval()", mended=BAD_WAYS["forgotten eval()", "at the last epoch only"])
    assert "48 of 50 times what is recorded was measured in training mode" in ruling.message


def test_what_the_judge_watches_is_not_evidence():
    run = run_script(capstone.planted_script("missing zero_grad"))
    assert run._seen.stale == 149 and judging._copied(run)._seen.stale == 0


def test_a_run_leaves_nothing_on_the_network():
    run = run_script(healthy_script())
    assert not any(p._backward_hooks for p in run.net.parameters())
    assert not nn.modules.module._global_forward_pre_hooks


GOOD = {
    ("double softmax", "the loss instead of the network"): lambda script: script.replace(
        "for epoch in", "def loss(p, truth):\n    return nn.functional.nll_loss(p.log(), truth)\n\n"
        "for epoch in"),
    (RATE, "another small rate"): lambda script: script.replace("lr=4.0", "lr=0.2"),
    (UNSCALED, "one scale for all"): lambda script: script.replace(
        edit(UNSCALED, script)[0],
        "x_train, x_held = x_train / 128 - 0.5, x_held / 128 - 0.5"),
    (UNSCALED, "beside the line that does nothing"): lambda script: script.replace(
        "for epoch in", "m, s = x_train.mean(), x_train.std()\n"
        "x_train, x_held = (x_train - m) / s, (x_held - m) / s\n\nfor epoch in"),
    ("missing zero_grad", "after the step"): lambda script: script.replace(
        "optimizer.step()", "optimizer.step()\n        optimizer.zero_grad()"),
    ("forgotten eval()", "at another line"): lambda script: script.replace(
        "            scores = net(inputs)", "            scores = net.eval()(inputs)  # quiet"),
    ("wrong dim", "torch's own loss"): lambda script: script.replace(
        edit("wrong dim", script)[0], "loss = nn.functional.cross_entropy"),
    ("wrong dim", "the last axis"): lambda script: script.replace("dim=0)", "dim=-1)", 99)
    .replace("mean(dim=-1)", "mean(dim=0)").replace("std(dim=-1)", "std(dim=0)"),
    ("shuffled labels", "later"): lambda script: script.replace(
        "for epoch in", "label_train = label[train]\n\nfor epoch in"),
    **GOOD_WAYS,
    ("leaking test data", "the other part"): lambda script: script.replace(
        edit("leaking test data", script)[0], "train, held = order[600:], order[:600]"),
}


@pytest.mark.parametrize(("fault", "way"), GOOD)
def test_a_fault_may_be_mended_in_another_way(fault, way):
    evidence = EVIDENCE[fault]
    if fault == "double softmax":  # what the loss charges for perfect answers
        def evidence(run):
            with torch.no_grad():
                scores = run.net.eval()(run.x_held[:2])
            ends_in_softmax = torch.allclose(scores.sum(dim=1), torch.ones(2), atol=1e-4)
            perfect = torch.eye(10) if ends_in_softmax else 30 * torch.eye(10)
            return run.loss(perfect.clamp(min=1e-12), torch.arange(10))
    if (fault, way) == ("missing zero_grad", "after the step"):
        def evidence(run):  # what is left after training, or, zeroed, nothing
            kept = [p.grad for p in run.net.parameters() if p.grad is not None]
            return sum(g.norm() for g in kept)
    ruling = said(fault, evidence=evidence, mended=GOOD[fault, way])
    assert ruling.ok, ruling


def test_a_rate_that_learns_but_is_still_beyond_the_limit_is_refused_by_its_own_evidence():
    ruling = said(RATE, mended=lambda script: script.replace("lr=4.0", "lr=1.5"))
    assert not ruling.ok and "your own evidence still shows the fault" in ruling.message


def test_logits_probabilities_and_their_logarithms_are_measured_alike():
    logits = torch.randn(20, 10, generator=torch.Generator().manual_seed(0))
    expected = torch.log_softmax(logits, dim=1)
    for scores in (logits, logits.softmax(dim=1), expected, nn.LogSoftmax(dim=1)(logits)):
        torch.testing.assert_close(log_probabilities(scores), expected)


# ---- the report -----------------------------------------------------------------------------


def test_the_report_tells_what_gave_a_case_away_and_only_of_solved_ones():
    open_case(UNSCALED)
    assert repr(report()) == "report: 0 of 5 cases" and UNSCALED not in report().html

    def how_wide(run):
        return run.x_train.std()

    script = open_case(UNSCALED)
    mended = script.replace(*edit(UNSCALED, script))
    assert not judge("A", lambda: (UNSCALED, how_wide, script + "\nx = 1")).ok
    assert repr(report()) == "report: 0 of 5 cases"

    assert judge("A", lambda: (UNSCALED, how_wide, mended)).ok
    card = report()
    assert repr(card) == "report: 1 of 5 cases"
    assert UNSCALED in card.html and "\n    return run.x_train.std()" in card.html
    case = judging.solved[7, "A"]
    for values in (case.on_case, case.on_healthy, case.on_mended):
        assert judging.range_text(values) in card.html
    assert min(case.on_case) > 80 and max(case.on_healthy + case.on_mended) < 1

    capstone.draw_faults(5)  # another book: nothing solved in it
    assert repr(report()) == "report: 0 of 5 cases"


def test_the_runs_to_compare_with_are_kept_per_course_seed(monkeypatch):
    one = judging.runs_of(healthy_script(), 0)
    assert judging.runs_of(healthy_script(), 0) is one
    monkeypatch.setenv("COURSE_SEED", "9")
    assert judging.runs_of(healthy_script(), 0) is not one
    fresh = run_script(healthy_script(), 0)
    assert judging.runs_of(healthy_script(), 0).train_loss == pytest.approx(fresh.train_loss)
