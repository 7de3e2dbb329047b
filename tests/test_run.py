"""A training run without widgets: stepping, curves, divergence, the learner's exceptions."""

import json
import math

import pytest
import torch

from course_utils.widgets.run import Run
from course_utils.widgets.settings import Settings

SETTINGS = Settings({"lr": 0.1, "seed": 1})


def countdown(settings):
    w = torch.tensor(1.0)
    while True:
        yield {"train": w**2, "w": w, "weights": torch.ones(3), "name": "w"}
        w = w - settings.lr * 2 * w


def test_the_first_yield_is_step_zero_and_a_run_ends_after_its_steps():
    run = Run(countdown, SETTINGS, steps=3)
    assert run.step == -1
    run.advance(1, math.inf)
    assert run.step == 0 and not run.finished
    assert run.advance(100, math.inf) == 3
    assert run.step == 3 and run.finished
    assert run.advance(100, math.inf) == 0


def test_curves_hold_every_scalar_of_every_step_and_nothing_else():
    run = Run(countdown, SETTINGS, steps=2)
    run.advance(3, math.inf)
    assert set(run.curves) == {"train", "w"}
    torch.testing.assert_close(run.curves["w"], [1.0, 0.8, 0.64], rtol=1e-6, atol=0)
    assert run.at["w"] == [0, 1, 2]


def test_a_scalar_yielded_now_and_then_knows_its_steps():
    def every_second(settings):
        for k in range(5):
            yield {"train": 1.0, **({"held_out": 2.0} if k % 2 == 0 else {})}

    run = Run(every_second, SETTINGS, steps=10)
    run.advance(10, math.inf)
    assert run.at["held_out"] == [0, 2, 4]
    assert run.finished  # the generator ended before the run's length


def test_kept_losses_do_not_keep_their_graph():
    weight = torch.tensor(1.0, requires_grad=True)
    run = Run(lambda s: iter([{"train": weight * 2}] * 2), SETTINGS, steps=5)
    run._next()
    assert not run._waiting["train"][0].requires_grad


@pytest.mark.parametrize("bad", [math.nan, math.inf, torch.tensor(math.nan)])
def test_a_loss_that_is_not_finite_stops_the_run(bad):
    run = Run(lambda s: iter([{"train": 1.0}, {"train": bad}, {"train": 1.0}]), SETTINGS, steps=9)
    run.advance(1, math.inf)
    assert not run.diverged
    run.advance(1, math.inf)
    assert run.diverged and run.stopped


def test_an_exception_is_shown_as_the_learner_s_with_their_line():
    def broken(settings):
        yield {"train": 1.0}
        torch.ones(2) @ torch.ones(3)

    run = Run(broken, SETTINGS, steps=9)
    run.advance(9, math.inf)
    assert run.stopped and run.step == 0
    assert "RuntimeError" in run.error and "torch.ones(2) @ torch.ones(3)" in run.error


def test_an_exception_inside_a_library_is_shown_with_the_learner_s_line():
    def broken(settings):
        yield json.loads("{")

    run = Run(broken, SETTINGS, steps=9)
    run.advance(1, math.inf)
    assert "JSONDecodeError" in run.error and 'json.loads("{")' in run.error


@pytest.mark.parametrize("yielded", [1.0, None, [1.0]])
def test_yielding_something_other_than_a_dict_is_explained(yielded):
    run = Run(lambda s: iter([yielded]), SETTINGS, steps=9)
    run.advance(1, math.inf)
    assert "yields a dict such as {'train': loss}" in run.error


def test_a_make_that_is_no_generator_is_explained():
    run = Run(lambda s: None, SETTINGS, steps=9)
    run.advance(1, math.inf)
    assert "not iterable" in run.error or "generator" in run.error


def test_time_is_a_limit_too():
    def slow(settings):
        import time

        while True:
            time.sleep(0.01)
            yield {"train": 1.0}

    run = Run(slow, SETTINGS, steps=10_000)
    assert run.advance(10_000, 0.5) <= 51
    assert run.seconds_left > 1


def test_settings_moved_during_a_run_are_remembered_and_frozen_when_put_aside():
    settings = Settings({"lr": 0.1, "seed": 1})
    run = Run(countdown, settings, steps=100)
    run.advance(5, math.inf)
    settings.write("lr", 0.2)
    run.note_change("lr")
    run.advance(1, math.inf)
    assert run.changes["lr"] == [0.1, 0.2]
    run.put_aside()
    settings.write("lr", 0.3)
    assert run.settings["lr"] == 0.2


def test_a_move_without_a_step_after_it_changed_nothing():
    settings = Settings({"lr": 0.1, "seed": 1})
    run = Run(countdown, settings, steps=100)
    run.advance(5, math.inf)
    for value in (0.2, 0.1):                     # there and back while it is paused
        settings.write("lr", value)
        run.note_change("lr")
    run.advance(1, math.inf)
    settings.write("lr", 0.3)
    run.note_change("lr")
    run.put_aside()
    assert run.changes["lr"] == [0.1]


def test_settings_are_read_only_for_the_learner_and_name_what_exists():
    with pytest.raises(AttributeError, match="read-only"):
        SETTINGS.lr = 3
    with pytest.raises(AttributeError, match="the settings are: lr, seed"):
        _ = SETTINGS.rate
