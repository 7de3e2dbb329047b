"""A sweep is many plain loops run together; the plain loop, and `fit`, are the oracles here."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import progress_bar, sweeps
from course_utils.seeding import generator
from course_utils.sweeps import grid, sweep
from course_utils.training import evaluate, fit

f64 = torch.float64
mse = nn.MSELoss()
EXACT = {"rtol": 0, "atol": 1e-10}


def rows(n=50, features=2, dtype=f64, offset=900):
    x = torch.randn(n, features, generator=generator(offset), dtype=dtype)
    return x, torch.sin(2 * x[:, :1]) * x[:, 1:2]


def make(width=8, dtype=f64):
    net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    return net.to(dtype)


def started(build, seed, **architecture):
    """The net that the documentation promises for this seed."""
    torch.manual_seed(generator(seed).initial_seed())
    return build(**architecture)


def by_hand(net, optimizer, x, y, steps, batch_size=None, seed=0, loss=mse, after=None):
    """Chapter 01's loop, counted in updates."""
    stream, done = generator(seed), 0
    net.train()
    while done < steps:
        order = torch.arange(len(x))
        if batch_size is not None:
            order = torch.randperm(len(x), generator=stream)
        for index in order.split(batch_size or len(x)):
            if done == steps:
                break
            optimizer.zero_grad()
            loss(net(x[index]), y[index]).backward()
            if after is not None:
                after(done)
            optimizer.step()
            done += 1
    return net.eval()


def same_state(one, other, **tolerance):
    a, b = one.state_dict(), other.state_dict()
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], **(tolerance or EXACT))


# ---- the rules against torch.optim ----

RULES = {
    "SGD": (torch.optim.SGD, [{"lr": 0.05}, {"lr": 0.2}], 300),
    "SGD penalty": (torch.optim.SGD, [{"lr": 0.1, "weight_decay": w} for w in (0.0, 0.1)], 300),
    "SGD momentum": (torch.optim.SGD, [{"lr": 0.02, "momentum": m} for m in (0.0, 0.5, 0.9)], 60),
    "SGD nesterov": (
        torch.optim.SGD, [{"lr": 0.02, "momentum": m, "nesterov": True} for m in (0.5, 0.9)], 60,
    ),
    "Adagrad": (
        torch.optim.Adagrad, [{"lr": 0.01}, {"lr": 0.02, "lr_decay": 0.1},
                              {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-6}], 60,
    ),
    "RMSprop": (
        torch.optim.RMSprop, [{"lr": 1e-3}, {"lr": 1e-3, "alpha": 0.9, "momentum": 0.5},
                              {"lr": 2e-3, "weight_decay": 0.1}], 60,
    ),
    "Adam": (
        torch.optim.Adam, [{"lr": 1e-3}, {"lr": 2e-3}, {"lr": 1e-3, "betas": (0.5, 0.9)},
                           {"lr": 1e-3, "weight_decay": 0.1}], 60,
    ),
    "Adam columns": (
        torch.optim.Adam, [{"lr": 1e-3, "betas": (0.5, 0.9), "eps": 1e-8, "weight_decay": 0.0},
                           {"lr": 2e-3, "betas": (0.9, 0.99), "eps": 1e-4, "weight_decay": 0.1}],
        60,
    ),
    "AdamW": (torch.optim.AdamW, [{"lr": 1e-3}, {"lr": 2e-3, "weight_decay": 0.3}], 60),
}  # fmt: skip


@pytest.mark.parametrize("case", RULES)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_each_rule_takes_the_steps_of_torch_optim(case, batch_size):
    optimizer, hypers, steps = RULES[case]
    x, y = rows()
    settings = [{**h, "seed": s, "batch_size": batch_size} for s, h in enumerate(hypers)]

    table = sweep(make, mse, (x, y), settings, rule=case.split()[0], steps=steps, record=1)

    assert table.reason == ""
    for row, hyper in enumerate(hypers):
        net = started(make, row)
        by_hand(net, optimizer(net.parameters(), **hyper), x, y, steps, batch_size, seed=row)
        same_state(table.model(row), net)
        loss = evaluate(net, mse, (x, y))["loss"]
        assert table["train_loss"][row] == pytest.approx(loss, rel=1e-12)


