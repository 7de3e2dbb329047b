"""Chapter 02, Regression: a gradient, a count, a ramp from ReLUs, better features."""

from __future__ import annotations

import dis
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import CodeType, FunctionType
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from course_utils import datasets
from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

# ---- reg-mae-gradient ----------------------------------------------------------------------------


def mae_gradient(x: Tensor, label: Tensor, w: float, b: float) -> Tensor:
    sign = torch.sign(b + w * x - label)                 # (N,): +1 too high, −1 too low, 0 right
    return torch.stack([(sign * x).mean(), sign.mean()])


def _mae_gradient_slowly(x: Tensor, label: Tensor, w: float, b: float) -> Tensor:
    slope_w = slope_b = 0.0
    for feature, right in zip(x.tolist(), label.tolist(), strict=True):
        error = b + w * feature - right
        sign = (error > 0) - (error < 0)
        slope_w += sign * feature / len(x)
        slope_b += sign / len(x)
    return torch.tensor([slope_w, slope_b], dtype=x.dtype)


def _mae_cases() -> list[Case]:
    g = torch.Generator().manual_seed(1)
    x, label = torch.randn(2, 50, generator=g, dtype=torch.float64)
    few = torch.tensor([1.0, 2.0, 4.0]).double(), torch.tensor([1.0, 4.0, 3.0]).double()
    return [
        Case((*few, 1.0, 0.5), "three examples"),
        Case((x, label, 0.7, -0.2), "random, 50 examples"),
        Case((torch.tensor([3.0]).double(), torch.tensor([9.0]).double(), 1.0, 0.5),
             "a single example, guessed too low"),
        Case((torch.tensor([2.0, 5.0]).double(), torch.tensor([2.0, 1.0]).double(), 1.0, 0.0),
             "one prediction exactly right"),
        Case((torch.tensor([2.0, 5.0]).double(), torch.tensor([2 - 1e-6, 5 + 1e-6]).double(), 1.0,
              0.0), "two predictions off by a millionth"),
    ]


def _of_the_mse(x, label, w, b):
    error = b + w * x - label
    return torch.stack([2 * (error * x).mean(), 2 * error.mean()])


def _without_sign(x, label, w, b):
    error = b + w * x - label
    return torch.stack([(error * x).mean(), error.mean()])


def _without_x(x, label, w, b):
    sign = torch.sign(b + w * x - label)
    return torch.stack([sign.mean(), sign.mean()])


def _summed(x, label, w, b):
    sign = torch.sign(b + w * x - label)
    return torch.stack([(sign * x).sum(), sign.sum()])


def _bias_first(x, label, w, b):
    sign = torch.sign(b + w * x - label)
    return torch.stack([sign.mean(), (sign * x).mean()])


def _downhill(x, label, w, b):
    sign = torch.sign(label - b - w * x)
    return torch.stack([(sign * x).mean(), sign.mean()])


def _factor_two(x, label, w, b):
    sign = torch.sign(b + w * x - label)
    return 2 * torch.stack([(sign * x).mean(), sign.mean()])


def _distances(x, label, w, b):
    distance = (b + w * x - label).abs()
    return torch.stack([(distance * x).mean(), distance.mean()])


