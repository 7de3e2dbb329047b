"""Pictures of chapter 04: what is drawn against plain formulas; every control changes something."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection

from course_utils.figures import new_figure
from course_utils.widgets import Button, Choice, Explorer, Playground, Slider
from course_utils.widgets.landscape import bend_picture, descent_picture

f64 = torch.float64


def surface(f, half, log=False):
    return SimpleNamespace(f=f, x_range=(-half, half), y_range=(-half, half), log=log)


SURFACES = {  # value, slopes and bends of each are known by hand
    "pass": surface(lambda t: 3 * t[..., 0] ** 2 / 2 - t[..., 1] ** 2 / 2, 2.0),
    "bowl": surface(lambda t: t[..., 0] ** 2 + 2 * t[..., 1] ** 2, 3.0),
    "ditch": surface(lambda t: (t[..., 0] ** 2).exp() + 0 * t[..., 1], 2.0, log=True),
}
BENDS = {"pass": lambda x: [3.0, -1.0], "bowl": lambda x: [2.0, 4.0],
         "ditch": lambda x: [(2 + 4 * x * x) * math.exp(x * x), 0.0]}
SLOPES = {"pass": lambda x, y: [3 * x, -y], "bowl": lambda x, y: [2 * x, 4 * y],
          "ditch": lambda x, y: [2 * x * math.exp(x * x), 0.0]}


def local(f, at):
    """By hand: all Hessians here are diagonal."""
    name = next(name for name, one in SURFACES.items() if one.f is f)
    x, y = at.tolist()
    values, order = torch.tensor(BENDS[name](x), dtype=f64).sort()
    return torch.tensor(SLOPES[name](x, y), dtype=f64), values, torch.eye(2, dtype=f64)[:, order]


def classify(values):
    return {(-1, 1): "saddle", (1, 1): "minimum"}.get(tuple(values.sign().int().tolist()), "unsure")


def along(settings):
    return torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=f64)[int(settings["along"] == "y")]


@pytest.fixture
def walk():
    """The picture of one point, drawn, and its axes and artists."""
    fig, axes = new_figure(2)
    settings = {"surface": "pass", "x": 0.0, "y": 0.0, "along": "x", "step": 0.5}
    artists, update = bend_picture(SURFACES, local, classify, along)(axes, settings)

    def move(**changes):
        words = update(settings | changes)
        fig.canvas.draw()
        return words

    left, right = axes
    section = {line.get_label(): line for line in right.lines}
    return SimpleNamespace(move=move, left=left, right=right, section=section, artists=artists,
                           eigen=left.lines[:2], dot=left.lines[2], arrow=left.texts[0],
                           rings=next(c for c in left.collections if type(c) is LineCollection))


def test_the_title_moves_with_the_surface(walk):
    walk.move(surface="ditch")
    assert walk.left.get_title().startswith("ditch") and walk.left.title in walk.artists


def test_the_section_is_the_loss_and_the_quadratic_touches_it_to_second_order(walk):
    walk.move(surface="ditch", x=0.5, step=1.0)
    walked, heights = map(np.asarray, walk.section["loss"].get_data())
    middle = math.exp(0.25)
    np.testing.assert_allclose(heights, np.exp((0.5 + walked) ** 2) - middle, rtol=1e-12)

    walked, heights = map(np.asarray, walk.section["quadratic"].get_data())
    by_hand = middle * walked + 3 * middle * walked**2 / 2
    np.testing.assert_allclose(heights, by_hand, rtol=1e-12, atol=1e-12)


def test_the_ring_marks_where_the_step_lands(walk):
    words = walk.move(surface="ditch", x=0.5, step=0.4)
    true, model = math.exp(0.81) - math.exp(0.25), math.exp(0.25) * (0.4 + 3 * 0.4**2 / 2)
    assert np.allclose(walk.section["after the step"].get_data(), [[0.4], [true]])
    assert f"changes the loss by {true:+.2g}; the quadratic says {model:+.2g}." in words


def test_the_arrow_points_downhill_and_hides_where_there_is_no_slope(walk):
    walk.move(x=0.5, y=1.0)
    pointed = np.subtract(walk.arrow.xy, walk.arrow.get_position())
    downhill = np.array([-1.5, 1.0])
    assert walk.arrow.get_visible()
    np.testing.assert_allclose(pointed / np.linalg.norm(pointed),
                               downhill / np.linalg.norm(downhill))
    walk.move(x=0.0, y=0.0)
    assert not walk.arrow.get_visible()


def test_eigenvectors_lie_on_their_direction_and_their_line_tells_the_sign(walk):
    walk.move(x=0.5, y=0.2)
    down, up = walk.eigen                              # ascending: −1 along y, 3 along x
    assert np.allclose(down.get_xdata(), 0.5) and np.allclose(up.get_ydata(), 0.2)
    assert np.asarray(up.get_xdata()).mean() == pytest.approx(0.5)
    assert (down.get_linestyle(), up.get_linestyle()) == ("--", "-")

    walk.move(surface="ditch")
    flat, up = walk.eigen
    assert (flat.get_linestyle(), up.get_linestyle()) == (":", "-")
    assert np.allclose(flat.get_xdata(), 0.0)


def test_the_dashed_contours_are_level_lines_of_the_quadratic(walk):
    walk.move(x=0.3, y=-0.4)                           # the pass is its own quadratic
    lines = walk.rings.get_segments()
    assert len(lines) >= 7
    for line in lines:
        heights = 1.5 * line[:, 0] ** 2 - line[:, 1] ** 2 / 2
        assert np.ptp(heights) < 0.02
        assert np.hypot(*(line - [0.3, -0.4]).T).max() <= 0.24 * 4 + 1e-9


def test_the_title_names_the_dashed_contours(walk):
    walk.move(surface="bowl")
    assert walk.left.get_title() == "bowl (blue dashes: the quadratic)"


def test_the_quadratic_turns_with_its_eigenvectors():
    c, s = math.cos(0.4), math.sin(0.4)                # not symmetric: a transpose would show
    turned = torch.tensor([[c, -s], [s, c]], dtype=f64)
    values = torch.tensor([-1.0, 3.0], dtype=f64)
    H = turned @ torch.diag(values) @ turned.T
    turned_pass = {"turned": surface(lambda t: ((t @ H) * t).sum(-1) / 2, 2.0)}
    picture = bend_picture(turned_pass, lambda f, at: (H @ at, values, turned), classify,
                           lambda settings: torch.tensor([0.6, 0.8], dtype=f64))
    _, (left, right) = new_figure(2)
    settings = {"surface": "turned", "x": 0.2, "y": 0.1, "step": 0.5}
    picture((left, right), settings)[1](settings)

    heights = {line.get_label(): np.asarray(line.get_ydata()) for line in right.lines}
    np.testing.assert_allclose(heights["loss"], heights["quadratic"], atol=1e-12)


def test_only_the_chosen_surface_is_seen_in_its_own_range(walk):
    def seen():
        return [c for c in walk.left.collections if c is not walk.rings and c.get_visible()]

    walk.move(surface="pass")
    first = seen()
    walk.move(surface="bowl")
    assert len(first) == len(seen()) == 2 and not set(first) & set(seen())
    assert walk.left.get_xlim() == (-3, 3) and "bowl" in walk.left.get_title()


@pytest.mark.parametrize(("settings", "words"), [
    ({}, "gradient length 0, eigenvalues -1 and 3: critical point, saddle"),
    ({"surface": "bowl"}, "eigenvalues 2 and 4: critical point, minimum"),
    ({"surface": "bowl", "x": 1.0}, "loss 1, gradient length 2,"),
    ({"surface": "bowl", "x": 1.0}, "no critical point"),
    ({"x": 2.5}, "outside the map (-2 to 2 and -2 to 2)"),
])
def test_the_words_say_what_is_there(walk, settings, words):
    assert words in walk.move(**settings)


def test_a_direction_of_length_zero_leaves_the_point_where_it_is(walk):
    fig, axes = new_figure(2)
    settings = {"surface": "pass", "x": 0.0, "y": 0.0, "step": 0.5}
    nowhere = bend_picture(SURFACES, local, classify, lambda settings: torch.zeros(2, dtype=f64))
    _, update = nowhere(axes, settings)
    assert "A step of 0.5 changes the loss by +0; the quadratic says +0" in update(settings)
    fig.canvas.draw()


# ---- each control --------------------------------------------------------------------------------


@pytest.fixture
def explorer():
    def go(settings):
        place = [settings["x"], settings["y"]] + settings["step"] * along(settings).numpy()
        return dict(zip("xy", map(float, place), strict=True))

    controls = {"surface": Choice(list(SURFACES)), "x": Slider(-3.0, 3.0, 0.5),
                "y": Slider(-3.0, 3.0, 0.25), "along": Choice(["x", "y"]),
                "step": Slider(0.01, 3.0, 0.3, log=True), "go": Button("step along it", go)}
    return Explorer("landscape-test", bend_picture(SURFACES, local, classify, along), controls,
                    panels=2)


@pytest.mark.parametrize("moves", [{"surface": "bowl"}, {"x": 1.0}, {"y": -1.0}, {"along": "y"},
                                   {"step": 1.0}])
def test_each_control_changes_picture_and_words(explorer, moves):
    before = explorer._live.png(), explorer.alt
    explorer.move(**moves)
    assert explorer._live.png() != before[0] and explorer.alt != before[1]


def test_the_button_moves_the_point(explorer):
    before = explorer._live.png(), explorer.alt
    explorer.press("go")
    assert explorer.settings["x"] == pytest.approx(0.8)
    assert explorer._live.png() != before[0] and explorer.alt != before[1]


# ---- a descent -----------------------------------------------------------------------------------


def descent(settings):
    theta, places, bends = torch.tensor([0.8, settings.off], dtype=f64), [], []
    while True:
        g, values, _ = local(SURFACES[settings.surface].f, theta)
        places.append(theta)
        bends.append(values)
        yield {"train": SURFACES[settings.surface].f(theta) + 9, "places": places, "bends": bends}
        theta = theta - settings.lr * g


@pytest.fixture
def playground():
    controls = {"surface": Choice(list(SURFACES), live=False), "lr": Slider(0.01, 3.0, 0.1),
                "off": Slider(0.0, 1.0, 0.01, live=False)}
    return Playground("descent-test", descent, descent_picture(SURFACES), controls, panels=2,
                      steps=200, headless_steps=30)


def test_the_path_and_the_eigenvalues_are_those_of_the_descent(playground):
    left, right = playground._axes
    line, dot, ring = left.lines
    expected = [(0.8 * 0.7**k, 0.01 * 1.1**k) for k in range(31)]
    np.testing.assert_allclose(np.transpose(line.get_data()), expected, rtol=1e-9)
    np.testing.assert_allclose(np.ravel(dot.get_data()), expected[0])
    np.testing.assert_allclose(np.ravel(ring.get_data()), expected[-1])
    curves = {one.get_label(): one for one in right.lines}
    assert (curves["smallest λ"].get_ydata() == -1).all()
    assert (curves["largest λ"].get_ydata() == 3).all()
    assert "down along the smallest eigenvalue −1" in playground.alt


@pytest.mark.parametrize("moves", [{"surface": "bowl"}, {"lr": 0.3}, {"off": 0.5}])
def test_each_control_changes_the_run(playground, moves):
    before = playground._live.png(), playground.alt
    playground.move(**moves)
    playground.reset()
    playground.run_now(30)
    assert playground._live.png() != before[0] and playground.alt != before[1]


def test_a_descent_that_leaves_the_map_is_drawn_without_an_error(playground):
    playground.move(lr=3.0)
    playground.reset()
    playground.run_now(200)
    assert playground.current.error is None
    playground._live.png()