def test_the_default_learning_rates_are_those_of_torch():
    for name, rate in sweeps._rules.DEFAULT_LR.items():
        optimizer = getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)])
        assert optimizer.defaults["lr"] == rate


def test_the_defaults_of_the_rules_are_those_of_torch():
    for name, rule in sweeps._rules.RULES.items():
        theirs = getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)]).defaults
        theirs |= dict(zip(("beta1", "beta2"), theirs.get("betas", ()), strict=False))
        mine = inspect.signature(rule).parameters
        names = [one for one in sweeps._rules.hyperparameters(rule) if one != "lr"]
        assert names
        for one in names:
            assert mine[one].default == theirs[one], (name, one)


# ---- the same as fit ----


@pytest.mark.parametrize("batch_size", [None, 7, 25])
def test_a_sweep_over_epochs_is_fit_for_each_net(batch_size):
    data, held_out = rows(), rows(30, offset=901)
    settings = grid(batch_size=[batch_size], lr=[0.05, 0.1], seed=[0, 3])

    table = sweep(make, mse, data, settings, held_out=held_out, epochs=4)

    for row, one in enumerate(settings):
        net = started(make, one["seed"])
        sgd = torch.optim.SGD(net.parameters(), lr=one["lr"])
        history = fit(net, mse, sgd, data, held_out, epochs=4, batch_size=batch_size,
                      generator=generator(one["seed"]))  # fmt: skip
        same_state(table.model(row), net.eval())
        assert table.steps[-1] == history.updates
        assert table["held_out_loss"][row] == pytest.approx(history.held_out_loss[-1], rel=1e-12)


def test_float32_nets_stay_float32_and_start_bit_for_bit_as_promised():
    def build(width):
        return make(width, torch.float32)

    data = rows(dtype=torch.float32)
    table = sweep(build, mse, data, grid(width=[4], lr=[1e-12], seed=[1, 2]), steps=1)
    for row, seed in enumerate((1, 2)):
        same_state(table.model(row), started(build, seed, width=4), rtol=0, atol=1e-9)
        assert table.model(row)[0].weight.dtype == torch.float32


def test_different_seeds_differ_and_the_same_seed_repeats(monkeypatch):
    settings = [{"seed": s, "lr": 0.1, "batch_size": 10} for s in (0, 1, 0)]
    first = sweep(make, mse, rows(), settings, steps=20)
    again = sweep(make, mse, rows(), settings, steps=20)
    loss = first["train_loss"]
    assert loss[0] == loss[2] != loss[1]
    np.testing.assert_array_equal(loss, again["train_loss"])
    monkeypatch.setenv("COURSE_SEED", "7")
    assert sweep(make, mse, rows(), settings, steps=20)["train_loss"][0] != loss[0]


def test_a_sweep_leaves_the_global_random_stream_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    sweep(make, mse, rows(), grid(lr=[0.1], seed=range(2), batch_size=[8]), steps=3)
    assert torch.equal(before, torch.get_rng_state())


# ---- chunks, workers, groups ----


def test_chunks_change_nothing(monkeypatch):
    settings = grid(lr=[0.1, 0.2], seed=range(5), batch_size=[8])
    whole = sweep(make, mse, rows(), settings, steps=30)
    sizes = []
    real = sweeps.train_chunk
    monkeypatch.setattr(sweeps, "train_chunk",
                        lambda chunk, *rest: sizes.append(len(chunk.seeds)) or real(chunk, *rest))
    small = sweep(make, mse, rows(), settings, steps=30, memory=40_000)
    assert len(sizes) > 1 and sum(sizes) == 10
    for name in whole.curves:
        np.testing.assert_allclose(small.curves[name], whole.curves[name], rtol=0, atol=1e-12)
    same_state(small.model(9), whole.model(9), rtol=0, atol=1e-12)