MAE_GRADIENT = Exercise(
    id="reg-mae-gradient",
    chapter="02",
    title="The gradient of the mean absolute error",
    solution=mae_gradient,
    cases=_mae_cases,
    oracle=_mae_gradient_slowly,
    tolerance=(1e-12, 1e-14),            # a soft sign would come near
    hints=(
        "Take the cell with `gradient` as a pattern: which factor in it came from the square?",
        "With u = b + w x − label the error is |u|. Chain rule: the sign of u, times the "
        "derivative of u, which is x for w and 1 for b.",
        "`sign = torch.sign(b + w * x - label)`; the slopes are the means of `sign * x` and of "
        "`sign`. `torch.stack([…, …])` makes one tensor of two.",
    ),
    mistakes=(
        Mistake("gradient of the MSE", _of_the_mse,
                "This is the gradient of the *squared* error, 2 (y − ŷ) and so on. The derivative "
                "of a distance does not grow with the distance."),
        Mistake("no sign", _without_sign,
                "You average the errors themselves. The derivative of |u| is not u: it is only "
                "its sign."),
        Mistake("x missing", _without_x,
                "The slope along b is right. Along w the chain rule gives one more factor: how "
                "fast does the prediction rise when w rises?"),
        Mistake("sum instead of mean", _summed,
                "You add the signs up. The loss is a *mean* over the examples, and so is its "
                "gradient."),
        Mistake("order swapped", _bias_first,
                "Both numbers are right, but swapped: asked for is w first, then b."),
        Mistake("downhill", _downhill,
                "The sign is turned round: this points downhill. The gradient points uphill; the "
                "update subtracts it."),
        Mistake("factor 2", _factor_two,
                "Twice too large. The 2 in the MSE's gradient comes from the square; here nothing "
                "is squared."),
        Mistake("distances", _distances,
                "You average the distances. That is the loss, not how fast it changes."),
    ),
    stub='''def mae_gradient(x, label, w, b):        # x, label: (N,); w, b: numbers
    ...                                  # your code: shape (2,), the slopes along w and b

check("reg-mae-gradient", mae_gradient)''',
)

# ---- reg-count-updates ---------------------------------------------------------------------------


def count_updates(n_examples: int, batch_size: int, epochs: int) -> int:
    per_epoch = math.ceil(n_examples / batch_size)       # a smaller last batch counts too
    return per_epoch * epochs


def _count_by_doing(n_examples: int, batch_size: int, epochs: int) -> int:
    updates = 0
    for _ in range(epochs):
        left = n_examples
        while left > 0:
            left -= batch_size
            updates += 1
    return updates


def _count_cases() -> list[Case]:
    return [
        Case((10, 4, 1), "10 examples in batches of 4, one epoch"),
        Case((10, 4, 3), "the same, three epochs"),
        Case((64, 32, 5), "a batch size that divides N"),
        Case((5, 8, 2), "a batch larger than the data"),
        Case((4017, 32, 7), "the births"),
        Case((100, 1, 2), "batches of one"),
        Case((9, 4, 2), "a single example left over"),
        Case((1001, 1000, 2), "one left over of 1,001"),
        Case((10, 3, 2), "batches of three"),
    ]


def _rounded_down(n_examples, batch_size, epochs):
    return n_examples // batch_size * epochs


