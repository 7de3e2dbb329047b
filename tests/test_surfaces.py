"""Surfaces, grids and planes against plain loops, known places and constructed planes."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import LogNorm, to_hex
from torch import nn

from course_utils.figures import COLORS, STYLES, new_figure
from course_utils.parameters import flat_loss, flatten
from course_utils.surfaces import (
    SURFACES,
    CriticalPoint,
    Plane,
    Surface,
    _grid,
    draw_surface,
    filter_normalised,
    loss_grid,
    plane_by_directions,
    plane_grid,
)

f64 = torch.float64
every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def seed(number):
    return torch.Generator().manual_seed(number)


def plain_loop(f, xs, ys):
    return torch.tensor([[float(f(torch.tensor([x, y], dtype=f64))) for x in xs] for y in ys],
                        dtype=f64)


# ---- named surfaces ------------------------------------------------------------------------------

FORMULAS = {  # written once more, in NumPy
    "tiny net": lambda x, y: (1 - x * y) ** 2,
    "bowl": lambda x, y: (x * x + y * y) / 2,
    "rotated valley": lambda x, y: (
        np.array([x, y])
        @ np.array([[13.25, -49 * math.sqrt(3) / 4], [-49 * math.sqrt(3) / 4, 37.75]])
        @ np.array([x, y]) / 2
    ),
    "saddle": lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
    "monkey saddle": lambda x, y: ((x + 1j * y) ** 3).real,
    "flat bowl": lambda x, y: x**4 + y**4,
    "plateau": lambda x, y: 1 - 1 / (1 + x**2 + y**2),
    "hill": lambda x, y: np.exp(-0.5 * x**2 - y**2),
    "egg carton": lambda x, y: np.cos(x) + np.cos(y),
    "Beale": lambda x, y: (
        (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    ),
    "Rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "Himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
}


def test_every_surface_has_a_second_formula_here_and_is_found_under_its_name():
    assert FORMULAS.keys() == SURFACES.keys()
    assert all(surface.name == name for name, surface in SURFACES.items())


@every_surface
def test_a_surface_has_the_height_of_its_formula(surface):
    places = torch.randn(3, 4, 2, dtype=f64, generator=seed(0))
    expected = np.vectorize(FORMULAS[surface.name])(*np.moveaxis(places.numpy(), -1, 0))

    heights = surface.f(places)

    torch.testing.assert_close(heights, torch.from_numpy(expected))
    torch.testing.assert_close(torch.func.vmap(surface.f)(places[0]), heights[0])


@every_surface
def test_the_gradient_is_zero_at_every_critical_point(surface):
    assert surface.critical_points
    for point in surface.critical_points:
        theta = torch.tensor([point.x, point.y], dtype=f64)
        assert torch.func.grad(surface.f)(theta).norm() < 1e-8


@every_surface
def test_the_eigenvalues_say_the_kind_of_every_critical_point(surface):
    for point in surface.critical_points:
        H = torch.func.hessian(surface.f)(torch.tensor([point.x, point.y], dtype=f64))
        low, high = torch.linalg.eigvalsh(H).tolist()
        zero = 1e-8
        kind = {(1, 1): "minimum", (-1, -1): "maximum", (-1, 1): "saddle"}.get(
            tuple(0 if abs(v) < zero else int(math.copysign(1, v)) for v in (low, high)),
            "undecided",
        )
        assert point.kind == kind


def newton(surface, sides=41, steps=100):
    """Places with zero gradient that Newton's method finds from a whole grid of starts."""
    axes = [torch.linspace(*r, sides, dtype=f64) for r in (surface.x_range, surface.y_range)]
    theta = torch.cartesian_prod(*axes) + 0.0123
    gradient = torch.func.vmap(torch.func.grad(surface.f))
    bend = torch.func.vmap(torch.func.hessian(surface.f))
    for _ in range(steps):
        slope = gradient(theta).nan_to_num(0)[..., None]
        step = (torch.linalg.pinv(bend(theta).nan_to_num(0)) @ slope)[..., 0]
        theta = theta - step / step.norm(dim=1, keepdim=True).clamp(min=1.0)
    low, high = torch.tensor([surface.x_range, surface.y_range], dtype=f64).T
    inside = ((theta >= low) & (theta <= high)).all(dim=1)
    return theta[inside & (gradient(theta).norm(dim=1) < 1e-10)]


WHOLE = [s for s in SURFACES.values() if all(p.kind != "undecided" for p in s.critical_points)]


