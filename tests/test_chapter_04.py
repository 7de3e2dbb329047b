"""Chapter 04: its own code, taken from the notebook, against plain oracles; missions; pictures."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.surfaces import SURFACES
from tests.chapter import Chapter, assert_follows, assert_seen, draw, missions

CHAPTER = Chapter("04")
# Cells that are run as they stand; of the others only the functions are taken. Order counts.
RUN = ["tiny-model", "taylor-code", "taylor-run", "test-code", "walk-code", "walk-controls",
       "walk-playground", "live-train", "live-playground"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return CHAPTER.names(RUN)


def symmetric(size, number=0):
    matrix = draw(size, size, number=number)
    return matrix + matrix.T


# ---- Taylor --------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [3, 4, 5])
def test_the_order_is_the_power_that_is_left_over(chapter, power):
    def f(theta):                                    # (…, 2): no second derivative at 0
        return theta[..., 0] ** power + 2 * theta[..., 1] ** power

    found = chapter.order(lambda t: f(t) + t[..., 0] * t[..., 1], torch.zeros(2, dtype=f64))
    assert found == pytest.approx(power, abs=1e-3)


def test_the_remainder_is_the_largest_over_the_directions(chapter):
    found = chapter.remainders(lambda t: t[..., 1] ** 3, torch.zeros(2, dtype=f64))
    assert_close(found, chapter.lengths**3)          # straight north or south


# ---- eigenvalues ---------------------------------------------------------------------------------


def test_local_gives_slope_and_eigenpairs(chapter):
    H, g = symmetric(4, number=7), draw(4, number=8)
    at = draw(4, number=9)
    slope, values, vectors = chapter.local(lambda t: g @ t + t @ H @ t / 2, at)

    assert_close(slope, g + H @ at)
    assert_close(values, torch.from_numpy(np.linalg.eigvalsh(H.numpy())))
    for i in range(4):
        assert_close(H @ vectors[:, i], values[i] * vectors[:, i])
        assert_close(vectors[:, i].norm(), torch.tensor(1.0, dtype=f64))


@pytest.mark.parametrize(("values", "word"), [
    ([1.0, 2.0], "minimum"), ([-1.0, -2.0], "maximum"), ([-1.0, 3.0, 0.0], "saddle"),
    ([0.0, 4.0], "undecided"), ([1e-12, 4.0], "undecided"), ([-1e-12, 4.0], "undecided"),
    ([1e-7, 1000.0], "undecided"), ([1e-3, 1000.0], "minimum"), ([0.0, 0.0], "undecided"),
])
def test_the_test_takes_what_is_tiny_beside_the_largest_for_zero(chapter, values, word):
    assert chapter.test(torch.tensor(values, dtype=f64)) == word


@pytest.mark.parametrize(("f", "word"), [
    (lambda x, y: x**2 + 3 * y**2, "minimum"), (lambda x, y: -(x**2) - y**2, "maximum"),
    (lambda x, y: x**2 - y**2, "saddle"), (lambda x, y: x**3 - 3 * x * y**2, "saddle"),
    (lambda x, y: x**4 + y**4, "minimum"), (lambda x, y: x**2, "minimum"),
])
def test_looking_around_sees_the_kind_without_derivatives(chapter, f, word):
    assert chapter.look_around(lambda t: f(*t.unbind(-1)), torch.zeros(2, dtype=f64)) == word


def test_the_witness_sees_the_way_down_only_from_near_enough(chapter):
    def f(theta):                                    # below 0 only where |y| < 0.001
        x, y = theta.unbind(-1)
        return x**2 - 1e-6 * y**2 + y**4

    origin = torch.zeros(2, dtype=f64)
    assert chapter.look_around(f, origin) == "minimum"
    assert chapter.look_around(f, origin, 0.0005) == "saddle"


# ---- leaving -------------------------------------------------------------------------------------


def at(surface="Himmelblau", x=0.3, y=-1.2, step=0.01, along="u of the smallest λ"):
    return {"surface": surface, "x": x, "y": y, "step": step, "along": along}


def test_the_chosen_direction_is_an_eigenvector_or_the_downhill_one(chapter):
    f, place = SURFACES["Himmelblau"].f, torch.tensor([0.3, -1.2], dtype=f64)
    H, g = torch.func.hessian(f)(place), torch.func.grad(f)(place)
    values = np.linalg.eigvalsh(H.numpy())
    for along, value in (("u of the smallest λ", values[0]), ("u of the largest λ", values[1])):
        u = chapter.direction(at(along=along))
        assert_close(H @ u, value * u)
        assert u.norm().item() == pytest.approx(1) and u @ g <= 0
    assert_close(chapter.direction(at(along="downhill, −g")), -g / g.norm())
    nowhere = chapter.direction(at("bowl", 0.0, 0.0, along="downhill, −g"))
    assert nowhere.tolist() == [0, 0]


def test_a_gradient_step_is_that_of_sgd(chapter):
    theta = torch.tensor([0.3, -1.2], dtype=f64, requires_grad=True)
    SURFACES["Himmelblau"].f(theta).backward()
    torch.optim.SGD([theta], lr=0.01).step()
    assert_close(chapter.gradient_step(at()), theta.detach())


def test_the_jump_lands_where_the_quadratic_is_flat(chapter):
    for x, y in ((1.5, -0.7), (-3.0, 2.0)):
        assert_close(chapter.jump(at("rotated valley", x, y)), torch.zeros(2, dtype=f64),
                     atol=1e-10, rtol=0)
    place = [0.1, 2.8]                               # and in some jumps on a saddle of Himmelblau
    for _ in range(6):
        place = chapter.jump(at(x=place[0], y=place[1])).tolist()
    assert place == pytest.approx([0.08667750, 2.88425470], abs=1e-6)


def test_slopes_of_many_places_are_those_of_each(chapter):
    f, theta = SURFACES["Himmelblau"].f, draw(5, 2, number=10)
    for row, alone in zip(chapter.slopes(f, theta), theta, strict=True):
        assert_close(row, torch.func.grad(f)(alone))


def test_descend_takes_the_steps_of_sgd(chapter):
    f, start = SURFACES["saddle"].f, draw(4, 2, number=11)
    theta = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        f(theta).sum().backward()
        optimizer.step()
    assert_close(chapter.descend(f, start, lr=0.05, steps=30), theta.detach())


def test_eigenvalues_of_many_places_are_numpys(chapter):
    f, places = SURFACES["Himmelblau"].f, draw(5, 2, number=12)
    for row, at in zip(chapter.eigenvalues_at(f, places), places, strict=True):
        H = torch.func.hessian(f)(at).numpy()
        assert_close(row, torch.from_numpy(np.linalg.eigvalsh(H)))


# ---- networks ------------------------------------------------------------------------------------


def test_the_network_is_the_one_with_tanh_between_its_layers(chapter):
    net, x = chapter.tanh_net(2, 3, 4, 1).double(), draw(5, 2, number=13)
    a = x
    for layer, last in zip(net[::2], (False, False, True), strict=True):
        z = a @ layer.weight.T + layer.bias
        a = z if last else torch.tanh(z)
    assert_close(net(x), a)
    f, theta = chapter.loss_of_net(2, 3, 4, 1, number=2)
    x, label = chapter.noisy_product(2)
    assert len(theta) == 3 * 3 + 4 * 4 + 5 and label.shape == (25, 1)
    assert f(torch.zeros_like(theta)).item() == pytest.approx(1)     # the laziest model's MSE
    assert label.mean().item() == pytest.approx(0, abs=1e-12)


def test_rows_of_the_hessian_and_its_product_are_those_of_torch_func(chapter):
    f, theta = chapter.loss_of_net(2, 4, 3, 1)
    H, v = torch.func.hessian(f)(theta), draw(len(theta), number=14)
    assert_close(chapter.hessian_by_rows(f, theta), H)
    assert_close(chapter.product_with_hessian(f, theta, v), H @ v)
    assert_close(chapter.plain_gradient(f, theta), torch.func.grad(f)(theta))


def test_the_downhill_step_goes_down_along_every_eigenvector(chapter):
    H, g = symmetric(5, number=15), draw(5, number=16)
    step = chapter.downhill_step(g, H)
    values, vectors = np.linalg.eigh(H.numpy())
    for value, u in zip(values, vectors.T, strict=True):
        assert u @ step.numpy() == pytest.approx(-(u @ g.numpy()) / abs(value))


def test_going_on_takes_the_steps_of_sgd_and_keeps_the_part_across(chapter, monkeypatch):
    H, theta = symmetric(4, number=17), draw(4, number=21)
    u = torch.from_numpy(np.linalg.eigh(H.numpy())[1][:, -1].copy())
    names = chapter.go_on.__globals__
    monkeypatch.setitem(names, "gradient_of_net", lambda t: H @ t)
    monkeypatch.setitem(names, "u", u)
    across, end = chapter.go_on(theta, 0.05, updates=6)

    turn = torch.eye(4, dtype=f64) - 0.05 * H
    places = [torch.linalg.matrix_power(turn, k) @ theta for k in range(7)]
    assert_close(across, torch.stack([u @ H @ place for place in places[:6]]))
    assert_close(end, places[6])


def test_the_penalty_is_added_to_the_loss_of_the_network(chapter):
    f, starts = chapter.penalised((2, 3, 1), 1, penalty=0.03, walks=4)
    plain, _ = chapter.loss_of_net(2, 3, 1, number=1)
    assert starts.shape == (4, 13)
    for theta in starts:
        assert_close(f(theta), plain(theta) + 0.03 * sum(number**2 for number in theta))


def test_kinds_are_told_row_by_row(chapter):
    rows = torch.tensor([[1.0, 2.0, 9.0], [-1.0, 0.0, 9.0], [0.0, 2.0, 9.0], [-2.0, -1.0, 0.0]],
                        dtype=f64)
    found = {kind: mask.tolist() for kind, mask in chapter.kinds(rows).items()}
    assert found == {"minimum": [True, False, False, False],
                     "saddle": [False, True, False, False],
                     "undecided": [False, False, True, True]}


def test_the_rank_correlation_is_one_where_order_agrees(chapter):
    a = draw(20, number=18)
    assert chapter.rank_correlation(a, a.exp()) == pytest.approx(1)
    assert chapter.rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert abs(chapter.rank_correlation(draw(4000, number=19), draw(4000, number=20))) < 0.05


def test_the_memory_of_a_large_hessian_is_what_the_prediction_is_compared_with():
    assert 1_000_000**2 * 8 == 8e12
    assert 'compare("hess-memory", "8 terabytes")' in CHAPTER.code["cost-verdict"].source


# ---- playgrounds ---------------------------------------------------------------------------------


def test_the_missions_of_the_walk_can_be_reached(chapter):
    on_saddle, in_minimum, silent = missions(chapter, "walk-playground")

    def standing(*place):
        return SimpleNamespace(settings=at(*place))

    assert on_saddle(standing("tiny net", 0.0, 0.0)) and on_saddle(standing("Beale", 0.0, 1.0))
    assert not on_saddle(standing("tiny net", 1.0, 1.0))
    assert not on_saddle(standing("tiny net", 1.2, -0.6))      # both signs, but the slope is steep
    assert in_minimum(standing("Himmelblau", 3.0, 2.0))
    assert not in_minimum(standing("bowl", 0.0, 0.0))
    assert silent(standing("monkey saddle", 0.0, 0.0)) and silent(standing("tiny net", 1.0, 1.0))
    assert not silent(standing("bowl", 0.0, 0.0))


@pytest.mark.parametrize("moves", [{"surface": "Himmelblau"}, {"x": 0.5}, {"y": 1.0},
                                   {"along": "u of the largest λ"}, {"step": 1.0}])
def test_each_control_of_the_walk_changes_picture_and_words(chapter, moves):
    assert_follows(chapter.shown["walk-playground"], moves)


@pytest.mark.parametrize("button", ["go", "descend", "newton"])
def test_each_button_of_the_walk_moves_the_point_to_where_it_says(chapter, button):
    explorer = chapter.shown["walk-playground"]
    start = dict(explorer.settings)
    explorer.move(step=0.03)
    settings = dict(explorer.settings)
    here = torch.tensor([settings["x"], settings["y"]], dtype=f64)
    lands = {"go": here + settings["step"] * chapter.direction(settings),
             "descend": chapter.gradient_step(settings), "newton": chapter.jump(settings)}[button]
    explorer.press(button)
    moved = [explorer.settings["x"], explorer.settings["y"]]
    assert moved == pytest.approx(lands.tolist(), rel=1e-5) and moved != here.tolist()
    explorer.move(**{name: start[name] for name in explorer._frame.controls})


def run_live(chapter, steps, **changes):
    """The live training without its widget: curves, and what it yielded last."""
    settings = SimpleNamespace(seed=1, surface="tiny net", along=1.0, off=1e-6, lr=0.05, noise=0.0)
    vars(settings).update(changes)
    curves = {"train": [], "gradient": []}
    for _, state in zip(range(steps + 1), chapter.train(settings), strict=False):
        for name in curves:
            curves[name].append(state[name].item())
    return SimpleNamespace(settings=vars(settings), step=steps, curves=curves, state=state,
                           diverged=not math.isfinite(curves["train"][-1]))


def test_the_missions_of_the_live_descent_can_be_reached(chapter):
    linger, stay, diverge = missions(chapter, "live-playground")
    slow = run_live(chapter, 500, off=1e-12)
    assert linger(slow) and not stay(slow) and not diverge(slow)
    assert not linger(run_live(chapter, 200, off=0.1))
    still = run_live(chapter, 350, off=0.0)
    assert stay(still) and not linger(still)
    assert not stay(run_live(chapter, 250, off=0.0))           # at rest, but not for 300 steps
    assert stay(run_live(chapter, 350, off=0.0, surface="saddle"))
    assert diverge(run_live(chapter, 60, lr=3.0, along=1.5, off=0.1))


def test_without_noise_the_live_descent_is_sgd(chapter):
    run = run_live(chapter, 40, off=1e-3)
    theta = torch.tensor([1.0 + 1e-3, -1.0 + 1e-3], dtype=f64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        ((1 - theta[0] * theta[1]) ** 2).backward()
        optimizer.step()
    assert_close(run.state["places"][-1], theta.detach())
    assert len(run.state["places"]) == len(run.state["bends"]) == 41


def test_rate_and_noise_act_on_the_running_descent(chapter):
    def places(**at_step_5):
        settings = SimpleNamespace(seed=1, surface="tiny net", along=1.0, off=1e-3, lr=0.05,
                                   noise=0.0)
        for step, state in enumerate(chapter.train(settings)):
            if step == 5:
                vars(settings).update(at_step_5)
            if step == 12:
                return torch.stack(state["places"])

    before = places()
    for change in ({"lr": 0.2}, {"noise": 0.03}):
        after = places(**change)
        assert (after[:6] == before[:6]).all() and (after[7:] != before[7:]).any(), change


@pytest.mark.parametrize("moves", [{"surface": "saddle"}, {"along": 0.5}, {"off": 0.1}, {"lr": 0.2},
                                   {"noise": 0.03}])
def test_each_control_of_the_live_descent_changes_its_picture(chapter, moves):
    assert_seen(chapter.shown["live-playground"], moves)


# ---- the chapter as a whole ----------------------------------------------------------------------


def test_the_corrections_of_the_notes_are_told():
    assert CHAPTER.prose.count("*Correction to the notes:*") == 3
    for word in ("*because its second derivatives are continuous*", "Only a **small** u",
                 "As written the two contradict each other"):
        assert word in CHAPTER.prose, word
