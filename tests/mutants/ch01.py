"""Answers to chapter 01's exercises: shapes, a Dataset, two means, a run that repeats."""

import csv
import functools
import gzip
import random
import statistics

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from course_utils.paths import data_dir


def _squeezed_in_place(prediction, label):
    return prediction.squeeze_(1) - label


def _label_changed(prediction, label):
    label *= -1
    return prediction[:, 0] + label


def _residuals_of_floats(prediction, label):
    return torch.tensor([row[0].item() - right.item()
                         for row, right in zip(prediction, label, strict=True)],
                        dtype=prediction.dtype)


# ---- the Dataset -----------------------------------------------------------------------------


class _Right(Dataset):
    """A right answer; the wrong ones below change one thing of it each."""

    def __init__(self, path):
        self.rows = torch.from_numpy(
            np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 10), dtype=np.float32))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i, :8], self.rows[i, 8]


class _LastRowLost(_Right):
    def __len__(self):
        return len(self.rows) - 1


class _CountsColumns(_Right):
    def __len__(self):
        return self.rows.shape[1]


class _WholeLabel(_Right):
    def __getitem__(self, i):
        return self.rows[i, :8], self.rows[i, 8].long()


class _FeaturesShiftedByOne(_Right):
    def __getitem__(self, i):
        return self.rows[i, 1:], self.rows[i, 8]


class _LabelFirst(_Right):
    def __getitem__(self, i):
        return self.rows[i, 8], self.rows[i, :8]


class _HourAsLabel(_Right):
    def __getitem__(self, i):
        return self.rows[i, 1:], self.rows[i, 0]


class _AlwaysTheFirst(_Right):
    def __getitem__(self, i):
        return self.rows[0, :8], self.rows[0, 8]


class _NextLabel(_Right):
    def __getitem__(self, i):
        return self.rows[i, :8], self.rows[(i + 1) % len(self.rows), 8]


class _Shuffled(_Right):
    def __init__(self, path):
        super().__init__(path)
        self.rows = self.rows[torch.randperm(len(self.rows))]


class _Scaled(_Right):
    def __init__(self, path):
        super().__init__(path)
        self.rows = (self.rows - self.rows.mean(0)) / self.rows.std(0)


class _FirstThousand(_Right):
    def __init__(self, path):
        super().__init__(path)
        self.rows = self.rows[:1000]


class _OwnPath(_Right):
    def __init__(self, path):
        super().__init__(data_dir() / "bikes.csv.gz")


class _OneForAll(_Right):
    def __init__(self, path):
        if not hasattr(_OneForAll, "rows"):             # the class keeps the first file it reads
            _OneForAll.rows = _Right(path).rows


class _LooksDamage(_Right):
    def __getitem__(self, i):
        self.rows[i, 8] /= 100
        return self.rows[i, :8], self.rows[i, 8]


class _LooksDamageTheLabel(_Right):
    def __getitem__(self, i):
        row = self.rows[i]
        label = row[8].clone()
        row[8] = 0
        return row[:8], label


class _OneBuffer(_Right):
    """Hands out the same two tensors each time, filled anew."""

    def __init__(self, path):
        super().__init__(path)
        self.x, self.label = torch.zeros(8), torch.zeros(())

    def __getitem__(self, i):
        self.x.copy_(self.rows[i, :8])
        self.label.copy_(self.rows[i, 8])
        return self.x, self.label


class _Arrays(_Right):
    def __getitem__(self, i):
        return self.rows[i, :8].numpy(), self.rows[i, 8].numpy()


class _Lists(_Right):
    def __getitem__(self, i):
        return self.rows[i, :8].tolist(), self.rows[i, 8].item()


class _LineByLine(Dataset):
    def __init__(self, file):
        opened = gzip.open if str(file).endswith(".gz") else open
        with opened(file, "rt", encoding="utf-8") as lines:
            _, *table = csv.reader(lines)
        self.examples = [[float(number) for number in row[1:]] for row in table]

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        *features, label = self.examples[index]
        return torch.tensor(features), torch.tensor(label)


