"""Chapter 07, Losses for classification: a gradient by hand, a softmax for all sizes, a bug."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict
from course_utils.exercises.nets import moved, parts_of

f64 = torch.float64


def _drawn(*shape: int, seed: int = 7, size: float = 2.0, dtype: torch.dtype = f64) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return size * torch.randn(*shape, generator=g, dtype=f64).to(dtype)


def _labels(n: int, k: int, seed: int = 8) -> Tensor:
    return torch.randint(0, k, (n,), generator=torch.Generator().manual_seed(seed))


# ---- loss-gradient-by-hand -----------------------------------------------------------------------


def gradient_by_hand(logits: Tensor, classes: Tensor) -> Tensor:
    powers = logits.exp()
    gradient = powers / powers.sum(dim=1, keepdim=True)      # y′, a new tensor
    gradient[torch.arange(len(classes)), classes] -= 1       # − ŷ: 1 at the right class
    return gradient / len(classes)                           # the mean over the examples


def _gradient_by_autograd(logits: Tensor, classes: Tensor) -> Tensor:
    leaf = logits.detach().clone().requires_grad_()
    nn.functional.cross_entropy(leaf, classes).backward()
    return leaf.grad


def _gradient_cases() -> list[Case]:
    return [
        Case((torch.zeros(1, 3, dtype=f64), torch.tensor([1])), "one example, equal logits"),
        Case((torch.tensor([[2.0, 0.0], [-1.0, 3.0]], dtype=f64), torch.tensor([0, 0])),
             "two examples, one right, one wrong"),
        Case((_drawn(5, 4), _labels(5, 4)), "random, 5 × 4"),
        Case((_drawn(4, 4, seed=9), _labels(4, 4, seed=10)), "random, square: 4 × 4"),
        Case((_drawn(6, 3, seed=11, dtype=torch.float32), _labels(6, 3)), "float32"),
        Case((_drawn(3, 10, seed=12, size=5.0), torch.tensor([9, 9, 0])), "ten classes"),
    ]


def _share(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)


def _one_hot(logits: Tensor, classes: Tensor) -> Tensor:
    return nn.functional.one_hot(classes, logits.shape[1]).to(logits.dtype)


def _sum_not_mean(logits, classes):
    return _share(logits) - _one_hot(logits, classes)


def _mean_of_all(logits, classes):
    return (_share(logits) - _one_hot(logits, classes)) / logits.numel()


def _turned(logits, classes):
    return (_one_hot(logits, classes) - _share(logits)) / len(classes)


def _label_forgotten(logits, classes):
    return _share(logits) / len(classes)


def _wrong_dim(logits, classes):
    return (logits.softmax(dim=0) - _one_hot(logits, classes)) / len(classes)


def _logits_not_shares(logits, classes):
    return (logits - _one_hot(logits, classes)) / len(classes)


def _only_right_class(logits, classes):
    label = _one_hot(logits, classes)
    return (_share(logits) - label) * label / len(classes)


def _by_the_shares(logits, classes):
    return -_one_hot(logits, classes) / _share(logits) / len(classes)


def _of_mse(logits, classes):
    share = _share(logits)
    lack = share - _one_hot(logits, classes)
    return 2 * share * (lack - (share * lack).sum(1, keepdim=True)) / len(classes)


def _of_all_rows(logits, classes):
    gradient = _share(logits)
    gradient[:, classes] -= 1
    return gradient / len(classes)


def _the_loss(logits, classes):
    return nn.functional.cross_entropy(logits, classes)


GRADIENT = Exercise(
    id="loss-gradient-by-hand",
    chapter="07",
    title="The gradient of cross-entropy by hand",
    solution=gradient_by_hand,
    cases=_gradient_cases,
    oracle=_gradient_by_autograd,
    forbidden=("backward", "grad", "_make_dual"),  # the last: autograd, forward
    hints=(
        "For one example the gradient is share minus label. What does the mean over N examples do "
        "to it?",
        "The shares: `logits.exp()`, divided by the sums of the rows (`keepdim=True`). The label "
        "is one-hot: `nn.functional.one_hot(classes, K)`, or subtract 1 in one place of each row.",
        "`shares[torch.arange(N), classes] -= 1` takes 1 away at each row's own class; then "
        "divide by N.",
    ),
    mistakes=(
        Mistake("sum instead of mean", _sum_not_mean,
                "This is the gradient of the *sum* of the losses. The mean over N examples is 1/N "
                "of it."),
        Mistake("divided by N times K", _mean_of_all,
                "Divided by too much: the loss is the mean over the N examples; over the classes "
                "it is a sum."),
        Mistake("turned", _turned,
                "The sign is turned: this is the push, minus the gradient. The gradient is share "
                "minus label."),
        Mistake("label forgotten", _label_forgotten,
                "These are the shares. The label is still to be taken away."),
        Mistake("softmax over the examples", _wrong_dim,
                "Softmax goes along the wrong dim: the shares of one *example*, a row, sum to 1."),
        Mistake("logits for shares", _logits_not_shares,
                "You take the label from the logits; it is to be taken from the shares y′."),
        Mistake("right class only", _only_right_class,
                "Only the right class has a gradient with you. The others have too large a share, "
                "and are pushed down by it."),
        Mistake("by the shares", _by_the_shares,
                "This is the derivative by the shares y′. Asked for is the one by the logits: "
                "the chain rule goes on through softmax."),
        Mistake("of MSE", _of_mse,
                "This is the gradient of MSE after softmax. Cross-entropy's is simpler."),
        Mistake("each label in every row", _of_all_rows,
                "`gradient[:, classes]` means these columns in *every* row. Each row has one class "
                "of its own: `gradient[torch.arange(N), classes]`."),
        Mistake("the loss", _the_loss,
                "This is the loss, a single number. Asked for is its gradient, (N, K)."),
    ),
    stub='''def gradient_by_hand(logits, classes):   # (N, K), (N,) int64
    ...                                  # your code: (N, K), the gradient of the mean loss

check("loss-gradient-by-hand", gradient_by_hand)''',
)

# ---- loss-stable-softmax -------------------------------------------------------------------------


def stable_softmax(logits: Tensor) -> Tensor:
    m = logits.max(dim=-1, keepdim=True).values              # (…, 1): each row's own largest
    powers = (logits - m).exp()                              # the largest is 1: no overflow
    return powers / powers.sum(dim=-1, keepdim=True)         # the sum is at least 1: no 0/0


def _by_torch(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=-1)


def _softmax_cases() -> list[Case]:
    def row(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.tensor(values, dtype=dtype)

    return [
        Case((row(3.0, 1.0, -3.0),), "one row, shape (3,)"),
        Case((_drawn(4, 5),), "random, 4 × 5"),
        Case((_drawn(3, 3, seed=13),), "random, square"),
        Case((_drawn(2, 3, 4, seed=14),), "random, 2 × 3 × 4"),
        Case((row(1000.0, 999.0, 0.0),), "logits of 1000"),
        Case((row(-1000.0, -1001.0, -1000.0),), "logits of −1000"),
        Case((torch.stack([row(0.0, 1.0, 2.0), row(1000.0, 1001.0, 1002.0)]),),
             "a small and a large row together"),
        Case((row(1e4, -1e4, 5.0, dtype=f64),), "10,000 and −10,000"),
        Case((row(2.0, float("-inf"), 1.0),), "a class that is ruled out, −∞"),
        Case((row(0.0, 88.0),), "88: its power just fits into float32"),
        Case((torch.zeros(2, 1),), "a single class"),
        Case((row(-1000.0, float("-inf"), -1001.0),), "−∞ beside logits of −1000"),
        Case((torch.stack([torch.stack([row(0.0, 1.0, 2.0), row(1000.0, 1001.0, 1002.0)]),
                           torch.stack([row(-1000.0, -999.0, -998.0), row(5.0, 5.0, 5.0)])]),),
             "2 × 2 × 3: small and large rows in one block"),
        Case((_drawn(2, 1, 3, 4, seed=18),), "random, 2 × 1 × 3 × 4"),
    ]


def _not_shifted(logits):
    return logits.exp() / logits.exp().sum(dim=-1, keepdim=True)


def _one_shift_for_all(logits):
    powers = (logits - logits.max()).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def _mean_shift(logits):
    powers = (logits - logits.mean(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def _smallest_shift(logits):
    powers = (logits - logits.min(dim=-1, keepdim=True).values).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def _clamped(logits):
    powers = logits.clamp(-80, 80).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def _summed_over_all(logits):
    powers = (logits - logits.max()).exp()
    return powers / powers.sum()


def _first_dim(logits):
    return torch.softmax(logits, dim=0)


def _second_dim(logits):
    m = logits.max(dim=1, keepdim=True).values
    powers = (logits - m).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def _nan_to_zero(logits):
    return torch.nan_to_num(_not_shifted(logits))


def _shift_not_divided(logits):
    return (logits - logits.max(dim=-1, keepdim=True).values).exp()


def _logarithms(logits):
    return torch.log_softmax(logits, dim=-1)


def _in_float64(logits):
    return torch.softmax(logits.double(), dim=-1)


STABLE = Exercise(
    id="loss-stable-softmax",
    chapter="07",
    title="A softmax for all sizes",
    solution=stable_softmax,
    cases=_softmax_cases,
    oracle=_by_torch,
    forbidden=("softmax", "softmin", "log_softmax", "special_softmax", "special_log_softmax",
               "_softmax", "_log_softmax", "cross_entropy"),
    hints=(
        "Adding a constant to all logits of a row changes nothing. Which constant makes the "
        "largest power 1?",
        "Subtract each row's own largest logit: `logits.max(dim=-1, keepdim=True).values`. "
        "`keepdim=True` keeps the shape (…, 1), so that broadcasting fits.",
        "`powers = (logits - m).exp()`, then divide by `powers.sum(dim=-1, keepdim=True)`.",
    ),
    mistakes=(
        Mistake("not shifted", _not_shifted,
                "exp of a large logit is inf, and inf/inf is nan; of a very small one it is 0, and "
                "0/0 is nan. Shift the logits first."),
        Mistake("one shift for all rows", _one_shift_for_all,
                "You subtract the largest logit of the whole tensor. In a row far below it all "
                "powers become 0: each row needs its own largest."),
        Mistake("shifted by the mean", _mean_shift,
                "The mean is not enough: a logit far above it still overflows, and a −∞ spoils the "
                "mean. Which shift bounds every power?"),
        Mistake("shifted by the smallest", _smallest_shift,
                "With the smallest at 0 the largest still overflows."),
        Mistake("clamped", _clamped,
                "Clamping changes the logits: 1000 and 999 become equal. A shift keeps their "
                "difference."),
        Mistake("summed over everything", _summed_over_all,
                "Your shares sum to 1 over the whole tensor. They should in each row, along the "
                "last dim."),
        Mistake("first dim", _first_dim,
                "Softmax goes along the last dim (`dim=-1`); you take the first."),
        Mistake("second dim", _second_dim,
                "You take `dim=1`. The last dim is `dim=-1`, however many stand in front of it."),
        Mistake("nan replaced", _nan_to_zero,
                "Replacing nan by 0 hides the overflow: these are no shares, and do not sum to 1."),
        Mistake("not divided", _shift_not_divided,
                "The shift is right. The powers are still to be divided by their sum."),
        Mistake("logarithms", _logarithms,
                "These are the logarithms of the shares."),
        Mistake("another dtype", _in_float64,
                "The numbers are right, but the result is always float64. Keep the dtype of the "
                "logits: the shift works in float32 too."),
    ),
    stub='''def stable_softmax(logits):              # (…, K)
    ...                                  # your code: shares, the same shape

check("loss-stable-softmax", stable_softmax)''',
)

# ---- loss-find-double ----------------------------------------------------------------------------


def already_shares(model: nn.Module, x: Tensor) -> bool:
    was_training = model.training
    model.eval()                                             # no dropout while we look
    with torch.no_grad():
        outputs = model(x)                                   # (N, K)
    model.train(was_training)
    sums = outputs.sum(dim=1)                                # of each row
    return bool((outputs >= 0).all() and ((sums - 1).abs() < 1e-4).all())


class _Ends(nn.Module):
    """A linear layer, and a last step hidden in `forward`."""

    def __init__(self, end, d: int = 4, k: int = 3):
        super().__init__()
        self.layer, self.end = nn.Linear(d, k), end
        with torch.no_grad():
            self.layer.weight.copy_(_drawn(k, d, seed=15, size=1.0))
            self.layer.bias.copy_(_drawn(k, seed=16, size=0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.layer(x))


def _sum_one_but_negative(z: Tensor) -> Tensor:
    return z - z.mean(dim=1, keepdim=True) + 1 / z.shape[1]  # rows sum to 1, some are negative


def _small_positive(z: Tensor) -> Tensor:
    return torch.sigmoid(z)                                  # in 0 to 1, rows do not sum to 1


def _first_row_only(z: Tensor) -> Tensor:
    return torch.cat([z[:1].softmax(1), z[1:]])


def _last_row_only(z: Tensor) -> Tensor:
    return torch.cat([z[:-1], z[-1:].softmax(1)])


def _sigmoid_pair(z: Tensor) -> Tensor:
    first = torch.sigmoid(z[:, :1])
    return torch.cat([first, 1 - first], dim=1)


class _SharesInEval(nn.Module):
    """BatchNorm, whose statistics a look in training mode would move; shares in eval mode only."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, z: Tensor) -> Tensor:
        z = self.norm(z)
        return z if self.training else z.softmax(dim=1)