def _one_epoch(n_examples, batch_size, epochs):
    return -(-n_examples // batch_size)


def _rounded_once(n_examples, batch_size, epochs):
    return math.ceil(n_examples * epochs / batch_size)


def _one_more(n_examples, batch_size, epochs):
    return (n_examples // batch_size + 1) * epochs


def _not_rounded(n_examples, batch_size, epochs):
    return n_examples / batch_size * epochs


def _every_example(n_examples, batch_size, epochs):
    return n_examples * epochs


def _a_float(n_examples, batch_size, epochs):
    return float(count_updates(n_examples, batch_size, epochs))


COUNT_UPDATES = Exercise(
    id="reg-count-updates",
    chapter="02",
    title="How many updates?",
    solution=count_updates,
    cases=_count_cases,
    oracle=_count_by_doing,
    hints=(
        "Count by hand first: 10 examples, batches of 4, one epoch.",
        "Each batch makes one update, the smaller last one as well: round N / B up.",
        "`math.ceil(n_examples / batch_size)` for one epoch; every epoch starts anew, so round "
        "before you multiply.",
    ),
    mistakes=(
        Mistake("rounded down", _rounded_down,
                "The last, smaller batch of each epoch is missing: it makes an update too."),
        Mistake("one epoch only", _one_epoch,
                "Right for one epoch; the number of epochs does not count yet."),
        Mistake("rounded once", _rounded_once,
                "You round up once at the end, as if a batch could begin in one epoch and end in "
                "the next. Every epoch has a last batch of its own."),
        Mistake("always one more", _one_more,
                "One too many where B divides N: then there is no smaller last batch."),
        Mistake("not rounded", _not_rounded,
                "Half an update does not exist: the last batch is smaller, but it counts as one."),
        Mistake("one per example", _every_example,
                "That is one update for each example, as with B = 1. A batch of B examples makes "
                "one update together."),
        Mistake("a float", _a_float,
                "The number is right, but it is a float. `int(…)` makes a whole number of it."),
    ),
    stub='''def count_updates(n_examples, batch_size, epochs):
    ...                                  # your code: an int; the last, smaller batch is kept

check("reg-count-updates", count_updates)''',
)

# ---- reg-hard-sigmoid ----------------------------------------------------------------------------


def hard_from_relus(z: Tensor) -> Tensor:
    return torch.relu(z) - torch.relu(z - 1)             # from z = 1 on the rises cancel


def _hard_by_clamp(z: Tensor) -> Tensor:
    return z.clamp(0, 1)


def _hard_cases() -> list[Case]:
    g = torch.Generator().manual_seed(3)
    known = torch.tensor([-2.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 3.0]).double()
    return [
        Case((known,), "left of the ramp, on it, right of it"),
        Case((3 * torch.randn(4, 3, generator=g, dtype=torch.float64),), "random, 4 × 3"),
        Case((torch.tensor(0.75).double(),), "a single number"),
        Case((torch.tensor([-50.0, 50.0]).double(),), "far out"),
        Case((torch.tensor([[-0.5, 0.5, 2.0]]).double(),), "a single row"),
    ]


def _one_relu(z):
    return torch.relu(z)


def _wrong_way(z):
    return torch.relu(z) - torch.relu(z + 1)


def _mirrored(z):
    return torch.relu(z) - torch.relu(1 - z)


def _upside_down(z):
    return torch.relu(z - 1) - torch.relu(z)


def _minus_one(z):
    return torch.relu(z) - 1


def _only_top(z):
    return 1 - torch.relu(1 - z)


def _added(z):
    return torch.relu(z) + torch.relu(z - 1)


def _soft(z):
    return torch.sigmoid(z)


def _pytorchs(z):
    return nn.functional.hardsigmoid(z)


HARD_SIGMOID = Exercise(
    id="reg-hard-sigmoid",
    chapter="02",
    title="A hard sigmoid from ReLUs",
    solution=hard_from_relus,
    cases=_hard_cases,
    oracle=_hard_by_clamp,
    forbidden=(                          # ready-made ramps, and the ways to do without any ReLU
        "clamp", "clamp_", "clip", "clip_", "hardtanh", "hardtanh_", "relu6", "hardsigmoid",
        "minimum", "maximum", "min", "max", "fmin", "fmax", "where", "sigmoid", "threshold",
        "_threshold", "abs", "abs_", "absolute", "sign", "heaviside", "gt", "ge", "lt", "le",
        "masked_fill", "masked_fill_", "numpy", "__array__", "tolist", "item",
    ),
    hints=(
        "Draw relu(z), and beneath it what you want. Up to z = 1 they agree. What is too much "
        "from there on?",
        "From z = 1 on, relu(z) goes on rising with slope 1. Subtract something that is 0 before "
        "z = 1 and rises with slope 1 from there.",
        "relu(z) moved by one to the right is `torch.relu(z - 1)`.",
    ),
    mistakes=(
        Mistake("one ReLU", _one_relu,
                "Right up to z = 1. Beyond it this goes on rising: something must hold it back."),
        Mistake("moved to the left", _wrong_way,
                "`z + 1` moves the second ReLU to the *left*: it begins at z = −1. Where should "
                "it begin?"),
        Mistake("mirrored", _mirrored,
                "relu(1 − z) falls and ends at z = 1; you need one that *begins* there."),
        Mistake("upside down", _upside_down,
                "The right two ReLUs, the wrong way round: the ramp goes down."),
        Mistake("minus one", _minus_one,
                "A constant shifts everything down; the rise beyond z = 1 stays. Subtract "
                "something that is 0 at first and rises later."),
        Mistake("only the top", _only_top,
                "The top is held at 1, but left of 0 this goes on falling below 0."),
        Mistake("added", _added,
                "The second ReLU makes it rise even faster beyond z = 1. Should it be added?"),
        Mistake("the soft one", _soft,
                "That is the soft sigmoid: it only comes near 0 and 1. Use ReLUs."),
        Mistake("PyTorch's own", _pytorchs,
                "PyTorch's `hardsigmoid` is another ramp: it runs from z = −3 to 3 with slope "
                "1/6. And the exercise asks for ReLUs."),
    ),
    stub='''def hard_from_relus(z):                  # z: any shape
    ...                                  # your code: hard(z), in the shape of z

check("reg-hard-sigmoid", hard_from_relus)''',
)

# ---- reg-better-feature --------------------------------------------------------------------------

DAYS, MOST = 5479, 60
FIRST = 364                              # the earliest training day: a year of past is known


def days_ago(series: Tensor, days: int) -> Tensor:
    return torch.cat([torch.zeros(days, dtype=series.dtype), series[:-days]])


def features(births: datasets.Births) -> Tensor:
    past = [days_ago(births.count, days) for days in range(1, 8)]        # the last week
    last_year = days_ago(births.count, 364)                              # 52 weeks: same weekday
    weekday = nn.functional.one_hot(births.weekday, 7).to(births.count.dtype)        # (5479, 7)
    return torch.cat([torch.stack([*past, last_year], dim=1), weekday], dim=1)


def _judge_features(answer) -> Verdict:
    births, given = datasets.births(), datasets.births()
    rows = answer(given)
    problem = (_wrong_form(rows) or _looks_elsewhere(answer, births, rows)
               or _knows_too_much(answer, births, rows) or _changed(given, births))
    if problem:
        return problem
    past = torch.stack([days_ago(births.count, days) for days in range(1, 57)], dim=1)
    goal, reached = _held_out_mse(past, births), _held_out_mse(rows, births)
    told = f"MSE on 2011: {reached:.3f}; 56 past days reach {goal:.3f}."
    if reached < goal:
        return Verdict(True, f"Better. {told}")
    return Verdict(False, f"Not better yet. {told}", got=f"{reached:.3f}",
                   expected=f"below {goal:.3f}")


def _wrong_form(rows) -> Verdict | None:
    if not isinstance(rows, Tensor):
        return Verdict(False, "Return one tensor; `torch.stack(list_of_columns, dim=1)` makes it.",
                       got=type(rows).__name__, expected=f"a tensor ({DAYS}, k)")
    shape = tuple(rows.shape)
    if len(shape) != 2 or shape[0] != DAYS or not 1 <= shape[1] <= MOST:
        return Verdict(False, f"The shape should be ({DAYS}, k): a row for each day, at most "
                       f"{MOST} columns.", got=f"shape {shape}", expected=f"shape ({DAYS}, k)")
    if not rows.isfinite().all():
        return Verdict(False, "There is a NaN or an infinite value among the features. The first "
                       "days have no past: put a number there.")
    return None


def _changed(given: datasets.Births, births: datasets.Births) -> Verdict | None:
    for name in ("count", "weekday"):
        if not torch.equal(getattr(given, name), getattr(births, name)):
            return Verdict(False, f"Your code also changes `births.{name}` itself. The cells after "
                           "it still need that as it was: work on a new tensor.")
    return None


TODAY = ("Row i changes when the births of day i change. Is a column missing its `days_ago`? Or do "
         "you scale or centre with a mean over all days? Leave the scale to the check.")
LATER = ("Row i changes when the births of days *after* day i change. On the day you have to "
         "predict, nobody knows them.")


def _knows_too_much(answer, births: datasets.Births, rows: Tensor) -> Verdict | None:
    """Change counts and see whether earlier rows change, which could not know them."""
    for day in (5, 1000, 2503, 4101):
        for days, said in ((slice(day, day + 1), TODAY), (slice(day + 1, DAYS), LATER)):
            for births_then in (3_000.0, 30_000.0):      # below and above all that there are
                count = births.count.clone()
                count[days] = births_then
                again = answer(replace(datasets.births(), count=count))
                if not torch.equal(again[day], rows[day]):
                    return Verdict(False, said)
    return None


def _looks_elsewhere(answer, births: datasets.Births, rows: Tensor) -> Verdict | None:
    """Rows from anything but the data set that is handed over could hide what they know."""
    for name in _tables_read(answer):
        return Verdict(False, f"Your function reads `{name}` of the notebook. Make all columns of "
                       "the data set that it is given (`births.count`, `births.dates` and so on).")
    if not torch.equal(answer(datasets.births()), rows):
        return Verdict(False, "Called twice with the same days, your function returns two "
                       "different tables.")
    given, other = datasets.births(), replace(births, count=births.count.flip(0))
    with mock.patch.object(datasets, "births", lambda: other):
        again = answer(given)
    if not torch.equal(again, rows):
        return Verdict(False, "Your function loads the births by itself. Use those that it is "
                       "given.")
    return None


def _tables_read(answer: Callable, seen: frozenset = frozenset()) -> Iterator[str]:
    """Names of data sets and long tables of floats that the answer reads from the notebook.

    The notebook's own functions that it calls are looked at, too; those in `seen` have been.
    """
    code, known = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    for name in sorted(_globals_read(code)) if code else ():
        value = known.get(name)
        floats = (value.is_floating_point() if isinstance(value, Tensor) else
                  isinstance(value, np.ndarray) and value.dtype.kind == "f")
        if isinstance(value, datasets.Births) or (floats and value.shape[:1] == (DAYS,)):
            yield name
        own = isinstance(value, FunctionType) and value.__globals__ is known
        if own and name not in seen:
            yield from _tables_read(value, seen | {name})


def _globals_read(code: CodeType) -> set[str]:
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"
            }.union(*map(_globals_read, inner))


def _held_out_mse(rows: Tensor, births: datasets.Births) -> float:
    """MSE on 2011, in thousand², of the linear model fitted on the training years."""
    label = births.count.double() / 1000
    x = rows.double()
    train = slice(FIRST, births.split["train"].stop)
    scale = x[train].abs().amax(0).clamp(min=1e-9)               # births and zeros–ones alike
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x / scale], dim=1)
    theta = torch.linalg.lstsq(x[train], label[train, None]).solution
    held_out = births.split["validation"]
    return (x[held_out] @ theta - label[held_out, None]).square().mean().item()


