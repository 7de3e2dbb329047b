"""Chapter 02: each formula, from lines to networks, worked out in plain Python or NumPy."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.exercises import ch02
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("02")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(run=["data-load", "minimum-model"])


# ---- the line ------------------------------------------------------------------------------------


@formula("02", "line-question", r"y = b + w\,x")
def test_a_line_is_a_bias_plus_a_weighted_feature(chapter):
    x = draw(9)
    assert np.allclose(chapter.line(x, 0.7, -0.2), [-0.2 + 0.7 * one for one in x.tolist()])


@formula("02", "loss-question",
         r"e = |y - \hat y| \quad\text{or}\quad e = (y - \hat y)^2, \qquad "
         r"L(w, b) = \frac{1}{N} \sum_{n=1}^{N} e_n")
def test_the_losses_are_means_of_the_errors_and_pytorchs(chapter):
    prediction, label = draw(2, 30)
    distances = [abs(y - right) for y, right in zip(prediction.tolist(), label.tolist(),
                                                    strict=True)]
    assert chapter.mae(prediction, label).item() == pytest.approx(sum(distances) / 30, rel=1e-14)
    squares = [distance**2 for distance in distances]
    assert chapter.mse(prediction, label).item() == pytest.approx(sum(squares) / 30, rel=1e-14)
    torch.testing.assert_close(chapter.mse(prediction, label), nn.MSELoss()(prediction, label))
    torch.testing.assert_close(chapter.mae(prediction, label), nn.L1Loss()(prediction, label))


@formula("02", "gradient-question",
         r"\frac{\partial L}{\partial w} = \frac{2}{N}\sum_n (y_n - \hat y_n)\,x_n \qquad "
         r"\frac{\partial L}{\partial b} = \frac{2}{N}\sum_n (y_n - \hat y_n)")
def test_the_gradient_is_the_sums_and_what_a_small_step_changes(chapter):
    x, label = draw(2, 20, number=1)
    w, b, step = 0.7, -0.3, 1e-4
    found = [slope.item() for slope in chapter.gradient(x, label, w, b)]

    errors = [(b + w * one - right, one) for one, right in zip(x.tolist(), label.tolist(),
                                                               strict=True)]
    assert found == pytest.approx([2 / 20 * sum(error * one for error, one in errors),
                                   2 / 20 * sum(error for error, _ in errors)], rel=1e-13)

    def loss(w, b):
        return np.mean((b + w * x.numpy() - label.numpy()) ** 2)

    # the loss is a quadratic, so a central difference is exact but for rounding
    by_steps = [(loss(w + step, b) - loss(w - step, b)) / (2 * step),
                (loss(w, b + step) - loss(w, b - step)) / (2 * step)]
    assert found == pytest.approx(by_steps, rel=1e-10)


@formula("02", "gradient-update", r"\theta \leftarrow \theta - \eta\, g")
def test_descent_subtracts_the_rate_times_the_gradient_each_time(chapter):
    x, label = draw(2, 20, number=2)
    places = chapter.descend(x, label, 1.0, 0.5, lr=0.1, updates=3)

    w, b, known = 1.0, 0.5, [(1.0, 0.5)]
    for _ in range(3):
        error = b + w * x.numpy() - label.numpy()
        w, b = w - 0.1 * 2 * np.mean(error * x.numpy()), b - 0.1 * 2 * np.mean(error)
        known.append((w, b))
    assert places.shape == (4, 2) and np.allclose(places, known, rtol=1e-13)


@formula("02", "arrive-question",
         r"w^* = \frac{\sum_n (x_n - \bar x)(\hat y_n - \bar{\hat y})}{\sum_n (x_n - \bar x)^2} "
         r"\qquad b^* = \bar{\hat y} - w^*\bar x")
def test_the_best_line_is_the_closed_form_and_numpys(chapter):
    x, label = draw(2, 50, number=3)
    xs, labels = x.tolist(), label.tolist()
    x_mean, label_mean = sum(xs) / 50, sum(labels) / 50
    w = (sum((one - x_mean) * (right - label_mean) for one, right in zip(xs, labels, strict=True))
         / sum((one - x_mean) ** 2 for one in xs))
    found = [value.item() for value in chapter.best_line(x, label)]
    assert found == pytest.approx([w, label_mean - w * x_mean], rel=1e-12)
    assert found == pytest.approx(list(np.polyfit(x, label, 1)), rel=1e-10)


# cell mae-gradient-text: |u| has slope +1 for u > 0, −1 for u < 0; at 0 take 0
def test_the_slopes_of_the_mae_are_what_a_small_step_changes(chapter):
    x, label = draw(2, 15, number=4)
    step = 1e-7                              # no error changes its sign on the way
    found = ch02.mae_gradient(x, label, 0.7, -0.3)
    for i, (dw, db) in enumerate(((step, 0), (0, step))):
        ends = [chapter.mae(chapter.line(x, 0.7 + s * dw, -0.3 + s * db), label) for s in (1, -1)]
        assert found[i].item() == pytest.approx(((ends[0] - ends[1]) / (2 * step)).item(), abs=1e-7)
    exact = torch.tensor([2.0, 5.0], dtype=f64), torch.tensor([2.0, 1.0], dtype=f64)
    assert ch02.mae_gradient(*exact, 1.0, 0.0).tolist() == [2.5, 0.5]     # the first error is 0


@formula("02", "minimum-question",
         r"y_t = \text{average} + \text{height} \cdot \cos\!\big(2\pi\,(t-4)/P\big)")
def test_the_loss_of_a_cycle_is_the_mean_over_days(chapter):
    days = chapter.daily[:56].tolist()
    average = sum(days) / 56
    # a wave of this height has the spread of the births: the mean square of a cosine is a half
    spread = math.sqrt(sum((day - average) ** 2 for day in days) / 55)
    height = math.sqrt(2) * spread
    periods = [3.3, 7.0, 9.5]
    known = [sum((average + height * math.cos(2 * math.pi * (t - 4) / period) - days[t]) ** 2
                 for t in range(56)) / 56 for period in periods]
    assert np.allclose(chapter.wave_loss(torch.tensor(periods, dtype=f64)), known, rtol=1e-12)


# cell batch-verdict-text: ⌈N/B⌉ updates an epoch
def test_updates_of_an_epoch_are_the_quotient_rounded_up(chapter):
    for n, size in ((10, 4), (12, 4), (3, 8), (4017, 32)):
        known = len(range(0, n, size))
        assert len(chapter.batches(n, size, torch.Generator())) == known == math.ceil(n / size)
        assert ch02.count_updates(n, size, 3) == 3 * known


# cell outlier-mae: 40 points leave 780 lines; a best one for the MAE goes through two points
def test_a_best_line_for_the_mae_goes_through_two_of_the_points():
    names = CHAPTER.names(run=["outlier-code"])
    assert len(names.first) == 40 * 39 // 2 == 780
    x, label = draw(40, number=5), draw(40, number=6)
    w, b = names.best_mae_line(x, label)
    off = sorted((b + w * x - label).abs().tolist())
    assert off[1] < 1e-12 < off[2]


# ---- many days -----------------------------------------------------------------------------------


@formula("02", "week-question", r"y = b + \sum_{j=1}^{d} w_j\, x_j")
def test_a_linear_model_is_a_bias_and_weighted_features(chapter):
    features, label = draw(40, 3, number=8), draw(40, number=9)
    b, *w = chapter.fit_linear(features, label).tolist()
    known = [b + sum(w[j] * row[j] for j in range(3)) for row in features.tolist()]
    theta = torch.tensor([b, *w], dtype=f64)
    assert np.allclose(chapter.with_ones(features) @ theta, known, rtol=1e-13, atol=1e-14)
    # least squares: what is left over has no part along any feature, nor along the ones
    left = np.array(known) - label.numpy()
    assert abs(left.sum()) < 1e-12 and np.abs(left @ features.numpy()).max() < 1e-12


# ---- pieces --------------------------------------------------------------------------------------


@formula("02", "piece-question", r"\text{hard}(z) = \min(1, \max(0, z))")
def test_the_hard_sigmoid_is_cut_off_at_both_ends(chapter):
    z = [-3.0, -1e-9, 0.0, 0.25, 1.0, 1 + 1e-9, 8.0]
    assert chapter.hard(torch.tensor(z, dtype=f64)).tolist() == [min(1, max(0, one)) for one in z]


# cell piece-recipe: w = 1/(x_{i+1} − x_i), b = −w x_i, c the change in height, b₀ the first height
def test_each_stretch_is_a_ramp_that_begins_at_its_knot(chapter):
    knots, heights = [0.0, 1.0, 4.0, 4.5], [2.0, -1.0, 3.0, 0.5]
    b0, c, b, w = (part.tolist() for part in chapter.pieces_through(
        torch.tensor(knots, dtype=f64), torch.tensor(heights, dtype=f64)))
    assert b0 == [2.0]
    for i in range(3):
        assert w[i] == pytest.approx(1 / (knots[i + 1] - knots[i]))
        assert b[i] == pytest.approx(-w[i] * knots[i])
        assert c[i] == pytest.approx(heights[i + 1] - heights[i])
        # cells piece-question and build-text: it starts at −b/w and takes 1/w
        assert -b[i] / w[i] == pytest.approx(knots[i])
        assert -b[i] / w[i] + 1 / w[i] == pytest.approx(knots[i + 1])


# cell smooth-slope: if the error is A/n², then log error = log A − 2 log n
def test_an_error_of_one_over_n_squared_is_a_line_of_slope_minus_two(chapter):
    n = torch.tensor([16.0, 32.0, 64.0, 128.0], dtype=f64)
    slope, start = chapter.best_line(n.log(), (3.5 / n**2).log())
    assert slope.item() == pytest.approx(-2) and start.item() == pytest.approx(math.log(3.5))


@formula("02", "soft-question", r"\sigma(z) = \frac{1}{1 + e^{-z}}, \qquad "
         r"c\,\sigma(b + wx) = \frac{c}{1 + e^{-(b + wx)}}")
def test_a_piece_is_a_scaled_and_shifted_sigmoid(chapter):
    x, c, b, w = draw(9, number=10), 1.7, -0.4, 2.3
    one = [torch.tensor([value], dtype=f64) for value in (0.0, c, b, w)]
    known = [c / (1 + math.exp(-(b + w * place))) for place in x.tolist()]
    assert np.allclose(chapter.curve(x, *one, torch.sigmoid), known, rtol=1e-14)


# cell soft-gap-text: slope ¼ in the middle; hard(z/4 + ½) has the same middle and slope there;
# sharpened k times, the largest gap stays and the area between them is divided by k
def test_the_soft_ramp_and_its_hard_partner(chapter):
    step = 1e-5

    def slope(f):
        return (f(step) - f(-step)) / (2 * step)

    def soft(z):
        return 1 / (1 + math.exp(-z))

    def hard(z):
        return min(1.0, max(0.0, z / 4 + 0.5))

    assert soft(0) == hard(0) == 0.5
    assert slope(soft) == pytest.approx(0.25, abs=1e-10) and slope(hard) == pytest.approx(0.25)
    z = np.linspace(-40, 40, 400_001)
    sizes = []
    for k in (1, 10):
        found = chapter.soft_and_hard(torch.from_numpy(z), k, k)
        assert found[0][200_100].item() == pytest.approx(soft(k * z[200_100]), rel=1e-14)
        assert found[1][200_100].item() == pytest.approx(hard(k * z[200_100]), rel=1e-14)
        between = (found[0] - found[1]).abs().numpy()
        sizes.append((between.max(), np.trapezoid(between, z)))
    assert sizes[1][0] == pytest.approx(sizes[0][0], rel=1e-3)
    assert sizes[1][0] == pytest.approx(soft(-2), rel=1e-3)          # at the corner, z = −2 / k
    assert sizes[1][1] == pytest.approx(sizes[0][1] / 10, rel=1e-4)


@formula("02", "relu-question", r"\text{relu}(z) = \max(0, z)")
def test_the_relu_is_the_larger_of_zero_and_z_and_two_make_a_ramp():
    z = [-3.0, -0.5, 0.0, 0.25, 0.75, 1.0, 5.0]
    tensor = torch.tensor(z, dtype=f64)
    assert torch.relu(tensor).tolist() == [max(0, one) for one in z]
    ramp = [max(0, one) - max(0, one - 1) for one in z]
    assert ch02.hard_from_relus(tensor).tolist() == ramp == [min(1, max(0, one)) for one in z]


@formula("02", "pieces-question", r"y = b_0 + \sum_{i=1}^{n} c_i\, \sigma(b_i + w_i x)")
def test_a_curve_is_a_constant_plus_its_sigmoids(chapter):
    x, c, b, w = (draw(n, number=10 + k) for k, n in enumerate((9, 4, 4, 4)))
    found = chapter.curve(x, torch.tensor([0.3], dtype=f64), c, b, w, torch.sigmoid)
    known = [0.3 + sum(c[i].item() / (1 + math.exp(-(b[i].item() + w[i].item() * place)))
                       for i in range(4)) for place in x.tolist()]
    assert np.allclose(found, known, rtol=1e-13)


# ---- networks ------------------------------------------------------------------------------------


@formula("02", "deep-question", r"\mathbf a = \text{relu}(\mathbf b + W \mathbf x), \qquad "
         r"y = b_0 + \sum_i c_i\, a_i")
def test_a_net_is_weighted_sums_of_bent_weighted_sums(chapter):
    W, b, c, b0 = draw(4, 3, number=14), draw(4, number=15), draw(4, number=16), draw(1, number=17)
    x = draw(6, 3, number=18)
    # the chapter keeps W turned, (in, out), and has a dim for the runs in front
    layers = [W.T[None], b[None, None], c[None, :, None], b0[None, None]]
    found = chapter.run_nets(layers, x)
    assert found.shape == (1, 6)
    for n in range(6):
        a = [max(0.0, b[i].item() + sum(W[i, j].item() * x[n, j].item() for j in range(3)))
             for i in range(4)]
        known = b0.item() + sum(c[i].item() * a[i] for i in range(4))
        assert found[0, n].item() == pytest.approx(known, rel=1e-12)


# cell depth-code, its comment: nets start as nn.Linear does, at ±1/√(number of inputs)
def test_a_net_starts_evenly_between_plus_and_minus_one_over_the_root_of_its_inputs(chapter):
    W, b = chapter.random_nets([25, 400], 10, torch.Generator().manual_seed(19))
    for start in (W, b, nn.Linear(25, 400).weight):
        assert start.abs().max().item() <= 1 / math.sqrt(25)
        # an even spread over ±a has the standard deviation a / √3
        assert start.std().item() == pytest.approx(0.2 / math.sqrt(3), rel=0.05)