def _looked_at() -> list[tuple[nn.Module, Tensor, str]]:
    """(model, batch, what it is) of each question that the judge asks."""
    x = _drawn(6, 4, seed=17, size=1.0).float()

    def case(end, note: str, *, layer: nn.Module | None = None, train: bool = True):
        model = nn.Sequential(_Ends(nn.Identity()), layer) if layer is not None else _Ends(end)
        return model.train(train), x, note

    return [
        case(nn.Identity(), "a linear layer: logits"),
        case(None, "an nn.Softmax at the end", layer=nn.Softmax(dim=-1)),
        case(lambda z: z.softmax(dim=-1), "softmax hidden in forward"),
        case(None, "an nn.LogSoftmax at the end", layer=nn.LogSoftmax(dim=-1)),
        case(lambda z: z.softmax(dim=0), "softmax over the examples"),
        case(_small_positive, "sigmoids: from 0 to 1, but no sum 1"),
        case(_sum_one_but_negative, "rows sum to 1, some outputs negative"),
        case(_sigmoid_pair, "a sigmoid and its rest to 1"),
        case(_first_row_only, "only the first row sums to 1"),
        case(_last_row_only, "only the last row sums to 1"),
        (_Ends(lambda z: z.softmax(dim=0)), x[:3], "softmax over the examples, 3 × 3"),
        case(lambda z: z.relu(), "ReLU: none negative"),
        case(lambda z: 1.002 * z.softmax(dim=-1), "all rows sum to 1.002"),
        case(None, "dropout after softmax, in training mode",
             layer=nn.Sequential(nn.Softmax(dim=-1), nn.Dropout(0.5))),
        case(lambda z: z.softmax(dim=-1), "softmax hidden in forward, in evaluation mode",
             train=False),
        case(lambda z: (1000 * z).softmax(dim=1), "sure of each row: shares of exactly 0 and 1"),
        case(lambda z: 1.00005 * z.softmax(dim=1), "all rows sum to 1.00005"),
        case(lambda z: 1.0005 * z.softmax(dim=1), "all rows sum to 1.0005"),
        case(lambda z: z.softmax(dim=1) * torch.nan, "nan everywhere"),
        case(lambda z: torch.cat([z[:-1].softmax(1), z[-1:]]), "all rows but the last sum to 1"),
        case(lambda z: 0 * z + torch.tensor([0.7, 0.6, -0.3]), "0.7, 0.6 and −0.3 in each row"),
        case(None, "BatchNorm, and softmax in evaluation mode only", layer=_SharesInEval()),
    ]


