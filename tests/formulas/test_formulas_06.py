"""Chapter 06's formulas, each evaluated from its text, against the chapter's own code."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.exercises import ch06
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("06")
GRADIENTS = draw(40, number=3).tolist()
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names([])


def replay(rule, gradients, **hyper):
    """The places that a rule makes of a series of gradients, from 0: (T,) → list of T numbers."""
    theta, state, places = torch.zeros(1, dtype=f64), {}, []
    for step, grad in enumerate(gradients):
        theta = rule(theta, torch.tensor([grad], dtype=f64), state, step, **hyper)
        places.append(theta.item())
    return places


def replay_torch(make, gradients):
    """The same with an optimiser of torch.optim."""
    theta, places = torch.zeros(1, dtype=f64, requires_grad=True), []
    optimizer = make([theta])
    for grad in gradients:
        theta.grad = torch.tensor([grad], dtype=f64)
        optimizer.step()
        places.append(theta.item())
    return places


def close(numbers):
    return pytest.approx(numbers, rel=1e-9, abs=1e-12)


# ---- momentum ------------------------------------------------------------------------------------


@formula("06", "momentum-question", r"m^t = \mu\, m^{t-1} - \eta\, g^t, \qquad "
         r"\theta^{t+1} = \theta^t + m^t, \qquad m^{-1} = 0")
def test_momentum_is_the_formula_of_the_text(chapter):
    m = theta = 0.0
    expected = []
    for grad in GRADIENTS:
        m = 0.8 * m - 0.1 * grad
        theta += m
        expected.append(theta)
    assert replay(chapter.momentum, GRADIENTS, lr=0.1, mu=0.8) == close(expected)


@formula("06", "momentum-unroll", r"m^t = -\eta \sum_{k=0}^{t} \mu^{\,t-k}\, g^k")
def test_every_movement_is_a_weighted_sum_of_all_gradients(chapter):
    places = [0.0, *replay(chapter.momentum, GRADIENTS, lr=0.1, mu=0.8)]
    for t in range(len(GRADIENTS)):
        m = -0.1 * sum(0.8 ** (t - k) * GRADIENTS[k] for k in range(t + 1))
        assert places[t + 1] - places[t] == close(m)


# plateau-question, in the line: what the weights add up to, and the two losses
def test_the_weights_add_up_and_the_two_slopes_are_as_written(chapter):
    assert r"$1 + \mu + \mu^2 + \dots = 1/(1-\mu)$" in CHAPTER.prose
    for mu in (0.0, 0.5, 0.9):
        m = replay(chapter.momentum, [1.0] * 2000, lr=1.0, mu=mu)
        assert m[-2] - m[-1] == pytest.approx(1 / (1 - mu), rel=1e-9)
    for r in (-7.0, 0.3, 8.0):
        at = torch.tensor(r, dtype=f64)
        assert chapter.plateau(at).item() == close(r**2 / (1 + r**2))
        assert chapter.bump(at, height=0.0).item() == close(r**2 / 20)
    hill = [chapter.bump(torch.tensor(x, dtype=f64)) - x**2 / 20 for x in (2.9, 3.0, 3.1)]
    assert hill[0] < hill[1] > hill[2]               # on top of it, at x = 3


@formula("06", "torch-question",
         r"b^t = \mu\, b^{t-1} + g^t, \qquad \theta^{t+1} = \theta^t - \eta\, b^t")
def test_torch_and_the_exercise_keep_a_sum_without_the_rate():
    b = theta = 0.0
    expected, rates = [], [0.1 if t < 20 else 0.03 for t in range(len(GRADIENTS))]
    place, total = torch.zeros(1, dtype=f64), torch.zeros(1, dtype=f64)
    by_exercise = []
    for grad, lr in zip(GRADIENTS, rates, strict=True):
        b = 0.8 * b + grad
        theta -= lr * b
        expected.append(theta)
        place, total = ch06.momentum_step(place, torch.tensor([grad], dtype=f64), total, lr, 0.8)
        by_exercise.append(place.item())
    assert by_exercise == close(expected)

    def make(parameters):
        optimizer = torch.optim.SGD(parameters, lr=1.0, momentum=0.8)
        left = iter(rates)
        optimizer.register_step_pre_hook(
            lambda optimizer, *_: optimizer.param_groups[0].update(lr=next(left)))
        return optimizer

    assert replay_torch(make, GRADIENTS) == close(expected)


# ---- the limit -----------------------------------------------------------------------------------


@formula("06", "limit-question", r"\eta < \frac{2\,(1+\mu)}{\lambda_{\max}}, \qquad "
         r"\text{without momentum} \quad \eta < \frac{2}{\lambda_{\max}}")
@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_momentum_on_a_quadratic_shrinks_below_the_limit_and_grows_above(chapter, mu):
    bends = torch.tensor([3.0, 0.5, 7.0], dtype=f64)
    limit = 2 * (1 + mu) / 7.0
    assert ch06.largest_rate(torch.diag(bends), mu) == close(limit)

    def radius(lam, lr):                             # (c, movement) → the next ones
        step = np.array([[1 - lr * lam, mu], [-lr * lam, mu]])
        return np.abs(np.linalg.eigvals(step)).max()

    assert max(radius(lam, 0.999 * limit) for lam in bends.tolist()) < 1
    assert radius(7.0, 1.001 * limit) > 1
    for share in (0.96, 1.04):
        places = chapter.walk(chapter.momentum, lambda t: (bends * t**2).sum() / 2,
                              torch.ones(3, dtype=f64), 150, share * limit, mu=mu)
        assert (places[-1].norm() < 0.5) == (share < 1)


# limit-question, in the line: one step along an eigenvector, and what happens at the limit
def test_at_the_limit_with_momentum_place_and_movement_flip_their_sign(chapter):
    assert r"$(1 - \eta\lambda)\, c$" in CHAPTER.prose
    assert r"-2c = \mu \cdot 2c - \eta\lambda c" in CHAPTER.prose
    c, lam, mu = 1.5, 3.0, 0.7
    assert chapter.plain(c, lam * c, {}, 0, lr=0.2) == close((1 - 0.2 * lam) * c)
    state, theta = {"movement": torch.tensor([2 * c])}, torch.tensor([c])
    for sign in (-1, 1, -1):
        theta = chapter.momentum(theta, lam * theta, state, 0, lr=2 * (1 + mu) / lam, mu=mu)
        assert_close(theta, torch.tensor([sign * c]))


# map-question, in the line
def test_the_hessian_of_a_linear_model_is_two_over_n_times_the_products_of_features():
    assert r"$H = \frac{2}{N} X^\top X$" in CHAPTER.prose
    assert "2 / 50 * X.T @ X" in CHAPTER.code["map-run"].source
    X, label = draw(50, 2), draw(50, 1, number=1)
    H = torch.func.hessian(lambda w: torch.nn.functional.mse_loss(X @ w[:, None], label))(draw(2))
    by_formula = [[2 / 50 * sum(X[n, i].item() * X[n, j].item() for n in range(50))
                   for j in range(2)] for i in range(2)]
    assert_close(H, torch.tensor(by_formula, dtype=f64))


# in the cell λmax = 1
@formula("06", "needed-question",
         r"\eta = \frac{4}{(\sqrt{\lambda_{\max}} + \sqrt{\lambda_{\min}})^2}, \qquad "
         r"\mu = \left(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\right)^2")
def test_polyaks_rate_and_momentum_shrink_every_direction_alike(chapter):
    assert r"is $1 - 1/\kappa$, where κ = λmax/λmin" in CHAPTER.prose
    assert "4 / (1 + ratio**-0.5) ** 2, mu=polyak_mu(ratio)" in CHAPTER.code["needed-run"].source
    for ratio in (10, 300):
        root, low = ratio**0.5, 1 / ratio
        lr, mu = 4 / (1 + ratio**-0.5) ** 2, ((root - 1) / (root + 1)) ** 2
        assert lr == close(4 / (math.sqrt(1) + math.sqrt(low)) ** 2)
        assert chapter.polyak_mu(ratio) == close(mu)
        assert 1 - 1 / ratio == close(1 - (1 / 1.0) * low)     # plain: η = 1/λmax
        for lam in (low, (1 + low) / 2, 1.0):        # in between the pairs are complex
            step = np.array([[1 - lr * lam, mu], [-lr * lam, mu]])
            shrinks = np.abs(np.linalg.eigvals(step)).max()
            assert shrinks == pytest.approx((root - 1) / (root + 1), abs=1e-6)


# ---- a rate for each parameter -------------------------------------------------------------------


@formula("06", "adagrad-question",
         r"\theta_i^{t+1} = \theta_i^t - \frac{\eta}{\sigma_i^t}\, g_i^t, \qquad "
         r"\sigma_i^t = \sqrt{\frac{1}{t+1} \sum_{k=0}^{t} (g_i^k)^2}")
def test_adagrad_divides_by_the_root_mean_square_of_all_gradients(chapter):
    theta, expected = 0.0, []
    for t, grad in enumerate(GRADIENTS):
        theta -= 0.1 * grad / math.sqrt(sum(one**2 for one in GRADIENTS[: t + 1]) / (t + 1))
        expected.append(theta)
    assert replay(chapter.adagrad, GRADIENTS, lr=0.1, eps=0) == close(expected)
    alone = replay(chapter.adagrad, GRADIENTS, lr=0.1)         # i: each parameter by itself
    theta, state = torch.zeros(2, dtype=f64), {}
    for step, grad in enumerate(GRADIENTS):
        theta = chapter.adagrad(theta, torch.tensor([grad, 1e3], dtype=f64), state, step, lr=0.1)
    assert theta[0].item() == close(alone[-1])


@formula("06", "sum-question",
         r"\theta_i^{t+1} = \theta_i^t - \frac{\eta}{\sqrt{\sum_{k=0}^{t} (g_i^k)^2}}\, g_i^t")
def test_torchs_adagrad_divides_by_the_root_of_the_sum(chapter):
    theta, expected = 0.0, []
    for t, grad in enumerate(GRADIENTS):
        theta -= 0.1 / math.sqrt(sum(one**2 for one in GRADIENTS[: t + 1])) * grad
        expected.append(theta)
    by_torch = replay_torch(lambda p: torch.optim.Adagrad(p, lr=0.1, eps=0), GRADIENTS)
    assert by_torch == close(expected)
    theta, state = torch.zeros(1, dtype=f64), {}     # and the lecture's, with η/√(t + 1)
    for step, grad in enumerate(GRADIENTS):
        theta = chapter.adagrad(theta, torch.tensor([grad], dtype=f64), state, step,
                                lr=0.1 / math.sqrt(step + 1), eps=0)
        assert theta.item() == close(expected[step])


@formula("06", "rmsprop-question", r"\sigma_i^0 = \lvert g_i^0 \rvert, \qquad \sigma_i^t = "
         r"\sqrt{\alpha\, (\sigma_i^{t-1})^2 + (1-\alpha)\, (g_i^t)^2}")
def test_rmsprop_starts_at_the_first_gradient_and_forgets(chapter):
    sigma, theta, expected = abs(GRADIENTS[0]), 0.0, []
    for t, grad in enumerate(GRADIENTS):
        if t:
            sigma = math.sqrt(0.7 * sigma**2 + 0.3 * grad**2)
        theta -= 0.1 * grad / sigma
        expected.append(theta)
    assert replay(chapter.rmsprop, GRADIENTS, lr=0.1, alpha=0.7, eps=0) == close(expected)


# rms-torch-question, in the line: torch starts at zero
def test_torchs_rmsprop_sees_a_smaller_first_gradient(chapter):
    assert r"$\sigma^0 = \sqrt{1-\alpha}\,\lvert g^0\rvert$" in CHAPTER.prose
    square, theta, expected = 0.0, 0.0, []
    for grad in GRADIENTS:
        square = 0.7 * square + 0.3 * grad**2
        theta -= 0.1 * grad / (math.sqrt(square) + 1e-3)
        expected.append(theta)
    by_torch = replay_torch(lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.7, eps=1e-3),
                            GRADIENTS)
    assert by_torch == close(expected)
    assert replay(chapter.rmsprop_from_zero, GRADIENTS, lr=0.1, alpha=0.7, eps=1e-3) == close(
        expected)
    first = 0.1 * GRADIENTS[0] / (math.sqrt(1 - 0.7) * abs(GRADIENTS[0]) + 1e-3)
    assert by_torch[0] == close(-first)


@formula("06", "burst-why", r"t + 1 = \frac{4\,S}{\lambda^2 \eta^2}")
@pytest.mark.parametrize(("S", "lam", "lr"), [(0.5, 1.0, 0.1), (0.5, 2.0, 0.1), (9.0, 3.0, 0.5)])
def test_adagrads_rate_passes_the_limit_at_the_step_of_the_formula(chapter, S, lam, lr):
    assert r"\eta/\sigma = \eta\sqrt{(t+1)/S}" in CHAPTER.prose
    t = round(4 * S / (lam**2 * lr**2)) - 1
    grad = torch.tensor([1e-9], dtype=f64)           # arrived: S stays as it is
    for step, passed in ((t - 1, False), (t, True), (t + 1, True)):
        moved = chapter.adagrad(torch.zeros(1, dtype=f64), grad,
                                {"sum": torch.tensor([S], dtype=f64)}, step, lr=lr, eps=0)
        rate = -(moved / grad).item()
        assert rate == close(lr * math.sqrt((step + 1) / S))
        assert (rate >= 2 / lam * (1 - 1e-12)) == passed


# ---- Adam ----------------------------------------------------------------------------------------


@formula("06", "adam-question", r"m^t = \beta_1 m^{t-1} + (1-\beta_1)\, g^t, \qquad "
         r"v^t = \beta_2 v^{t-1} + (1-\beta_2)\, (g^t)^2")
@formula("06", "adam-question",
         r"\hat m^t = \frac{m^t}{1-\beta_1^{\,t+1}}, \qquad "
         r"\hat v^t = \frac{v^t}{1-\beta_2^{\,t+1}}, \qquad "
         r"\theta^{t+1} = \theta^t - \frac{\eta}{\sqrt{\hat v^t} + \varepsilon}\, \hat m^t")
def test_adam_is_the_formulas_of_the_text(chapter):
    m = v = theta = 0.0
    place, state = torch.zeros(1, dtype=f64), {}
    for t, grad in enumerate(GRADIENTS):
        m = 0.8 * m + (1 - 0.8) * grad
        v = 0.95 * v + (1 - 0.95) * grad**2
        m_hat, v_hat = m / (1 - 0.8 ** (t + 1)), v / (1 - 0.95 ** (t + 1))
        theta -= 0.1 / (math.sqrt(v_hat) + 1e-3) * m_hat
        place = chapter.adam(place, torch.tensor([grad], dtype=f64), state, t, lr=0.1, beta1=0.8,
                             beta2=0.95, eps=1e-3)
        assert [state["m"].item(), state["v"].item(), place.item()] == close([m, v, theta])


# adam-question, in the words: it divides by the weights summed so far, which makes means of sums
def test_adam_is_a_weighted_mean_over_a_weighted_root_mean_square(chapter):
    theta, expected = 0.0, []
    for t in range(len(GRADIENTS)):
        ages = np.arange(t, -1, -1)
        past = np.array(GRADIENTS[: t + 1])
        mean = np.average(past, weights=0.8**ages)
        square = np.average(past**2, weights=0.95**ages)
        theta -= 0.1 * mean / math.sqrt(square)
        expected.append(theta)
    assert replay(chapter.adam, GRADIENTS, lr=0.1, beta1=0.8, beta2=0.95, eps=0) == close(expected)


# ---- what the exercises ask ----------------------------------------------------------------------


# schedule-text: peak/warm at step 0, the peak at step warm − 1, then peak · √(warm/(step + 1))
def test_the_schedule_rises_in_equal_parts_and_falls_as_the_root():
    assert "`peak` · √(`warm`/(`step` + 1))" in CHAPTER.prose
    for warm in (1, 5):
        rates = [ch06.schedule(step, 0.3, warm) for step in range(4 * warm)]
        assert rates[:warm] == close([0.3 / warm * (step + 1) for step in range(warm)])
        assert rates[warm:] == close([0.3 * math.sqrt(warm / (step + 1))
                                      for step in range(warm, 4 * warm)])


# beat-text: Rosenbrock's valley and the race's start
def test_the_bent_valley_of_the_check_is_the_one_in_the_text():
    assert "$(1-x)^2 + 100\\,(y-x^2)^2$, from (−1.5, 2)" in CHAPTER.prose
    for x, y in draw(4, 2, number=5).tolist():
        at = torch.tensor([x, y], dtype=f64)
        assert ch06._bent_valley(at).item() == close((1 - x) ** 2 + 100 * (y - x**2) ** 2)
        assert_close(ch06._bent_slope(at), torch.func.grad(ch06._bent_valley)(at))
    assert ch06.START == (-1.5, 2.0)
