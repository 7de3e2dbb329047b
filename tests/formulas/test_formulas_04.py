"""Chapter 04's formulas, each evaluated from its text, against the chapter's own code."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.exercises import ch04
from course_utils.surfaces import SURFACES
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("04")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(["tiny-model"])


def symmetric(size, number=0):
    matrix = draw(size, size, number=number)
    return matrix + matrix.T


def differences(loss, at, h=1e-3):
    """Slopes and second derivatives of loss(list of numbers) by central differences, NumPy."""
    at, steps = np.asarray(at, dtype=float), h * np.eye(len(at))
    slopes = [(loss(at + s) - loss(at - s)) / (2 * h) for s in steps]
    bends = [[(loss(at + s + t) - loss(at + s - t) - loss(at - s + t) + loss(at - s - t))
              / (4 * h * h) for t in steps] for s in steps]
    return np.array(slopes), np.array(bends)


# ---- Taylor --------------------------------------------------------------------------------------


@formula("04", "tiny-question", r"y = w_2\,w_1\,x, \qquad "
         r"L(w_1, w_2) = (\hat y - w_2 w_1 x)^2 = (1 - w_1 w_2)^2")
def test_the_tiny_nets_loss_is_the_squared_error_of_two_weights_in_a_row(chapter):
    x = label = 1.0
    for w1, w2 in draw(6, 2).tolist():
        loss = chapter.tiny_loss(torch.tensor([w1, w2], dtype=f64)).item()
        y = w2 * w1 * x
        assert loss == pytest.approx((label - y) ** 2, rel=1e-12)
        assert loss == pytest.approx((1 - w1 * w2) ** 2, rel=1e-12)


# tiny-question, in the line: the two slopes
@formula("04", "quadratic-by-hand",
         r"H = \begin{bmatrix} 2w_2^2 & 4w_1w_2 - 2 \\ 4w_1w_2 - 2 & 2w_1^2 \end{bmatrix} = "
         r"\begin{bmatrix} 0 & -2 \\ -2 & 0 \end{bmatrix}, \qquad v^\top H v = -4\,v_1 v_2")
def test_slopes_and_bends_in_the_text_are_those_of_the_loss(chapter):
    assert r"-2\,(1 - w_1 w_2)\,w_2" in CHAPTER.prose
    assert r"-2\,(1 - w_1 w_2)\,w_1" in CHAPTER.prose
    for a, b in [*draw(5, 2, number=1).tolist(), (0.0, 0.0)]:
        at = torch.tensor([a, b], dtype=f64)
        slopes = [-2 * (1 - a * b) * b, -2 * (1 - a * b) * a]
        H = [[2 * b**2, 4 * a * b - 2], [4 * a * b - 2, 2 * a**2]]
        assert_close(chapter.gradient(at), torch.tensor(slopes, dtype=f64))
        assert_close(torch.func.hessian(chapter.tiny_loss)(at), torch.tensor(H, dtype=f64))
        by_steps = differences(lambda w: (1 - w[0] * w[1]) ** 2, (a, b))
        np.testing.assert_allclose(by_steps[0], slopes, atol=1e-5)
        np.testing.assert_allclose(by_steps[1], H, atol=1e-5)
    v = draw(2, number=21)                           # H is now the origin's
    assert H == [[0, -2], [-2, 0]]
    assert v @ torch.tensor(H, dtype=f64) @ v == pytest.approx(-4 * v[0].item() * v[1].item())


# valley-text, in the line
def test_the_valleys_hessian_is_two_everywhere(chapter):
    assert "Hessian is [[2, 2], [2, 2]]" in CHAPTER.prose
    H = torch.func.hessian(chapter.tiny_loss)(torch.ones(2, dtype=f64))
    assert H.tolist() == [[2, 2], [2, 2]]


@formula("04", "taylor-question", r"L(\theta' + v) \;\approx\; L(\theta') \;+\; v^\top g \;+\; "
         r"\tfrac12\, v^\top H\, v")
def test_the_second_order_of_a_quadratic_is_the_quadratic(chapter):
    H, g, at, steps = (part.numpy() for part in (
        symmetric(3), draw(3, number=2), draw(3, number=3), draw(7, 3, number=4)))

    def f(theta):                                    # slope at `at`: g + H at
        return 4.0 + torch.from_numpy(g) @ theta + theta @ torch.from_numpy(H) @ theta / 2

    first, second = chapter.taylor(f, torch.from_numpy(at), torch.from_numpy(steps))
    here, slope = 4.0 + g @ at + at @ H @ at / 2, g + H @ at
    for n, v in enumerate(steps):
        assert first[n].item() == pytest.approx(here + v @ slope, rel=1e-12)
        assert second[n].item() == pytest.approx(here + v @ slope + v @ H @ v / 2, rel=1e-12)
        assert second[n].item() == pytest.approx(f(torch.from_numpy(at + v)).item(), rel=1e-12)


@formula("04", "taylor-hessian",
         r"H_{ij} = \frac{\partial^2 L}{\partial \theta_i\, \partial \theta_j}")
def test_the_hessian_holds_the_second_derivatives(chapter):
    def f(t):
        return t[0] ** 3 * t[1] + 3 * t[1] * t[2] ** 2 + t[0] * t[1] * t[2]

    a, b, c = 0.5, -1.5, 2.0
    by_hand = torch.tensor([[6 * a * b, 3 * a**2 + c, b],            # ∂²/∂a², ∂²/∂a∂b, ∂²/∂a∂c
                            [3 * a**2 + c, 0.0, 6 * c + a],
                            [b, 6 * c + a, 6 * b]], dtype=f64)
    at = torch.tensor([a, b, c], dtype=f64)
    assert_close(chapter.hessian_by_rows(f, at), by_hand)
    first, second = chapter.taylor(f, at, torch.eye(3, dtype=f64))
    assert_close(2 * (second - first), by_hand.diagonal())


@formula("04", "quadratic-question",
         r"L(\theta' + v) \;\approx\; L(\theta') + \tfrac12\, v^\top H\, v")
def test_at_critical_points_only_the_bend_is_left(chapter):
    for point in SURFACES["Himmelblau"].critical_points:
        at = torch.tensor([point.x, point.y], dtype=f64)
        x, y = point.x, point.y                      # (x² + y − 11)² + (x + y² − 7)²
        height = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
        H = np.array([[12 * x**2 + 4 * y - 42, 4 * (x + y)],
                      [4 * (x + y), 12 * y**2 + 4 * x - 26]])
        v = 1e-3 * draw(5, 2, number=22)
        first, second = chapter.taylor(SURFACES["Himmelblau"].f, at, v)
        assert_close(first, torch.full((5,), height, dtype=f64), rtol=0, atol=1e-8)  # no slope
        for n, step in enumerate(v.numpy()):
            assert second[n].item() == pytest.approx(height + step @ H @ step / 2, abs=1e-8)
            beyond = 40 * np.linalg.norm(step) ** 3  # what the third derivatives can add
            assert abs(SURFACES["Himmelblau"].f(at + v[n]) - second[n]) < beyond


@formula("04", "by-hand-text", r"L(w_1, w_2) = (\hat y - w_2 w_1 x)^2")
def test_the_hessian_asked_for_is_that_of_the_displayed_loss():
    sympy = pytest.importorskip("sympy")
    w1, w2, x, label = symbols = sympy.symbols("w1 w2 x label", real=True)
    table = sympy.hessian((label - w2 * w1 * x) ** 2, (w1, w2))
    for numbers in draw(5, 4, number=23).tolist():
        H = table.subs(dict(zip(symbols, numbers, strict=True)))
        by_formula = torch.tensor(np.array(H.tolist(), dtype=float))
        assert_close(ch04.hessian_by_hand(*numbers), by_formula)


# ---- eigenvalues ---------------------------------------------------------------------------------


@formula("04", "direction-eigen", r"H u = \lambda u \quad\Rightarrow\quad "
         r"u^\top H u = \lambda\, u^\top u = \lambda \lVert u \rVert^2")
def test_the_bend_along_an_eigenvector_is_its_eigenvalue_times_squared_length(chapter):
    H, g = symmetric(4, number=7), draw(4, number=8)
    _, values, vectors = chapter.local(lambda t: g @ t + t @ H @ t / 2, draw(4, number=9))
    for lam, u in zip(values.tolist(), vectors.T.numpy(), strict=True):
        for u_long in (u, -2.5 * u, 0.01 * u):
            np.testing.assert_allclose(H.numpy() @ u_long, lam * u_long, atol=1e-12)
            bend = sum(u_long[i] * H[i, j].item() * u_long[j] for i in range(4) for j in range(4))
            assert bend == pytest.approx(lam * sum(u_long**2), rel=1e-10)


@formula("04", "direction-sum", r"v^\top H v = \sum_i \lambda_i\, c_i^2")
def test_the_bend_is_the_sum_of_eigenvalues_times_squares(chapter):
    H, c = symmetric(6, number=5), draw(6, number=6)
    _, values, vectors = chapter.local(lambda t: t @ H @ t / 2, draw(6))
    v = sum(c[i] * vectors[:, i] for i in range(6))
    assert_close(v @ H @ v, sum(values[i] * c[i] ** 2 for i in range(6)))


@formula("04", "sym-question",
         r"\frac{\partial^2 L}{\partial\theta_i\,\partial\theta_j} = "
         r"\frac{\partial^2 L}{\partial\theta_j\,\partial\theta_i}")
def test_the_order_of_differentiating_does_not_matter_where_it_is_continuous(chapter):
    f, theta = chapter.loss_of_net(2, 3, 1)
    x, label = (part.numpy() for part in chapter.noisy_product(0))

    def loss(t):                                     # NumPy, also for complex numbers
        hidden = np.tanh(x @ t[:6].reshape(3, 2).T + t[6:9])
        return (((hidden @ t[9:12] + t[12])[:, None] - label) ** 2).mean()

    def slope(t, i):                                 # by a complex step: exact to rounding
        return loss(t + 1e-30j * np.eye(13)[i]).imag / 1e-30

    at, h = theta.numpy(), 1e-5
    one_way = np.array([[(slope(at + h * step, i) - slope(at - h * step, i)) / (2 * h)
                         for step in np.eye(13)] for i in range(13)])
    np.testing.assert_allclose(one_way, one_way.T, atol=1e-8)       # the other way
    np.testing.assert_allclose(chapter.hessian_by_rows(f, theta).numpy(), one_way, atol=1e-8)


def test_where_second_derivatives_jump_their_order_matters():
    """Peano's example, xy(x² − y²)/(x² + y²): the condition of the text is needed."""
    def f(x, y):
        return 0.0 if x == y == 0 else x * y * (x**2 - y**2) / (x**2 + y**2)

    h, k = 1e-8, 1e-4                                # first a slope, then how it changes
    x_then_y = ((f(h, k) - f(-h, k)) - (f(h, -k) - f(-h, -k))) / (4 * h * k)
    y_then_x = ((f(k, h) - f(k, -h)) - (f(-k, h) - f(-k, -h))) / (4 * h * k)
    assert x_then_y == pytest.approx(-1) and y_then_x == pytest.approx(1)