def _judge_find(answer) -> Verdict:
    """First whether all answers are right, then whether everything was left as it was."""
    asked, wrong, left = _looked_at(), [], ""
    for model, x, note in asked:
        expected, rows = already_shares(model, x), x.clone()
        modes = [part.training for part in model.modules()]
        tried, before = copy.deepcopy(model), parts_of(model)
        got = answer(tried, rows)
        if not isinstance(got, bool | np.bool_):
            return Verdict(False, _no_bool(got), given=note, got=got, expected=expected)
        if got != expected:
            wrong.append((note, bool(got), expected))
        if not torch.equal(rows, x):
            left = left or "The answer is right, but your code changes x."
        if moved(tried, before):
            left = left or ("The answer is right, but the model's parameters or running statistics "
                            "are not as they were: values, dtype or `requires_grad`.")
        if [part.training for part in tried.modules()] != modes:
            left = left or (f"The answer is right, but the model was in "
                            f"{'training' if model.training else 'evaluation'} mode before, and is "
                            "not now. Note `model.training` first.")
    if wrong:
        note, got, expected = wrong[0]
        return Verdict(False, f"Wrong for {len(wrong)} of {len(asked)} models, such as the one "
                       "given.", given=note, got=got, expected=expected)
    return Verdict(not left, left or f"Right for all {len(asked)} models: softmax at the end, "
                   "hidden, over the wrong dim, before dropout, and no softmax at all.")


