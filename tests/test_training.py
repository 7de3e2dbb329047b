"""`fit` is the loop that a learner writes by hand; the hand-written loop is the oracle here."""

import base64
import io
import math
import re
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_utils import progress_bar, training
from course_utils.figures import COLORS, new_figure
from course_utils.training import DivergedError, History, evaluate, fit

mse = nn.MSELoss()


def seed(number):
    return torch.Generator().manual_seed(number)


def rows(n=50, features=3, dtype=torch.float32):
    x = torch.randn(n, features, generator=seed(0), dtype=dtype)
    return x, x.sum(dim=1, keepdim=True) + 0.3 * x[:, :1] ** 2


def net(features=3, outputs=1, dtype=torch.float32):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, outputs)).to(dtype)


def sgd(model, lr=0.05):
    return torch.optim.SGD(model.parameters(), lr=lr)


def mean_absolute_error(prediction, label):
    return (prediction - label).abs().mean()


def same_weights(one, other):
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def by_hand(model, optimizer, x, y, epochs, batch_size, generator):
    """Chapter 01's loop. Returns the loss of every batch."""
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x), batch_size):
            index = order[start : start + batch_size]
            optimizer.zero_grad()
            value = mse(model(x[index]), y[index])
            value.backward()
            optimizer.step()
            losses.append(value.item())
    return losses


# ---- the loop ----


@pytest.mark.parametrize("batch_size", [1, 7, 10, 50])
@pytest.mark.parametrize("rule", [torch.optim.SGD, torch.optim.Adam])
def test_fit_gives_bit_for_bit_the_weights_of_the_loop_by_hand(batch_size, rule):
    (x, y), mine, theirs = rows(), net(), net()
    history = fit(
        mine, mse, rule(mine.parameters(), lr=0.01), (x, y),
        epochs=3, batch_size=batch_size, generator=seed(5),
    )  # fmt: skip
    losses = by_hand(theirs, rule(theirs.parameters(), lr=0.01), x, y, 3, batch_size, seed(5))
    same_weights(mine, theirs)
    assert history.updates == len(losses) == 3 * math.ceil(50 / batch_size)


def test_all_rows_at_once_keep_their_order_and_draw_nothing():
    (x, y), mine, theirs = rows(), net(), net()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    history = fit(mine, mse, sgd(mine), (x, y), epochs=4)
    assert torch.rand(1) == expected
    optimizer = sgd(theirs)
    for epoch in range(4):
        optimizer.zero_grad()
        value = mse(theirs(x), y)
        assert history.train_loss[epoch] == value.item()
        value.backward()
        optimizer.step()
    same_weights(mine, theirs)


def test_without_a_generator_the_global_stream_gives_the_order():
    (x, y), mine, theirs = rows(), net(), net()
    torch.manual_seed(9)
    fit(mine, mse, sgd(mine), (x, y), epochs=2, batch_size=8)
    torch.manual_seed(9)
    by_hand(theirs, sgd(theirs), x, y, 2, 8, None)
    same_weights(mine, theirs)


def test_every_epoch_has_another_order_and_uses_every_row_once():
    seen = []

    class Watch(nn.Linear):
        def forward(self, x):
            seen.append(x[:, 0].clone())
            return super().forward(x)

    model = Watch(1, 1)
    x = torch.arange(20.0)[:, None] / 20
    fit(model, mse, sgd(model), (x, x), epochs=2, batch_size=6, generator=seed(0))
    assert [len(batch) for batch in seen] == [6, 6, 6, 2] * 2
    first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert not torch.equal(first, second) and not torch.equal(first, x[:, 0])
    torch.testing.assert_close(first.sort().values, x[:, 0])
    torch.testing.assert_close(second.sort().values, x[:, 0])


def test_a_dataloader_trains_like_the_same_batches_by_hand():
    (x, y), mine, theirs = rows(), net(), net()
    order = torch.randperm(50, generator=seed(2)).split(8)
    batches = [index.tolist() for index in order]
    loader = DataLoader(TensorDataset(x, y), batch_sampler=batches)
    history = fit(mine, mse, sgd(mine), loader, loader, epochs=2)
    optimizer, losses = sgd(theirs), []
    for index in order * 2:
        optimizer.zero_grad()
        value = mse(theirs(x[index]), y[index])
        value.backward()
        optimizer.step()
        losses.append(value.item() * len(index))
    same_weights(mine, theirs)
    assert history.train_loss == pytest.approx([sum(losses[:7]) / 50, sum(losses[7:]) / 50])
    assert history.held_out_loss[-1] == pytest.approx(evaluate(mine, mse, (x, y))["loss"])
    assert history.updates == 14