def _own_label(births):
    return torch.stack([births.count, days_ago(births.count, 7)], dim=1)


def _tomorrow(births):
    return torch.stack([days_ago(births.count, 7), births.count.roll(-1)], dim=1)


def _one_week(births):
    return torch.stack([days_ago(births.count, days) for days in range(1, 8)], dim=1)


def _last_week_only(births):
    return days_ago(births.count, 7)[:, None]


def _weekday_number(births):
    past = [days_ago(births.count, days) for days in range(1, 8)]
    return torch.stack([*past, births.weekday.to(births.count.dtype)], dim=1)


def _on_its_side(births):
    return torch.stack([days_ago(births.count, days) for days in range(1, 8)])


def _no_columns(births):
    return days_ago(births.count, 7)


def _a_list(births):
    return [days_ago(births.count, days) for days in range(1, 8)]


BETTER_FEATURE = Exercise(
    id="reg-better-feature",
    chapter="02",
    title="A feature that lowers the held-out error",
    solution=features,
    cases=list,
    judge=_judge_features,
    hints=(
        "Columns: `torch.stack([days_ago(births.count, 1), days_ago(births.count, 7)], dim=1)` is "
        "a start. What else does a day's number depend on?",
        "The calendar is known in advance. A weekday as *one* number 0 to 6 would mean that "
        "Sunday is six times Tuesday; give each weekday a column of zeros and ones "
        "(`nn.functional.one_hot`).",
        "Holidays come back every year. 52 weeks are 364 days: on which weekday was that?",
    ),
    mistakes=(
        Mistake("its own label", _own_label, TODAY),
        Mistake("tomorrow", _tomorrow, LATER),
        Mistake("one week", _one_week,
                "That is the last week, 7 past days, and 56 of them are the mark to beat: you need "
                "something that past days do not contain."),
        Mistake("last week only", _last_week_only,
                "That is the baseline with a weight and a bias. It is a good start: what else does "
                "a day depend on?"),
        Mistake("weekday as a number", _weekday_number,
                "The weekday as one number from 0 to 6 makes Sunday six times Tuesday. Give each "
                "weekday its own column of zeros and ones."),
        Mistake("rows and columns swapped", _on_its_side,
                "One row for each *feature*: the stack lies on its side. `dim=1` puts the columns "
                "side by side."),
        Mistake("one dim", _no_columns,
                "A single feature is still a table: (5479, 1). `[:, None]` adds the dim."),
        Mistake("a list", _a_list,
                "A list of columns; `torch.stack(columns, dim=1)` makes a table of it."),
    ),
    stub='''def days_ago(series, days):              # row i: `days` days before day i, 0 if unknown
    return torch.cat([torch.zeros(days, dtype=series.dtype), series[:-days]])

def features(births):
    ...                                  # your code: (5479, k), k at most 60

check("reg-better-feature", features)''',
)