# sym-pairs-text, in the line
def test_three_values_of_the_loss_tell_the_bend(chapter):
    assert r"L(\theta+hu) - 2L(\theta) + L(\theta-hu) \approx h^2\, u^\top H u" in CHAPTER.prose
    f, theta = chapter.loss_of_net(2, 3, 1)
    u, h = draw(13, number=24), 1e-4
    three = f(theta + h * u) - 2 * f(theta) + f(theta - h * u)
    assert_close(three / h**2, u @ chapter.hessian_by_rows(f, theta) @ u, rtol=1e-6, atol=1e-6)


# ---- saddles -------------------------------------------------------------------------------------


@formula("04", "leave-question",
         r"L(\theta' + u) \approx L(\theta') + \tfrac12\, u^\top H u = L(\theta') + "
         r"\tfrac12\, \lambda \lVert u \rVert^2 \;<\; L(\theta')")
@pytest.mark.parametrize("name", ["tiny net", "Himmelblau", "saddle"])
def test_a_small_step_along_the_lowest_eigenvector_lowers_the_loss_by_half_lambda(chapter, name):
    f = SURFACES[name].f
    saddle = next(p for p in SURFACES[name].critical_points if p.kind == "saddle")

    def plain(at):
        return f(torch.tensor(at, dtype=f64)).item()

    lowest = np.linalg.eigvalsh(differences(plain, (saddle.x, saddle.y))[1])[0]
    length = 1e-3
    settings = {"surface": name, "x": saddle.x, "y": saddle.y, "step": length,
                "along": "u of the smallest λ"}
    reached = plain(chapter.step_along(settings).tolist())
    here = plain([saddle.x, saddle.y])
    assert reached < here
    assert reached - here == pytest.approx(lowest * length**2 / 2, rel=1e-2)