def test_a_dataloader_that_does_not_know_its_length_is_accepted():
    class Stream(IterableDataset):
        def __iter__(self):
            return zip(*rows(10), strict=True)

    model = net()
    history = fit(model, mse, sgd(model), DataLoader(Stream(), batch_size=4), epochs=2)
    assert history.updates == 6 and len(history) == 2


def test_an_optimiser_that_the_learner_wrote_is_as_good_as_torchs():
    class Descent:
        def __init__(self, parameters, lr):
            self.parameters, self.lr = list(parameters), lr

        def zero_grad(self):
            for p in self.parameters:
                p.grad = None

        def step(self):
            with torch.no_grad():
                for p in self.parameters:
                    p -= self.lr * p.grad

    (x, y), mine, theirs = rows(), net(), net()
    fit(
        mine,
        mse,
        Descent(mine.parameters(), 0.05),
        (x, y),
        epochs=2,
        batch_size=8,
        generator=seed(0),
    )
    fit(theirs, mse, sgd(theirs), (x, y), epochs=2, batch_size=8, generator=seed(0))
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(ValueError, match="learning rate is -1"):
        fit(mine, mse, Descent(mine.parameters(), -1), (x, y), epochs=1)


def test_classes_as_whole_numbers_go_with_logits_even_where_shapes_could_broadcast():
    x = torch.randn(30, 3, generator=seed(0))
    label = (x[:, 0] > 0).long()
    model = net(outputs=3)
    loss, rule = nn.CrossEntropyLoss(), sgd(model, 0.5)
    accuracy = {"accuracy": lambda p, y: (p.argmax(1) == y).float().mean()}
    history = fit(  # batches of 3 rows and 3 classes: (3, 3) against (3,) on purpose
        model, loss, rule, (x, label), (x, label), epochs=30, batch_size=3, metrics=accuracy
    )
    assert history.metrics["accuracy"][-1] > 0.9


def test_several_outputs_are_left_to_the_loss():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(3, 2)

        def forward(self, x):
            return self.body(x).split(1, dim=1)

    model, (x, y) = Two(), rows()
    history = fit(model, lambda p, y: mse(p[0] + p[1], y), sgd(model), (x, y), epochs=2)
    assert len(history) == 2


# ---- what is measured ----


def test_the_training_loss_of_an_epoch_weighs_batches_by_their_size():
    (x, y), mine, theirs = rows(dtype=torch.float64), net(dtype=torch.float64), None
    theirs = net(dtype=torch.float64)
    history = fit(mine, mse, sgd(mine), (x, y), epochs=2, batch_size=16, generator=seed(4))
    losses = by_hand(theirs, sgd(theirs), x, y, 2, 16, seed(4))
    sizes = [16, 16, 16, 2]
    for epoch, value in enumerate(history.train_loss):
        own = losses[4 * epoch : 4 * epoch + 4]
        exact = math.fsum(v * n for v, n in zip(own, sizes, strict=True)) / 50
        assert value == pytest.approx(exact, rel=1e-15)
        assert value != pytest.approx(sum(own) / 4, rel=1e-3)  # what forgetting the size gives