@pytest.mark.parametrize("surface", WHOLE, ids=lambda s: s.name)
def test_no_critical_point_in_the_picture_is_forgotten(surface):
    found = newton(surface)
    if surface.name in ("plateau", "hill"):  # far out slopes are nearly zero: look nearer
        found = found[found.norm(dim=1) < 2]
    known = torch.tensor([[p.x, p.y] for p in surface.critical_points], dtype=f64)

    distance = torch.cdist(found, known)

    assert len(found) and distance.min(dim=1).values.max() < 1e-6  # each found one is known
    assert distance.min(dim=0).values.max() < 1e-6  # and each known one was found


@every_surface
def test_critical_points_lie_in_the_picture(surface):
    for point in surface.critical_points:
        assert surface.x_range[0] <= point.x <= surface.x_range[1]
        assert surface.y_range[0] <= point.y <= surface.y_range[1]


def test_all_kinds_are_there():
    kinds = {point.kind for surface in SURFACES.values() for point in surface.critical_points}

    assert kinds == {"minimum", "maximum", "saddle", "undecided"}


# ---- grids ---------------------------------------------------------------------------------------


def test_rows_are_y_and_columns_are_x():
    grid = loss_grid(lambda t: 10 * t[0] + t[1], [1.0, 2.0, 3.0], [0.1, 0.2])

    expected = torch.tensor([[10.1, 20.1, 30.1], [10.2, 20.2, 30.2]], dtype=f64)
    torch.testing.assert_close(grid, expected)


@every_surface
def test_a_grid_is_what_a_plain_double_loop_gives(surface):
    xs, ys = np.linspace(*surface.x_range, 7), np.linspace(*surface.y_range, 5)

    torch.testing.assert_close(loss_grid(surface.f, xs, ys), plain_loop(surface.f, xs, ys))


@pytest.mark.parametrize("chunk", [1, 4, 35, 1000, None])
def test_a_grid_does_not_depend_on_the_chunk(chunk):
    xs, ys = torch.linspace(-1, 2, 7), torch.linspace(0, 1, 5)
    f = SURFACES["Beale"].f

    torch.testing.assert_close(loss_grid(f, xs, ys, chunk=chunk),
                               plain_loop(f, xs.double(), ys.double()))


def with_an_if(t):
    return t[0] ** 2 if t[0] > t[1] else t[1] * 3.0


def with_item(t):
    return math.sin(t[0].item()) * t[1].item()


def with_backward(t):
    t = t.detach().requires_grad_()
    return torch.autograd.grad((t**3).sum() * t[0], t)[0].norm()


def with_numpy(t):
    return torch.tensor(np.hypot(*t.numpy()))


@pytest.mark.parametrize("f", [with_an_if, with_item, with_backward, with_numpy])
def test_what_vmap_cannot_do_is_done_in_a_loop(f):
    xs, ys = [-1.0, 0.3, 2.0], [-0.5, 1.0]
    with pytest.raises(Exception):  # noqa: B017
        torch.func.vmap(f)(torch.zeros(2, 2, dtype=f64))

    torch.testing.assert_close(loss_grid(f, xs, ys).double(), plain_loop(f, xs, ys))


def test_a_second_derivative_may_be_drawn_too():
    def sharpness(t):
        return torch.func.hessian(SURFACES["saddle"].f)(t)[1, 1]

    torch.testing.assert_close(loss_grid(sharpness, [0.0, 1.0], [0.0, 2.0]),
                               torch.tensor([[-1.0, -1.0], [11.0, 11.0]], dtype=f64))


def test_an_ordinary_function_is_not_done_in_a_loop():
    calls = []

    def f(t):
        calls.append(1)
        return (t**2).sum()

    loss_grid(f, np.linspace(0, 1, 20), np.linspace(0, 1, 20))

    assert len(calls) < 10


def test_more_memory_for_one_place_means_fewer_at_a_time(monkeypatch):
    seen, in_chunks = [], _grid.in_chunks
    monkeypatch.setattr(_grid, "in_chunks",
                        lambda n, chunk, unit: (seen.append(chunk), in_chunks(n, chunk, unit))[1])
    for size in (10, 100_000):
        loss_grid(lambda t, size=size: (t[0] * torch.ones(size)).sum(), [1.0, 2.0], [3.0])

    assert seen[0] == _grid.MOST and 1 <= seen[1] < 40


def test_a_grid_holds_no_graph():
    w = torch.ones(2, dtype=f64, requires_grad=True)

    assert not loss_grid(lambda t: (w * t).sum(), [1.0], [2.0, 3.0]).requires_grad
    assert not loss_grid(lambda t: with_an_if(w * t), [1.0], [2.0, 3.0]).requires_grad


def test_an_error_of_the_function_itself_is_shown_as_it_is():
    def f(t):
        if t[0] > 1:
            raise KeyError("mine")
        return t.sum()

    with pytest.raises(KeyError, match="mine"):
        loss_grid(f, [0.0, 2.0], [0.0])