@formula("04", "escape-question",
         r"L(\theta') - L(\theta' + r\,u) \;\approx\; \tfrac12\,\lvert\lambda\rvert\, r^2")
def test_the_measured_fall_is_compared_with_half_lambda_r_squared():
    turn = torch.linalg.qr(draw(3, 3, number=25))[0]
    bends, fourth = (-2.5, 4.0, 1.0), 0.3            # a saddle at `at`, with a fourth power along u

    def f(theta):
        c = turn.T @ (theta - at)
        return sum(b * one**2 for b, one in zip(bends, c, strict=True)) / 2 + fourth * c[0] ** 4

    at = draw(3, number=26)

    class Found:                                     # one search that found one saddle
        points, losses = at[None], f(at)[None]
        values = torch.tensor([sorted(bends)], dtype=f64)

    Found.f = staticmethod(f)
    found = CHAPTER.names(["escape-run"], searches=[Found])
    for r, ratio in zip(found.escape_steps.tolist(), found.ratios[0].tolist(), strict=True):
        fall = 2.5 * r**2 / 2 - fourth * r**4        # exact, along ±u
        assert ratio == pytest.approx(fall / (2.5 / 2 * r**2), rel=1e-6)
    assert found.tilt.max() < 1e-9                   # |g·u| r: no slope at this saddle