def test_a_chunk_that_runs_out_of_memory_is_halved(monkeypatch):
    settings = grid(lr=[0.1], seed=range(6))
    whole = sweep(make, mse, rows(), settings, steps=5)
    real, sizes = sweeps.train_chunk, []

    def cramped(chunk, *rest):
        sizes.append(len(chunk.seeds))
        if len(chunk.seeds) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")
        return real(chunk, *rest)

    monkeypatch.setattr(sweeps, "train_chunk", cramped)
    table = sweep(make, mse, rows(), settings, steps=5)
    assert sizes[0] == 6 and table.finished.all() and table.halved and not whole.halved
    assert "trained in halves" in table._repr_mimebundle_()[0]["text/html"]
    np.testing.assert_allclose(table["train_loss"], whole["train_loss"], rtol=0, atol=1e-12)


NOTEBOOK = """
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1)).double()

    def forward(self, x):
        return self.layers(x)

def rule(theta, grad, state, step, *, lr):
    return theta - lr * grad

def squared(prediction, label):
    return ((prediction - label) ** 2).mean()
"""


def test_two_workers_take_a_notebooks_functions_and_give_the_same_numbers():
    """What a notebook defines lives in `__main__`, which plain pickle cannot send."""
    from joblib.externals.loky import get_reusable_executor

    cell = {"__name__": "__main__", "nn": nn}
    exec(NOTEBOOK, cell)
    settings = grid(width=[5], lr=[0.1], seed=range(4), batch_size=[8])
    given = cell["Net"], cell["squared"], rows(), settings
    try:
        here = sweep(*given, rule=cell["rule"], steps=10)
        there = sweep(*given, rule=cell["rule"], steps=10, workers=2)
    finally:
        get_reusable_executor().shutdown(wait=True)
    np.testing.assert_allclose(there.curves["train_loss"], here.curves["train_loss"], atol=1e-12)
    for row in range(4):
        same_state(there.model(row), here.model(row))


def test_nets_of_different_kinds_come_back_in_the_order_of_the_settings():
    settings = [
        {"lr": 0.1, "width": 4, "batch_size": 10},
        {"lr": 0.01, "width": 6, "rule": "Adam", "batch_size": None},
        {"lr": 0.2, "width": 4, "batch_size": 10},
        {"lr": 0.1, "width": 4, "batch_size": 25, "seed": 2},
    ]
    table = sweep(make, mse, rows(), settings, steps=12)
    assert table["width"].tolist() == [4, 6, 4, 4]
    for row, one in enumerate(settings):
        net = started(make, one.get("seed", 0), width=one["width"])
        rule = torch.optim.Adam if "rule" in one else torch.optim.SGD
        by_hand(net, rule(net.parameters(), lr=one["lr"]), *rows(), 12, one["batch_size"],
                seed=one.get("seed", 0))  # fmt: skip
        same_state(table.model(row), net)
        loss = evaluate(net, mse, rows())["loss"]
        assert table["train_loss"][row] == pytest.approx(loss, rel=1e-12)


def test_epochs_of_different_batch_sizes_give_different_numbers_of_updates():
    table = sweep(make, mse, rows(), grid(batch_size=[10, 25], lr=[0.1]), epochs=2, record=3)
    assert table.steps.tolist() == [[0, 5, 10], [0, 2, 4]]


# ---- data that differs between the nets ----