class _ReadAgain(Dataset):
    """Keeps nothing but the file's name."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return len(_LineByLine(self.path))

    def __getitem__(self, index):
        return _LineByLine(self.path)[index]


class _TwoTensors(Dataset):
    def __init__(self, path):
        all_columns = np.loadtxt(path, delimiter=",", skiprows=1, dtype=str)[:, 1:].astype(float)
        self.x = torch.tensor(all_columns[:, :-1]).float()
        self.label = torch.tensor(all_columns[:, -1]).float()

    def __len__(self):
        return self.x.size(0)

    def __getitem__(self, i):
        return self.x[i], self.label[i]


# ---- two means -------------------------------------------------------------------------------


def _mse_that_changes_the_prediction(prediction, label):
    prediction -= label
    return (prediction**2).mean()


def _mse_in_a_loop(prediction, label):
    total, pairs = 0.0, zip(prediction.reshape(-1), label.reshape(-1), strict=True)
    for one, other in pairs:
        total = total + (one - other) * (one - other)
    return total / prediction.numel()


def _average_that_empties_the_lists(losses, sizes):
    total, seen = 0.0, 0
    while losses:
        size = sizes.pop()
        total, seen = total + losses.pop() * size, seen + size
    return total / seen


def _average_in_a_loop(losses, sizes):
    total, seen = 0.0, 0
    for loss, size in zip(losses, sizes, strict=True):
        total += loss * size
        seen += size
    return total / seen


# ---- a run that repeats ----------------------------------------------------------------------

_made_once = torch.Generator()
_noise_made_once = np.random.default_rng(0)


def _run(seed, model_seed, loader_generator, normal):
    """The notebook's run, with the three sources of chance handed in."""
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    if model_seed is not None:
        torch.manual_seed(model_seed)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    torch.manual_seed(seed)
    loader = DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=True,
                        generator=loader_generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for x_batch, label in loader:
        x_batch = x_batch + float(normal(0, 0.05))
        loss = nn.functional.mse_loss(model(x_batch), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


def _mended(seed):
    return _run(seed, seed, _seeded(seed), np.random.default_rng(seed).normal)


def _old_numpy_seeded(seed):
    np.random.seed(seed)                                # says nothing to default_rng()
    return _run(seed, seed, _seeded(seed), np.random.default_rng().normal)


def _seeded_at_the_top(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return _run(seed, None, _seeded(seed), np.random.normal)


def _noise_from_torch(seed):
    g = _seeded(seed + 1)
    return _run(seed, seed, _seeded(seed),
                lambda mean, std: mean + std * torch.randn((), generator=g))


def _shuffler_started_again(seed):
    noise = np.random.default_rng(seed + 5)
    return _run(seed, seed, _made_once.manual_seed(seed), noise.normal)


def _default_streams(seed):
    """The loader without a generator of its own follows PyTorch's stream, which is seeded."""
    return _run(seed, seed, None, np.random.default_rng([seed, 1]).normal)


def _printed_run(seed):
    print(_mended(seed))


@functools.lru_cache
def _remembered(seed):                                  # the chance is as before
    return _run(seed, None, _made_once, np.random.default_rng().normal)


def _made_up(seed):
    numbers = random.Random(seed)
    return [numbers.random() for _ in range(4)]


def _not_shuffled(seed, *, update=True, shuffle=False):
    torch.manual_seed(seed)
    noise = np.random.default_rng(seed)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for x_batch, label in DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=shuffle):
        x_batch = x_batch + float(noise.normal(0, 0.05))
        loss = nn.functional.mse_loss(model(x_batch), label)
        optimizer.zero_grad()
        loss.backward()
        if update:
            optimizer.step()
        losses.append(loss.item())
    return losses


def _shuffler_by_the_clock(seed):
    shuffler = torch.Generator()
    shuffler.seed()
    return _run(seed, seed, shuffler, np.random.default_rng(seed).normal)


def _forked(seed):
    with torch.random.fork_rng():
        return _run(seed, seed, _seeded(seed), np.random.RandomState(seed).normal)


def _own_loss(seed):
    """The squares by hand, the gradients by `autograd.backward`."""
    torch.manual_seed(seed)
    noise = np.random.default_rng(seed)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    losses = []
    for x_batch, label in DataLoader(TensorDataset(x, x**2), batch_size=16, shuffle=True):
        model.zero_grad()
        loss = (model(x_batch + float(noise.normal(0, 0.05))) - label).square().mean()
        torch.autograd.backward(loss)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
        losses.append(loss.item())
    return losses


# ---- the training loop -----------------------------------------------------------------------


def _trained(model, loss_function, optimizer, loader, epochs, *, each=None, before=None,
             order=lambda model, x, label, loss_function: loss_function(model(x), label)):
    """A right loop; `each` follows every update, `before` comes before every epoch."""
    losses = []
    for _ in range(epochs):
        (before or model.train)()
        sums = []
        for x, label in loader:
            optimizer.zero_grad(set_to_none=False)
            loss = order(model, x, label, loss_function)
            loss.backward()
            optimizer.step()
            sums.append((loss.item() * len(label), len(label)))
            if each:
                each(model, x, label, loss)
        losses.append(sum(one for one, _ in sums) / sum(n for _, n in sums))
    return losses


def _steps_twice(model, loss_function, optimizer, loader, epochs):
    return _trained(model, loss_function, optimizer, loader, epochs,
                    each=lambda *_: optimizer.step())


def _own_optimizer(model, loss_function, optimizer, loader, epochs):
    return _trained(model, loss_function, torch.optim.SGD(model.parameters(), lr=0.1), loader,
                    epochs)


def _dealt_once(model, loss_function, optimizer, loader, epochs):
    return _trained(model, loss_function, optimizer, list(loader), epochs)


def _measured_after(model, loss_function, optimizer, loader, epochs):
    losses = []
    for _ in range(epochs):
        model.train()
        total = seen = 0
        for x, label in loader:
            optimizer.zero_grad()
            loss_function(model(x), label).backward()
            optimizer.step()
            with torch.no_grad():
                total += loss_function(model(x), label).item() * len(x)
            seen += len(x)
        losses.append(total / seen)
    return losses


def _cleared_once_an_epoch(model, loss_function, optimizer, loader, epochs, *, each_batch=True):
    losses = []
    model.train()
    for _ in range(epochs):
        optimizer.zero_grad()
        total = seen = 0
        for x, label in loader:
            loss = loss_function(model(x), label)
            loss.backward()
            if each_batch:
                optimizer.step()
            total, seen = total + loss.item() * len(x), seen + len(x)
        if not each_batch:
            optimizer.step()
        losses.append(total / seen)
    return losses


def _one_update_an_epoch(*given):
    return _cleared_once_an_epoch(*given, each_batch=False)


def _first_epoch_only(*given):
    return _trained(*given[:4], 1)


def _last_batch_left_out(model, loss_function, optimizer, loader, epochs):
    return _trained(model, loss_function, optimizer, _Short(loader), epochs)


class _Short:
    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return iter(list(self.loader)[:-1])


def _by_hand(model, loss_function, optimizer, loader, epochs):
    """A right one: gradients from `autograd.grad`, put in place; a generator of sums."""
    model.train()
    parameters, losses = list(model.parameters()), []
    for _ in range(epochs):
        weighted, count = [], 0
        for x, label in loader:
            value = loss_function(model(x), label)
            for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters),
                                        strict=True):
                parameter.grad = slope
            optimizer.step()
            weighted.append(float(value) * x.shape[0])
            count += x.shape[0]
        losses.append(sum(weighted) / count)
    return losses


