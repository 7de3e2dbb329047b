"""What `fit` and `evaluate` refuse, and what they say about it."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_utils.training import evaluate, fit
from course_utils.training_input import check_prediction

mse = nn.MSELoss()


def seed(number):
    return torch.Generator().manual_seed(number)


def rows(n=50, features=3):
    x = torch.randn(n, features, generator=seed(0))
    return x, x.sum(dim=1, keepdim=True)


def net(features=3, outputs=1):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, outputs))


def sgd(model, lr=0.05):
    return torch.optim.SGD(model.parameters(), lr=lr)


X, Y = rows()
EMPTY = (X[:0], Y[:0])
MODEL = net()
FROZEN = net().requires_grad_(False)


def call(**changes):
    given = {
        "model": MODEL, "loss": mse, "optimizer": sgd(MODEL), "train": (X, Y),
        "epochs": 1, "batch_size": 5,
    }  # fmt: skip
    given |= changes
    return fit(**given)


REFUSED = {
    "no rows": (dict(train=EMPTY, batch_size=None), ValueError, "train is empty"),
    "no held-out rows": (dict(held_out=EMPTY), ValueError, "held_out is empty"),
    "rows differ": (dict(train=(X, Y[:-1])), ValueError, "different numbers of rows: 50 and 49"),
    "only x": (dict(train=X), TypeError, "give two tensors"),
    "three tensors": (dict(train=(X, Y, Y)), TypeError, "a tuple of 3"),
    "numpy": (dict(train=(X.numpy(), Y)), TypeError, r"torch\.as_tensor\(x\)"),
    "a list of labels": (dict(train=(X, Y.tolist())), TypeError, "y of train"),
    "a Dataset": (dict(train=TensorDataset(X, Y)), TypeError, r"DataLoader\(dataset"),
    "a single number": (dict(train=(torch.tensor(1.0), Y)), ValueError, "single number"),
    "batch size 0": (dict(batch_size=0), ValueError, "batch_size is 0"),
    "batch size negative": (dict(batch_size=-5), ValueError, "batch_size is -5"),
    "batch size above N": (dict(batch_size=51), ValueError, "batch_size is 51.*only 50 rows"),
    "batch size fractional": (dict(batch_size=2.5), TypeError, "batch_size is 2.5"),
    "batch size a truth value": (dict(batch_size=True), TypeError, "batch_size is True"),
    "no epochs": (dict(epochs=0), ValueError, "epochs is 0"),
    "epochs fractional": (dict(epochs=1.5), TypeError, "epochs is 1.5"),
    "x float64": (dict(train=(X.double(), Y)), TypeError, "x of train is float64.*float32"),
    "y float64": (dict(train=(X, Y.double())), TypeError, "the label float64"),
    "held-out float64": (dict(held_out=(X.double(), Y)), TypeError, "x of held_out is float64"),
    "x elsewhere": (dict(train=(X.to("meta"), Y)), ValueError, "x of train is on meta.*on cpu"),
    "y elsewhere": (dict(train=(X, Y.to("meta"))), ValueError, "y of train is on meta"),
    "label flat": (dict(train=(X, Y[:, 0])), ValueError, r"\(5, 1\), the label \(5,\).*squeeze"),
    "label flat, whole batch": (
        dict(train=(X, Y[:, 0]), batch_size=None), ValueError, r"broadcast to \(50, 50\)",
    ),
    "prediction flat": (
        dict(model=(flat := nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))), optimizer=sgd(flat)),
        ValueError, r"\(5,\), the label \(5, 1\).*y\.reshape",
    ),
    "three outputs, one label": (
        dict(model=(wide := net(outputs=3)), optimizer=sgd(wide)),
        ValueError, r"broadcast to \(5, 3\)",
    ),
    "outputs against whole-number labels": (
        dict(train=(X, torch.ones(50).long())), ValueError, r"broadcast to \(5, 5\)",
    ),
    "too few features": (
        dict(train=(X[:, :2], Y)), ValueError, r"(?s)the model.*x: shape \(5, 2\)",
    ),
    "classes as floats": (
        dict(model=wide, optimizer=sgd(wide), loss=nn.CrossEntropyLoss(),
             train=(X, torch.ones(50))),
        ValueError, r"(?s)y\.long\(\)",
    ),
    "class out of range": (
        dict(model=wide, optimizer=sgd(wide), loss=nn.CrossEntropyLoss(),
             train=(X, torch.full((50,), 3))),
        ValueError, "(?s)from 0 to 2",
    ),
    "model is a function": (dict(model=lambda x: x), TypeError, "nn.Module"),
    "model without parameters": (dict(model=nn.Tanh()), ValueError, "no parameters"),
    "loss is a class": (dict(loss=nn.MSELoss), TypeError, r"MSELoss\(\)"),
    "loss is no function": (dict(loss="mse"), TypeError, "loss is of type str"),
    "loss sums": (dict(loss=nn.MSELoss(reduction="sum")), ValueError, "reduction='sum'"),
    "loss per row": (dict(loss=lambda p, y: (p - y) ** 2), ValueError, "the mean over the batch"),
    "loss a number": (dict(loss=lambda p, y: 1.0), TypeError, "loss returned of type float"),
    "loss detached": (dict(loss=lambda p, y: mse(p, y).detach()), ValueError, "depend"),
    "optimizer and loss swapped": (
        dict(loss=sgd(MODEL), optimizer=mse), TypeError, "loss is of type SGD",
    ),
    "optimizer is a class": (dict(optimizer=torch.optim.SGD), TypeError, "the class SGD"),
    "optimizer of another model": (
        dict(optimizer=sgd(net())), ValueError, "no trainable parameter",
    ),
    "frozen model": (
        dict(model=FROZEN, optimizer=torch.optim.SGD(FROZEN.parameters(), lr=0.1)),
        ValueError, "no trainable parameter",
    ),
    "rate 0": (dict(optimizer=sgd(MODEL, 0.0)), ValueError, "learning rate is 0.0"),
    "rate NaN": (dict(optimizer=sgd(MODEL, math.nan)), ValueError, "learning rate is nan"),
    "rate infinite": (dict(optimizer=sgd(MODEL, math.inf)), ValueError, "learning rate is inf"),
    "generator a seed": (dict(generator=3), TypeError, "generator is of type int"),
    "metric no function": (dict(metrics={"mae": 3}), TypeError, "metric 'mae'"),
    "metric named loss": (dict(metrics={"loss": mse}), ValueError, "cannot be named 'loss'"),
    "metric per row": (dict(metrics={"error": lambda p, y: p - y}), ValueError, "'error' has to"),
    "DataLoader and size": (
        dict(train=DataLoader(TensorDataset(X, Y))), ValueError, "has its own batch_size",
    ),
    "DataLoader and generator": (
        dict(train=DataLoader(TensorDataset(X, Y)), batch_size=None, generator=seed(0)),
        ValueError, "has its own batch_size",
    ),
    "empty DataLoader": (
        dict(train=DataLoader(TensorDataset(*EMPTY)), batch_size=None),
        ValueError, "train is empty",
    ),
    "empty held-out DataLoader": (
        dict(held_out=DataLoader(TensorDataset(*EMPTY))), ValueError, "held_out is empty",
    ),
    "DataLoader of single tensors": (
        dict(train=DataLoader(X), batch_size=None), TypeError, "a batch of train",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_before_any_parameter_changes(name):
    changes, kind, message = REFUSED[name]
    model = changes.get("model", MODEL)
    before = [p.clone() for p in model.parameters()] if isinstance(model, nn.Module) else []
    with pytest.raises(kind, match=message):
        call(**changes)
    if name == "metric per row":
        return  # seen at the end of the first epoch
    for old, new in zip(before, getattr(model, "parameters", list)(), strict=False):
        torch.testing.assert_close(old, new, rtol=0, atol=0)


def test_the_same_rate_can_be_negative_only_in_an_optimiser_that_lets_it():
    optimizer = sgd(MODEL)
    optimizer.param_groups[0]["lr"] = -0.1
    with pytest.raises(ValueError, match="learning rate is -0.1"):
        call(optimizer=optimizer)


def test_a_stream_without_a_batch_is_refused():
    class Nothing(IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(ValueError, match="gave no batch"):
        call(train=DataLoader(Nothing()), batch_size=None)


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_last_batch_of_one_row_may_lose_its_dimension_to_squeeze():
    class Squeezing(nn.Linear):
        def forward(self, x):
            return super().forward(x).squeeze()

    model = Squeezing(3, 1)
    history = fit(model, mse, sgd(model), (X[:11], Y[:11, 0]), epochs=2, batch_size=5)
    assert history.updates == 6


def test_an_error_in_the_learners_own_code_stays_theirs():
    class Own(nn.Linear):
        def forward(self, x):
            return undefined_name  # noqa: F821

    model = Own(3, 1)
    with pytest.raises(NameError, match="undefined_name"):
        call(model=model, optimizer=sgd(model))


@pytest.mark.parametrize("data", [EMPTY, (X, Y[:3]), (X, Y[:, 0]), (X.double(), Y), X])
def test_evaluate_refuses_the_same_data(data):
    with pytest.raises((ValueError, TypeError)):
        evaluate(MODEL, mse, data)


def test_evaluate_refuses_wrong_shapes_with_the_shapes():
    with pytest.raises(ValueError, match=r"(?s)the model.*x: shape \(50, 2\)"):
        evaluate(MODEL, mse, (X[:, :2], Y))
    with pytest.raises(ValueError, match="batch_size is 51"):
        evaluate(MODEL, mse, (X, Y), batch_size=51)


FLOATS, WHOLE = torch.float32, torch.int64


@pytest.mark.parametrize(
    ("prediction", "label", "kind"),
    [
        ((4, 1), (4,), FLOATS), ((4,), (4, 1), FLOATS), ((4, 1), (4,), WHOLE), ((), (4,), FLOATS),
        ((4, 3), (4, 1), FLOATS), ((1, 3), (4, 3), FLOATS), ((4, 1, 5), (4, 5), FLOATS),
    ],
)  # fmt: skip
def test_shapes_that_would_stretch_are_refused(prediction, label, kind):
    with pytest.raises(ValueError, match="broadcast to"):
        check_prediction(torch.zeros(prediction), torch.zeros(label, dtype=kind))


@pytest.mark.parametrize(
    ("prediction", "label", "kind"),
    [
        ((4, 1), (4, 1), FLOATS), ((4,), (4,), WHOLE), ((4, 3), (4,), WHOLE),
        ((3, 3), (3,), WHOLE),  # as many rows as classes
        ((4, 3, 7), (4, 7), WHOLE),  # a class for each of seven places
        ((), (1,), FLOATS), ((1, 1), (1,), FLOATS),  # one row: nothing is stretched
        ((4, 2), (4,), FLOATS), ((1, 2), (1,), FLOATS),  # mean and variance of each row
        ((4, 3), (4, 1), WHOLE),  # the loss picks a column
    ],
)  # fmt: skip
def test_shapes_that_belong_together_are_accepted(prediction, label, kind):
    check_prediction(torch.zeros(prediction), torch.zeros(label, dtype=kind))