@given(n=st.integers(1, 40), size=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_the_size_of_the_pieces_does_not_change_what_evaluate_says(n, size):
    x, y = rows(n, dtype=torch.float64)
    model = net(dtype=torch.float64)
    result = evaluate(
        model, mse, (x, y), batch_size=min(n, size), metrics={"mae": mean_absolute_error}
    )
    with torch.no_grad():
        residual = model(x) - y
    assert result["loss"] == pytest.approx((residual**2).mean().item(), rel=1e-12)
    assert result["mae"] == pytest.approx(residual.abs().mean().item(), rel=1e-12)


def test_evaluate_keeps_the_order_of_the_rows_and_draws_nothing():
    torch.manual_seed(3)
    expected = torch.rand(1)
    model = net()
    torch.manual_seed(3)
    evaluate(model, mse, rows(), batch_size=7)
    assert torch.rand(1) == expected


def test_evaluate_takes_a_thousand_rows_at_a_time_by_default():
    sizes = []

    class Watch(nn.Linear):
        def forward(self, x):
            sizes.append(len(x))
            return super().forward(x)

    model = Watch(1, 1)
    evaluate(model, mse, (torch.ones(2_500, 1), torch.ones(2_500, 1)))
    assert sizes == [1_000, 1_000, 500]


def test_held_out_loss_and_metrics_are_those_after_each_epoch():
    (x, y), held_out = rows(), rows(20)
    model = net()
    measures = {"mae": mean_absolute_error}
    history = History()
    for _ in range(3):
        one = fit(
            model, mse, sgd(model), (x, y), held_out, epochs=1, batch_size=8, metrics=measures
        )
        expected = evaluate(model, mse, held_out, metrics=measures)
        assert one.held_out_loss == [expected["loss"]]
        assert one.metrics["mae"] == [expected["mae"]]
        history.train_loss += one.train_loss
    assert history.train_loss[0] > history.train_loss[-1]


def test_metrics_name_the_held_out_data_or_without_them_the_training_batches():
    data, model = rows(), net()
    measures = {"mae": mean_absolute_error, "one": lambda p, y: 1}
    alone = fit(model, mse, sgd(model), data, epochs=2, batch_size=8, metrics=measures)
    assert set(alone.metrics) == {"mae", "one"} and alone.metrics["one"] == [1.0, 1.0]
    both = fit(model, mse, sgd(model), data, data, epochs=2, batch_size=8, metrics=measures)
    assert set(both.metrics) == {"mae", "one", "train mae", "train one"}
    assert all(len(values) == 2 for values in both.metrics.values())


def test_metrics_do_not_disturb_the_training():
    data, one, other = rows(), net(), net()
    gradients_on = []

    def metric(prediction, label):
        gradients_on.append(torch.is_grad_enabled())
        return mean_absolute_error(prediction, label) * 3

    with_it = {"mae": metric}
    fit(one, mse, sgd(one), data, epochs=2, batch_size=8, metrics=with_it, generator=seed(0))
    fit(other, mse, sgd(other), data, epochs=2, batch_size=8, generator=seed(0))
    same_weights(one, other)
    assert not any(gradients_on)


def test_no_number_is_fetched_from_a_tensor_before_the_epoch_ends(monkeypatch):
    fetched = []
    for name in ("item", "tolist", "__float__", "__bool__"):
        true = getattr(torch.Tensor, name)

        def spy(self, *args, true=true, name=name):
            fetched.append((name, steps[0]))
            return true(self, *args)

        monkeypatch.setattr(torch.Tensor, name, spy)
    steps = [0]

    class Counting(torch.optim.SGD):
        def step(self):
            steps[0] += 1
            super().step()

    model = net()
    fit(
        model, mse, Counting(model.parameters(), lr=0.01), rows(), epochs=2, batch_size=5,
        metrics={"mae": mean_absolute_error},
    )  # fmt: skip
    assert {when for _, when in fetched} == {10, 20}


def test_the_history_does_not_keep_the_graph_of_a_batch_alive():
    values = []

    def loss(prediction, label):
        values.append(mse(prediction, label))
        return values[-1]

    tally = training._Tally({})
    model, (x, y) = net(), rows()
    prediction = model(x)
    tally.add(loss(prediction, y), prediction, y)
    assert all(not kept.requires_grad for kept in tally.values["loss"])


# ---- train and eval ----


class Modes(nn.Module):
    """Notes in which mode it was called, and whether gradients were on."""

    def __init__(self):
        super().__init__()
        self.body, self.frozen, self.calls = nn.Linear(3, 1), nn.Dropout(0.5), []

    def forward(self, x):
        self.calls.append((self.training, self.frozen.training, torch.is_grad_enabled()))
        return self.body(x)


@pytest.mark.parametrize("mode", [True, False])
def test_fit_trains_in_train_mode_measures_in_eval_mode_and_restores_what_was(mode):
    model, data = Modes().train(mode), rows()
    model.frozen.eval()
    fit(model, mse, sgd(model), data, data, epochs=2)
    learning, measuring = (True, True, True), (False, False, False)
    assert model.calls == [learning, measuring] * 2
    assert model.training is mode and model.frozen.training is False


def test_evaluate_restores_every_module_even_after_an_error():
    model = Modes().train()
    model.frozen.eval()
    evaluate(model, mse, rows())
    assert model.training and not model.frozen.training

    def broken(prediction, label):
        raise KeyError("theirs")

    with pytest.raises(KeyError, match="theirs"):
        evaluate(model, broken, rows())
    assert model.training and not model.frozen.training
    model.eval()
    with pytest.raises(KeyError, match="theirs"):
        fit(model, broken, sgd(model), rows(), epochs=1)
    assert not model.training


def test_evaluate_changes_no_running_statistics():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, mse, rows())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