def _tensor_losses(*given):
    return [torch.tensor(one) for one in _trained(*given)]


WRONG = {
    "torch-shape-bug": {
        "a row": lambda p, y: p.T - y,
        "distances": lambda p, y: (p[:, 0] - y).abs(),
        "squares": lambda p, y: (p[:, 0] - y) ** 2,
        "first row of the table": lambda p, y: (p - y)[0],
        "first column of the table": lambda p, y: (p - y)[:, 0],
        "the mean alone": lambda p, y: (p[:, 0] - y).mean(),
        "five examples only": lambda p, y: p.view(5) - y,
        "the wrong dim squeezed": lambda p, y: p.squeeze(0) - y,
        "both sorted": lambda p, y: p[:, 0].sort().values - y.sort().values,
        "minus the mean label": lambda p, y: p[:, 0] - y.mean(),
        "a list": lambda p, y: (p[:, 0] - y).tolist(),
        "squeezes the argument": _squeezed_in_place,
        "changes the label": _label_changed,
    },
    "torch-csv-dataset": {
        "last row lost": _LastRowLost,
        "counts columns": _CountsColumns,
        "int64 label": _WholeLabel,
        "features shifted by one": _FeaturesShiftedByOne,
        "label first": _LabelFirst,
        "hour as label": _HourAsLabel,
        "always the first": _AlwaysTheFirst,
        "label of the next hour": _NextLabel,
        "shuffled": _Shuffled,
        "scaled": _Scaled,
        "the first thousand": _FirstThousand,
        "does not look at the path": _OwnPath,
        "keeps the first file": _OneForAll,
        "looking changes the data": _LooksDamage,
        "looking changes the label": _LooksDamageTheLabel,
        "one buffer for all rows": _OneBuffer,
        "plain lists": _Lists,
        "NumPy arrays": _Arrays,
    },
    "torch-mse": {
        "divided by the rows only": lambda p, y: ((p - y) ** 2).sum() / len(p),
        "mean along the last dim": lambda p, y: ((p - y) ** 2).mean(dim=-1),
        "unbiased": lambda p, y: ((p - y) ** 2).sum() / (p.numel() - 1),
        "the spread": lambda p, y: (p - y).var(unbiased=False),
        "difference of squares": lambda p, y: (p**2 - y**2).mean(),
        "every prediction with every label": lambda p, y: (
            (p.reshape(-1, 1) - y.reshape(-1)) ** 2).mean(),
        "dims kept": lambda p, y: ((p - y) ** 2).mean().reshape(1),
        "a Python number": lambda p, y: ((p - y) ** 2).mean().item(),
        "detached": lambda p, y: ((p - y) ** 2).mean().detach(),
        "made anew, off the record": lambda p, y: torch.tensor(
            ((p - y) ** 2).mean().item(), dtype=p.dtype),
        "float32 always": lambda p, y: ((p - y) ** 2).mean().float(),
        "changes the prediction": _mse_that_changes_the_prediction,
    },
    "torch-validation-average": {
        "weights upside down": lambda losses, sizes: sum(
            loss / size for loss, size in zip(losses, sizes, strict=True)) / sum(
            1 / size for size in sizes),
        "last batch left out": lambda losses, sizes: _average_in_a_loop(
            losses[:-1], sizes[:-1]) if len(losses) > 1 else losses[0],
        "whole numbers": lambda losses, sizes: sum(
            loss * size for loss, size in zip(losses, sizes, strict=True)) // sum(sizes),
        "first batch's size for all": lambda losses, sizes: sum(losses) * sizes[0] / sum(sizes),
        "297 examples": lambda losses, sizes: sum(
            loss * size for loss, size in zip(losses, sizes, strict=True)) / 297,
        "losses and sizes swapped": lambda losses, sizes: _average_in_a_loop(sizes, losses),
        "sorted losses": lambda losses, sizes: _average_in_a_loop(sorted(losses), sizes),
        "median": lambda losses, sizes: statistics.median(losses),
        "two digits": lambda losses, sizes: round(_average_in_a_loop(losses, sizes), 2),
        "largest first, last by itself": lambda losses, sizes: (
            sum(losses[:-1]) * sizes[0] + losses[-1] * sizes[-1]) / sum(sizes),
        "sizes looked up by loss": lambda losses, sizes: sum(
            loss * sizes[losses.index(loss)] for loss in losses) / sum(sizes),
        "a dict of losses": lambda losses, sizes: sum(
            loss * size for loss, size in dict(zip(losses, sizes, strict=True)).items())
            / sum(sizes),
        "batches without loss left out": lambda losses, sizes: sum(
            loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(
            size for loss, size in zip(losses, sizes, strict=True) if loss),
        "a tensor": lambda losses, sizes: torch.tensor(_average_in_a_loop(losses, sizes)),
        "empties the lists": _average_that_empties_the_lists,
    },
    "torch-loop": {
        "two steps for each batch": _steps_twice,
        "an optimiser of its own": _own_optimizer,
        "the rows dealt once": _dealt_once,
        "measured after the update": _measured_after,
        "one update an epoch": _one_update_an_epoch,
        "cleared once an epoch": _cleared_once_an_epoch,
        "one epoch": _first_epoch_only,
        "the small batch left out": _last_batch_left_out,
        "in eval mode": lambda model, *rest: _trained(model, *rest, before=model.eval),
        "tensors": _tensor_losses,
        "a loss in all": lambda *given: sum(_trained(*given)) / given[4],
        "nothing returned": lambda *given: _trained(*given) and None,
        "the sum, not the mean": lambda *given: [9 * one for one in _trained(*given)],
        "rounded": lambda *given: [round(one, 2) for one in _trained(*given)],
        "no training": lambda model, *rest: [0.0] * rest[3],
    },
    "torch-repeat": {
        "NumPy's other stream seeded": _old_numpy_seeded,
        "noise made once": lambda seed: _run(seed, seed, _seeded(seed), _noise_made_once.normal),
        "even and odd seeds alike": lambda seed: _mended(seed % 2),
        "the last loss alone": lambda seed: _mended(seed)[-1],
        "no losses": lambda seed: [],
        "prints them": _printed_run,
        "remembers each seed's losses": _remembered,
        "made up": _made_up,
        "the noise is gone": lambda seed: _run(seed, seed, _seeded(seed), lambda mean, std: 0.0),
        "the shuffling is gone": _not_shuffled,
        "the updates are gone": lambda seed: _not_shuffled(seed, update=False, shuffle=True),
        "a shuffler started by the clock": _shuffler_by_the_clock,
    },
}

RIGHT = {
    "torch-shape-bug": {
        "label as a column, then squeezed": lambda p, y: (p - y.unsqueeze(1)).squeeze(1),
        "flattened": lambda p, y: p.flatten() - y,
        "in the label's shape": lambda p, y: p.reshape(y.shape) - y,
        "diagonal of the table": lambda p, y: torch.diagonal(p - y),
        "plain numbers": _residuals_of_floats,
        "sums of one": lambda p, y: p.sum(dim=1).sub(y),
        "NumPy inside": lambda p, y: torch.from_numpy(p.numpy()[:, 0] - y.numpy()),
    },
    "torch-csv-dataset": {
        "from one table": _Right,
        "line by line": _LineByLine,
        "the file anew for each row": _ReadAgain,
        "two tensors": _TwoTensors,
    },
    "torch-mse": {
        "ready-made": lambda p, y: nn.functional.mse_loss(p, y),
        "loop": _mse_in_a_loop,
        "dot product": lambda p, y: torch.dot(
            (p - y).reshape(-1), (p - y).reshape(-1)) / p.numel(),
        "einsum": lambda p, y: torch.einsum(
            "i,i->", (p - y).flatten(), (p - y).flatten()) / p.numel(),
        "squared norm": lambda p, y: (p - y).norm().square() / p.numel(),
        "more digits inside": lambda p, y: (p.double() - y.double()).square().mean().to(p.dtype),
        "label first": lambda p, y: torch.mean(torch.pow(y - p, 2)),
        "a loss module": nn.MSELoss(),
        "multiplied out": lambda p, y: (p * p).mean() - 2 * (p * y).mean() + (y * y).mean(),
    },
    "torch-validation-average": {
        "loop": _average_in_a_loop,
        "NumPy": lambda losses, sizes: float(np.average(losses, weights=sizes)),
        "NumPy's own number": lambda losses, sizes: np.dot(losses, sizes) / np.sum(sizes),
        "PyTorch": lambda losses, sizes: (
            torch.tensor(losses, dtype=torch.float64) * torch.tensor(sizes)).sum().item()
            / sum(sizes),
        "shares first": lambda losses, sizes: sum(
            loss * (size / sum(sizes)) for loss, size in zip(losses, sizes, strict=True)),
        "every example by itself": lambda losses, sizes: statistics.fmean(
            loss for loss, size in zip(losses, sizes, strict=True) for _ in range(size)),
    },
    "torch-loop": {
        "cleared at the start": _trained,
        "gradients by hand": _by_hand,
        "a tuple": lambda *given: tuple(_trained(*given)),
        "NumPy's numbers": lambda *given: list(np.array(_trained(*given))),
        "validated between": lambda model, *rest: _trained(
            model, *rest, each=lambda model, x, *_: model.train() and model.eval()(x),
            order=lambda model, x, label, measure: measure(model.train()(x), label)),
    },
    "torch-repeat": {
        "a generator each": _mended,
        "all seeded at the top": _seeded_at_the_top,
        "noise from torch": _noise_from_torch,
        "shuffler started again": _shuffler_started_again,
        "the default stream": _default_streams,
        "fork_rng": _forked,
        "a loss and updates by hand": _own_loss,
    },
}
