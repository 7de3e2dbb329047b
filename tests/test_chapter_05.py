"""Chapter 05: its own code, taken from the notebook, against plain oracles; missions; pictures."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.figures import new_figure
from course_utils.widgets.batches import batch_picture, batch_sizes_below
from tests.chapter import Chapter

# Cells that are run as they stand; of the others only the functions are taken. Order counts.
RUN = ["look-model", "time-code", "noise-code", "wave-code", "live-train", "live-controls",
       "live-playground"]
TIMES = {2**k: 0.0002 * (1 + 2**k / 64) for k in range(13)}  # in the place of measured ones
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return Chapter("05").names(RUN, both={"vectorised": TIMES, "one by one": TIMES})


# ---- the clock ----------------------------------------------------------------------------------


def test_a_graphics_card_is_a_third_curve_and_waited_for(monkeypatch):
    """In its place the device "meta", which knows shapes only; the clock counts the calls."""
    waited = []
    monkeypatch.setattr("course_utils.device.pick_device", lambda: torch.device("meta"))
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)

    def fastest(works):
        for work in works.values():
            work()
        return TIMES

    found = Chapter("05").names(["time-code", "time-run", "time-figure"], fastest=fastest)
    assert list(found.seconds)[-1] == "GPU" and len(waited) == len(found.batch_sizes)
    assert "for 1 thread" in found.shown["time-figure"].alt
    assert "graphics card" in found.shown["time-figure"].alt


# ---- the two-parameter problems ------------------------------------------------------------------


def test_the_loss_of_line_and_wave_is_the_mean_squared_error_of_a_plain_loop(chapter):
    rows = torch.tensor([3, 30, 3, 11])
    for problem, f in (("line", lambda z: z), ("wave", math.sin)):
        for w, b in ((0.5, -1.0), (2.0, 0.3)):
            theta = torch.tensor([w, b], dtype=f64)
            slow = sum((f(w * chapter.points[i].item() + b)
                        - chapter.labels[problem][i].item()) ** 2 for i in rows.tolist()) / 4
            assert chapter.batch_loss(problem, theta, rows).item() == pytest.approx(slow)


def test_many_places_at_once_have_the_losses_of_each_alone(chapter):
    g = torch.Generator().manual_seed(1)
    theta = torch.randn(3, 5, 2, generator=g, dtype=f64)
    for problem in ("line", "wave"):
        together = chapter.batch_loss(problem, theta, chapter.everything)
        assert together.shape == (3, 5)
        assert_close(together[1, 4], chapter.batch_loss(problem, theta[1, 4], chapter.everything))


def test_a_walk_with_the_full_batch_is_plain_gradient_descent(chapter):
    way = chapter.walk("line", [-1.5, 2.0], 32, 0.05, epochs=4)
    x, y = chapter.points.numpy(), chapter.labels["line"].numpy()
    w, b = -1.5, 2.0
    for place in way[1:]:
        e = w * x + b - y
        w, b = w - 0.05 * 2 * np.mean(e * x), b - 0.05 * 2 * np.mean(e)
        assert_close(place, torch.tensor([w, b], dtype=f64))
    assert len(chapter.walk("line", [0.0, 0.0], 5, 0.01, epochs=2)) == 1 + 2 * 7


def test_the_waves_slope_is_that_of_each_starts_own_batch(chapter):
    g = torch.Generator().manual_seed(2)
    theta = torch.randn(2, 3, 2, generator=g, dtype=f64)
    x, y = torch.randn(2, 3, 4, generator=g, dtype=f64)
    found = torch.func.grad(chapter.sum_of_losses)(theta, x, y)
    z = theta[1, 2, 0] * x[2] + theta[1, 2, 1]
    e = 2 * (z.sin() - y[2]) * z.cos()
    assert_close(found[1, 2], torch.stack([(e * x[2]).mean(), e.mean()]))


# ---- time ----------------------------------------------------------------------------------------


def test_vectorised_and_serial_updates_end_at_the_same_weights(chapter, monkeypatch):
    made = []
    network = chapter.network

    def kept(*sizes):
        torch.manual_seed(3)
        made.append(network(*sizes).double())
        return made[-1]

    g = torch.Generator().manual_seed(4)
    data = torch.randn(9, 5, generator=g, dtype=f64), torch.randint(3, (9,), generator=g)
    monkeypatch.setitem(chapter.updater.__globals__, "network", kept)
    for make in (chapter.updater, chapter.serial_updater):
        update = make((5, 4, 3), data, 6)
        update()
        update()
    for one, other in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert_close(one, other)


def test_the_knee_is_the_first_size_from_which_all_cost_over_twice_as_much(chapter):
    assert chapter.knee({1: 1.0, 2: 1.1, 4: 1.9, 8: 2.5, 16: 5.0}) == "at B = 8"
    assert chapter.knee({1: 1.0, 2: 2.7, 4: 1.5, 8: 3.0}) == "at B = 8"  # one slow one is no knee
    assert chapter.knee({1: 1.0, 2: 3.0}) == "at B = 2"
    assert chapter.knee({1: 1.0, 2: 1.1}) == "beyond B = 2"


def test_an_epoch_uses_every_row_once(chapter, monkeypatch):
    seen = []
    rows_only = torch.arange(4096)[:, None].float(), torch.zeros(4096, dtype=torch.int64)

    def updater(sizes, data, batch_size):
        return lambda start: seen.extend(data[0][start : start + batch_size, 0].tolist())

    monkeypatch.setitem(chapter.epoch.__globals__, "updater", updater)
    monkeypatch.setitem(chapter.epoch.__globals__, "garments", rows_only)
    monkeypatch.setitem(chapter.epoch.__globals__, "sizes", (1, 1))
    chapter.epoch(256)()
    assert sorted(seen) == list(range(4096))


# ---- noise ---------------------------------------------------------------------------------------


def test_a_batch_gradient_is_that_of_the_optimisers_loop(chapter):
    rows = torch.tensor([5, 900, 17])
    chapter.net.zero_grad()
    loss = torch.nn.CrossEntropyLoss()(chapter.net(chapter.x[rows].double()), chapter.label[rows])
    loss.backward()
    expected = torch.cat([p.grad.flatten() for p in chapter.net.parameters()])
    assert_close(chapter.batch_gradient(rows), expected)


def test_all_gradients_at_once_are_those_of_single_examples(chapter):
    every = chapter.all_gradients(chapter.net)
    assert every.shape == (1024, 64 * 32 + 32 + 32 * 10 + 10)
    for row in (0, 511, 1023):
        assert_close(every[row], chapter.batch_gradient(torch.tensor([row])))


def test_only_a_mean_weighted_by_size_undoes_a_smaller_last_batch(chapter):
    dealt = chapter.batches(1024, 100, chapter.generator(3))
    gradients = chapter.all_gradients(chapter.net)
    full, plain = gradients.mean(0), torch.stack([gradients[r].mean(0) for r in dealt]).mean(0)
    found = chapter.epoch_gaps(100)
    assert found[0] == pytest.approx(((plain - full).norm() / full.norm()).item(), rel=1e-6)
    assert found[1] < 1e-12 and chapter.epoch_gaps(64)[0] < 1e-12


# ---- the race ------------------------------------------------------------------------------------


def test_reading_a_curve_between_two_measurements_follows_the_straight_line(chapter, monkeypatch):
    curve = np.arange(10.0).reshape(2, 5)  # two nets, measured at 0, 4, …, 16
    table = SimpleNamespace(steps=np.arange(0, 20, 4), curves={"train_loss": curve})
    monkeypatch.setitem(chapter.read.__globals__, "starts_each", 2)
    found = chapter.read("train_loss", {8: 6}, {8: table})
    assert found.shape == (1, 1, 2)
    assert found.ravel().tolist() == [1.5, 6.5]


def test_a_difference_counts_beyond_three_standard_errors(chapter):
    base = np.array([0.1, 0.2, 0.3, 0.4])
    assert chapter.clearly_above(base + np.array([1.0, 1.1, 0.9, 1.0]), base)
    assert not chapter.clearly_above(base + np.array([1.0, -0.9, 0.8, 0.1]), base)
    assert not chapter.clearly_above(base, base + 1)


def test_each_batch_size_is_read_at_its_own_best_rate_or_at_one_eighth(chapter, monkeypatch):
    rates = [1 / 16, 1 / 8, 1 / 4]
    lost = np.array([[[1.0, 3.0], [4.0, 4.0], [np.nan, 0.0]], [[5.0, 5.0], [6.0, 7.0], [0.0, 1.0]]])
    places, values = chapter.best_of.__globals__, {"equal epochs": lost}
    for name, value in (("losses", values), ("rates", rates),
                        ("sizes_raced", [4, 1024])):
        monkeypatch.setitem(places, name, value)
    assert chapter.chosen(values, "equal epochs", True).tolist() == [[1.0, 3.0], [0.0, 1.0]]
    assert chapter.chosen(values, "equal epochs", False).tolist() == [[4.0, 4.0], [6.0, 7.0]]
    assert chapter.small_wins(values, "equal epochs", False, -1)       # a lower loss
    assert not chapter.small_wins(values, "equal epochs", False)


def test_accuracy_at_a_loss_is_read_between_two_moments_and_missing_where_a_net_never_got_there(
        chapter, monkeypatch):
    curves = {"train_loss": np.array([[2.0, 0.4, 0.2], [2.0, 0.9, 0.8]]),
              "accuracy": np.array([[0.1, 0.8, 0.9], [0.1, 0.6, 0.7]])}
    table = SimpleNamespace(where=lambda lr: SimpleNamespace(curves=curves))
    monkeypatch.setitem(chapter.right_at.__globals__, "raced", {4: table})
    found = chapter.right_at(0.3, 4, 1.0)
    assert found[0] == pytest.approx(0.85) and np.isnan(found[1])
    assert chapter.against(found, found) == "not reached by all"
    low, high = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.4, 0.6])
    assert chapter.against(high, low) == "clearly higher"
    assert chapter.against(low, high) == "clearly lower"
    assert chapter.against(low, low) == "no clear difference"


def test_only_the_deepest_valley_itself_counts_and_its_copies_apart(chapter, monkeypatch):
    w, b = chapter.bottom.tolist()
    places = [(w, b), (w, b + 2 * math.pi), (-w, math.pi - b), (w + 2.0, b)]
    monkeypatch.setitem(chapter.arrived.__globals__, "starts", torch.tensor(places, dtype=f64))
    found = chapter.arrived(32, [0.1], torch.Generator(), updates=0)
    assert found.ravel().tolist() == [0.25, 0.75]        # itself; with its two copies


# ---- the playground ------------------------------------------------------------------------------

WAYS_TO_GOAL = [
    {"batch_size": 4, "lr": 0.1},
    {"batch_size": 1, "lr": 0.1},
    {"problem": "wave", "batch_size": 2, "lr": 0.3, "w": 4.0, "b": 0.0},
]


def test_every_mission_can_be_reached(chapter):
    widget = chapter.shown["live-playground"]
    reached = set()
    for settings in WAYS_TO_GOAL:
        start = {"problem": "line", "way": "vectorised", "w": -1.0, "b": 2.0}
        widget.move(**(start | settings))
        widget.reset()
        wave = settings.get("problem") == "wave"
        for steps, lr in (*[(1, None)] * 24, (476, None), (499, 0.03 if wave else 0.003)):
            if lr:
                widget.move(lr=lr)  # η acts at once: let the path settle
            run = widget.run_now(steps)
            reached |= {i for i, mission in enumerate(chapter.missions) if mission.goal(run)}
    assert reached == {0, 1, 2}


def test_no_mission_is_reached_at_the_start(chapter):
    widget = chapter.shown["live-playground"]
    widget.move(problem="line", batch_size=32, lr=0.001, w=-1.0, b=2.0)
    widget.reset()
    assert not any(mission.goal(widget.current) for mission in chapter.missions)


@pytest.mark.parametrize("change", [{"problem": "wave"}, {"batch_size": 1}, {"way": "one by one"},
                                    {"lr": 0.01}, {"w": 3.0}, {"b": -1.0}])
def test_each_control_changes_what_is_seen(chapter, change):
    widget = chapter.shown["live-playground"]
    chapter.measured_ways["one by one"] = {size: 0.0003 * size for size in (1, 2, 4, 8, 16, 32)}

    def seen(**settings):
        start = {"problem": "line", "way": "vectorised", "w": -1.0, "b": 2.0, "batch_size": 8,
                 "lr": 0.1}
        widget.move(**(start | settings))
        widget.reset()
        widget.run_now(5)
        return widget.alt, widget._live.png()

    before, after = seen(), seen(**change)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_the_clock_counts_measured_seconds_for_each_update(chapter):
    widget = chapter.shown["live-playground"]
    widget.move(problem="line", way="vectorised", batch_size=8, lr=0.1)
    widget.reset()
    run = widget.run_now(10)
    examples, spent = run.state["cost"]
    assert examples == 80
    assert spent == pytest.approx(10 * TIMES[8])


def test_what_moves_is_drawn_anew_in_every_frame(chapter):
    widget = chapter.shown["live-playground"]
    widget.move(problem="line", way="vectorised", batch_size=8, lr=0.1)
    widget.reset()
    widget.run_now(10)
    live = widget._live
    frame = live.png()
    live.redraw(full=True)
    assert live.png() == frame


def test_the_ring_stands_at_the_measured_time_of_the_chosen_size_and_way():
    fig, axes = new_figure(2)
    seconds = {"vectorised": {1: 0.002, 4: 0.003}, "one by one": {1: 0.002, 4: 0.009}}
    settings = {"problem": "bowl", "batch_size": 4, "way": "one by one"}
    picture = batch_picture({"bowl": lambda theta: theta.square().sum(-1)},
                            {"bowl": ((-1.0, 1.0), (-1.0, 1.0))}, seconds)
    artists, update = picture(axes, settings)
    places = torch.tensor([[0.5, 0.5], [0.2, -0.1]], dtype=f64)
    update({"places": list(places), "cost": (4, 0.009)})
    ring = artists[3]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (4, pytest.approx(9.0))
    assert np.allclose(artists[0].get_xydata(), places)


def test_a_log_axis_shows_plain_numbers_and_the_sizes_below_it():
    fig, ax = new_figure()
    ax.loglog([1, 4, 16], [0.02, 0.3, 5.0])
    batch_sizes_below(ax, [1, 4, 16])
    fig.draw_without_rendering()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "4", "16"]
    shown = {t.get_text() for t in ax.get_yticklabels() + ax.get_yticklabels(minor=True)} - {""}
    assert {"0.1", "1"} <= shown and not any("e" in text or "$" in text for text in shown)