# ---- what can stop a run ----


def stopping_at(update, error):
    class Stops(torch.optim.SGD):
        count = 0

        def step(self):
            self.count += 1
            if self.count == update:
                raise error
            super().step()

    return Stops


def test_an_interrupt_returns_the_history_of_the_finished_epochs():
    model = net().eval()
    optimizer = stopping_at(25, KeyboardInterrupt)(model.parameters(), lr=0.01)
    history = fit(model, mse, optimizer, rows(), rows(), epochs=9, batch_size=5)
    assert history.interrupted and len(history) == 2 and history.updates == 24
    assert len(history.held_out_loss) == 2
    assert repr(history) == "History: interrupted after 2 of 9 epochs, 24 updates"
    assert not model.training


def test_an_interrupt_in_the_first_epoch_returns_an_empty_history_that_can_be_shown():
    model = net()
    optimizer = stopping_at(1, KeyboardInterrupt)(model.parameters(), lr=0.01)
    history = fit(model, mse, optimizer, rows(), epochs=2, batch_size=5)
    assert history.interrupted and len(history) == 0 and history.train_loss == []
    assert "image/png" in history._repr_mimebundle_()[0]


def test_an_interrupt_while_measuring_keeps_lists_of_equal_length():
    class Stops(nn.Linear):
        def forward(self, x):
            if not self.training:
                raise KeyboardInterrupt
            return super().forward(x)

    model = Stops(3, 1)
    history = fit(model, mse, sgd(model), rows(), rows(), epochs=2)
    assert history.interrupted and history.train_loss == history.held_out_loss == []
    assert history.updates == 1


def test_too_large_a_rate_is_refused_with_advice_and_keeps_the_epochs_before():
    model, (x, y) = nn.Linear(3, 1), rows()
    with pytest.raises(DivergedError) as error:
        fit(model, mse, sgd(model, lr=3.0), (x, y), epochs=500)
    history = error.value.history
    assert isinstance(error.value, FloatingPointError)
    assert 1 < len(history) < 500 and all(map(math.isfinite, history.train_loss))
    message = str(error.value)
    assert "learning rate" in message and "(here 3)" in message
    assert f"at update {history.updates}, epoch {len(history) + 1} of 500" in message


def test_the_update_that_went_wrong_is_named_though_it_is_seen_only_at_the_epochs_end():
    model, calls = net(), [0]

    def loss(prediction, label):
        calls[0] += 1
        return mse(prediction, label) * (math.nan if calls[0] == 17 else 1.0)

    with pytest.raises(DivergedError, match=r"nan at update 17, epoch 2 of 3"):
        fit(model, loss, sgd(model), rows(), epochs=3, batch_size=5)


@pytest.mark.parametrize("letter", ["x", "y"])
def test_nan_in_the_data_is_found_instead_of_blaming_the_rate(letter):
    x, y = rows()
    {"x": x, "y": y}[letter][7:9, 0] = math.nan
    model = net()
    with pytest.raises(DivergedError, match=f"{letter} of train holds NaN .* 2 of 50 .* row 7"):
        fit(model, mse, sgd(model), (x, y), epochs=1, batch_size=5)