@formula("04", "linger-question",
         r"\frac{\ln(0.1/\varepsilon)}{\ln(1 + \eta \lvert\lambda\rvert)} \quad\text{updates}")
def test_leaving_a_quadratic_saddle_takes_the_updates_of_the_formula(chapter):
    def f(theta):                                    # λ = 2 and −3
        return theta[..., 0] ** 2 - 3 * theta[..., 1] ** 2 / 2

    epsilons = torch.tensor([3e-3, 2e-5, 7e-9], dtype=f64)
    starts = torch.stack([torch.ones(3, dtype=f64), -epsilons], dim=1)
    north = torch.tensor([0.0, 1.0], dtype=f64)
    found = chapter.updates_to_leave(f, starts, north, lr=0.04)
    assert found.tolist() == [math.ceil(math.log(0.1 / e) / math.log(1 + 0.04 * 3))
                              for e in epsilons.tolist()]
    stays = chapter.updates_to_leave(f, torch.tensor([[1.0, 0.0]], dtype=f64), north, limit=50)
    assert stays.isinf().all()

    out = torch.tensor([0.5, 0.5], dtype=f64).sqrt()           # the tiny net: λ = −2
    found = chapter.updates_to_leave(chapter.tiny_loss, epsilons[:, None] * out, out, lr=0.05)
    for e, count in zip(epsilons.tolist(), found.tolist(), strict=True):
        assert abs(count - math.log(0.1 / e) / math.log(1 + 0.05 * 2)) <= 1


@formula("04", "points-newton", r"g + H s = 0 \quad\Rightarrow\quad s = -H^{-1} g = "
         r"-\sum_i \frac{u_i^\top g}{\lambda_i}\, u_i")
def test_newtons_step_lands_on_the_saddle_of_a_quadratic(chapter):
    H, g, at = symmetric(5, number=15), draw(5, number=16), draw(5, number=17)
    slope = g + H @ at
    step = chapter.newton_step(slope, H)
    values, vectors = np.linalg.eigh(H.numpy())
    assert values[0] < 0 < values[-1]                # uphill and downhill both occur
    landed = at + step
    assert_close(landed, torch.from_numpy(np.linalg.solve(H.numpy(), -g.numpy())))
    assert_close(slope + H @ step, torch.zeros(5, dtype=f64))
    by_sum = -sum((u @ slope.numpy()) / lam * u for lam, u in zip(values, vectors.T, strict=True))
    assert_close(step, torch.from_numpy(by_sum))


# points-why, in the line: what the penalty 0.01‖θ‖² does to the eigenvalues
def test_the_penalty_adds_two_hundredths_to_every_eigenvalue(chapter):
    assert "adds 0.02 to every eigenvalue" in CHAPTER.prose
    f, starts = chapter.penalised((2, 3, 1), 0, walks=1)
    bare, _ = chapter.loss_of_net(2, 3, 1, number=0)
    more = torch.func.hessian(f)(starts[0]) - torch.func.hessian(bare)(starts[0])
    assert_close(more, 0.02 * torch.eye(13, dtype=f64), rtol=0, atol=1e-12)