def test_a_function_gives_each_net_its_own_rows_and_labels():
    x, y = rows(40)

    def train(count, wrong, seed):
        flip = torch.rand(40, 1, generator=generator(seed)) < wrong
        return x[:count], torch.where(flip, -y, y)[:count]

    settings = grid(count=[20, 40], wrong=[0.0, 0.5], seed=[0, 1], lr=[0.1], batch_size=[8])
    table = sweep(make, mse, train, settings, steps=9)
    for row, one in enumerate(settings):
        net = started(make, one["seed"])
        data = train(one["count"], one["wrong"], one["seed"])
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.1), *data, 9, 8, seed=one["seed"])
        same_state(table.model(row), net)
        loss = evaluate(net, mse, data)["loss"]
        assert table["train_loss"][row] == pytest.approx(loss, rel=1e-12)


def test_rows_that_nets_have_in_common_are_kept_once():
    x, y = rows(40)
    calls = []

    def train(scale):
        calls.append(scale)
        return x, scale * y

    source = sweeps._data.Source("train", train)
    data = source.rows(grid(scale=[1.0, 2.0], seed=range(5)))
    assert data.of_x is None and data.x is x  # the same tensor object for all
    assert data.y.shape == (2, 40, 1) and len(calls) == 2
    assert data.of_y.tolist() == [0] * 5 + [1] * 5
    torch.testing.assert_close(data.slice(3, 5).of(7)[1], 2 * y[3:5])


def test_each_data_set_is_made_once():
    calls = []

    def train(scale):
        calls.append(scale)
        x, y = rows(40)
        return x, scale * y

    sweep(make, mse, train, grid(scale=[1.0, 2.0], lr=[0.1, 0.2], seed=range(3)), steps=2)
    assert calls == [1.0, 2.0]


def test_full_batches_of_different_labels():
    x, y = rows(20)
    settings = grid(scale=[1.0, 3.0], lr=[0.1], seed=[0, 1])
    table = sweep(make, mse, lambda scale: (x, scale * y), settings, steps=5,
                  held_out=lambda scale: (x[:7], scale * y[:7]))  # fmt: skip
    for row, one in enumerate(settings):
        net = started(make, one["seed"])
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.1), x, one["scale"] * y, 5)
        same_state(table.model(row), net)
        held_out = evaluate(net, mse, (x[:7], one["scale"] * y[:7]))["loss"]
        assert table["held_out_loss"][row] == pytest.approx(held_out, rel=1e-12)


def test_data_drawn_without_a_generator_are_the_same_at_every_call():
    def train(scale):
        x = torch.randn(20, 2, dtype=f64)
        return x, scale * x[:, :1]

    once = sweep(make, mse, train, grid(scale=[1.0, 2.0], lr=[0.1]), steps=3)
    torch.rand(5)
    again = sweep(make, mse, train, grid(scale=[2.0], lr=[0.1]), steps=3)
    assert once["train_loss"][1] == pytest.approx(again["train_loss"][0], rel=1e-12)


# ---- own rules and schedules ----


def test_an_own_rule_with_memory_equals_the_plain_loop():
    def heavy(theta, grad, state, step, *, lr, friction=0.5):
        assert grad.shape == theta.shape and lr.shape == (2, 1)
        state["v"] = friction * state.get("v", 0.0) - lr * grad
        return theta + state["v"]

    x, y = rows()
    settings = [{"lr": 0.02, "friction": 0.9, "seed": 0}, {"lr": 0.02, "friction": 0.1, "seed": 1}]
    table = sweep(make, mse, (x, y), settings, rule=heavy, steps=40)
    for row, one in enumerate(settings):
        net = started(make, row)
        v = [torch.zeros_like(p) for p in net.parameters()]
        for _ in range(40):
            grads = torch.autograd.grad(mse(net(x), y), list(net.parameters()))
            with torch.no_grad():
                for p, g, m in zip(net.parameters(), grads, v, strict=True):
                    m.mul_(one["friction"]).sub_(one["lr"] * g)
                    p.add_(m)
        same_state(table.model(row), net.eval())


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_a_schedule_sets_the_rate_of_each_step(rule):
    def schedule(step, settings):
        return settings["lr"] * settings["decay"] ** step

    x, y = rows()
    settings = [{"lr": 0.1, "decay": 0.9}, {"lr": 0.02, "decay": 1.0}]
    table = sweep(make, mse, (x, y), settings, rule=rule, steps=25, schedule=schedule)
    for row, one in enumerate(settings):
        net = started(make, 0)
        optimizer = getattr(torch.optim, rule)(net.parameters(), lr=one["lr"])

        def rate(step, optimizer=optimizer, one=one):
            optimizer.param_groups[0]["lr"] = one["lr"] * one["decay"] ** step

        by_hand(net, optimizer, x, y, 25, after=rate)
        same_state(table.model(row), net)


