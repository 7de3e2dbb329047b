"""Chapter 13's project: accuracies beside a baseline, the best result kept, a test seen once."""

import itertools

import pytest
import torch
from torch import nn

from course_utils import study
from course_utils.widgets import Playground, Slider, project
from course_utils.widgets.project import accuracy_picture, against, keep_result, look_once


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path))
    monkeypatch.setattr(project, "_best", {})
    monkeypatch.setattr(project, "_seen", {})
    monkeypatch.setattr(study, "_stores", {})


@pytest.fixture
def learner(monkeypatch):
    """A learner in front of the page: progress is read and written."""
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)


def training(settings):
    """A held-out accuracy of `reach` from the third update on."""
    net, accuracies = nn.Linear(1, 1), []
    for step in itertools.count():
        accuracies.append((step, min(1.0, 0.3 * step), settings.reach if step > 2 else 0.1))
        with torch.no_grad():
            net.weight.fill_(settings.reach)
        yield {"train": 1 / (step + 1), "accuracies": accuracies, "net": net}


def play(steps=5, **start):
    playground = Playground("test-project", training, accuracy_picture(0.7, 5), {
        "reach": Slider(0.0, 1.0, start.get("reach", 0.8))}, steps=5, headless_steps=1,
        mode="click")
    playground.reset()
    if steps:
        playground.run_now(steps)
    return playground


def weight(net):
    return net.weight.item()


def test_the_picture_follows_the_run_and_says_how_it_stands_to_the_baseline():
    playground = play(2)
    before = playground._live.png()
    assert "Held-out accuracy 10.0%, 60.0 points below the baseline" in playground.alt
    playground.run_now(3)
    assert "Held-out accuracy 80.0%, 10.0 points above the baseline" in playground.alt
    assert playground._live.png() != before


def test_a_moved_control_changes_the_picture():
    playground = play()
    before = playground._live.png(), playground.alt
    playground.move(reach=0.75)
    playground.reset()
    playground.run_now(5)
    assert playground._live.png() != before[0]
    assert "5.0 points above" in playground.alt


@pytest.mark.parametrize(("held_out", "words"), [
    (0.75, "held-out accuracy 75.0%, 5.0 points above the baseline"),
    (0.65, "held-out accuracy 65.0%, 5.0 points below the baseline"),
    (0.7, "held-out accuracy 70.0%, level with the baseline"),
])
def test_an_accuracy_in_words(held_out, words):
    assert against(held_out, 0.7) == words


def test_nothing_is_kept_before_it_trains_and_the_test_set_stays_closed(learner):
    playground = play(0)
    assert repr(keep_result(playground, 0.7)) == "project: nothing to keep yet"
    assert repr(look_once(playground, weight)) == "test set: closed"
    assert study.recorded("mission", "test-project/best") is None


def test_a_result_is_kept_with_its_settings_and_only_a_better_one_takes_its_place(learner):
    playground = play(reach=0.8)
    assert repr(keep_result(playground, 0.7)) == "project: baseline beaten"
    kept = study.recorded("mission", "test-project/best")
    assert kept == {"code": playground.code, "updates": 5, "accuracy": 0.8}
    assert "reach=0.8" in kept["code"]

    playground = play(reach=0.6)
    card = keep_result(playground, 0.7)
    assert repr(card) == "project: the earlier result stays" and "reach=0.8" in card.html
    assert study.recorded("mission", "test-project/best") == kept

    playground = play(reach=0.9)
    keep_result(playground, 0.7)
    assert study.recorded("mission", "test-project/best")["accuracy"] == 0.9


def test_a_result_below_the_baseline_says_so(learner):
    card = keep_result(play(reach=0.6), 0.7)
    assert repr(card) == "project: not beaten yet" and "10.0 points below" in card.html


def test_a_run_whose_controls_moved_is_not_kept(learner):
    playground = play(3)
    playground.move(reach=0.9)
    playground.run_now(2)
    card = keep_result(playground, 0.7)
    assert repr(card) == "project: not kept" and "reach moved while it trained" in card.html
    assert study.recorded("mission", "test-project/best") is None


def test_a_result_is_not_kept_under_settings_that_were_moved_after_its_end(learner):
    playground = play(5)
    playground.run_now(5)
    assert playground.current.stopped
    playground.move(reach=0.9)
    assert repr(keep_result(playground, 0.7)) == "project: not kept"
    playground.move(reach=0.8)
    assert repr(keep_result(playground, 0.7)) == "project: baseline beaten"


def test_a_run_that_diverged_is_not_kept(learner):
    def breaks(settings):
        yield {"train": 1.0, "accuracies": [(0, 0.1, 0.1)], "net": nn.Linear(1, 1)}
        yield {"train": float("nan"), "accuracies": [(0, 0.1, 0.1)], "net": nn.Linear(1, 1)}

    playground = Playground("test-broken", breaks, accuracy_picture(0.7, 5), {}, steps=5,
                            headless_steps=1, mode="click")
    playground.run_now(5)
    assert repr(keep_result(playground, 0.7)) == "project: not kept"


def test_the_test_set_is_looked_at_once_with_the_kept_network(learner):
    playground = play(reach=0.8)
    keep_result(playground, 0.7)
    playground = play(reach=0.3)  # what runs now is not what was kept
    card = look_once(playground, weight)
    assert repr(card) == "test set: looked at once" and "80.0%" in card.html

    def again(net):
        raise AssertionError("looked at twice")

    playground = play(reach=0.9)
    keep_result(playground, 0.7)
    card = look_once(playground, again)
    assert repr(card) == "test set: looked at before" and "80.0%" in card.html
    assert "reach=0.8" in card.html


@pytest.mark.parametrize(("test", "words"), [
    (0.785, "1.5 points below</span> the held-out accuracy"), (0.8, "level with</span> the"),
    (0.815, "1.5 points above</span> the held-out accuracy")])
def test_the_test_result_stands_beside_the_held_out_one(learner, test, words):
    playground = play(reach=0.8)
    keep_result(playground, 0.7)
    assert words in look_once(playground, lambda net: test).html


def test_after_a_restart_the_kept_settings_are_to_be_run_again(learner, monkeypatch):
    playground = play(reach=0.8)
    keep_result(playground, 0.7)
    monkeypatch.setattr(project, "_best", {})  # a new kernel has no network
    card = look_once(playground, weight)
    assert repr(card) == "test set: closed" and playground.code in card.html
    worse = keep_result(play(reach=0.6), 0.7)
    assert repr(worse) == "project: the earlier result stays"
    keep_result(play(reach=0.8), 0.7)
    assert repr(look_once(playground, weight)) == "test set: looked at once"


def test_without_a_page_both_cells_say_the_same_each_time(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    playground = play(reach=0.8)
    assert repr(keep_result(playground, 0.7)) == "project: result"
    assert repr(look_once(playground, weight)) == "test set: looked at"
    assert repr(look_once(playground, weight)) == "test set: looked at"
