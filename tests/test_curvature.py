"""Second derivatives against known quadratics, torch.func.hessian and finite differences."""

import math

import numpy as np
import pytest
import scipy.sparse.linalg
import torch
from torch import nn

from course_utils import curvature
from course_utils.curvature import eigenvalue_shares, extreme_eigenpairs, hessian, hvp
from course_utils.parameters import flat_loss

f64 = torch.float64
BOTH = {"smallest": slice(None, 3), "largest": slice(-3, None)}


def seed(number):
    return torch.Generator().manual_seed(number)


def turned(values, number=0):
    """A symmetric matrix with known eigenvalues and eigenvectors (columns of `turn`)."""
    values = torch.as_tensor(values, dtype=f64)
    turn, _ = torch.linalg.qr(torch.randn(len(values), len(values), dtype=f64,
                                          generator=seed(number)))
    return turn @ torch.diag(values) @ turn.T, turn


def quadratic(A):
    return lambda theta: theta @ A @ theta / 2


def real_net(hidden=8):
    """The loss of a small net on real-valued data: 2-8-8-1, 105 parameters."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
                          nn.Linear(hidden, 1))
    x = torch.randn(40, 2, generator=seed(0))
    return flat_loss(model, nn.MSELoss(), (x, (x[:, :1] * x[:, 1:]).sin()))


def by_finite_differences(f, theta, step=1e-5):
    """Column by column: the gradient's central difference."""
    gradient = torch.func.grad(f)
    columns = []
    for i in range(len(theta)):
        e = torch.zeros_like(theta)
        e[i] = step
        columns.append((gradient(theta + e) - gradient(theta - e)) / (2 * step))
    return torch.stack(columns, dim=1)


# ---- the whole Hessian ---------------------------------------------------------------------------


def test_the_hessian_of_a_turned_quadratic_is_its_matrix():
    A, _ = turned([-1.0, 2.0, 5.0])

    torch.testing.assert_close(hessian(quadratic(A), torch.ones(3, dtype=f64)), A)