def _no_bool(got) -> str:
    if got is None:
        return "Your code returned None. Is the `return` missing?"
    return "Return True or False (`bool(…)`)."


def _by_layer_name(model, x):
    return any(isinstance(part, nn.Softmax) for part in model.modules())


def _only_the_sum(model, x):
    return bool(((model.eval()(x).sum(dim=1) - 1).abs() < 1e-4).all())


def _only_the_range(model, x):
    outputs = model.eval()(x)
    return bool(((outputs >= 0) & (outputs <= 1)).all())


def _mean_of_sums(model, x):
    outputs = model.eval()(x)
    return bool((outputs >= 0).all() and abs(outputs.sum() / len(x) - 1) < 1e-4)


def _columns(model, x):
    outputs = model.eval()(x)
    return bool((outputs >= 0).all() and ((outputs.sum(dim=0) - 1).abs() < 1e-4).all())


def _first_row(model, x):
    outputs = model.eval()(x)[:1]
    return bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < 1e-4).all())


def _any_row(model, x):
    outputs = model.eval()(x)
    return bool(((outputs >= 0).all(dim=1) & ((outputs.sum(dim=1) - 1).abs() < 1e-4)).any())


def _in_training_mode(model, x):
    outputs = model.train()(x)
    return bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < 1e-4).all())