@pytest.mark.parametrize("f", [lambda t: t, lambda t: t[:1], lambda t: "high"])
def test_what_is_no_height_is_refused(f):
    with pytest.raises(ValueError, match="f has to return a scalar"):
        loss_grid(f, [1.0, 2.0], [1.0, 2.0])


def test_axes_and_chunks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="xs needs shape"):
        loss_grid(torch.sum, torch.zeros(2, 2), [1.0])
    with pytest.raises(ValueError, match="ys needs shape"):
        loss_grid(torch.sum, [1.0], [])
    with pytest.raises(ValueError, match="chunk is 0"):
        loss_grid(torch.sum, [1.0], [1.0], chunk=0)


# ---- planes --------------------------------------------------------------------------------------


def slanted():
    """A plane whose directions are neither of unit length nor at right angles."""
    origin, d1, d2 = torch.randn(3, 6, dtype=f64, generator=seed(0))
    return plane_by_directions(origin, d1, 3 * d1 + d2)


def test_at_adds_the_directions_to_the_origin():
    plane = plane_by_directions(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 0.0]),
                                torch.tensor([0.0, 1.0, 1.0]))

    torch.testing.assert_close(plane.at(2.0, 10.0), torch.tensor([3.0, 12.0, 13.0]))
    torch.testing.assert_close(plane.at(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])),
                               torch.tensor([[1.0, 3.0, 4.0], [2.0, 2.0, 3.0]]))


def test_project_undoes_at():
    plane = slanted()
    ab = torch.randn(7, 2, dtype=f64, generator=seed(1))

    thetas = plane.at(ab[:, 0], ab[:, 1])

    torch.testing.assert_close(plane.project(thetas), ab)
    torch.testing.assert_close(plane.project(thetas[0]), ab[0])


def test_project_finds_the_nearest_place():
    plane = slanted()
    theta = torch.randn(6, dtype=f64, generator=seed(2))
    expected = np.linalg.lstsq(plane.directions.T.numpy(), (theta - plane.origin).numpy(),
                               rcond=None)[0]

    torch.testing.assert_close(plane.project(theta), torch.from_numpy(expected))


@pytest.mark.parametrize("d2, words", [
    (torch.tensor([-2.0, 0.0, 0.0]), "parallel"), (torch.zeros(3), "zero"),
    (torch.ones(4), "one shape"), (torch.tensor([1.0, math.nan, 0.0]), "NaN"),
])  # fmt: skip
def test_directions_that_span_no_plane_are_refused(d2, words):
    with pytest.raises(ValueError, match=words):
        plane_by_directions(torch.zeros(3), torch.tensor([1.0, 0.0, 0.0]), d2)


def conv_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4))


def test_every_filter_of_a_direction_is_as_long_as_the_models_own():
    model = conv_net()

    plane = filter_normalised(model, seed(1))

    torch.testing.assert_close(plane.origin, flatten(model).double(), rtol=0, atol=0)
    at = 0
    for p in model.parameters():
        for direction in plane.directions:
            part = direction[at : at + p.numel()].view(p.shape)
            if p.ndim < 2:  # biases, scale and shift of BatchNorm
                assert (part == 0).all()
            else:
                for mine, own in zip(part, p.detach().double(), strict=True):
                    torch.testing.assert_close(mine.square().sum(), own.square().sum())
        at += p.numel()


def test_the_two_directions_are_random_and_follow_the_generator():
    one, again = (filter_normalised(conv_net(), seed(1)) for _ in range(2))
    other = filter_normalised(conv_net(), seed(2))

    torch.testing.assert_close(one.directions, again.directions, rtol=0, atol=0)
    first, second = one.directions
    assert (first - second).abs().max() > 0.01
    assert (one.directions - other.directions).abs().max() > 0.01


def test_scaling_a_relu_net_leaves_its_filter_normalised_picture_as_it_was():
    # Ten times the first layer and a tenth of the second is the same function: what the scaling
    # of directions is for (Li et al. 2018, section 4).
    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 6, bias=False), nn.ReLU(), nn.Linear(6, 1, bias=False))

    scaled = net()
    with torch.no_grad():
        scaled[0].weight *= 10
        scaled[2].weight /= 10
    data = torch.randn(20, 2, generator=seed(0)), torch.randn(20, 1, generator=seed(1))
    pictures = []
    for model in (net(), scaled):
        f, _ = flat_loss(model, nn.MSELoss(), data)
        a = torch.linspace(-1, 1, 5)
        pictures.append(plane_grid(f, filter_normalised(model, seed(3)), a, a))

    torch.testing.assert_close(pictures[0], pictures[1], rtol=1e-5, atol=1e-6)