def test_a_held_out_loss_that_is_not_finite_is_refused_too():
    held_x, held_y = rows(10)
    held_x[3] = math.inf
    model = nn.Linear(3, 1)
    with pytest.raises(DivergedError, match="held_out .* x of held_out holds NaN or infinity"):
        fit(model, mse, sgd(model), rows(), (held_x, held_y), epochs=1)


def test_a_later_error_is_not_blamed_on_the_first_batch():
    model = net()
    optimizer = stopping_at(3, RuntimeError("out of the blue"))(model.parameters(), lr=0.01)
    with pytest.raises(RuntimeError, match="^out of the blue$"):
        fit(model, mse, optimizer, rows(), epochs=1, batch_size=5)


# ---- history ----

X, Y = rows()
MODEL = net()


def call(**changes):
    given = {"model": MODEL, "optimizer": sgd(MODEL), "epochs": 1, "batch_size": 5} | changes
    return fit(loss=mse, train=(X, Y), **given)


def test_a_history_says_the_same_on_every_computer_and_shows_a_picture():
    history = fit(MODEL, mse, sgd(MODEL), (X, Y), (X, Y), epochs=3, batch_size=20)
    data, metadata = history._repr_mimebundle_()
    assert data["text/plain"] == repr(history) == "History: 3 epochs, 9 updates"
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (864, 518)
    assert "held-out loss" in metadata["image/png"]["alt"]
    assert len(history) == 3
    assert repr(fit(MODEL, mse, sgd(MODEL), (X, Y), epochs=1)) == "History: 1 epoch, 1 update"


def test_a_history_plots_both_losses_in_the_courses_colours_from_epoch_one():
    history = History(train_loss=[3.0, 2.0], held_out_loss=[4.0, 3.5])
    ax = history.plot()
    train, held_out = ax.get_lines()
    np.testing.assert_allclose(train.get_xydata(), [[1, 3], [2, 2]])
    np.testing.assert_allclose(held_out.get_xydata(), [[1, 4], [2, 3.5]])
    assert (train.get_color(), held_out.get_color()) == (COLORS["train"], COLORS["held_out"])
    assert train.get_linestyle() != held_out.get_linestyle()
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")
    _, own = new_figure()
    assert history.plot(own) is own and len(own.get_lines()) == 2


def test_a_wide_fall_is_drawn_on_a_logarithmic_scale():
    assert History(train_loss=[100.0, 1.0]).plot().get_yscale() == "log"
    assert History(train_loss=[100.0, 0.0]).plot().get_yscale() == "linear"


def test_a_single_epoch_is_visible_as_a_point():
    (line,) = History(train_loss=[1.0]).plot().get_lines()
    assert line.get_marker() == "o"


# ---- progress ----


@pytest.fixture
def slow(monkeypatch):
    """A clock that advances by a twelfth of a second at every reading."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(progress_bar.time, "perf_counter", lambda: next(ticks) / 12)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)


def test_a_bar_appears_after_a_second_and_leaves_nothing(slow, capsys):
    call(epochs=3)
    err = capsys.readouterr().err
    assert "30" in err and re.search("loss [0-9]", err)
    assert err.endswith("\r") and not err.replace("\r", "\n").rstrip("\n").split("\n")[-1].strip()


def test_no_bar_appears_in_a_short_run(monkeypatch, capsys):
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    call()
    assert capsys.readouterr() == ("", "")


def test_no_bar_appears_where_nobody_watches_or_wants_one(slow, monkeypatch, capsys):
    call(epochs=3, progress=False)
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    call(epochs=3)
    assert capsys.readouterr() == ("", "")


def test_a_bar_that_is_asked_for_appears_at_once(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    call(progress=True)
    assert "updates" in capsys.readouterr().err


def test_a_bar_is_taken_away_after_an_interrupt_and_an_error(slow, capsys):
    for stop in (KeyboardInterrupt, KeyError("theirs")):
        model = net()
        optimizer = stopping_at(15, stop)(model.parameters(), lr=0.01)
        try:
            call(model=model, optimizer=optimizer, epochs=3)
        except KeyError:
            assert stop is not KeyboardInterrupt
        err = capsys.readouterr().err
        assert err and err.endswith("\r")


def test_a_run_starts_no_thread():
    before = threading.active_count()
    call(epochs=2, progress=False)
    assert threading.active_count() == before
