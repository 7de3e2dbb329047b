"""A network as a function of one vector: loading state dicts by hand is the oracle here."""

import copy

import pytest
import torch
from torch import nn

from course_utils import progress_bar
from course_utils.parameters import chunk_for, flat_loss, flatten, in_chunks, unflatten, write

f64 = torch.float64


def seed(number):
    return torch.Generator().manual_seed(number)


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def rows(n=20):
    return torch.randn(n, 3, generator=seed(0)), torch.randn(n, 2, generator=seed(1))


def test_flatten_puts_the_parameters_one_after_the_other_as_torch_does():
    model = net()

    theta = flatten(model)

    torch.testing.assert_close(
        theta, nn.utils.parameters_to_vector(model.parameters()), rtol=0, atol=0
    )
    assert not theta.requires_grad


def test_flatten_gives_a_copy_even_of_a_single_parameter():
    model = nn.Linear(3, 1, bias=False)
    before = model.weight.clone()

    flatten(model).zero_()

    torch.testing.assert_close(model.weight, before, rtol=0, atol=0)


def test_unflatten_gives_views_in_the_shape_and_order_of_the_parameters():
    model = net()
    theta = torch.arange(float(len(flatten(model))))

    parts = unflatten(model, theta)

    assert {name: part.shape for name, part in parts.items()} == {
        name: p.shape for name, p in model.named_parameters()
    }
    torch.testing.assert_close(torch.cat([p.reshape(-1) for p in parts.values()]), theta)
    theta[0] = 99.0
    assert parts["0.weight"][0, 0] == 99.0


def test_unflatten_says_how_many_parameters_there_are():
    with pytest.raises(ValueError, match=r"32 parameters, so theta needs shape \(32,\)"):
        unflatten(net(), torch.zeros(31))
    with pytest.raises(ValueError, match="has no parameters"):
        flatten(nn.Tanh())


def test_write_then_flatten_gives_the_vector_back_and_keeps_the_dtype():
    model = net()
    theta = torch.randn(32, dtype=f64, generator=seed(2))

    returned = write(model, theta)

    assert returned is model
    assert model[0].weight.dtype == torch.float32 and model[0].weight.requires_grad
    torch.testing.assert_close(flatten(model), theta.float(), rtol=0, atol=0)


def test_a_tied_parameter_counts_once_and_moves_in_both_places():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    x, y = torch.randn(4, 3, generator=seed(0)), torch.zeros(4, 3)
    f, theta = flat_loss(model, nn.MSELoss(), (x, y))

    W = 2 * theta.reshape(3, 3)
    torch.testing.assert_close(f(2 * theta), (x.double() @ W.T @ W.T).square().mean())
    assert len(theta) == 9


def test_flat_loss_is_the_loss_of_the_model_with_those_parameters():
    model, (x, y) = net(), rows()
    f, theta = flat_loss(model, nn.MSELoss(), (x, y))
    elsewhere = theta + torch.randn(32, dtype=f64, generator=seed(3))

    oracle = copy.deepcopy(model).double()
    nn.utils.vector_to_parameters(elsewhere, oracle.parameters())
    expected = nn.functional.mse_loss(oracle(x.double()), y.double())

    torch.testing.assert_close(f(elsewhere), expected.detach())
    torch.testing.assert_close(theta, flatten(model).double(), rtol=0, atol=0)


def test_flat_loss_gives_the_gradient_that_backward_gives():
    model, (x, y) = net().double(), [part.double() for part in rows()]
    f, theta = flat_loss(model, nn.MSELoss(), (x, y))

    nn.functional.mse_loss(model(x), y).backward()

    expected = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    torch.testing.assert_close(torch.func.grad(f)(theta), expected)


def test_flat_loss_looks_at_a_copy_and_leaves_the_model_alone():
    model, data = net().train(), rows()
    f, theta = flat_loss(model, nn.MSELoss(), data)
    before, weights = f(theta), flatten(model)

    with torch.no_grad():
        model[0].weight.zero_()
        data[0].zero_()

    torch.testing.assert_close(f(theta), before, rtol=0, atol=0)
    torch.testing.assert_close(theta, weights.double(), rtol=0, atol=0)
    assert model.training and model[0].weight.dtype == torch.float32
    assert all(p.requires_grad for p in model.parameters())


def test_flat_loss_switches_dropout_off_and_batchnorm_to_its_running_statistics():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    x, y = rows()
    model(x)  # moves the running statistics off their start
    f, theta = flat_loss(model, nn.MSELoss(), (x, y))

    quiet = copy.deepcopy(model).eval().double()
    expected = nn.functional.mse_loss(quiet(x.double()), y.double()).detach()

    torch.testing.assert_close(f(theta), expected)
    torch.testing.assert_close(f(theta), f(theta), rtol=0, atol=0)


def test_flat_loss_takes_class_numbers_and_a_weighted_loss():
    model, (x, _) = net(), rows()
    y = torch.arange(20) % 2
    weight = torch.tensor([1.0, 3.0])
    f, theta = flat_loss(model, nn.CrossEntropyLoss(weight=weight), (x, y))

    logits = copy.deepcopy(model).double()(x.double()).detach()
    each = logits.logsumexp(1) - logits[range(20), y]
    expected = (each * weight[y]).sum() / weight[y].sum()

    torch.testing.assert_close(f(theta), expected)


def test_flat_loss_works_under_vmap():
    f, theta = flat_loss(net(), nn.MSELoss(), rows())
    thetas = theta + torch.randn(5, 32, dtype=f64, generator=seed(4))

    torch.testing.assert_close(torch.func.vmap(f)(thetas), torch.stack([f(t) for t in thetas]))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attend(x, x, x, need_weights=False)[0].mean((1, 2))


def test_attention_can_be_differentiated_twice_and_the_switch_is_put_back():
    torch.manual_seed(0)
    x = torch.randn(3, 5, 4, generator=seed(0))
    f, theta = flat_loss(Attention(), nn.MSELoss(), (x, torch.zeros(3)))

    theta.requires_grad_()
    (g,) = torch.autograd.grad(f(theta), theta, create_graph=True)
    (second,) = torch.autograd.grad(g.square().sum(), theta)

    assert second.abs().max() > 0
    assert torch.backends.mha.get_fastpath_enabled()


def test_more_evaluations_fit_into_more_memory_and_never_more_than_asked_for():
    def f(theta):
        return torch.ones(1000, dtype=f64).mul(theta[0]).sum()  # 2 · 8,000 bytes and a little

    theta = torch.ones(2, dtype=f64)
    assert chunk_for(f, theta, budget=1.7e5, most=99) == 10
    assert chunk_for(f, theta, budget=1.7e6, most=99) == 99
    assert chunk_for(f, theta, budget=1.0, most=99) == 1


@pytest.mark.parametrize("chunk", [1, 3, 5, 10, 11])
def test_chunks_cover_everything_once_in_order(chunk):
    parts = [list(range(part.start, part.stop)) for part in in_chunks(10, chunk, "items")]

    assert sum(parts, []) == list(range(10))
    assert max(map(len, parts)) == min(chunk, 10)


def test_a_chunk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="chunk is 0"):
        list(in_chunks(10, 0, "items"))


def test_a_bar_shows_after_a_second_but_not_in_headless_runs(monkeypatch, capsys):
    monkeypatch.setattr(progress_bar, "PATIENCE", 0.0)
    list(in_chunks(10, 2, "columns"))
    assert "columns" not in capsys.readouterr().err

    monkeypatch.setattr(progress_bar, "headless", lambda: False)
    list(in_chunks(10, 2, "columns"))
    assert "columns" in capsys.readouterr().err
