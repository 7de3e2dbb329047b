"""course_utils.critical_points against known polynomials, plain loops and NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.critical_points import distinct, moments_of_descent, seek
from course_utils.parameters import flat_loss, flatten

f64 = torch.float64


def newton(g, H):
    values, vectors = torch.linalg.eigh(H)
    return -vectors @ ((vectors.T @ g) / values)


def starts(count, size, seed=0, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, size, generator=g, dtype=f64)


def cubic(theta):  # slopes θᵢ² − 1: eight critical points in 3-D, all signs of (±1, ±1, ±1)
    return (theta**3 / 3 - theta).sum()


def small_net_loss():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = torch.linspace(-1, 1, 20, dtype=f64).reshape(10, 2).flip(0) ** 3
    plain, theta = flat_loss(net, nn.functional.mse_loss, (x, x.prod(1, keepdim=True)))
    return lambda t: plain(t) + 0.01 * (t**2).sum(), theta, net


def test_newton_walks_find_every_kind_of_critical_point_of_a_cubic():
    walks = seek(cubic, starts(200, 3), newton)

    assert walks.arrived.sum() > 150
    found = walks.points[walks.arrived]
    torch.testing.assert_close(found.abs(), torch.ones_like(found))
    assert {tuple(signs) for signs in found.sign().tolist()} == {
        (a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)
    }


def test_walks_equal_a_plain_loop_with_numpy():
    f, _, _ = small_net_loss()
    begin = starts(5, 13, scale=0.7)
    walks = seek(f, begin, newton, longest=0.3, steps=8)

    for start, end in zip(begin, walks.points, strict=True):
        theta = start.clone()
        for _ in range(9):
            g = torch.autograd.functional.jacobian(f, theta).numpy()
            H = torch.autograd.functional.hessian(f, theta).numpy()
            step = np.linalg.solve(H, -g)
            step *= min(1.0, 0.3 / np.linalg.norm(step))
            theta = theta + torch.from_numpy(step)
        torch.testing.assert_close(end, theta, rtol=1e-7, atol=1e-7)


def test_where_a_walk_arrived_the_gradient_is_zero_and_elsewhere_it_is_not():
    f, _, _ = small_net_loss()
    begin = starts(40, 13, seed=1, scale=0.7)
    walks = seek(f, begin, newton, steps=35)  # too few for some

    lengths = torch.stack([torch.autograd.functional.jacobian(f, p).norm() for p in walks.points])
    torch.testing.assert_close(walks.gradients, lengths, rtol=1e-6, atol=1e-14)
    assert 5 < walks.arrived.sum() < 35
    assert lengths[walks.arrived].max() < 1e-11
    assert lengths[~walks.arrived].min() > 1e-11
    assert (walks.steps[~walks.arrived] == 36).all()
    assert (walks.steps[walks.arrived] <= 36).all()
    assert walks.steps[walks.arrived].min() < 20  # who has arrived stops


@pytest.mark.parametrize(
    "f",
    [
        lambda t: torch.exp(-t).sum(),  # the gradient fades towards infinity and is never zero
        lambda t: torch.tanh(t).sum(),  # a saturated unit
        lambda t: (t**3 / 3 + t).sum(),  # gradient-flat at 0: Hg = 0 there, yet g = 1
        lambda t: t[0] + t[1] ** 2,  # H is singular, g never zero: the step is infinite
    ],
    ids=["infinity", "saturated", "gradient-flat", "singular"],
)
def test_what_only_looks_like_a_critical_point_does_not_count(f):
    walks = seek(f, starts(30, 2), newton, steps=200)

    assert not walks.arrived.any()
    assert walks.points.isfinite().all()


def test_a_step_function_that_dawdles_does_not_count_as_arrived():
    walks = seek(cubic, starts(10, 3), lambda g, H: 1e-12 * g)

    assert not walks.arrived.any()


def test_no_step_is_longer_than_longest():
    begin = starts(50, 3)
    walks = seek(cubic, begin, newton, longest=0.05, steps=1)  # one step and, if near, a last one

    moved = (walks.points - begin).norm(dim=1)
    assert moved.max() <= 2 * 0.05 + 1e-12
    assert moved.median() > 0.09


def test_the_callers_step_decides_downhill_ends_in_minima_only():
    def downhill(g, H):
        values, vectors = torch.linalg.eigh(H)
        return -vectors @ ((vectors.T @ g) / values.abs())

    double_well = lambda t: (t**4 / 4 - t**2 / 2).sum()  # noqa: E731  minima ±1, maximum 0
    walks = seek(double_well, starts(60, 2, seed=3), downhill)

    assert walks.arrived.all()
    torch.testing.assert_close(walks.points.abs(), torch.ones(60, 2, dtype=f64))


def test_starts_are_left_alone_and_bad_ones_refused():
    begin = starts(4, 3)
    kept = begin.clone()
    seek(cubic, begin, newton)
    moments_of_descent(cubic, begin, torch.Generator().manual_seed(0))

    assert torch.equal(begin, kept)
    for work in (lambda s: seek(cubic, s, newton),
                 lambda s: moments_of_descent(cubic, s, torch.Generator())):  # fmt: skip
        with pytest.raises(TypeError, match="float64|double"):
            work(begin.float())
        with pytest.raises(ValueError, match=r"\(3,\)"):
            work(begin[0])
    with pytest.raises(ValueError, match="positive"):
        seek(cubic, begin, newton, longest=0.0)


def test_moments_of_descent_lie_on_each_starts_own_path():
    f, _, _ = small_net_loss()
    begin = starts(30, 13, scale=0.7)
    places = moments_of_descent(f, begin, torch.Generator().manual_seed(5), lr=0.1, updates=40)

    moments = []
    for start, place in zip(begin, places, strict=True):
        path = [start]
        for _ in range(40):
            path.append(path[-1] - 0.1 * torch.autograd.functional.jacobian(f, path[-1]))
        gap = (torch.stack(path) - place).norm(dim=1)
        assert gap.min() < 1e-9
        moments.append(int(gap.argmin()))
    assert min(moments) == 0 and max(moments) > 20
    assert 2 <= np.median(moments) <= 12  # even in the logarithm: the middle is √41 − 1 = 5.4
    again = moments_of_descent(f, begin, torch.Generator().manual_seed(5), lr=0.1, updates=40)
    assert torch.equal(places, again)


def test_copies_of_a_network_by_symmetry_count_once():
    f, theta, net = small_net_loss()
    first, last = net[0], net[2]
    copies = [flatten(net).double()]
    with torch.no_grad():
        order = torch.tensor([2, 0, 1])  # the hidden units in another order
        first.weight.copy_(first.weight[order])
        first.bias.copy_(first.bias[order])
        last.weight.copy_(last.weight[:, order])
        copies.append(flatten(net).double())
        first.weight[0].neg_()  # one unit turned around: tanh(−a) = −tanh(a)
        first.bias[0].neg_()
        last.weight[:, 0].neg_()
        copies.append(flatten(net).double())
    others = [copies[0] + 0.01, copies[2] - 0.02]
    points = torch.stack([others[0], *copies, others[1], copies[0]])
    losses = torch.stack([f(p) for p in points])
    values = torch.stack([torch.linalg.eigvalsh(torch.func.hessian(f)(p)) for p in points])

    assert distinct(losses, values).tolist() == [0, 1, 4]


def test_equal_losses_with_other_eigenvalues_are_different_points_and_the_other_way_round():
    losses = torch.tensor([1.0, 1.0, 2.0], dtype=f64)
    values = torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]], dtype=f64)

    assert distinct(losses, values).tolist() == [0, 1, 2]
    assert distinct(losses[:0], values[:0]).tolist() == []
    with pytest.raises(ValueError, match="K, P"):
        distinct(losses, values[:2])