def test_the_hessian_of_a_real_net_agrees_with_torch_and_with_finite_differences():
    f, theta = real_net()

    H = hessian(f, theta)

    assert H.shape == (105, 105) and H.dtype == f64 and not H.requires_grad
    torch.testing.assert_close(H, torch.func.hessian(f)(theta), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(H, by_finite_differences(f, theta), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("chunk", [1, 7, 105, 1000])
def test_the_hessian_does_not_depend_on_the_chunk(chunk):
    f, theta = real_net()

    torch.testing.assert_close(hessian(f, theta, chunk=chunk), hessian(f, theta))


def test_rows_are_slopes_and_columns_are_parameters(monkeypatch):
    # Second derivatives are symmetric, so a product that is not shows which way the table lies.
    A = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=f64)
    monkeypatch.setattr(curvature, "_product", lambda f, theta: lambda v: v @ A.T)  # A v

    torch.testing.assert_close(hessian(torch.sum, torch.zeros(2, dtype=f64)), A)


class Slope(torch.autograd.Function):
    """2x, with a backward pass that leaves torch, as no batch of vectors can."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return torch.from_numpy(2 * grad.numpy())


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad):
        return grad * Slope.apply(ctx.saved_tensors[0])


def test_an_operation_that_cannot_be_batched_is_done_column_by_column():
    A, _ = turned([-1.0, 2.0, 5.0])

    def f(theta):
        return (A @ Square.apply(theta)).sum()

    theta = torch.tensor([1.0, 2.0, 3.0], dtype=f64)
    torch.testing.assert_close(hessian(f, theta), torch.diag(2 * A.sum(0)))


def test_an_ordinary_net_needs_no_column_by_column(monkeypatch):
    sizes, fill = [], curvature._fill
    monkeypatch.setattr(curvature, "_fill",
                        lambda H, p, chunk: (sizes.append(chunk), fill(H, p, chunk)))
    f, theta = real_net()

    hessian(f, theta)

    assert len(sizes) == 1 and sizes[0] > 8


def test_more_data_makes_narrower_chunks(monkeypatch):
    seen = []
    monkeypatch.setattr(curvature, "_fill", lambda H, p, chunk: (H.zero_(), seen.append(chunk)))
    for n in (10, 100_000):
        f, theta = flat_loss(nn.Linear(3, 1), nn.MSELoss(), (torch.ones(n, 3), torch.ones(n, 1)))
        hessian(f, theta)

    assert seen[0] == curvature.WIDEST and 1 <= seen[1] < 60


def test_a_linear_function_has_no_curvature():
    theta = torch.ones(3, dtype=f64)

    torch.testing.assert_close(hessian(torch.sum, theta), torch.zeros(3, 3, dtype=f64))
    torch.testing.assert_close(hvp(torch.sum, theta, theta), torch.zeros(3, dtype=f64))
    w = torch.ones(3, dtype=f64, requires_grad=True)
    torch.testing.assert_close(hvp(lambda t: (w * t).sum(), theta, theta), torch.zeros_like(theta))


def test_a_parameter_without_influence_has_a_row_and_a_column_of_zeros():
    H = hessian(lambda t: t[0] ** 2 * t[2], torch.tensor([1.0, 5.0, 2.0], dtype=f64))

    expected = torch.tensor([[4.0, 0.0, 2.0], [0.0, 0.0, 0.0], [2.0, 0.0, 0.0]], dtype=f64)
    torch.testing.assert_close(H, expected)


def test_theta_and_the_graph_outside_are_left_alone():
    A, _ = turned([-1.0, 2.0, 5.0])
    theta, plain = torch.ones(3, dtype=f64, requires_grad=True), torch.ones(3, dtype=f64)
    with torch.no_grad():
        torch.testing.assert_close(hessian(quadratic(A), theta), A)
        torch.testing.assert_close(hessian(quadratic(A), plain), A)

    assert theta.grad is None and theta.requires_grad and not plain.requires_grad


# ---- products with vectors -----------------------------------------------------------------------


def test_a_product_is_the_hessian_times_the_vector():
    f, theta = real_net()
    v = torch.randn(105, 3, dtype=f64, generator=seed(5))
    H = torch.func.hessian(f)(theta)

    torch.testing.assert_close(hvp(f, theta, v), H @ v, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(hvp(f, theta, v[:, 0]), H @ v[:, 0], rtol=1e-10, atol=1e-12)


def test_as_many_vectors_as_parameters_are_still_taken_column_by_column():
    A, _ = turned([-1.0, 2.0, 5.0])
    v = torch.arange(9.0, dtype=f64).reshape(3, 3)

    torch.testing.assert_close(hvp(quadratic(A), torch.zeros(3, dtype=f64), v), A @ v)


# ---- what is refused -----------------------------------------------------------------------------

CALLS = {
    "hessian": hessian,
    "hvp": lambda f, theta: hvp(f, theta, torch.ones_like(theta)),
    "extreme_eigenpairs": extreme_eigenpairs,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_float32_is_refused_with_the_reason(call):
    with pytest.raises(TypeError, match="float32.*rounding hides small curvatures"):
        call(lambda t: t.square().sum(), torch.ones(3))


@every_call
def test_what_is_not_finite_is_refused(call):
    square = lambda t: t.square().sum()  # noqa: E731
    with pytest.raises(ValueError, match="theta holds NaN"):
        call(square, torch.tensor([1.0, math.nan], dtype=f64))
    with pytest.raises(ValueError, match="f is inf"):
        call(lambda t: square(t) / 0.0, torch.ones(2, dtype=f64))
    with pytest.raises(ValueError, match="1 of 2 slopes are NaN or infinite"):
        call(lambda t: t[0].sqrt() + t[1], torch.tensor([0.0, 1.0], dtype=f64))
    with pytest.raises(ValueError, match="NaN or infinite, though f is finite"):
        call(lambda t: t.abs().pow(1.5).sum(), torch.tensor([0.0, 1.0], dtype=f64))


@every_call
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match=r"shape \(\); it returned \(3,\)"):
        call(torch.square, torch.ones(3, dtype=f64))
    with pytest.raises(ValueError, match="it returned float"):
        call(lambda t: float(t.sum()), torch.ones(3, dtype=f64))
    with pytest.raises(ValueError, match="flatten it first"):
        call(torch.sum, torch.ones(3, 1, dtype=f64))
    with pytest.raises(ValueError, match="does not depend on theta"):
        call(lambda t: torch.tensor(1.0, dtype=f64), torch.ones(3, dtype=f64))


def test_a_vector_of_another_length_or_dtype_is_refused():
    theta = torch.ones(3, dtype=f64)
    with pytest.raises(ValueError, match=r"v needs shape \(3,\)"):
        hvp(torch.sum, theta, torch.ones(4, dtype=f64))
    with pytest.raises(TypeError, match="v is torch.float32"):
        hvp(torch.sum, theta, torch.ones(3))


# ---- the extreme eigenvalues ---------------------------------------------------------------------


@pytest.mark.parametrize("end", BOTH)
def test_extreme_eigenpairs_of_a_real_net_are_those_of_the_full_hessian(end):
    f, theta = real_net()
    H = torch.func.hessian(f)(theta)
    exact = torch.linalg.eigvalsh(H)[BOTH[end]]

    pairs = extreme_eigenpairs(f, theta, 3, end=end)

    torch.testing.assert_close(pairs.values, exact, rtol=0, atol=1e-8)
    torch.testing.assert_close(H @ pairs.vectors, pairs.vectors * pairs.values, rtol=0, atol=1e-8)
    torch.testing.assert_close(pairs.vectors.norm(dim=0), torch.ones(3, dtype=f64))


def test_both_ends_come_in_ascending_order():
    f, theta = real_net()
    exact = torch.linalg.eigvalsh(torch.func.hessian(f)(theta))

    pairs = extreme_eigenpairs(f, theta, 2, end="both")

    torch.testing.assert_close(pairs.values, exact[[0, 1, -2, -1]], rtol=0, atol=1e-8)
    assert pairs.vectors.shape == (105, 4)


def test_the_order_is_ascending_whatever_order_scipy_chooses(monkeypatch):
    f, theta = real_net()
    H, eigsh = torch.func.hessian(f)(theta), scipy.sparse.linalg.eigsh

    def descending(*args, **kwargs):
        values, vectors = eigsh(*args, **kwargs)
        return values[::-1], vectors[:, ::-1]

    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", descending)
    pairs = extreme_eigenpairs(f, theta, 3)

    assert (pairs.values.diff() > 0).all()
    torch.testing.assert_close(H @ pairs.vectors, pairs.vectors * pairs.values, rtol=0, atol=1e-8)


def test_smallest_goes_by_sign_and_finds_a_known_direction():
    values = torch.linspace(1.0, 5.0, 80, dtype=f64)
    values[7] = -0.5  # smaller than all others, though not the largest in size
    A, turn = turned(values)

    pairs = extreme_eigenpairs(quadratic(A), torch.ones(80, dtype=f64), end="smallest")

    torch.testing.assert_close(pairs.values, torch.tensor([-0.5], dtype=f64))
    torch.testing.assert_close((pairs.vectors[:, 0] @ turn[:, 7]).abs(), torch.tensor(1.0).double())


def test_products_are_counted(monkeypatch):
    counted, product = [], curvature._product

    def counting(f, theta):
        times = product(f, theta)
        return lambda v: (counted.append(1), times(v))[1]

    monkeypatch.setattr(curvature, "_product", counting)
    f, theta = real_net()

    pairs = extreme_eigenpairs(f, theta)

    assert pairs.products == len(counted) and 10 < pairs.products < 105


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize("end", ["smallest", "largest"])
def test_few_parameters_are_no_obstacle(size, end):
    values = torch.linspace(-2.0, 3.0, size, dtype=f64)
    A, turn = turned(values)
    at = 0 if end == "smallest" else size - 1

    pairs = extreme_eigenpairs(quadratic(A), torch.ones(size, dtype=f64), end=end)

    torch.testing.assert_close(pairs.values, values[[at]])
    torch.testing.assert_close((pairs.vectors[:, 0] @ turn[:, at]).abs(),
                               torch.tensor(1.0, dtype=f64))
    assert pairs.products == size


def test_all_pairs_of_a_small_problem():
    A, _ = turned([-1.0, 2.0, 4.0, 5.0])

    pairs = extreme_eigenpairs(quadratic(A), torch.zeros(4, dtype=f64), 2, end="both")

    torch.testing.assert_close(pairs.values, torch.tensor([-1.0, 2.0, 4.0, 5.0], dtype=f64))
    torch.testing.assert_close(pairs.vectors * pairs.values @ pairs.vectors.T, A)


@pytest.mark.parametrize("end", ["smallest", "largest", "both"])
def test_a_flat_place_has_eigenvalues_of_zero(end):
    theta = torch.zeros(60, dtype=f64)

    pairs = extreme_eigenpairs(lambda t: t.pow(4).sum(), theta, end=end)

    torch.testing.assert_close(pairs.values, torch.zeros_like(pairs.values))
    torch.testing.assert_close(pairs.vectors.norm(dim=0), torch.ones_like(pairs.values))


def test_a_large_flat_place_is_not_computed_in_full(monkeypatch):
    monkeypatch.setattr(curvature, "AFFORDABLE", 50)
    with pytest.raises(RuntimeError, match="too close together"):
        extreme_eigenpairs(lambda t: t.pow(4).sum(), torch.zeros(60, dtype=f64))


def test_the_sign_is_chosen_and_global_random_numbers_play_no_part():
    f, theta = real_net()
    np.random.seed(0)
    first = extreme_eigenpairs(f, theta, 2, end="both")
    np.random.seed(1)
    again = extreme_eigenpairs(f, theta, 2, end="both")

    torch.testing.assert_close(first.vectors, again.vectors, rtol=0, atol=0)
    for column in first.vectors.T:
        assert column[column.abs().argmax()] > 0


@pytest.mark.parametrize("k, end", [(0, "largest"), (4, "largest"), (2, "both"), (1, "highest")])
def test_a_k_or_an_end_that_does_not_fit_is_refused(k, end):
    with pytest.raises(ValueError, match="k is|end is 'highest'"):
        extreme_eigenpairs(torch.sum, torch.ones(3, dtype=f64), k, end=end)


# ---- shares of signs -----------------------------------------------------------------------------


def test_shares_of_a_constructed_spectrum():
    values = torch.tensor([3.0, -1.0, 0.0, 1e-20, -1e-20, 2.0, -4.0, -0.1], dtype=f64)

    shares = eigenvalue_shares(values)

    assert (shares.negative, shares.zero, shares.positive) == (3 / 8, 3 / 8, 2 / 8)
    assert shares.tolerance == 8 * np.finfo(float).eps * 4.0


def test_the_tolerance_counts_as_zero_on_both_sides_up_to_and_including_itself():
    shares = eigenvalue_shares(torch.tensor([-0.2, -0.1, 0.1, 0.2], dtype=f64), tolerance=0.1)

    assert (shares.negative, shares.zero, shares.positive) == (0.25, 0.5, 0.25)
    assert eigenvalue_shares(torch.tensor([-1e-30, 1.0]), tolerance=0.0).negative == 0.5


def test_the_default_tolerance_recognises_the_directions_that_a_net_does_not_use():
    # An exact fit: H = 2/N JᵀJ with N = 6 rows, so that 33 − 6 eigenvalues are zero but for
    # rounding, and none is negative.
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    x = torch.randn(6, 2, dtype=f64, generator=seed(0))
    f, theta = flat_loss(model, nn.MSELoss(), (x, model(x)))
    values = torch.linalg.eigvalsh(hessian(f, theta))

    shares = eigenvalue_shares(values)

    assert (values < 0).any()  # the rounding is there
    assert (shares.negative, shares.zero, shares.positive) == (0.0, 27 / 33, 6 / 33)


def test_a_spectrum_of_zeros_is_all_zero():
    assert eigenvalue_shares(torch.zeros(5, dtype=f64)).zero == 1.0


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [[1.0, 2.0]]])
def test_what_is_no_spectrum_is_refused(values):
    with pytest.raises(ValueError, match="values needs shape"):
        eigenvalue_shares(torch.tensor(values, dtype=f64))


def test_a_tolerance_below_zero_is_refused():
    with pytest.raises(ValueError, match="tolerance is -1"):
        eigenvalue_shares(torch.ones(2), tolerance=-1.0)
