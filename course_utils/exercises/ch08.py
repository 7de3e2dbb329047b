"""Chapter 08, Batch normalisation: the forward pass, running statistics, the forgotten eval()."""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict
from course_utils.exercises.nets import Parts, moved, parts_of

f64 = torch.float64


def _seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


# ---- bn-forward ----------------------------------------------------------------------------------


def batch_norm(z: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    if len(z) < 2:
        raise ValueError("one example alone has no spread")
    mean = z.mean(0)                                     # (d,): over the batch, for each neuron
    var = ((z - mean) ** 2).mean(0)                      # (d,): divided by B, not B - 1
    return gamma * (z - mean) / torch.sqrt(var + eps) + beta


def _batch_norm_by_torch(z: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return nn.functional.batch_norm(z, None, None, gamma, beta, training=True, eps=eps)


def _forward_cases() -> list[Case]:
    g = _seeded(8)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=f64)

    blank = draw(6, 3)
    blank[:, 1] = 4.0
    return [
        Case((torch.tensor([[1.0], [3.0]], dtype=f64), torch.ones(1, dtype=f64),
              torch.zeros(1, dtype=f64)), "two examples, one neuron"),
        Case((draw(5, 3), torch.ones(3, dtype=f64), torch.zeros(3, dtype=f64)), "γ = 1, β = 0"),
        Case((3 * draw(5, 4) + 7, draw(4), draw(4)), "random γ and β, 5 × 4"),
        Case((draw(4, 4), draw(4), draw(4)), "as many examples as neurons"),
        Case((0.003 * draw(8, 2), draw(2), draw(2)), "a tiny spread: ε counts"),
        Case((draw(8, 2), draw(2), draw(2), 0.5), "a large ε"),
        Case((blank, draw(3), draw(3)), "a neuron that is the same for all examples"),
        Case((draw(64, 32), draw(32), draw(32)), "64 × 32"),
        Case((draw(1, 3), draw(3), draw(3)), "a batch of one", ValueError),
        Case((draw(0, 3), draw(3), draw(3)), "an empty batch", ValueError),
        Case((draw(6, 3) + 1e5, draw(3), draw(3)), "far from zero: 100,000"),
    ]


def _two(z):
    if len(z) < 2:
        raise ValueError


def _over_neurons(z, gamma, beta, eps=1e-5):
    _two(z)
    return nn.functional.layer_norm(z, z.shape[1:], gamma, beta, eps)


def _over_everything(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * (z - z.mean()) / torch.sqrt(z.var(correction=0) + eps) + beta


def _unbiased(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * (z - z.mean(0)) / torch.sqrt(z.var(0) + eps) + beta


def _eps_outside(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * (z - z.mean(0)) / (z.std(0, correction=0) + eps) + beta


def _no_eps(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * (z - z.mean(0)) / z.std(0, correction=0) + beta


def _no_root(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * (z - z.mean(0)) / (z.var(0, correction=0) + eps) + beta


def _no_scale(z, gamma, beta, eps=1e-5):
    _two(z)
    return (z - z.mean(0)) / torch.sqrt(z.var(0, correction=0) + eps)


def _shift_first(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * ((z - z.mean(0)) / torch.sqrt(z.var(0, correction=0) + eps) + beta)


def _mean_kept(z, gamma, beta, eps=1e-5):
    _two(z)
    return gamma * z / torch.sqrt(z.var(0, correction=0) + eps) + beta


def _one_allowed(z, gamma, beta, eps=1e-5):
    return gamma * (z - z.mean(0)) / torch.sqrt(z.var(0, correction=0) + eps) + beta


def _squares_less_square(z, gamma, beta, eps=1e-5):
    _two(z)
    mean = z.mean(0)
    return gamma * (z - mean) / torch.sqrt((z**2).mean(0) - mean**2 + eps) + beta


def _input_changed(z, gamma, beta, eps=1e-5):
    _two(z)
    z -= z.mean(0)
    return gamma * z / torch.sqrt(z.var(0, correction=0) + eps) + beta


FORWARD = Exercise(
    id="bn-forward",
    chapter="08",
    title="Batch normalisation, forward",
    solution=batch_norm,
    cases=_forward_cases,
    oracle=_batch_norm_by_torch,
    hints=(
        "Each neuron is a column of z. Its mean and variance are taken over the rows: dim 0.",
        "`z - z.mean(0)` subtracts each column's mean, by broadcasting. The variance divides by "
        "B: `z.var(0, correction=0)`.",
        "`gamma * (z - mean) / torch.sqrt(var + eps) + beta`, after a test of `len(z)`.",
    ),
    mistakes=(
        Mistake("over the neurons", _over_neurons,
                "You normalise each row, over its neurons. That is LayerNorm. Here each *column* "
                "is normalised, over the batch: dim 0."),
        Mistake("over everything", _over_everything,
                "One mean and one variance for the whole table. Each neuron has its own: dim 0."),
        Mistake("divided by B − 1", _unbiased,
                "`var` divides by B − 1 unless told otherwise. The layer divides by B: "
                "`correction=0`."),
        Mistake("ε outside the root", _eps_outside,
                "ε belongs inside the root: √(σ² + ε). It shows where the spread is tiny."),
        Mistake("no ε", _no_eps,
                "ε is missing: a neuron that is the same for all examples gives 0/0."),
        Mistake("no root", _no_root,
                "You divide by the variance. Divide by its root."),
        Mistake("γ and β missing", _no_scale,
                "That is the normalised z. Its scale γ and shift β are missing."),
        Mistake("shift before scale", _shift_first,
                "β is multiplied by γ with you: first scale, then shift."),
        Mistake("mean kept", _mean_kept,
                "You divide by the spread, but the mean is not subtracted."),
        Mistake("one example allowed", _one_allowed,
                "A batch of one has no spread: its output would be β, whatever the image. Refuse "
                "it with a ValueError."),
        Mistake("mean of squares less squared mean", _squares_less_square,
                "On paper that is the variance. But far from zero two huge numbers are "
                "subtracted, and rounding eats the digits of the small rest: subtract the mean "
                "before you square."),
        Mistake("input changed", _input_changed,
                "`z -= …` changes the caller's tensor. Write `z - z.mean(0)`."),
    ),
    stub='''def batch_norm(z, gamma, beta, eps=1e-5):        # z: (B, d)
    ...                                  # your code: (B, d)

check("bn-forward", batch_norm)''',
)

# ---- bn-running ----------------------------------------------------------------------------------


def update_running(
    running_mean: Tensor, running_var: Tensor, z: Tensor, momentum: float = 0.1
) -> tuple[Tensor, Tensor]:
    mean, var = z.mean(0), z.var(0)                      # (d,); var divides by B - 1: unbiased
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var
    return new_mean, new_var


def _running_by_torch(running_mean, running_var, z, momentum=0.1):
    mean, var = running_mean.clone(), running_var.clone()
    nn.functional.batch_norm(z, mean, var, training=True, momentum=momentum)
    return mean, var


def _running_cases() -> list[Case]:
    g = _seeded(9)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=f64)

    def case(b: int, d: int, note: str, *momentum: float) -> Case:
        return Case((draw(d), draw(d).abs(), 2 * draw(b, d) + 1, *momentum), note)

    start = torch.zeros(2, dtype=f64), torch.ones(2, dtype=f64)
    return [
        Case((*start, draw(8, 2)), "the start: mean 0, variance 1"),
        case(5, 3, "random, 5 × 3"),
        case(2, 3, "two examples: B/(B − 1) is 2"),
        case(4, 4, "as many examples as neurons"),
        case(64, 5, "64 × 5"),
        case(6, 2, "a = 1: only the new batch counts", 1.0),
        case(6, 2, "a = 0: nothing changes", 0.0),
        case(6, 2, "a = 0.7", 0.7),
    ]


def _shares(running_mean, running_var, mean, var, momentum):
    return ((1 - momentum) * running_mean + momentum * mean,
            (1 - momentum) * running_var + momentum * var)


def _biased(running_mean, running_var, z, momentum=0.1):
    return _shares(running_mean, running_var, z.mean(0), z.var(0, correction=0), momentum)


def _shares_swapped(running_mean, running_var, z, momentum=0.1):
    return update_running(running_mean, running_var, z, 1 - momentum)


def _deviation(running_mean, running_var, z, momentum=0.1):
    return _shares(running_mean, running_var, z.mean(0), z.std(0), momentum)


def _batch_only(running_mean, running_var, z, momentum=0.1):
    return z.mean(0), z.var(0)


def _added(running_mean, running_var, z, momentum=0.1):
    return running_mean + momentum * z.mean(0), running_var + momentum * z.var(0)


def _rows_for_columns(running_mean, running_var, z, momentum=0.1):
    return _shares(running_mean, running_var, z.mean(1), z.var(1), momentum)


def _around_running(running_mean, running_var, z, momentum=0.1):
    var = ((z - running_mean) ** 2).sum(0) / (len(z) - 1)
    return _shares(running_mean, running_var, z.mean(0), var, momentum)


def _factor_on_mean(running_mean, running_var, z, momentum=0.1):
    factor = len(z) / (len(z) - 1)
    return _shares(running_mean, running_var, factor * z.mean(0), z.var(0), momentum)


def _factor_twice(running_mean, running_var, z, momentum=0.1):
    factor = len(z) / (len(z) - 1)
    return _shares(running_mean, running_var, z.mean(0), factor * z.var(0), momentum)


def _var_first(running_mean, running_var, z, momentum=0.1):
    return update_running(running_mean, running_var, z, momentum)[::-1]


def _changed_in_place(running_mean, running_var, z, momentum=0.1):
    running_mean.lerp_(z.mean(0), momentum)
    running_var.lerp_(z.var(0), momentum)
    return running_mean, running_var


RUNNING = Exercise(
    id="bn-running",
    chapter="08",
    title="Running statistics",
    solution=update_running,
    cases=_running_cases,
    oracle=_running_by_torch,
    hints=(
        "Both are the same move: the old value counts 1 − a, the batch's value counts a.",
        "B/(B − 1) times the variance that divides by B is the variance that divides by B − 1. "
        "Which of the two does `z.var(0)` give?",
        "`(1 - momentum) * running_var + momentum * z.var(0)`, and the same with the mean.",
    ),
    mistakes=(
        Mistake("biased variance", _biased,
                "The variance divides by B with you. The kept one is unbiased, times B/(B − 1): "
                "`z.var(0)` does just that."),
        Mistake("shares swapped", _shares_swapped,
                "The shares are swapped: `momentum` is the share of the *new* batch."),
        Mistake("standard deviation", _deviation,
                "The standard deviation is averaged with you. Kept is the variance."),
        Mistake("only the batch", _batch_only,
                "The old values are forgotten. They count 1 − a."),
        Mistake("old value not reduced", _added,
                "You add to the old value without reducing it: it would grow with every batch. "
                "The shares are 1 − a and a."),
        Mistake("rows", _rows_for_columns,
                "Mean and variance belong to a neuron, a column of z: dim 0."),
        Mistake("spread around the running mean", _around_running,
                "The batch's variance is taken around the batch's *own* mean."),
        Mistake("factor on the mean", _factor_on_mean,
                "The factor B/(B − 1) belongs to the variance only. A batch's mean is unbiased."),
        Mistake("factor twice", _factor_twice,
                "The factor B/(B − 1) is in there twice: `z.var(0)` has it already."),
        Mistake("order", _var_first, "First the mean, then the variance."),
        Mistake("changed in place", _changed_in_place,
                "The values are right, but the old tensors are changed too. Return new ones here."),
    ),
    stub='''def update_running(running_mean, running_var, z, momentum=0.1):
    ...                                  # your code: new mean, new variance, (d,) each

check("bn-running", update_running)''',
)

# ---- bn-forgotten-eval ---------------------------------------------------------------------------


def held_out_accuracy(model: nn.Module, x: Tensor, label: Tensor, batch_size: int) -> float:
    was_training, right = model.training, 0
    model.eval()                                         # running statistics, no dropout
    with torch.no_grad():
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            right += (model(x[rows]).argmax(-1) == label[rows]).sum().item()
    model.train(was_training)                            # as it was found
    return right / len(x)


class _Notes:
    """What went through a net and through all copies of it."""

    def __init__(self) -> None:
        self.recorded, self.sizes = 0, []    # passes recorded for autograd; batch sizes

    def __deepcopy__(self, memo: dict) -> _Notes:
        return self


class _Watched(nn.Module):
    """A small BatchNorm net that takes notes."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.layers = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(),
                                        nn.Dropout(0.5), nn.Linear(16, 3))
        self.notes = _Notes()

    def forward(self, x: Tensor) -> Tensor:
        out = self.layers(x)
        self.notes.recorded += out.requires_grad
        self.notes.sizes.append(len(x))
        return out


@lru_cache(maxsize=1)
def _trained() -> tuple[_Watched, Tensor, Tensor]:
    """A net that has learned three classes (without dropout), and 63 rows sorted by class."""
    g, centres = _seeded(4), 2 * torch.eye(4)[:3]
    y = torch.randint(3, (300,), generator=g)
    x = centres[y] + 0.8 * torch.randn(300, 4, generator=g)
    model = _Watched()
    model.layers[3].eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    y = torch.randint(3, (63,), generator=g).sort().values
    return model, centres[y] + 0.8 * torch.randn(63, 4, generator=g), y


def _judge_eval(answer) -> Verdict:
    trained, x, y = _trained()
    for training, size in ((True, 20), (True, 63), (False, 20), (True, 3), (True, 1), (True, 100)):
        model = copy.deepcopy(trained).train(training)
        model.notes = _Notes()
        before = parts_of(model)
        with torch.no_grad():
            right = (trained.eval()(x).argmax(-1) == y).double().mean().item()
        got = answer(model, x.clone(), y.clone(), size)
        given = (f"63 rows sorted by class, batch_size = {size}, the model in "
                 f"{'train' if training else 'eval'} mode")
        problem = _wrong_value(got, right) or _wrong_manners(model, before, training, size)
        if problem:
            return Verdict(False, problem, given=given, got=got, expected=right)
    return Verdict(True, "Right in both modes and with every batch size, and the model is left as "
                   "it was.")


def _wrong_value(got, right: float) -> str:
    if isinstance(got, bool) or not isinstance(got, int | float | np.number):
        return "Return a Python number, the share of right answers (`.item()`)."
    return "" if abs(got - right) < 1e-6 else "This is not the share of right answers."


def _wrong_manners(model: _Watched, before: Parts, training: bool, size: int) -> str:
    if moved(model, before):
        return ("The accuracy is right, but the model's parameters or running statistics are not "
                "as they were: values, dtype or `requires_grad`.")
    if model.notes.recorded:
        return ("The accuracy is right, but the passes are recorded for gradients: `with "
                "torch.no_grad():`.")
    if any(part.training != training for part in model.modules()):
        mode = "train" if training else "eval"
        return f"The accuracy is right, but the model was in {mode} mode before, and is not now."
    return _wrong_sizes(model.notes.sizes, size)


def _wrong_sizes(sizes: list[int], size: int) -> str:
    if max(sizes, default=0) > size:
        return f"A batch of {max(sizes)} rows went through; at most {size} are asked for."
    if any(rows != size for rows in sizes[:-1]):
        return (f"The accuracy is right, but the batches have {min(sizes[:-1])} rows. Only the "
                f"last may be smaller than {size}.")
    return ""


def _forgotten(model, x, label, batch_size):
    with torch.no_grad():
        right = sum((model(x[i : i + batch_size]).argmax(-1) == label[i : i + batch_size]).sum()
                    for i in range(0, len(x), batch_size))
    return right.item() / len(x)


def _not_put_back(model, x, label, batch_size):
    model.eval()
    return _forgotten(model, x, label, batch_size)


def _always_train(model, x, label, batch_size):
    model.eval()
    found = _forgotten(model, x, label, batch_size)
    model.train()
    return found


def _with_gradients(model, x, label, batch_size):
    was, right = model.training, 0
    model.eval()
    for i in range(0, len(x), batch_size):
        right += (model(x[i : i + batch_size]).argmax(-1) == label[i : i + batch_size]).sum().item()
    model.train(was)
    return right / len(x)


def _mean_of_means(model, x, label, batch_size):
    was, found = model.training, []
    model.eval()
    with torch.no_grad():
        for i in range(0, len(x), batch_size):
            hits = model(x[i : i + batch_size]).argmax(-1) == label[i : i + batch_size]
            found.append(hits.double().mean().item())
    model.train(was)
    return sum(found) / len(found)


def _all_at_once(model, x, label, batch_size):
    return held_out_accuracy(model, x, label, len(x))


def _rest_dropped(model, x, label, batch_size):
    kept = len(x) // batch_size * batch_size
    return held_out_accuracy(model, x[:kept], label[:kept], batch_size) if kept else 0.0


def _shuffled(model, x, label, batch_size):
    order = torch.randperm(len(x), generator=_seeded(0))
    return _forgotten(model, x[order], label[order], batch_size)


def _a_tensor(model, x, label, batch_size):
    return torch.tensor(held_out_accuracy(model, x, label, batch_size))


EVAL = Exercise(
    id="bn-forgotten-eval",
    chapter="08",
    title="The forgotten eval()",
    solution=held_out_accuracy,
    cases=list,
    judge=_judge_eval,
    hints=(
        "`model.training` tells the mode. Note it first, and give it back at the end.",
        "`model.eval()`, then `with torch.no_grad():` around a loop over slices of `batch_size` "
        "rows. Count the right answers; divide once, by N.",
        "`right += (model(x[rows]).argmax(-1) == label[rows]).sum().item()`; at the end "
        "`model.train(was_training)`.",
    ),
    mistakes=(
        Mistake("forgotten", _forgotten,
                "In train mode each batch is normalised by itself, and here most batches hold one "
                "class: call `model.eval()`."),
        Mistake("shuffled instead", _shuffled,
                "Shuffling hides the mistake in large batches only: the answers still depend on "
                "the company, and the running statistics change. Call `model.eval()`."),
        Mistake("not put back", _not_put_back,
                "The model stays in eval mode: training would go on with frozen statistics and "
                "without dropout, and nobody would notice."),
        Mistake("always train mode", _always_train,
                "You switch to train mode at the end, also if the model came in eval mode. Note "
                "`model.training` first."),
        Mistake("with gradients", _with_gradients,
                "The passes are recorded for gradients that nobody asks for, which takes memory. "
                "`with torch.no_grad():`."),
        Mistake("mean of means", _mean_of_means,
                "The last batch is smaller, but counts as much as the others. Count the right "
                "answers, and divide once."),
        Mistake("all at once", _all_at_once,
                "All rows go through in one batch. Cut them into batches of `batch_size`."),
        Mistake("rest dropped", _rest_dropped,
                "The smaller last batch is not counted."),
        Mistake("a tensor", _a_tensor, "The value is right: return it as a number, `.item()`."),
    ),
    stub='''def held_out_accuracy(model, x, label, batch_size):
    ...                                  # your code: a number from 0 to 1

check("bn-forgotten-eval", held_out_accuracy)''',
)

EXERCISES = (FORWARD, RUNNING, EVAL)

QUESTIONS = (
    Question(
        "bn-q-scale", "08",
        "Two features of equal scale; one is then multiplied by 10. The condition number?",
        ("about 10 times", "about 100 times", "unchanged"), 1,
        "The surface is squeezed by 10 along that weight, and a bend grows with the square.",
    ),
    Question(
        "bn-q-new-rows", "08", "New rows arrive. With which mean and σ are they normalised?",
        ("those of the training rows", "their own", "those of all rows together"), 0,
        "They have to pass through the same function as the rows that the model learned from.",
    ),
    Question(
        "bn-q-axis", "08", "z is (B, d). Over what does BatchNorm take its means?",
        ("over the d neurons of a row", "over the B rows of a column", "over all entries"), 1,
        "Each neuron has its own mean over the batch. Over the neurons of a row: LayerNorm.",
    ),
    Question(
        "bn-q-eval", "08", "Which mean does BatchNorm use in eval mode?",
        ("the test batch's", "zero", "the running mean of training batches"), 2,
        "So an image's answer does not depend on which others are tested with it.",
    ),
    Question(
        "bn-q-learned", "08", "What does BatchNorm *learn* by its gradient?",
        ("γ and β", "the running mean and variance", "ε and a"), 0,
        "The running statistics are buffers: averaged over batches, not learned.",
    ),
    Question(
        "bn-q-couple", "08", "In train mode one image of the batch is exchanged. What changes?",
        ("only its own output", "the outputs of all rows", "nothing until the next update"), 1,
        "Mean and variance of the batch move, and every row is normalised with them.",
    ),
    Question(
        "bn-q-two", "08", "Why is a batch of 2 so bad for BatchNorm?",
        ("the updates become too slow", "ε outweighs the variance",
         "all normalised values are about ±1"), 2,
        "Two values lie one standard deviation on either side of their mean: sizes are lost.",
    ),
    Question(
        "bn-q-sorted", "08", "eval() is forgotten. Which test batches do the most harm?",
        ("batches of a single class", "large shuffled batches", "all the same"), 0,
        "What the images of one class have in common is their mean, and it is subtracted.",
    ),
    Question(
        "bn-q-start", "08",
        "Why was the net with BatchNorm also compared with He's start, not only PyTorch's?",
        ("He's start needs no learning rate", "part of the gain is a repaired start",
         "BatchNorm needs He's start"), 1,
        "A deep net from the default start hardly learns. What a better start cures is not "
        "BatchNorm's own share.",
    ),
    Question(
        "bn-q-weights", "08", "A layer's weights become 10 times as long; BatchNorm follows. z̃?",
        ("unchanged, but for ε", "10 times as large", "a tenth"), 0,
        "Mean and standard deviation grow by 10 as well: the quotient stays.",
    ),
)