def _upside_down(model, x):
    return not already_shares(model, x)


def _a_tensor(model, x):
    outputs = model.eval()(x)
    return (outputs >= 0).all() & ((outputs.sum(dim=1) - 1).abs() < 1e-4).all()


FIND = Exercise(
    id="loss-find-double",
    chapter="07",
    title="Find the double softmax",
    solution=already_shares,
    cases=list,
    judge=_judge_find,
    hints=(
        "Look at what comes out, not at the layers: what do shares have that logits do not?",
        "Two facts, for every row: no output below 0 (`(outputs >= 0).all()`), and the sum along "
        "`dim=1` is 1 up to 1e-4. Dropout disturbs both: look in `eval()` mode, and go back.",
        "`was = model.training; model.eval()`, outputs under `torch.no_grad()`, "
        "`model.train(was)`; then `bool(a and b)` of the two facts.",
    ),
    mistakes=(
        Mistake("by the layer's name", _by_layer_name,
                "You look for a layer `nn.Softmax`. Softmax may hide in `forward`, or go along the "
                "wrong dim: look at the outputs."),
        Mistake("only the sum", _only_the_sum,
                "A sum of 1 is not enough: logits can have it by chance, with negative ones among "
                "them."),
        Mistake("only the range", _only_the_range,
                "Between 0 and 1 are sigmoids too. The sum of each row tells."),
        Mistake("the mean of the sums", _mean_of_sums,
                "On average the rows sum to 1 with you. It has to hold for *every* row: a softmax "
                "over the examples gives other sums."),
        Mistake("columns", _columns,
                "You sum over the examples. The shares of one example are a row: `dim=1`."),
        Mistake("the first row only", _first_row,
                "One row is not enough: look at all of them."),
        Mistake("any row", _any_row,
                "One row that sums to 1 may be chance; `all`, not `any`."),
        Mistake("in training mode", _in_training_mode,
                "In training mode dropout zeroes shares at random: look in `eval()` mode, then "
                "put the model back into the mode it was in."),
        Mistake("upside down", _upside_down,
                "Right, but turned: `True` means that the outputs are shares already."),
        Mistake("a tensor", _a_tensor,
                "The answer is right, but it is a tensor: return `bool(…)`."),
    ),
    stub='''def already_shares(model, x):            # an nn.Module; x: (N, d)
    ...                                  # your code: True or False

check("loss-find-double", already_shares)''',
)