def test_a_model_of_biases_or_zeros_has_no_such_plane():
    model = nn.Linear(2, 3)
    nn.init.zeros_(model.weight)
    with pytest.raises(ValueError, match="a direction is zero"):
        filter_normalised(model, seed(0))


def test_a_plane_grid_is_what_a_plain_double_loop_gives():
    model = conv_net()
    data = torch.randn(5, 2, 4, 4, generator=seed(0)), torch.arange(5) % 4
    f, _ = flat_loss(model, nn.CrossEntropyLoss(), data)
    plane = filter_normalised(model, seed(1))
    a, b = [-1.0, 0.0, 0.5], [0.0, 2.0]

    grid = plane_grid(f, plane, a, b)

    expected = torch.stack([torch.stack([f(plane.at(i, j)) for i in a]) for j in b])
    torch.testing.assert_close(grid, expected)
    torch.testing.assert_close(grid[0, 1], f(flatten(model).double()))


def test_a_plane_in_float32_stays_in_float32():
    plane = Plane(torch.zeros(3), torch.eye(3)[:2])

    grid = plane_grid(lambda t: (t * torch.ones(3)).sum(), plane, [1.0, 2.0], [0.0, 1.0, 2.0])

    assert grid.dtype == torch.float32 and grid.shape == (3, 2)
    assert plane.at(1.0, torch.tensor(2.0, dtype=f64)).dtype == torch.float32


# ---- pictures ------------------------------------------------------------------------------------


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@every_surface
def test_a_surface_shows_its_critical_points_by_colour_marker_and_name(surface):
    fig, ax = new_figure()

    filled = draw_surface(ax, surface, points=31)
    fig.colorbar(filled)
    fig.canvas.draw()

    assert isinstance(filled.norm, LogNorm) == surface.log
    kinds = {point.kind for point in surface.critical_points}
    assert set(labels(ax)) == kinds
    for line in ax.lines:
        kind = line.get_label()
        expected = [(p.x, p.y) for p in surface.critical_points if p.kind == kind]
        assert list(map(tuple, line.get_xydata())) == expected
        if kind != "undecided":
            assert to_hex(line.get_color()).upper() == COLORS[kind]
            assert line.get_marker() == STYLES[kind]["marker"]
    assert ax.get_xlim() == surface.x_range and ax.get_ylim() == surface.y_range


def test_the_four_kinds_differ_in_colour_and_in_marker():
    points = [CriticalPoint(i, 0, kind)
              for i, kind in enumerate(("minimum", "maximum", "saddle", "undecided"))]
    _, ax = new_figure()
    all_kinds = Surface("all", "x + y", lambda t: t.sum(-1), (-1, 4), (-1, 1), tuple(points))
    draw_surface(ax, all_kinds, points=5)

    assert len({line.get_marker() for line in ax.lines}) == 4
    assert len({line.get_color() for line in ax.lines}) == 4


def test_no_legend_lies_on_the_picture():
    fig, ax = new_figure()
    draw_surface(ax, SURFACES["Himmelblau"], points=31)
    fig.canvas.draw()

    legend = ax.get_legend().get_window_extent()
    assert legend.y1 < ax.get_window_extent().y0
    assert legend.y1 < ax.xaxis.label.get_window_extent().y0


def test_paths_are_drawn_in_colours_and_lines_of_their_own():
    places = torch.tensor([[1.0, 1.0], [0.5, 0.5], [0.0, 0.2]], requires_grad=True)
    _, ax = new_figure()
    draw_surface(ax, SURFACES["bowl"], points=11,
                 paths={"plain": places, "momentum": places, "yours": places})

    lines = {line.get_label(): line for line in ax.lines}
    assert labels(ax) == ["plain", "momentum", "yours", "minimum"]
    assert lines["yours"].get_color() == COLORS["yours"]
    looks = {(lines[name].get_color(), lines[name].get_linestyle())
             for name in ("plain", "momentum", "yours")}
    assert len(looks) == 3
    np.testing.assert_allclose(lines["plain"].get_xydata(), places.detach())


@pytest.mark.parametrize("far", [math.inf, math.nan, 1e30])
def test_a_path_that_runs_away_is_cut_off_and_the_picture_keeps_its_range(far):
    fig, ax = new_figure()
    draw_surface(ax, SURFACES["bowl"], points=11,
                 paths={"plain": [[1.0, 1.0], [50.0, 1.0], [far, 0.0], [0.0, 0.0]]})
    fig.canvas.draw()

    (line,) = [line for line in ax.lines if line.get_label() == "plain"]
    assert line.get_xydata().tolist() == [[1.0, 1.0], [50.0, 1.0]]
    assert ax.get_xlim() == (-2, 2)
