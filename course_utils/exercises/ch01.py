"""Chapter 01, PyTorch basics: shapes, a loss, an average, a data set, loops, a run that repeats."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

# ---- torch-shape-bug ----------------------------------------------------------------------------


def residuals(prediction: Tensor, label: Tensor) -> Tensor:
    return prediction.squeeze(1) - label     # (N, 1) becomes (N,), then row by row


def _residuals_slowly(prediction: Tensor, label: Tensor) -> Tensor:
    rows = [guess - right for (guess,), right in zip(prediction, label, strict=True)]
    return torch.stack(rows)


def _residual_cases() -> list[Case]:
    g = torch.Generator().manual_seed(1)
    return [
        Case((torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1.0, 3.0, 3.0])), "3 examples"),
        Case((torch.randn(6, 1, generator=g), torch.randn(6, generator=g)), "random, 6 examples"),
        Case((torch.tensor([[2.5]]), torch.tensor([1.0])), "a single example"),
    ]


def _every_pair(prediction, label):
    return prediction - label


def _column(prediction, label):
    return prediction - label.unsqueeze(1)


def _pairs_averaged(prediction, label):
    return (prediction - label).mean(dim=1)


def _turned_round(prediction, label):
    return label - prediction.squeeze(1)


SHAPE_BUG = Exercise(
    id="torch-shape-bug",
    chapter="01",
    title="Fix a shape bug",
    solution=residuals,
    cases=_residual_cases,
    oracle=_residuals_slowly,
    hints=(
        "Write down both shapes and line them up at their right ends. What does the 1 do?",
        "The prediction has one dim too many. Which method takes a dim of size 1 away?",
        "prediction.squeeze(1) has the shape (N,). (A bare squeeze() would take every dim of "
        "size 1 away, also the first one when N is 1.)",
    ),
    mistakes=(
        Mistake("every pair", _every_pair,
                "This is still the bug: (N, 1) minus (N,) takes every prediction minus every "
                "label, N × N numbers. Give both the same shape first."),
        Mistake("a column", _column,
                "The numbers are right, but they stand in a column, shape (N, 1). Asked for is "
                "(N,): take the extra dim away from the prediction instead of giving the label "
                "one."),
        Mistake("pairs averaged", _pairs_averaged,
                "The shape fits now, but for the wrong reason: all N × N pairs were made and then "
                "averaged, so every prediction is compared with the mean label."),
        Mistake("turned round", _turned_round,
                "The shape is right. The sign is not: a prediction that is too high should give a "
                "positive number."),
    ),
    stub='''def residuals(prediction, label):    # prediction: (N, 1), label: (N,)
    ...                              # your code: shape (N,), positive where too high

check("torch-shape-bug", residuals)''',
)

# ---- torch-mse ----------------------------------------------------------------------------------


def mse(prediction: Tensor, label: Tensor) -> Tensor:
    return ((prediction - label) ** 2).mean()


def _mse_torch(prediction: Tensor, label: Tensor) -> Tensor:
    return nn.MSELoss()(prediction, label)


def _mse_cases() -> list[Case]:
    g = torch.Generator().manual_seed(2)
    zeros = torch.zeros(3)
    learned = torch.tensor([0.5, -1.0, 2.0, 3.0], requires_grad=True)
    double = torch.randn(2, 2, 3, generator=g, dtype=torch.float64)
    return [
        Case((torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 5.0, 3.0])), "three examples"),
        Case((torch.randn(50, generator=g), torch.randn(50, generator=g)), "random, 50 examples"),
        Case((torch.randn(4, 3, generator=g), torch.randn(4, 3, generator=g)), "random, 4 × 3"),
        Case((torch.tensor([2.0]), torch.tensor([5.0])), "a single example"),
        Case((zeros, zeros.clone()), "every prediction right"),
        Case((double, double.flip(0)), "random, three dims, float64"),
        Case((learned, torch.tensor([1.0, 1.0, 1.0, 1.0])), "with autograd's record"),
    ]


def _sum(prediction, label):
    return ((prediction - label) ** 2).sum()


def _absolute(prediction, label):
    return (prediction - label).abs().mean()


def _root(prediction, label):
    return ((prediction - label) ** 2).mean().sqrt()


def _half(prediction, label):
    return ((prediction - label) ** 2).mean() / 2


def _per_example(prediction, label):
    return (prediction - label) ** 2


def _rows_only(prediction, label):
    return ((prediction - label) ** 2).mean(dim=0)


def _square_of_mean(prediction, label):
    return (prediction - label).mean() ** 2


MSE = Exercise(
    id="torch-mse",
    chapter="01",
    title="Mean squared error",
    solution=mse,
    cases=_mse_cases,
    oracle=_mse_torch,
    hints=(
        "Read the name from the back: first the error, then its square, then the mean.",
        "** 2 squares every number of a tensor; .mean() without a dim averages all of them.",
        "((prediction - label) ** 2).mean()",
    ),
    mistakes=(
        Mistake("sum", _sum,
                "You added the squares up; asked for is their mean. A sum grows with the number "
                "of examples."),
        Mistake("absolute", _absolute,
                "These are absolute errors, not squared ones: this is nn.L1Loss."),
        Mistake("root", _root, "You took the square root at the end; nn.MSELoss leaves it out."),
        Mistake("half", _half,
                "Half of what is expected. Some books put ½ in front so that the derivative looks "
                "tidier; nn.MSELoss does not."),
        Mistake("per example", _per_example,
                "One squared error for each number. A loss is a single number: average them."),
        Mistake("rows only", _rows_only,
                "With 4 × 3 predictions you averaged over the rows only and kept one number per "
                "column. Without a dim, mean() averages everything."),
        Mistake("square of the mean", _square_of_mean,
                "You averaged first and squared then, so that errors up and down cancel. Square "
                "every error before the mean."),
    ),
    stub='''def mse(prediction, label):      # both of one shape, any
    ...                          # your code: a single number, shape ()

check("torch-mse", mse)''',
)

# ---- torch-csv-dataset --------------------------------------------------------------------------

HEADER = ("date,hour,holiday,workingday,weather,temperature_c,feels_like_c,humidity_percent,"
          "wind_kmh,rentals")
ROWS = ("2011-01-01,0,0,0,1,3.28,3,81,0,16", "2011-01-01,1,0,0,1,2.34,2,80,0,40",
        "2011-06-14,8,0,1,2,21.5,25,60,13,351", "2011-12-30,23,1,0,3,-1.5,-4,95,28,7",
        "2011-12-31,12,0,0,1,9.5,9,40,19,123")
LONGER = tuple(f"2011-02-{i % 28 + 1:02},{i % 24},0,1,1,{i / 100},5,50,10,{i}"
               for i in range(1200))     # a second file: neither five rows nor the real ones
FEATURES = 8


class Rentals(Dataset):
    def __init__(self, path):
        table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 10), dtype=np.float32)
        self.features = torch.from_numpy(table[:, :-1])      # (N, 8)
        self.label = torch.from_numpy(table[:, -1])          # (N,)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.features[i], self.label[i]


class _OneThing(Rentals):
    def __getitem__(self, i):
        return torch.cat([self.features[i], self.label[i, None]])


class _LabelInside(Rentals):
    def __getitem__(self, i):
        return torch.cat([self.features[i], self.label[i, None]]), self.label[i]


class _Doubles(Rentals):
    def __getitem__(self, i):
        return self.features[i].double(), self.label[i].double()


class _LabelAsRow(Rentals):
    def __getitem__(self, i):
        return self.features[i], self.label[i, None]


class _FirstRowLost(Rentals):
    def __init__(self, path):
        super().__init__(path)
        self.features, self.label = self.features[1:], self.label[1:]


class _ColumnsCounted(Rentals):
    def __len__(self):
        return self.features.shape[1]


def _judge_dataset(answer: type) -> Verdict:
    kept = []                            # both at once: the second must not disturb the first
    files = {"\n".join((HEADER, *ROWS)): ROWS,
             f"a second file, with {len(LONGER):,} rows below its header": LONGER}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # it may be kept open
        for number, (given, rows) in enumerate(files.items()):
            path = Path(folder) / f"rentals-{number}.csv.gz"
            path.write_bytes(gzip.compress("\n".join((HEADER, *rows, "")).encode("utf-8")))
            kept.append((answer(path), rows))
            fault = next(filter(None, (_fault_of_items(*one) for one in kept)), None)
            if fault:
                message, got, expected = fault
                return Verdict(False, message, given=given, got=got, expected=expected)
    return Verdict(True, "Every row of the file comes out as one pair, ready for a DataLoader.")


def _fault_of_items(data: Any, rows: tuple[str, ...]) -> tuple[str, Any, Any] | None:
    """What is wrong with the data set made from `rows`: message, got, expected; None if nothing.

    Of many rows the first and the last ones are looked at.
    """
    expected = [[float(cell) for cell in row.split(",")[1:]] for row in rows]
    if len(data) != len(rows):
        return _advice_on_length(data, expected), len(data), len(rows)
    for i in sorted({*range(len(rows))[:5], *range(len(rows))[-5:]}):
        item, numbers = data[i], expected[i]
        if not (isinstance(item, tuple | list) and len(item) == 2):
            return (f"data[{i}] should be a pair, (features, label): the loop will unpack two.",
                    type(item).__name__, "a tuple of two tensors")
        fault = (_fault_of_part(f"features of data[{i}]", item[0], torch.tensor(numbers[:-1]))
                 or _fault_of_part(f"label of data[{i}]", item[1], torch.tensor(numbers[-1])))
        if fault:
            return fault
    features, label = next(iter(DataLoader(data, batch_size=2)))
    if (features.shape, label.shape) != ((2, FEATURES), (2,)):
        return "A batch of two has the wrong shape.", (features.shape, label.shape), ((2, 8), (2,))
    batch = torch.cat([features, label[:, None]], dim=1)
    if not torch.allclose(batch, torch.tensor(expected[:2])):
        return ("Right at first, but looked at a second time, in a batch, the numbers are others. "
                "Does your code change them when it hands them out?", batch, expected[:2])
    return None


def _advice_on_length(data: Any, expected: list[list[float]]) -> str:
    said = "len(data) should be the number of examples."
    if len(expected) > len(ROWS):
        return f"{said} With another file it was right: does a fixed number, or a file, stay?"
    if len(data) > 10 * len(expected):
        return f"{said} Is another file read than the one at `path`?"
    if len(data) == len(expected) - 1 and torch.allclose(
            torch.as_tensor(data[0][0]).float().flatten()[:FEATURES],
            torch.tensor(expected[0][:FEATURES])):
        return f"{said} The first row is there: is the last one missing?"
    return f"{said} The first line of the file is the header, the others are examples."


def _fault_of_part(name: str, part: Any, expected: Tensor) -> tuple[str, Any, Any] | None:
    if not isinstance(part, Tensor):
        return f"Not a tensor: the {name}.", type(part).__name__, "torch.Tensor"
    if part.shape != expected.shape:
        extra = (" Is the label among the features?" if part.shape == (FEATURES + 1,) else
                 " A label is a single number, without a dim." if part.shape == (1,) else "")
        return f"Wrong shape of the {name}.{extra}", tuple(part.shape), tuple(expected.shape)
    if part.dtype != torch.float32:
        return (f"Wrong dtype of the {name}: a model's weights are float32, and the two have to "
                "agree.", part.dtype, torch.float32)
    if not torch.allclose(part, expected):
        return f"Other numbers than in the file: the {name}.", part, expected
    return None


CSV_DATASET = Exercise(
    id="torch-csv-dataset",
    chapter="01",
    title="A Dataset for a csv file",
    solution=Rentals,
    cases=list,
    judge=_judge_dataset,
    hints=(
        "Do the slow part, reading the file, once, in __init__; keep two tensors in self.",
        "np.loadtxt(path, delimiter=\",\", skiprows=1, usecols=range(1, 10), dtype=np.float32) "
        "reads all columns but the date, also from a .gz file. Then torch.from_numpy.",
        "self.features = table[:, :-1] and self.label = table[:, -1], as tensors; __len__ returns "
        "len(self.label), __getitem__(i) returns self.features[i], self.label[i].",
    ),
    mistakes=(
        Mistake("one thing", _OneThing,
                "Your data set hands out one thing per example. The training loop unpacks two: "
                "return features and label, with a comma between them."),
        Mistake("label inside", _LabelInside,
                "The label is among the features: a model would only have to copy it, and would "
                "look perfect until it meets a day whose label nobody knows."),
        Mistake("doubles", _Doubles,
                "Your numbers are float64, NumPy's usual dtype. A model's weights are float32: "
                "give dtype=np.float32 when reading."),
        Mistake("label as a row", _LabelAsRow,
                "Your label has the shape (1,). A batch of labels would then be (B, 1), and you "
                "have met what that does beside (B,)."),
        Mistake("first row lost", _FirstRowLost,
                "One example is missing: is the first row of data skipped together with the "
                "header?"),
        Mistake("columns counted", _ColumnsCounted,
                "len(data) counts the columns. The number of examples is the length of dim 0."),
    ),
    stub='''class Rentals(Dataset):
    def __init__(self, path):        # path of bikes.csv.gz; the first line is a header
        ...

    def __len__(self):               # how many examples
        ...

    def __getitem__(self, i):        # features (8,) and label (), both float32
        ...

check("torch-csv-dataset", Rentals)''',
)

# ---- torch-validation-average -------------------------------------------------------------------


def validation_average(batch_losses: list[float], batch_sizes: list[int]) -> float:
    total = sum(loss * size for loss, size in zip(batch_losses, batch_sizes, strict=True))
    return total / sum(batch_sizes)


def _average_slowly(batch_losses: list[float], batch_sizes: list[int]) -> float:
    every = [loss for loss, size in zip(batch_losses, batch_sizes, strict=True)
             for _ in range(size)]
    return float(np.mean(every))


def _average_cases() -> list[Case]:
    g = np.random.default_rng(3)
    return [
        Case(([0.5, 0.7, 3.0], [100, 100, 10]), "a small last batch with a large loss"),
        Case((g.random(7).tolist(), [32, 32, 32, 32, 32, 32, 5]), "random losses, seven batches"),
        Case(([0.25, 0.75], [8, 8]), "batches of one size"),
        Case(([2.0, 0.5, 1.25, 0.75], [3, 40, 1, 16]), "batches of any size"),
        Case(([1.5], [3]), "a single batch"),
        Case(([0.5, 2.0, 0.5, 0.5], [4, 1, 7, 4]), "equal losses"),
        Case(([0.0, 1.0], [10, 5]), "a batch without loss"),
    ]


def _plain_mean(batch_losses, batch_sizes):
    return sum(batch_losses) / len(batch_losses)


def _not_divided(batch_losses, batch_sizes):
    return sum(loss * size for loss, size in zip(batch_losses, batch_sizes, strict=True))


def _by_batches(batch_losses, batch_sizes):
    return _not_divided(batch_losses, batch_sizes) / len(batch_losses)


def _not_weighted(batch_losses, batch_sizes):
    return sum(batch_losses) / sum(batch_sizes)


def _last_left_out(batch_losses, batch_sizes):
    size = batch_sizes[0]
    full = [loss for loss, n in zip(batch_losses, batch_sizes, strict=True) if n == size]
    return sum(full) / len(full)


VALIDATION_AVERAGE = Exercise(
    id="torch-validation-average",
    chapter="01",
    title="A weighted validation average",
    solution=validation_average,
    cases=_average_cases,
    oracle=_average_slowly,
    hints=(
        "A batch's loss is a mean. How do you get from it to the batch's sum?",
        "Mean times size is the sum over the batch. Add these sums up, then divide once.",
        "sum(loss * size for loss, size in zip(batch_losses, batch_sizes)) / sum(batch_sizes)",
    ),
    mistakes=(
        Mistake("plain mean", _plain_mean,
                "Every batch has the same say here, also one that holds a tenth of the examples. "
                "Give each batch the weight of its size."),
        Mistake("not divided", _not_divided,
                "This is the sum over all examples. Divide by their number."),
        Mistake("divided by batches", _by_batches,
                "You divided by the number of batches; the sum is over examples, so divide by the "
                "number of examples."),
        Mistake("not weighted", _not_weighted,
                "You divided the sum of batch means by the number of examples. The batch means "
                "have to be multiplied by their sizes first."),
        Mistake("last left out", _last_left_out,
                "You left the smaller batch out. Its examples count too, each as much as any "
                "other."),
    ),
    stub='''def validation_average(batch_losses, batch_sizes):   # two lists of one length
    ...                                              # your code: the mean over all examples

check("torch-validation-average", validation_average)''',
)

# ---- torch-loop ---------------------------------------------------------------------------------


def train_model(model, loss_function, optimizer, loader, epochs):
    model.train()                                        # dropout and the like: on
    losses = []
    for _ in range(epochs):
        total, seen = 0.0, 0                             # anew in every epoch
        for x, label in loader:
            loss = loss_function(model(x), label)        # predict, measure
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)                # mean × size: the sum over the batch
            seen += len(x)
        losses.append(total / seen)
    return losses


def _loop(model, loss_function, optimizer, loader, epochs, *, clear="before", weigh=True,
          train=True, whole=True, anew=True, move="after"):
    """`train_model` with single faults, for the typical mistakes."""
    if train:
        model.train()
    losses, total, seen = [], 0.0, 0
    for _ in range(epochs):
        if anew:
            total, seen = 0.0, 0
        for x, label in loader:
            loss = loss_function(model(x), label)
            if clear == "before":
                optimizer.zero_grad()
            if move == "before":
                optimizer.step()
            loss.backward()
            if clear == "after":
                optimizer.zero_grad()
            if move == "after":
                optimizer.step()
            size = len(x) if weigh else 1
            total, seen = (total + loss.item() * size, seen + size) if whole else (loss.item(), 1)
        losses.append(total / seen)
    return losses


def _never_cleared(*given):
    return _loop(*given, clear="never")


def _cleared_too_late(*given):
    return _loop(*given, clear="after")


def _batches_averaged(*given):
    return _loop(*given, weigh=False)


def _mode_as_found(*given):
    return _loop(*given, train=False)


def _last_batch_only(*given):
    return _loop(*given, whole=False)


def _epochs_mixed(*given):
    return _loop(*given, anew=False)


def _moved_first(*given):
    return _loop(*given, move="before")


def _never_moved(*given):
    return _loop(*given, move="never")


class _HalfWhileTraining(nn.Module):
    """Halves what passes in train mode only: tells the modes apart, and draws nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 2 if self.training else x


