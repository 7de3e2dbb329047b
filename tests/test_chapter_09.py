"""Chapter 09: its own code, taken from the notebook, against plain oracles; missions; pictures."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.chapter import Chapter, assert_follows, draw, missions

CHAPTER = Chapter("09")
# Cells that are run as they stand; of the others only the functions are taken. Order counts.
RUN = ["wiggle-run", "ridge-train", "smooth-run", "corner-solve", "corner-figure",
       "limit-playground", "path-data", "path-all", "path-playground", "live-playground"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return CHAPTER.names(RUN)


def by_extra_rows(x, label, strength):
    """Ridge as least squares in NumPy: d more rows ask for weights of zero, none for the bias."""
    n, d = x.shape
    rows = np.vstack([np.column_stack([np.ones(n), x]),
                      np.column_stack([np.zeros(d), math.sqrt(n * strength) * np.eye(d)])])
    theta = np.linalg.lstsq(rows, np.append(label, np.zeros(d)), rcond=None)[0]
    return torch.from_numpy(theta[1:]), torch.tensor(theta[0], dtype=f64)


# ---- ridge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 0.01, 1.0, 100.0])
def test_ridge_is_least_squares_with_rows_that_ask_for_zero(chapter, strength):
    x, label = draw(3, 20, 5) + 2, draw(3, 20, number=1) - 7
    w, b = chapter.ridge(x, label, strength)
    for k in range(3):
        assert_close((w[k], b[k]), by_extra_rows(x[k].numpy(), label[k].numpy(), strength))


def test_weight_decay_is_twice_lambda_and_leaves_the_bias_alone(chapter):
    trained = chapter.trained(0.3, 3)
    assert_close(trained, chapter.ridge(chapter.measures, chapter.disease, 0.3), rtol=0, atol=1e-6)
    pulled = chapter.trained(0.3, 3, bias_decay=0.6)[1]
    assert pulled.item() == pytest.approx(trained[1].item() / 1.3, rel=1e-6)   # 2b − 2ȳ + 0.6 b = 0


def test_features_have_no_constant_and_least_squares_passes_through_a_polynomial(chapter):
    x = torch.linspace(-1, 1, 30, dtype=f64)[None]
    assert chapter.features(x).shape == (1, 30, 12)
    assert_close(chapter.features(x)[..., :2], torch.stack([x, (3 * x**2 - 1) / 2], -1))
    label = 3 + 2 * x - x**5
    w, b = chapter.least_squares(chapter.features(x), label)
    assert_close(chapter.predicted(chapter.features(x), w, b), label, rtol=0, atol=1e-10)


def test_steepness_is_the_root_mean_squared_slope(chapter):
    fit = chapter.over_penalties(chapter.few, chapter.new)
    w, b = chapter.ridge(chapter.features(chapter.few[0][0]), chapter.few[1][0],
                         chapter.penalties[12])
    series = np.polynomial.legendre.Legendre([b.item(), *w.tolist()]).deriv()
    at = np.linspace(-1, 1, 20001)
    assert fit[2][0, 12].item() == pytest.approx(math.sqrt((series(at) ** 2).mean()), rel=5e-3)
    error = series.integ(k=[0])                                            # the same curve again
    assert error.degree() == 12


@pytest.mark.parametrize(("curve", "u"), [
    (lambda k: (k - 10) ** 2 + 5.0, True), (lambda k: k + 1.0, False), (lambda k: 30.0 - k, False),
    (lambda k: 5 + 0.001 * (k - 10) ** 2, False)])
def test_a_u_is_clearly_lower_in_between(chapter, curve, u):
    held = torch.tensor([[curve(k) for k in range(21)]] * 8, dtype=f64)
    assert chapter.is_u(held)[0] is u


# ---- L1 ------------------------------------------------------------------------------------------


def certificate(x, label, w, strength):
    """How far the slopes of the loss are from what a minimum with L1 asks for."""
    slope = 2 * x.T @ (x @ w - label) / len(x)
    return torch.where(w == 0, (slope.abs() - strength).clamp(min=0),
                       (slope + strength * w.sign()).abs()).max().item()


def test_the_lasso_is_certified_to_be_the_minimum_and_sparse(chapter):
    x, label = draw(40, 6), draw(40, number=1)
    x, label = x - x.mean(0), label - label.mean()
    for strength in (0.01, 0.1, 0.5):
        assert certificate(x, label, chapter.lasso(x, label, strength), strength) < 1e-9
    assert (chapter.lasso(x, label, 0.2) == 0).any()
    assert (chapter.lasso(x, label, 100.0) == 0).all()


def test_the_paths_of_all_draws_at_once_are_those_of_single_problems(chapter):
    for k, at in ((0, 12), (5, 8)):
        (x, label), (held_x, held_label), _ = chapter.tables[k]
        strength, w = chapter.path_prices[at].item(), chapter.weights["L1, proximal"][k, at]
        assert certificate(x, label, w, strength) < 1e-6
        assert_close(w, chapter.lasso(x, label, strength), rtol=0, atol=1e-6)
        assert_close(chapter.weights["L2"][k, at],
                     by_extra_rows(x.numpy(), label.numpy(), strength)[0])
        assert chapter.losses["L1, proximal"][k, at].item() == pytest.approx(
            sum((row @ w - y) ** 2 for row, y in zip(held_x, held_label, strict=True)).item()
            / len(held_x))


def test_the_noisy_tables_are_scaled_by_their_training_rows(chapter):
    parts = chapter.noisy_table(3)
    assert [len(x) for x, _ in parts] == [150, 146, 146]
    x, label = parts[0]
    assert_close(x.mean(0), torch.zeros(50, dtype=f64), rtol=0, atol=1e-9)
    assert_close(x.std(0), torch.ones(50, dtype=f64))
    assert label.mean().abs() < 1e-9 and parts[1][0].mean(0).abs().max() > 1e-3


# ---- a limit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1, 2])
def test_multiplier_and_price_are_the_strength(chapter, power):
    point, multiplier, price = (part.item() for part in chapter.limited_and_priced(10, 0.1, power))
    assert point < 1e-4
    assert multiplier == pytest.approx(1, abs=1e-4) and price == pytest.approx(1, abs=1e-2)


# ---- decay ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "kind", "torchs", "hyper"), [
    ("sgd", "with_l2", torch.optim.SGD, {"lr": 0.1}),
    ("sgd", "with_l2", torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    ("adam", "with_l2", torch.optim.Adam, {"lr": 0.03}),
    ("adam", "with_decay", torch.optim.AdamW, {"lr": 0.03})])
def test_each_recipe_is_torchs(chapter, rule, kind, torchs, hyper):
    H = draw(4, 4)
    H = H @ H.T / 4 + torch.eye(4, dtype=f64)

    def f(theta):
        return theta @ H @ theta / 2 - theta.sum()

    ours = getattr(chapter, kind)(getattr(chapter, rule))
    theta, state = draw(4, number=1), {}
    p = theta.clone().requires_grad_()
    optimizer = torchs([p], weight_decay=2 * 0.07, **hyper)
    for number in range(60):
        theta = ours(theta, H @ theta - 1, state, number, strength=0.07, **hyper)
        optimizer.zero_grad()
        f(p).backward()
        optimizer.step()
    assert_close(theta, p.detach(), rtol=1e-6, atol=1e-9)


def test_the_live_training_pulls_at_weights_and_not_at_biases(chapter):
    settings = SimpleNamespace(seed=1, rule="AdamW", weight_decay=0.0, lr=0.01)

    def norms(decay, steps=30):
        settings.weight_decay = decay
        for number, state in zip(range(steps), chapter.calm(settings), strict=False):
            if number == 0:
                first = state["norm"][0]
        return first, state["norm"][0]

    assert norms(0.0)[0] == norms(3.0)[0]
    assert norms(3.0)[1] < 0.2 * norms(0.0)[1]


# ---- early stopping, dropout ---------------------------------------------------------------------


def test_descent_from_zero_is_gradient_descent_on_the_mse(chapter):
    x, label = draw(2, 150, 50), draw(2, 150, number=1)
    names = CHAPTER.names([], x=x, label=label)
    way = names.descend(torch.zeros(2, 50, dtype=f64), steps=4)
    w = torch.zeros(50, dtype=f64, requires_grad=True)
    lr = 0.5 / torch.linalg.eigvalsh(x[1].T @ x[1] / 150)[-1].item()
    optimizer = torch.optim.SGD([w], lr=lr)
    for number in range(4):
        assert_close(way[number, 1], w.detach())
        optimizer.zero_grad()
        (x[1] @ w - label[1]).square().mean().backward()
        optimizer.step()
    assert_close(names.losses_at(way, (x, label))[3, 0],
                 (x[0] @ way[3, 0] - label[0]).square().mean())


def test_the_share_that_descent_reaches_is_that_of_the_text():
    assert "1 − (1 − 2ηs)ᵗ" in CHAPTER.prose and "λ = 1/(2ηt)" in CHAPTER.prose
    s, lr, steps, best, w = 1e-4, 0.1, 30, 2.0, 0.0       # loss s (w − 2)² along one eigenvector
    for _ in range(steps):
        w -= lr * 2 * s * (w - best)
    assert w / best == pytest.approx(1 - (1 - 2 * lr * s) ** steps)
    strength = 1 / (2 * lr * steps)
    assert w / best == pytest.approx(s / (s + strength), rel=2e-3)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_of_a_linear_models_inputs_adds_the_penalty_of_the_text(p):
    assert r"\frac{p}{1-p}\sum_j w_j^2\,\overline{x_j^2}" in CHAPTER.prose
    x, w, label = draw(3, 4), draw(4, number=1), draw(3, number=2)
    masks = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=f64)] * 4)       # all (16, 4)
    chance = (masks * (1 - p) + (1 - masks) * p).prod(1)
    losses = (((x * masks[:, None] / (1 - p)) @ w - label) ** 2).mean(1)
    added = p / (1 - p) * (w**2 * (x**2).mean(0)).sum()
    assert_close(chance @ losses, (x @ w - label).square().mean() + added)


# ---- playgrounds ---------------------------------------------------------------------------------


def reached(goals, spots):
    """For each goal, whether some spot of the settings reaches it."""
    runs = [SimpleNamespace(settings=settings) for settings in spots]
    return [any(bool(goal(run)) for run in runs) for goal in goals]


def test_the_missions_of_the_limit_can_be_reached_and_only_by_the_diamond_where_it_says(chapter):
    goals = missions(chapter, "limit-playground")

    def spots(shape):
        return [{"pair": pair, "shape": shape, "strength": price} for pair in chapter.pairs
                for price in chapter.slider.grid]

    assert reached(goals, spots("disc") + spots("diamond")) == [True, True]
    assert not reached(goals, spots("disc"))[0]


@pytest.mark.parametrize("moves", [{"pair": "log triglycerides, HDL"}, {"shape": "diamond"},
                                   {"strength": 1.0}])
def test_each_control_of_the_limit_changes_picture_and_words(chapter, moves):
    assert_follows(chapter.shown["limit-playground"], moves)


def test_the_missions_of_the_paths_can_be_reached(chapter):
    goals = missions(chapter, "path-playground")

    def spots(method):
        return [{"method": method, "strength": price} for price in chapter.path_slider.grid]

    assert reached(goals, spots("L1, proximal")) == [True, True, False]
    assert reached(goals, spots("L2")) == [False, False, True]
    assert reached(goals, spots("L1 term, Adam")) == [False, False, False]


@pytest.mark.parametrize("moves", [{"method": "L1, proximal"}, {"strength": 0.5}])
def test_each_control_of_the_paths_changes_picture_and_words(chapter, moves):
    assert_follows(chapter.shown["path-playground"], moves)


def run_live(chapter, steps, decay_from, rule="AdamW", weight_decay=1.0, seed=1):
    """The live training without its widget: no decay at first, then the given one."""
    settings = SimpleNamespace(seed=seed, rule=rule, weight_decay=0.0, lr=0.01)
    curves = {"train": [], "held_out": []}
    for number, state in zip(range(steps + 1), chapter.calm(settings), strict=False):
        if number == decay_from:
            settings.weight_decay = weight_decay
        for name in curves:
            curves[name].append(state[name])
    return SimpleNamespace(settings=vars(settings), step=steps, curves=curves, state=state)


def test_the_missions_of_the_live_fit_can_be_reached(chapter):
    wiggle, calm, flat = missions(chapter, "live-playground")
    wiggling = run_live(chapter, 300, 1000)
    assert wiggle(wiggling) and not calm(wiggling) and not flat(wiggling)
    assert calm(run_live(chapter, 500, 300)) and not flat(run_live(chapter, 500, 300))
    assert flat(run_live(chapter, 200, 0, rule="Adam with L2", weight_decay=3.0))


@pytest.mark.parametrize("moves", [{"rule": "Adam with L2", "weight_decay": 1.0},
                                   {"weight_decay": 3.0}, {"lr": 0.003}])
def test_each_control_of_the_live_fit_changes_its_picture(chapter, moves):
    playground = chapter.shown["live-playground"]
    start = dict(playground.settings)

    def picture(**settings):
        playground.move(**settings)
        playground.reset()
        playground.run_now(25)
        return playground._live.png(), playground.alt

    assert "Steepness" in playground.alt
    before = picture(weight_decay=1.0 if "rule" in moves else 0.0)
    after = picture(**moves)
    assert after[0] != before[0] and after[1] != before[1]
    playground.move(**start)


# ---- the chapter as a whole ----------------------------------------------------------------------


def test_the_two_lambdas_and_the_factor_two_are_told():
    for words in ("the lectures' momentum λ is μ here", "**`weight_decay` is 2λ**",
                  "in spite of the option's name"):
        assert words in CHAPTER.prose, words