def test_frozen_parameters_stay_and_the_others_move():
    def build():
        net = make()
        net[0].bias.requires_grad_(False)
        return net

    x, y = rows()
    table = sweep(build, mse, (x, y), [{"lr": 0.1, "weight_decay": 0.1}], steps=10)
    net = started(build, 0)
    trained = [p for p in net.parameters() if p.requires_grad]
    by_hand(net, torch.optim.SGD(trained, lr=0.1, weight_decay=0.1), x, y, 10)
    same_state(table.model(0), net)


def test_tied_weights_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2, dtype=f64)
            self.second = nn.Linear(2, 2, dtype=f64)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x).tanh())[:, :1]

    x, y = rows()
    table = sweep(Tied, mse, (x, y), grid(lr=[0.1], seed=[0, 1]), steps=15)
    for row in (0, 1):
        net = started(Tied, row)
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.1), x, y, 15)
        same_state(table.model(row), net)


# ---- layers that behave differently in training ----


def with_batch_norm():
    return nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1)).to(f64)


class Counting(nn.Module):
    """Assigns its buffers anew instead of changing them."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1, dtype=f64)
        self.norm = nn.BatchNorm1d(2, dtype=f64)
        self.register_buffer("center", torch.zeros(2, dtype=f64))

    def forward(self, x):
        if self.training:
            self.center = 0.9 * self.center + 0.1 * x.mean(0)
        return self.layer(self.norm(x) - self.center)


@pytest.mark.parametrize("build", [with_batch_norm, Counting])
def test_running_statistics_are_those_of_the_loop(build):
    x, y = rows(45)
    settings = grid(lr=[0.05], seed=[0, 4], batch_size=[10])
    table = sweep(build, mse, (x, y), settings, held_out=rows(20, offset=901), steps=13)
    assert table.reason == ""
    for row, one in enumerate(settings):
        net = started(build, one["seed"])
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.05), x, y, 13, 10, seed=one["seed"])
        same_state(table.model(row), net)
        norm = next(m for m in table.model(row).modules() if isinstance(m, nn.BatchNorm1d))
        assert norm.num_batches_tracked.item() == 13
        held_out = evaluate(net, mse, rows(20, offset=901))["loss"]
        assert table["held_out_loss"][row] == pytest.approx(held_out, rel=1e-12)


class Masked(nn.Module):
    """Remembers in a buffer which inputs it dropped last."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1, dtype=f64)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("mask", torch.zeros(32, dtype=f64))

    def forward(self, x):
        if self.training:
            self.mask.copy_(self.drop(torch.ones_like(self.mask)))
        return self.layer(self.drop(x))


def test_dropout_differs_between_nets_and_rests_in_evaluation():
    x, y = rows()
    settings = [{"lr": 1e-9, "seed": 0}, {"lr": 1e-9, "seed": 0}]
    table = sweep(Masked, mse, (x, y), settings, steps=2)
    assert table.reason == ""
    masks = [table.model(row).mask for row in (0, 1)]
    assert not torch.equal(*masks) and set(masks[0].tolist()) == {0.0, 2.0}
    loss = evaluate(started(Masked, 0), mse, (x, y))["loss"]
    np.testing.assert_allclose(table.curves["train_loss"], loss, rtol=1e-7)
    again = sweep(Masked, mse, (x, y), settings, steps=2)
    assert torch.equal(again.model(0).mask, masks[0])