def _training(kind: str) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, DataLoader]:
    """Model (handed over in eval mode), loss function, optimiser, loader; the same every time."""
    g = torch.Generator().manual_seed(11)
    x = torch.randn(9, 3, generator=g)                   # batches of 4, 4 and 1
    sizes, loss_function, label = (
        ((3, 1), nn.MSELoss(), 3 * torch.randn(9, 1, generator=g)) if kind == "numbers" else
        ((3, 5, 4), nn.CrossEntropyLoss(), torch.randint(4, (9,), generator=g)))
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.Tanh(), _HalfWhileTraining()]
    model = nn.Sequential(*layers[:-2], layers[-1]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    return model, loss_function, optimizer, DataLoader(
        TensorDataset(x, label), batch_size=4, shuffle=True, generator=g)


def _judge_loop(answer: Any) -> Verdict:
    for kind in ("numbers", "classes"):
        verdict = _judge_training(answer, kind)
        if not verdict.ok:
            return verdict
    return Verdict(True, "Losses and trained weights are those of the course's own loop.")


def _judge_training(answer: Any, kind: str, epochs: int = 3) -> Verdict:
    model, *others = _training(kind)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    steps: list[Any] = []
    others[1].register_step_post_hook(lambda *given: steps.append(given))
    losses = answer(model, *others, epochs)
    given = f"9 examples with {kind} as labels, batches of 4, 4 and 1, {epochs} epochs"
    if not isinstance(losses, list | tuple) or len(losses) != epochs:
        return Verdict(False, "Return a list with one loss for each epoch.", given, losses,
                       f"a list of {epochs} numbers")
    if not all(isinstance(one, int | float | np.number) for one in losses):
        return Verdict(False, "Each loss is to be a plain number (`.item()`): a tensor would keep "
                       "the record of its batch alive.", given, losses,
                       f"a list of {epochs} plain numbers")
    right_model, *right_others = _training(kind)
    right = train_model(right_model, *right_others, epochs)
    told = f"{given}; losses"
    got, expected = (", ".join(f"{one:.4f}" for one in these) for these in (losses, right))
    if not np.allclose(losses, right, rtol=1e-4, atol=1e-6):
        message = _what_differs(model, before, bool(steps), losses, right)
        return Verdict(False, message, told, got, expected)
    if not all(torch.allclose(mine, its, rtol=1e-4, atol=1e-5) for mine, its in
               zip(model.parameters(), right_model.parameters(), strict=True)):
        return Verdict(False, "The losses are right, but the model does not end where it should: "
                       "is every batch followed by exactly one update?", told, got, expected)
    return Verdict(True)


def _what_differs(
    model: nn.Module, before: list[Tensor], stepped: bool, losses: Any, right: list[float]
) -> str:
    if all(torch.equal(now, then) for now, then in zip(model.parameters(), before, strict=True)):
        grads = [parameter.grad for parameter in model.parameters()]
        if not stepped and all(grad is None for grad in grads):
            return "The model's weights have not moved: there are no gradients, and nobody steps."
        if not stepped:
            return "The model's weights have not moved: backward fills .grad, and nobody steps."
        if any(grad is not None and bool(grad.any()) for grad in grads):
            return "The weights have not moved: step comes when there are no gradients yet."
        return "The weights have not moved: when step came, the gradients were cleared again."
    if np.isclose(losses[0], right[0], rtol=1e-4):
        return "The first epoch is right, a later one is not. What is left over from the epoch " \
               "before?"
    return "The losses are not those of a loop that predicts, measures, clears, goes backward " \
           "and steps once for each batch."


LOOP = Exercise(
    id="torch-loop",
    chapter="01",
    title="A training loop, from memory",
    solution=train_model,
    cases=list,
    judge=_judge_loop,
    hints=(
        "Two loops, one in the other: epochs outside, the loader's batches inside. Which four "
        "things happen for each batch, and in which order?",
        "For each batch: predict and measure the loss, zero_grad, backward, step. For each epoch: "
        "add up loss × number of examples, divide once at its end. Before all: which mode?",
        "model.train() first. In the inner loop: loss = loss_function(model(x), label); "
        "optimizer.zero_grad(); loss.backward(); optimizer.step(); total += loss.item() * len(x); "
        "seen += len(x). After it: losses.append(total / seen).",
    ),
    mistakes=(
        Mistake("never cleared", _never_cleared,
                "backward adds to .grad. Without zero_grad every step also follows the gradients "
                "of all batches before."),
        Mistake("cleared too late", _cleared_too_late,
                "zero_grad stands between backward and step: it clears the gradients just when "
                "step wants to use them, so nothing is learned."),
        Mistake("never moved", _never_moved,
                "backward only fills .grad; the model's weights have not moved. Who moves them?"),
        Mistake("moved first", _moved_first,
                "step comes before backward here: it moves by gradients that are not there yet."),
        Mistake("batch means averaged", _batches_averaged,
                "The training is right. The reported loss is the plain mean of the batch means, "
                "in which the last, smaller batch weighs too much."),
        Mistake("mode as found", _mode_as_found,
                "The model was handed over in eval mode (after a validation, say), and was trained "
                "in it: layers such as dropout did nothing."),
        Mistake("last batch only", _last_batch_only,
                "The training is right. Reported is the loss of the last batch alone, asked for is "
                "the mean over the epoch's examples."),
        Mistake("epochs mixed", _epochs_mixed,
                "The first epoch is right. Later ones still carry the sums of the epochs before: "
                "start the sum anew in each."),
    ),
    stub='''def train_model(model, loss_function, optimizer, loader, epochs):
    ...                                      # your code: a list, the mean loss of each epoch

check("torch-loop", train_model)''',
)

# ---- torch-repeat -------------------------------------------------------------------------------

shuffler = torch.Generator()


def repeatable(seed: int) -> list[float]:
    torch.manual_seed(seed)                                        # before the weights are drawn
    shuffler = torch.Generator().manual_seed(seed)                 # anew in every run
    noise = np.random.default_rng(seed)                            # NumPy has its own seed
    x = torch.linspace(-1, 1, 64).unsqueeze(1)                     # (64, 1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    loader = DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=True, generator=shuffler)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for x_batch, label in loader:
        x_batch = x_batch + float(noise.normal(0, 0.05))           # a random shift, per batch
        loss = nn.functional.mse_loss(model(x_batch), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _run(seed: int, *, first: bool = True, order: bool = True, noise: bool = True) -> list[float]:
    """`repeatable` with single faults put back, for the typical mistakes."""
    if first:
        torch.manual_seed(seed)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    stream = torch.Generator().manual_seed(seed) if order else shuffler
    shift = np.random.default_rng(seed if noise else None)
    loader = DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=True, generator=stream)
    return [nn.functional.mse_loss(model(x_batch + float(shift.normal(0, 0.05))), label).item()
            for x_batch, label in loader]


def _late_seed(seed):
    return _run(seed, first=False)


def _order_free(seed):
    return _run(seed, order=False)


def _noise_free(seed):
    return _run(seed, noise=False)


def _always_zero(seed):
    return _run(0)


@contextlib.contextmanager
def _weights_fixed() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        yield


@contextlib.contextmanager
def _noise_fixed() -> Iterator[None]:
    made = np.random.default_rng
    np.random.seed(7)
    with mock.patch("numpy.random.default_rng", lambda seed=None: made(seed or 7)):
        yield


@contextlib.contextmanager
def _order_fixed() -> Iterator[None]:
    with mock.patch("torch.randperm", lambda n, **_: torch.arange(n)):
        yield


STREAMS = {"the weights": _weights_fixed, "the noise": _noise_fixed,
           "the order of the rows": _order_fixed}


def _repeats(answer: Any, fixed: tuple[str, ...] = ()) -> bool:
    """Whether two runs agree bit for bit while the streams named in `fixed` are held still."""
    runs = []
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            for name in fixed:
                stack.enter_context(STREAMS[name]())
            runs.append(list(answer(1)))
        torch.rand(3)                        # what a notebook does between two runs
        np.random.random(3)
    return runs[0] == runs[1]


def _judge_repeat(answer: Any) -> Verdict:
    numpy_state = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            return _judge_runs(answer)
    finally:
        np.random.set_state(numpy_state)


def _judge_runs(answer: Any) -> Verdict:
    given = "the same seed twice"
    if not isinstance(answer(1), list | tuple) or len(answer(1)) < 4:
        return Verdict(False, "Return the losses, one per batch, as the function did at first.",
                       got=answer(1), expected="a list of at least 4 losses")
    if not _repeats(answer):
        return Verdict(False, _what_varies(answer), given, "other losses", "the same losses, bit "
                       "for bit")
    losses = {seed: list(answer(seed)) for seed in (1, 2, 3, 11)}
    for one, other in itertools.combinations(losses, 2):
        if losses[one] == losses[other]:
            return Verdict(False, f"It repeats, but it no longer listens to its seed: seed {one} "
                           f"and seed {other} give the same losses.", f"seeds {one} and {other}",
                           "the same losses", "other losses")
    gone = _what_is_gone(answer)
    if gone:
        return Verdict(False, gone, given="seed 1")
    return Verdict(True, "Both runs agree bit for bit, and another seed gives another run.")


def _what_is_gone(answer: Any) -> str:
    """What the run had and has no longer: training, updates, noise or shuffling; "" if nothing.

    Seen from the rows that reach the first layer. Whoever computes without layers is let off.
    """
    rows, weights = _what_the_layer_sees(answer)
    if 0 < len(rows) < 4 or not rows and not _goes_backward(answer):
        return ("The losses repeat because there is no training in them any more: each call is to "
                "train on every batch, as the function did at first.")
    if not rows:
        return ""
    if all(torch.equal(weight, weights[0]) for weight in weights):
        return "The weights stay as they were drawn: backward and step are to stay in the loop."
    grid = torch.linspace(-1, 1, 64)
    seen = torch.cat(rows).flatten()
    if seen.shape == grid.shape and torch.allclose(seen.sort().values, grid, atol=1e-6):
        return "The noise is gone. It is to stay: only where its chance comes from changes."
    if all(torch.allclose(x.diff(dim=0), grid[1] - grid[0], atol=1e-5) for x in rows):
        return "The rows come in their own order. Shuffling is to stay, by a seeded shuffler."
    return ""


def _what_the_layer_sees(answer: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Batches that reach layers of one input, and the layers' weights at that time."""
    rows, weights = [], []

    def look(layer: nn.Module, given: tuple) -> None:
        if isinstance(layer, nn.Linear) and layer.in_features == 1:
            rows.append(given[0].detach().cpu().clone())
            weights.append(layer.weight.detach().cpu().clone())

    handle = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        answer(1)
    finally:
        handle.remove()
    return rows, weights


def _goes_backward(answer: Any) -> bool:
    with mock.patch("torch.autograd.backward", wraps=torch.autograd.backward) as backward:
        answer(1)
    return backward.called


def _what_varies(answer: Any) -> str:
    """The smallest set of random streams that has to be held still for the runs to agree."""
    for size in (1, 2, 3):
        for names in itertools.combinations(STREAMS, size):
            if _repeats(answer, names):
                return f"Two runs with one seed differ. Left to chance: {' and '.join(names)}."
    return ("Two runs with one seed differ: something goes on where the last run stopped. Is a "
            "generator made outside the function, or is there another source of chance?")


REPEAT = Exercise(
    id="torch-repeat",
    chapter="01",
    title="Why does this run not repeat?",
    solution=repeatable,
    cases=list,
    judge=_judge_repeat,
    hints=(
        "Go through the function line by line and mark every line that draws random numbers. "
        "There are three. From which seed does each draw?",
        "Weights are drawn when nn.Linear is made. The shuffler is made outside the function. "
        "NumPy's generator never saw the seed.",
        "First line: torch.manual_seed(seed). Inside the function: shuffler = "
        "torch.Generator().manual_seed(seed) and noise = np.random.default_rng(seed).",
    ),
    mistakes=(
        Mistake("late seed", _late_seed,
                "Order and noise repeat. The weights do not: they are drawn when the layers are "
                "made, before your seed is set, or none is."),
        Mistake("order free", _order_free,
                "Weights and noise repeat. The order does not: the shuffler is made outside, or "
                "made without your seed. In every run it has to start anew, from the seed."),
        Mistake("noise free", _noise_free,
                "Weights and order repeat. The noise does not: torch.manual_seed does not reach "
                "NumPy, whose generator needs a seed of its own."),
        Mistake("one seed for all", _always_zero,
                "It repeats, but for every seed the same: the function no longer uses its "
                "argument."),
    ),
    stub='''shuffler = torch.Generator()                  # made once, for all runs

def repeatable(seed):                         # it is not: mend me
    x = torch.linspace(-1, 1, 64).unsqueeze(1)                         # (64, 1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    torch.manual_seed(seed)
    loader = DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=True, generator=shuffler)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    noise, losses = np.random.default_rng(), []
    for x_batch, label in loader:
        x_batch = x_batch + float(noise.normal(0, 0.05))               # a random shift
        loss = nn.functional.mse_loss(model(x_batch), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

print("two runs with one seed agree:", repeatable(1) == repeatable(1))
check("torch-repeat", repeatable)''',
)

EXERCISES: tuple[Exercise, ...] = (SHAPE_BUG, MSE, CSV_DATASET, VALIDATION_AVERAGE, LOOP, REPEAT)

# ---- questions for later chapters ---------------------------------------------------------------

QUESTIONS: tuple[Question, ...] = (
    Question(
        "torch-q-dtype", "01", "What is the dtype of torch.tensor([1, 2, 3])?",
        ("float32", "int64", "float64"), 1,
        "Whole numbers become int64. Write 1.0, or give dtype=torch.float32, before averaging.",
    ),
    Question(
        "torch-q-dim", "01", "x has the shape (4, 6). What is the shape of x.mean(dim=0)?",
        ("(4,)", "(6,)", "(4, 1)"), 1,
        "The dim that is named disappears: dim 0 had size 4, what is left is (6,).",
    ),
    Question(
        "torch-q-broadcast", "01",
        "The prediction has the shape (5, 1), the label (5,). What is prediction − label?",
        ("an error", "shape (5,)", "shape (5, 5)"), 2,
        "Aligned at the right end, 1 meets 5 and the missing dim meets 5: every pair is formed, "
        "without an error.",
    ),
    Question(
        "torch-q-memory", "01", "Which of these copies the numbers of the array a?",
        ("torch.tensor(a)", "torch.from_numpy(a)", "torch.from_numpy(a).view(-1)"), 0,
        "from_numpy and view read the same memory; a change in one is seen in the other.",
    ),
    Question(
        "torch-q-zero-grad", "01", "Why does a training loop call optimizer.zero_grad()?",
        ("backward adds to .grad, so old gradients would stay in it",
         "the weights have to start each step at zero",
         "it switches the recording of operations off"), 0,
        "Two calls of backward give the sum of both gradients; the update wants the newest alone.",
    ),
    Question(
        "torch-q-batches", "01",
        "100 examples, batch_size=32, none dropped. How many batches, and how large is the last?",
        ("3 batches, the last of 32", "4 batches, the last of 4", "4 batches, the last of 25"), 1,
        "100 / 32 rounded up is 4; three full batches leave 100 − 96 = 4 examples.",
    ),
    Question(
        "torch-q-average", "01",
        "The last batch is smaller. How do batch means become the mean over all examples?",
        ("average the batch means", "weight each batch mean by its batch's size",
         "leave the last batch out"), 1,
        "Mean times size is a sum over examples; add these sums, divide by the number of examples.",
    ),
    Question(
        "torch-q-eval", "01", "What does model.eval() do?",
        ("it stops the recording of gradients", "it computes the loss on the held-out data",
         "it switches dropout off for prediction"), 2,
        "eval changes what layers such as dropout do. Recording is stopped by inference_mode or "
        "no_grad: two switches for two jobs.",
    ),
    Question(
        "torch-q-linear", "01", "What is the shape of the weight of nn.Linear(32, 64)?",
        ("(32, 64)", "(64, 32)", "(64,)"), 1,
        "(out, in): the layer computes x Wᵀ + b, and (64,) is the shape of the bias b.",
    ),
    Question(
        "torch-q-pickle", "01", "Why load a stranger's checkpoint with weights_only=True?",
        ("without it, loading can run code that the file brings along",
         "without it, the weights come out as float64",
         "it is faster, since less is read"), 0,
        "A pickle may name any function to call while it is read. weights_only allows tensors and "
        "plain containers only.",
    ),
    Question(
        "torch-q-seed", "01", "Model A scores higher than model B in one run each. What follows?",
        ("A is the better model", "little: other seeds may turn it round",
         "B was trained with too small a rate"), 1,
        "Runs differ by seed. Compare means over several seeds, with their spread beside them.",
    ),
    Question(
        "torch-q-graph", "01", "z = (x**2).sum(). After z.backward(), what is x.grad?",
        ("2x", "x²", "2z"), 0,
        "The derivative of x² is 2x for each entry of x, and a sum passes it on unchanged.",
    ),
)