EXERCISES = (GRADIENT, STABLE, FIND)

QUESTIONS = (
    Question(
        "loss-q-shift", "07", "All logits of an example grow by 7. What happens to its shares?",
        ("the largest grows", "nothing", "all come nearer to 1/K"), 1,
        "exp(7) is a factor of each power and of their sum: it cancels. Only differences count.",
    ),
    Question(
        "loss-q-one-hot", "07", "Class 2 of four, counted from 0. Its one-hot label is:",
        ("[0, 0, 1, 0]", "[0, 1, 0, 0]", "[2, 0, 0, 0]"), 0,
        "One place for each class, counted from 0, and a 1 at the right one.",
    ),
    Question(
        "loss-q-numbers", "07", "Why are class numbers bad targets for a regression?",
        ("they are whole numbers", "they say that some classes are neighbours",
         "there are too few of them"), 1,
        "Class 1 would lie between 0 and 2. Exchange the numbers, and other errors come out.",
    ),
    Question(
        "loss-q-sigmoid", "07", "With two classes, softmax gives the first class the share …",
        ("σ(y₁)", "σ(y₁ + y₂)", "σ(y₁ − y₂)"), 2,
        "Divide by exp(y₁): what is left is 1/(1 + exp(−(y₁ − y₂))).",
    ),
    Question(
        "loss-q-value", "07", "ln 2 is 0.69. What costs a share of 0.5 for the right class?",
        ("0.5", "about 0.69", "0.25"), 1,
        "−ln 0.5 = ln 2. The shares of the other classes do not count.",
    ),
    Question(
        "loss-q-gradient", "07",
        "Shares 0.7, 0.2, 0.1; the second class is right. The gradient by the logits?",
        ("0.7, −0.8, 0.1", "−0.7, 0.8, −0.1", "0, −0.8, 0"), 0,
        "Share minus label: the wrong classes by their share, the right one by what it lacks.",
    ),
    Question(
        "loss-q-flat", "07", "Where is the gradient of MSE after softmax nearly zero?",
        ("only where the net is right", "nowhere", "where it is sure, right or wrong"), 2,
        "Each term has a factor that vanishes when one share is nearly 1, whichever class it is.",
    ),
    Question(
        "loss-q-adam", "07", "Why does Adam help MSE in the toy?",
        ("it starts elsewhere", "its step hardly depends on the gradient's length",
         "it uses another loss"), 1,
        "It divides by the running size of the gradient, until that is as small as ε.",
    ),
    Question(
        "loss-q-double", "07", "Shares are fed to CrossEntropyLoss. What do you see?",
        ("an error message", "a loss that stops above a floor", "a loss of nan"), 1,
        "Shares lie in 0 to 1, so the second softmax cannot become sure: "
        "not below ln(1 + (K − 1)/e).",
    ),
    Question(
        "loss-q-stable", "07", "Why is each row's largest logit subtracted before exp?",
        ("so that no power overflows", "so that the shares sum to 1",
         "so that the loss is smaller"), 0,
        "The shares stay the same; the largest power is then exp(0) = 1.",
    ),
)
