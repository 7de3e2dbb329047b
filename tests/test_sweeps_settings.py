"""Bad input to a sweep is refused before anything is trained, in words that say what to do."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import sweeps
from course_utils.sweeps import grid, sweep

mse = nn.MSELoss()
x = torch.linspace(-1, 1, 12).reshape(6, 2)
y = x[:, :1]


def make(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))


def run(settings=({"lr": 0.1},), *, build=make, loss=mse, train=(x, y), **more):
    return sweep(build, loss, train, settings, **({"steps": 2} | more))


# ---- grid ----


def test_the_last_name_of_a_grid_varies_fastest():
    assert grid(lr=[0.1, 0.3], seed=range(2)) == [
        {"lr": 0.1, "seed": 0}, {"lr": 0.1, "seed": 1}, {"lr": 0.3, "seed": 0},
        {"lr": 0.3, "seed": 1},
    ]  # fmt: skip


def test_grid_takes_arrays_and_tensors_as_plain_numbers():
    made = grid(lr=np.array([0.5, 1.0]), width=torch.arange(2, 3), seed=np.arange(1))
    assert made == [{"lr": 0.5, "width": 2, "seed": 0}, {"lr": 1.0, "width": 2, "seed": 0}]
    assert {type(v) for v in made[0].values()} == {float, int}


@pytest.mark.parametrize(
    "lists, error, words",
    [
        ({}, ValueError, "at least one list"),
        ({"lr": []}, ValueError, "lr is an empty list"),
        ({"lr": 0.1}, TypeError, r"lr=\[0.1\]"),
        ({"rule": "Adam"}, TypeError, r"rule=\['Adam'\]"),
    ],
)
def test_grid_refuses_what_is_no_list(lists, error, words):
    with pytest.raises(error, match=words):
        grid(**lists)


# ---- settings ----


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ([], ValueError, "settings is empty"),
        ({"lr": 0.1}, TypeError, "one dict"),
        (3, TypeError, "of type int"),
        ([0.1], TypeError, "net 0.*dict"),
        ([{"lr": 0.1}, {"lr": 0.0}], ValueError, "net 1: lr is 0.0.*above 0"),
        ([{"lr": -0.1}], ValueError, "above 0"),
        ([{"lr": float("nan")}], ValueError, "finite"),
        ([{"lr": "fast"}], TypeError, "has to be a number"),
        ([{"lr": True}], TypeError, "has to be a number"),
        ([{"lr": None}], TypeError, "has to be a number"),
        ([{"lr": 0.1, "momentum": -0.9}], ValueError, "0 or more"),
        ([{"lr": 0.1, "momentum": 1.5}], ValueError, "1 at most"),
        ([{"lr": 0.1, "momentun": 0.9}], ValueError, "Did you mean 'momentum'"),
        ([{"lr": 0.1, "beta1": 0.9}], ValueError, "nothing reads the setting 'beta1'"),
        ([{"learning_rate": 0.1}], ValueError, "SGD and your functions know .*lr"),
        ([{"lr": 0.1, "widht": 4}], ValueError, "Did you mean 'width'"),
        ([{"lr": 0.1, "rule": "adam"}], ValueError, "Did you mean 'Adam'"),
        ([{"lr": 0.1, "rule": torch.optim.Adam}], ValueError, "function rule"),
        ([{"lr": 0.1, "seed": -1}], ValueError, "seed is -1"),
        ([{"lr": 0.1, "seed": 0.5}], ValueError, "seed is 0.5"),
        ([{"lr": 0.1, "batch_size": 7}], ValueError, "only 6 rows"),
        ([{"lr": 0.1, "batch_size": 0}], ValueError, "at least 1"),
        ([{"lr": 0.1, "batch_size": 2.5}], TypeError, "whole number"),
        ([{"lr": 0.1, "rule": "Adam", "beta2": 1.0}], ValueError, "below 1"),
        ([{"lr": 0.1, "rule": "Adam", "betas": 0.9}], ValueError, "two numbers"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        run(settings)


def test_a_schedule_may_read_any_number():
    table = run([{"lr": 0.1, "warmth": 3.0}], schedule=lambda step, s: s["lr"] / s["warmth"])
    assert table["warmth"].tolist() == [3.0]


@pytest.mark.parametrize(
    "more, error, words",
    [
        ({"epochs": 3}, ValueError, "either steps"),
        ({"steps": None}, ValueError, "either steps"),
        ({"steps": 0}, ValueError, "steps is 0"),
        ({"steps": None, "epochs": 1.5}, TypeError, "epochs is 1.5"),
        ({"record": 0}, ValueError, "record is 0"),
        ({"memory": 0}, ValueError, "memory is 0"),
        ({"workers": 0}, ValueError, "workers is 0"),
        ({"rule": "Sgd"}, ValueError, "Did you mean 'SGD'"),
        ({"metrics": {"loss": mse}}, ValueError, "named 'loss'"),
        ({"metrics": {"a": lambda p, y: p}}, ValueError, "metric 'a' returned shape"),
        ({"metrics": {"a": lambda p, y: None}}, TypeError, "metric 'a' returned NoneType"),
        ({"loss": nn.MSELoss}, TypeError, "make one of it"),
        ({"loss": nn.MSELoss(reduction="sum")}, ValueError, "use 'mean'"),
        ({"loss": lambda p, y: (p - y) ** 2}, ValueError, "mean over the batch"),
        ({"schedule": lambda step, s: torch.ones(5)}, ValueError, "schedule returned shape"),
    ],
)
def test_other_arguments_that_cannot_be_are_refused(more, error, words):
    with pytest.raises(error, match=words):
        run(**more)


# ---- the learner's functions ----


@pytest.mark.parametrize(
    "build, error, words",
    [
        (lambda: torch.zeros(2), TypeError, "has to be an nn.Module"),
        (lambda: nn.ReLU(), ValueError, "no parameters"),
        (make(), TypeError, "make is of type Sequential"),
        (lambda depth: make(), ValueError, "make needs depth"),
        (lambda: nn.Linear(3, 1), ValueError, "x: shape"),
        (lambda: nn.Linear(2, 1).double(), TypeError, "convert one of them"),
        (lambda: nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)), ValueError, "broadcast"),
        (lambda: nn.Linear(2, 1).requires_grad_(False), ValueError, "nothing to train"),
    ],
)
def test_functions_that_make_no_fitting_net_are_refused(build, error, words):
    with pytest.raises(error, match=words):
        run(build=build)


def test_make_has_to_build_a_new_net_each_time():
    one = make()
    with pytest.raises(ValueError, match="a new one at each call"):
        run(grid(lr=[0.1], seed=range(2)), build=lambda: one)


def test_parameters_of_several_types_are_refused():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale = nn.Linear(2, 1), nn.Parameter(torch.ones(1).double())

        def forward(self, x):
            return self.layer(x).double() * self.scale

    with pytest.raises(TypeError, match="float32 and float64"):
        run(build=Mixed, train=(x, y.double()))


def test_nets_of_unlike_shapes_for_the_same_settings_are_refused():
    widths = iter([3, 3, 4])
    with pytest.raises(ValueError, match="different shapes for the same settings"):
        run(grid(lr=[0.1], seed=range(2)), build=lambda: make(next(widths)))


@pytest.mark.parametrize(
    "train, error, words",
    [
        (lambda: x, TypeError, r"train has to be two tensors.*returned a Tensor"),
        (lambda: None, TypeError, "returned None"),
        (lambda: (x, y.numpy()), TypeError, "ndarray"),
        (lambda: (x, y[:3]), ValueError, "6 and 3"),
        ((x[:0], y[:0]), ValueError, "empty"),
        ((x, y, y), TypeError, "a tuple of 3"),
        (lambda rows: (x[:rows], y[:rows]), ValueError, "train needs rows"),
        ((x, y.double()), TypeError, "convert the label"),
    ],
)
def test_data_that_are_no_examples_are_refused(train, error, words):
    with pytest.raises(error, match=words):
        run(train=train)


def test_held_out_data_are_checked_too():
    with pytest.raises(ValueError, match="held_out have different numbers of rows"):
        run(held_out=(x, y[:2]))
    with pytest.raises(ValueError, match="broadcast"):
        run(held_out=(x, y[:, 0]))


@pytest.mark.parametrize(
    "rule, error, words",
    [
        (lambda theta, grad, state, step, *, lr: None, TypeError, "the new theta"),
        (lambda theta, grad, state, step, *, lr: theta.sum(1), ValueError, "theta has"),
        (lambda theta, grad, state, step, *, speed: theta, ValueError, "needs speed"),
    ],
)
def test_an_own_rule_that_gives_no_theta_is_refused(rule, error, words):
    with pytest.raises(error, match=words):
        run([{"lr": 0.1}] if "speed" not in words else [{}], rule=rule)


# ---- groups ----


def grouped(settings, train=(x, y), build=make, rule="SGD"):
    given = sweeps.Given(build, train, None, rule, None)
    return sweeps.groups(given, settings)


def test_nets_are_grouped_by_what_cannot_be_stacked():
    settings = [
        {"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1, "width": 4}, {"lr": 0.3, "width": 4},
        {"lr": 0.1, "batch_size": 2}, {"lr": 0.1, "batch_size": None},
        {"lr": 0.1, "nesterov": True, "momentum": 0.9},
        {"lr": 0.1, "nesterov": False, "momentum": 0.9}, {"lr": 0.1, "rule": "Adam"},
    ]  # fmt: skip
    assert grouped(settings) == [[0, 1], [2, 3], [4], [5], [6], [7], [8]]


def test_data_of_different_shapes_make_groups_and_different_values_do_not():
    settings = grid(rows=[3, 6], scale=[1.0, 2.0])
    assert grouped(settings, lambda rows, scale: (x[:rows], scale * y[:rows])) == [[0, 1], [2, 3]]


def test_settings_that_are_tensors_or_functions_are_told_apart():
    """Long tensors print alike: comparing what they print would mix up the nets."""
    one, other = torch.zeros(5_000), torch.zeros(5_000)
    other[2_500] = 1.0
    assert repr(one) == repr(other)
    settings = [{"w": one}, {"w": other}, {"w": one}]
    assert grouped(settings, build=lambda w: make()) == [[0, 2], [1]]
    settings = [{"layer": nn.ReLU}, {"layer": nn.Tanh}, {"layer": nn.ReLU}]
    assert grouped(settings, build=lambda layer: make()) == [[0, 2], [1]]


def test_memory_bounds_how_many_nets_are_trained_together():
    chunk = sweeps.chunk_of(sweeps.Given(make, (x, y), None, "SGD", None), [{"lr": 0.1}], [0])
    net = make(50)
    estimate = sweeps.bytes_per_net(net, chunk)
    weights = 4 * sum(p.numel() for p in net.parameters())
    activations = 4 * 6 * (50 + 50 + 1)
    assert weights + 2 * activations < estimate < 20 * (weights + activations)