# ---- what vmap cannot do ----


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 1, dtype=f64), nn.BatchNorm1d(2, dtype=f64)

    def forward(self, x):
        return self.layer(self.norm(x) if x.mean().item() > -1e9 else x)


def test_a_net_with_branches_is_trained_in_turn_with_the_same_result():
    x, y = rows()
    table = sweep(Branching, mse, (x, y), grid(lr=[0.1], seed=[0, 1], batch_size=[20]), steps=8)
    assert "item" in table.reason
    assert "one after another" in repr(table) and table.reason in table._repr_mimebundle_()[0][
        "text/html"
    ].replace("&#x27;", "'").replace("&quot;", '"')
    for row in (0, 1):
        net = started(Branching, row)
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.1), x, y, 8, 20, seed=row)
        same_state(table.model(row), net)


def test_a_loss_that_vmap_cannot_run_is_computed_in_turn():
    def loss(prediction, label):
        value = (prediction - label).abs().mean()
        return value if value.item() < 0.1 else 2 * value

    x, y = rows()
    table = sweep(make, loss, (x, y), grid(lr=[0.05], seed=[0, 1]), steps=8)
    assert table.reason
    net = by_hand(started(make, 1), None, x, y, 0)
    by_hand(net, torch.optim.SGD(net.parameters(), lr=0.05), x, y, 8, loss=loss)
    same_state(table.model(1), net)


# ---- measurements ----


def share_below(prediction, label):
    return (prediction < label).float().mean()


def with_item(prediction, label):
    return (prediction < label).float().mean().item()


def test_metrics_are_means_over_all_rows_in_eval_mode():
    data, held_out = rows(2_003), rows(41, offset=901)
    metrics = {"below": share_below, "item": with_item}
    settings = grid(lr=[0.1], seed=range(40), batch_size=[100])
    table = sweep(make, mse, data, settings, held_out=held_out, metrics=metrics, steps=3)
    assert table.reason == ""
    for row in (0, 39):
        net = table.model(row)
        on_train = evaluate(net, mse, data, metrics=metrics, batch_size=2_003)
        on_held_out = evaluate(net, mse, held_out, metrics=metrics)
        for name in metrics:
            assert table[name][row] == pytest.approx(on_held_out[name], rel=1e-6)
            assert table[f"train {name}"][row] == pytest.approx(on_train[name], rel=1e-6)
        assert table["train_loss"][row] == pytest.approx(on_train["loss"], rel=1e-12)


def test_without_held_out_data_metrics_have_their_plain_name():
    table = sweep(make, mse, rows(), [{"lr": 0.1}], metrics={"below": share_below}, steps=2)
    assert set(table.curves) == {"train_loss", "below"}


def test_class_numbers_as_labels():
    x, _ = rows(60)
    y = (x[:, 0] > 0).long()

    def build(width):
        return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2)).to(f64)

    def accuracy(prediction, label):
        return (prediction.argmax(-1) == label).float().mean()

    loss = nn.CrossEntropyLoss()
    table = sweep(build, loss, (x, y), grid(width=[5], lr=[0.5], seed=[0, 1]),
                  metrics={"accuracy": accuracy}, steps=50)  # fmt: skip
    net = started(build, 1, width=5)
    by_hand(net, torch.optim.SGD(net.parameters(), lr=0.5), x, y, 50, loss=loss)
    same_state(table.model(1), net)
    assert table["accuracy"][1] == evaluate(net, loss, (x, y), metrics={"a": accuracy})["a"]


def test_curves_are_measured_at_even_distances_start_and_end_included():
    x, y = rows()
    table = sweep(make, mse, (x, y), [{"lr": 0.1}], steps=10, record=5)
    assert table.steps.tolist() == [0, 2, 5, 8, 10]
    for k, steps in enumerate(table.steps):
        net = by_hand(started(make, 0), None, x, y, 0)
        by_hand(net, torch.optim.SGD(net.parameters(), lr=0.1), x, y, steps)
        loss = evaluate(net, mse, (x, y))["loss"]
        assert table.curves["train_loss"][0, k] == pytest.approx(loss, rel=1e-12)