EXERCISES: tuple[Exercise, ...] = (MAE_GRADIENT, COUNT_UPDATES, BETTER_FEATURE, HARD_SIGMOID)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "reg-q-parameters", "02", "In y = b + w x, what does training change?",
        ("x and the label", "w and b", "the learning rate"), 1,
        "The data stay as they are; w and b are the parameters. You choose the learning rate.",
    ),
    Question(
        "reg-q-update", "02", "Which line is one update of gradient descent?",
        ("θ ← θ + η g", "θ ← θ − η g", "θ ← −η g"), 1,
        "The gradient points uphill, so it is subtracted, multiplied by the learning rate η.",
    ),
    Question(
        "reg-q-rate", "02", "The loss grows at every update, to infinity. The likeliest cause?",
        ("η is too large", "η is too small", "a local minimum"), 0,
        "Too large a step lands higher on the other side of the valley, again and again.",
    ),
    Question(
        "reg-q-centre", "02", "Why did descent arrive so much sooner with x − x̄ instead of x?",
        ("the data became fewer", "w and b no longer have to change together",
         "the best line became another one"), 1,
        "The lines stay the same, but the long narrow valley becomes short: each parameter can be "
        "set on its own.",
    ),
    Question(
        "reg-q-updates", "02", "N = 1,000 and B = 300, nothing dropped: updates in two epochs?",
        ("6", "7", "8"), 2,
        "⌈1,000 / 300⌉ = 4 in each epoch. Rounding happens in every epoch.",
    ),
    Question(
        "reg-q-outlier", "02", "One label is a hundred times too large. Which loss suffers less?",
        ("the MAE", "the MSE", "both the same"), 0,
        "The MAE's error grows with the distance, the MSE's with its square. A slip in a *feature* "
        "can mislead both.",
    ),
    Question(
        "reg-q-baseline", "02", "Why compare a model with \"the same as last week\"?",
        ("it shows what is possible without learning", "it is the best possible guess",
         "it has the same number of weights"), 0,
        "A model that does not beat the simple guess has learned nothing worth having.",
    ),
    Question(
        "reg-q-bias", "02", "A straight line misses the two peaks of the rentals. What helps?",
        ("a smaller learning rate", "more training data", "a larger family of functions"), 2,
        "Even the best line misses them: that is model bias, and only a more flexible model helps.",
    ),
    Question(
        "reg-q-sigmoid", "02", "In c·σ(b + w x), what does w change?",
        ("the height of the step", "how steep the step is", "only where the step is"), 1,
        "c is the height, w the steepness; the middle of the step is at x = −b/w.",
    ),
    Question(
        "reg-q-relus", "02", "How many ReLUs make one hard sigmoid?",
        ("one", "two", "infinitely many"), 1,
        "relu(z) − relu(z − 1): the second one cancels the rise of the first from z = 1 on.",
    ),
    Question(
        "reg-q-pieces", "02", "A smooth curve by straight pieces: three times as many leave:",
        ("a third of the error.", "about a ninth of the error.", "the error as it was."), 1,
        "The error falls as 1/n², and 3² = 9.",
    ),
    Question(
        "reg-q-overfit", "02", "A larger net: lower training loss, higher held-out loss. This is:",
        ("overfitting.", "model bias.", "a learning rate that is too large."), 0,
        "It fits accidents of its training data. With more data the same net may be the better.",
    ),
)