# ---- divergence and interrupts ----


def test_a_net_that_diverges_does_not_touch_its_neighbours():
    calm = [{"lr": 0.1, "seed": s} for s in (0, 1)]
    wild = {"lr": 1e6, "seed": 2}
    alone = sweep(make, mse, rows(), calm, steps=400)
    table = sweep(make, mse, rows(), [calm[0], wild, calm[1]], steps=400)
    assert table.diverged.tolist() == [False, True, False]
    assert np.isnan(table["train_loss"][1]) and np.isfinite(table.curves["train_loss"][1, 0])
    kept = table.curves["train_loss"][[0, 2]]
    np.testing.assert_allclose(kept, alone.curves["train_loss"], rtol=0, atol=1e-12)


def test_a_net_that_diverged_once_stays_without_values():
    def stumble(theta, grad, state, step, *, lr, fall):
        if step == 0:
            state["start"] = theta.clone()
        back = torch.where((fall > 0) & (step == 3), torch.inf, state["start"])
        return back if step in (3, 4) else theta - lr * grad

    settings = [{"lr": 0.1, "fall": f} for f in (0.0, 1.0)]
    table = sweep(make, mse, rows(), settings, rule=stumble, steps=8, record=9)
    assert torch.isfinite(table.model(1)[0].weight).all()  # it came back, too late
    assert table.diverged.tolist() == [False, True]
    assert np.isnan(table.curves["train_loss"][1]).tolist() == [False] * 4 + [True] * 5


def test_a_kernel_interrupt_keeps_the_finished_chunks(monkeypatch):
    real, calls = sweeps.train_chunk, []

    def interrupted(chunk, *rest):
        calls.append(chunk)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(chunk, *rest)

    monkeypatch.setattr(sweeps, "train_chunk", interrupted)
    table = sweep(make, mse, rows(), grid(width=[4, 6], lr=[0.1], seed=range(3)), steps=5)
    assert table.finished.tolist() == [True] * 3 + [False] * 3
    assert np.isnan(table["train_loss"][3:]).all() and np.isfinite(table["train_loss"][:3]).all()
    assert not table.diverged.any()
    assert "3 not trained: interrupted" in repr(table)
    told = [text.get_text() for ax in (table.plot("width", "train_loss"),
                                       table.heat("lr", "width", "train_loss"))
            for text in ax.texts]
    assert not any("diverged" in text for text in told)
    with pytest.raises(ValueError, match="interrupted before"):
        table.model(4)


def test_an_interrupt_before_anything_is_finished_ends_the_cell(monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "train_chunk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(make, mse, rows(), [{"lr": 0.1}], steps=5)


@pytest.mark.parametrize(
    "wanted, headless, patience, shown",
    [(True, "1", 60.0, True), (None, "1", 0.0, False), (None, "", 0.0, True),
     (None, "", 60.0, False), (False, "", 0.0, False)],
)  # fmt: skip
def test_a_bar_counts_all_updates_where_somebody_waits(
    wanted, headless, patience, shown, monkeypatch
):
    bars = []

    class Recorder:
        def __init__(self, total, initial, **more):
            self.total, self.done, self.closed = total, initial, False
            bars.append(self)

        def update(self, count):
            self.done += count

        def close(self):
            self.closed = True

    monkeypatch.setattr(progress_bar, "tqdm", Recorder)
    monkeypatch.setattr(progress_bar, "PATIENCE", patience)
    monkeypatch.setenv("COURSE_HEADLESS", headless)
    settings = grid(lr=[0.1], width=[3, 4], seed=range(3))
    sweep(make, mse, rows(), settings, steps=5, progress=wanted)
    assert [(bar.total, bar.done, bar.closed) for bar in bars] == [(30, 30, True)] * shown
