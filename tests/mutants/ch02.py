"""Answers to chapter 02's exercises: a slope, a count, features of births, a ramp."""

import math

import numpy as np
import torch

from course_utils import datasets

# ---- the slope of the MAE --------------------------------------------------------------------


def _two_slopes(weights, along_w):
    """Both slopes where `weights` (N,) says how much each example counts."""
    return torch.stack([(weights * along_w).mean(), weights.mean()])


def _error(x, label, w, b):
    return b + w * x - label


def _slopes_that_change_the_label(x, label, w, b):
    label -= b + w * x
    return _two_slopes(-label.sign(), x)


def _slopes_that_change_x(x, label, w, b):
    sign = _error(x, label, w, b).sign()
    x *= sign
    return torch.stack([x.mean(), sign.mean()])


def _slopes_in_a_loop(x, label, w, b):
    along_w, along_b = 0.0, 0.0
    for one, right in zip(x.tolist(), label.tolist(), strict=True):
        error = b + w * one - right
        sign = (error > 0) - (error < 0)
        along_w, along_b = along_w + sign * one, along_b + sign
    return torch.tensor([along_w / len(x), along_b / len(x)], dtype=x.dtype)


def _slopes_by_autograd(x, label, w, b):
    theta = torch.tensor([float(w), float(b)], dtype=x.dtype, requires_grad=True)
    (slopes,) = torch.autograd.grad((theta[1] + theta[0] * x - label).abs().mean(), theta)
    return slopes


def _slopes_with_numpy(x, label, w, b):
    sign = np.sign(b + w * x.numpy() - label.numpy())
    return torch.from_numpy(np.stack([(sign * x.numpy()).mean(), sign.mean()])).to(x.dtype)


def _central_difference(x, label, w, b, h=1e-2):
    def loss(w, b):
        return (b + w * x - label).abs().mean()
    return torch.stack([(loss(w + h, b) - loss(w - h, b)) / (2 * h),
                        (loss(w, b + h) - loss(w, b - h)) / (2 * h)])


# ---- features of births ----------------------------------------------------------------------

daily = datasets.births().count.double() / 1000         # as in the notebook


def _back(series, days):
    return torch.cat([torch.zeros(days, dtype=series.dtype), series[:-days]])


def _weekdays(births):
    return torch.nn.functional.one_hot(births.weekday.long(), 7).float()


def _past(births, lags):
    thousands = births.count.float() / 1000
    return torch.stack([_back(thousands, lag) for lag in lags], dim=1)


def _good(births):
    """28 days, three older ones, 52 weeks ago and the weekday: 39 columns."""
    return torch.cat([_past(births, [*range(1, 29), 35, 42, 49, 364]), _weekdays(births)], dim=1)


def _mean_around(births):
    """A running mean of seven days with the day to predict in the middle."""
    count = births.count.float() / 1000
    padded = torch.cat([count[:3], count, count[-3:]])
    return torch.cat([_good(births), padded.unfold(0, 7, 1).mean(1, keepdim=True)], dim=1)


def _mean_of_the_month(births):
    """Month by month the mean of all its days, those to come too."""
    months = np.unique(births.dates.astype("datetime64[M]"), return_inverse=True)[1]
    count = births.count.double().numpy() / 1000
    means = (np.bincount(months, count) / np.bincount(months))[months]
    return torch.cat([_good(births), torch.from_numpy(means)[:, None].float()], dim=1)


def _the_notebooks_daily(births):
    return torch.stack([daily, births.weekday.double()], dim=1)


def _the_notebooks_daily_inside(births):
    return torch.stack([column() for column in (lambda: daily, births.weekday.double)], dim=1)


def _today():
    return daily


def _the_notebooks_daily_by_a_helper(births):
    return torch.stack([_today(), births.weekday.double()], dim=1)


def _loads_them_again(births):
    return torch.cat([_good(births), datasets.births().count[:, None]], dim=1)


def _few_births_are_a_holiday(births):
    return torch.cat([_good(births), (births.count < 8500).float()[:, None]], dim=1)


def _in_steps_of_2000(births):
    return torch.cat([_good(births), (births.count / 2000).round()[:, None]], dim=1)


def _rolled(births):
    """The first rows know the last days."""
    count = births.count / 1000
    past = torch.stack([count.roll(lag) for lag in [*range(1, 29), 35, 42, 49, 364]], dim=1)
    return torch.cat([past, _weekdays(births)], dim=1)


def _centred(births):
    """By the mean of the training years, in which most days themselves lie."""
    rows = _good(births)
    return rows - births.count[births.split["train"]].mean() / 1000


def _with_chance(births):
    return torch.cat([_good(births), torch.rand(len(births.count), 1)], dim=1)


def _weekday_means_so_far(births):
    """For each day the mean of the same weekday's earlier days, beside what is good."""
    count, so_far = births.count.double() / 1000, torch.zeros(len(births.count)).double()
    for day in range(7):
        rows = (births.weekday == day).nonzero()[:, 0]
        so_far[rows[1:]] = count[rows].cumsum(0)[:-1] / torch.arange(1, len(rows))
    return torch.cat([_good(births).double(), so_far[:, None]], dim=1)


def _last_four_weeks(births):
    return _past(births, range(1, 29))


def _too_many(births):
    return torch.cat([_past(births, [*range(1, 57), 364]), _weekdays(births)], dim=1)


def _from_the_first_full_day_on(births):
    return _good(births)[364:]


def _days_along_the_columns(births):
    return _good(births).T


def _not_a_number(births):
    columns = _good(births)
    columns[:364] = math.nan                            # unknown past
    return columns


def _changes_the_count(births):
    births.count.div_(1000)
    return torch.cat([torch.stack([_back(births.count.float(), lag) for lag in
                                   [*range(1, 29), 35, 42, 49, 364]], dim=1), _weekdays(births)],
                     dim=1)


def _month_of_the_dates(births):
    """Month as twelve columns, from "2000-01-01" or a NumPy date."""
    month = torch.tensor([int(str(date)[5:7]) - 1 for date in births.dates])
    return torch.nn.functional.one_hot(month, 12).float()


def _holidays(births):
    """4 July, Christmas Eve and Day, New Year's Eve and Day, as one column each, and weekday."""
    days = ["07-04", "12-24", "12-25", "12-31", "01-01"]
    marks = [[float(str(date)[5:10] == day) for day in days] for date in births.dates]
    return torch.cat([_past(births, [*range(1, 22), 28, 364, 371]), torch.tensor(marks),
                      _weekdays(births), _month_of_the_dates(births)], dim=1)


def _good_in_a_numpy_loop(births):
    count, weekday = births.count.double().numpy(), births.weekday.tolist()
    lags = [*range(1, 29), 35, 42, 49, 56, 364, 728]
    table = np.zeros((len(count), len(lags) + 7))
    for column, lag in enumerate(lags):
        table[lag:, column] = count[:-lag] / 1000
    table[np.arange(len(count)), len(lags) + np.array(weekday)] = 1
    return torch.from_numpy(table)


# ---- a ramp ----------------------------------------------------------------------------------


def _ramp_in_place(z):
    later = torch.relu(z - 1)
    return z.relu_() - later


def _cut_by_assignment(z):
    y = z.clone()
    y[y < 0] = 0
    y[y > 1] = 1
    return y


def _shifted_in_place(z):
    first = torch.relu(z)
    z -= 1
    return first - torch.relu(z)


WRONG = {
    "reg-mae-gradient": {
        "distance of x": lambda x, y, w, b: _two_slopes(_error(x, y, w, b).sign(), x.abs()),
        "+1 at zero": lambda x, y, w, b: _two_slopes(
            torch.where(_error(x, y, w, b) >= 0, 1.0, -1.0).to(x.dtype), x),
        "−1 at zero": lambda x, y, w, b: _two_slopes(
            torch.where(_error(x, y, w, b) > 0, 1.0, -1.0).to(x.dtype), x),
        "only where too high": lambda x, y, w, b: _two_slopes(
            (_error(x, y, w, b) > 0).to(x.dtype), x),
        "mean of x times mean of signs": lambda x, y, w, b: torch.stack(
            [_error(x, y, w, b).sign().mean() * x.mean(), _error(x, y, w, b).sign().mean()]),
        "without b": lambda x, y, w, b: _two_slopes((w * x - y).sign(), x),
        "w and b swapped": lambda x, y, w, b: _two_slopes((w + b * x - y).sign(), x),
        "a column": lambda x, y, w, b: _two_slopes(_error(x, y, w, b).sign(), x)[:, None],
        "float32 always": lambda x, y, w, b: _two_slopes(
            _error(x, y, w, b).sign(), x).float(),
        "two numbers": lambda x, y, w, b: tuple(_two_slopes(_error(x, y, w, b).sign(), x)),
        "the line's values": lambda x, y, w, b: _two_slopes((b + w * x).sign(), x),
        "changes the label": _slopes_that_change_the_label,
        "changes x": _slopes_that_change_x,
        "a soft sign": lambda x, y, w, b: _two_slopes(torch.tanh(1000 * _error(x, y, w, b)), x),
        "almost right counts as right": lambda x, y, w, b: _two_slopes(
            torch.where(_error(x, y, w, b).abs() < 1e-3, 0, _error(x, y, w, b).sign()), x),
        "a rounded corner": lambda x, y, w, b: _two_slopes(
            _error(x, y, w, b) / (_error(x, y, w, b) ** 2 + 1e-12).sqrt(), x),
        "a wide difference": _central_difference,
    },
    "reg-count-updates": {
        "rounded": lambda n, size, epochs: round(n / size) * epochs,
        "one more at the end": lambda n, size, epochs: n // size * epochs + 1,
        "plus the epochs": lambda n, size, epochs: math.ceil(n / size) + epochs,
        "at least one a batch": lambda n, size, epochs: max(1, n // size) * epochs,
        "NumPy's ceil": lambda n, size, epochs: np.ceil(n / size) * epochs,
        "halves up": lambda n, size, epochs: int(n / size + 0.5) * epochs,
        "rounded to two digits first": lambda n, size, epochs: math.ceil(
            round(n / size, 2)) * epochs,
        "powers of two": lambda n, size, epochs: -(-n >> (size.bit_length() - 1)) * epochs,
        "a tensor": lambda n, size, epochs: torch.tensor(math.ceil(n / size) * epochs),
        "batches of the notebook": lambda n, size, epochs: math.ceil(n / 32) * epochs,
        "upside down": lambda n, size, epochs: math.ceil(size / n) * epochs,
        "printed": lambda n, size, epochs: print(math.ceil(n / size) * epochs),
    },
    "reg-better-feature": {
        "a mean with the day in the middle": _mean_around,
        "the mean of its month": _mean_of_the_month,
        "28 days are no more than 56": _last_four_weeks,
        "more than 60 columns": _too_many,
        "rows without a past left out": _from_the_first_full_day_on,
        "days along the columns": _days_along_the_columns,
        "NaN where unknown": _not_a_number,
        "changes the count": _changes_the_count,
        "the notebook's table, today in it": _the_notebooks_daily,
        "the notebook's table, in a function inside": _the_notebooks_daily_inside,
        "the notebook's table, through a helper": _the_notebooks_daily_by_a_helper,
        "loads them again, today in it": _loads_them_again,
        "few births: a holiday": _few_births_are_a_holiday,
        "today in steps of 2,000": _in_steps_of_2000,
        "rolled": _rolled,
        "centred by the training mean": _centred,
        "a column of chance": _with_chance,
    },
    "reg-hard-sigmoid": {
        "clamp": lambda z: z.clamp(0, 1),
        "the library's": lambda z: torch.nn.functional.hardtanh(z, 0.0, 1.0),
        "minimum": lambda z: torch.minimum(torch.relu(z), torch.ones_like(z)),
        "twice the same": lambda z: torch.relu(z) - torch.relu(z),
        "a ramp from −1 to 0": lambda z: torch.relu(z + 1) - torch.relu(z),
        "−1 to 1": lambda z: torch.relu(z + 1) - torch.relu(z - 1) - 1,
        "steep": lambda z: torch.relu(2 * z) - torch.relu(2 * z - 1),
        "flattened": lambda z: (torch.relu(z) - torch.relu(z - 1)).flatten(),
        "float32 always": lambda z: (torch.relu(z) - torch.relu(z - 1)).float(),
        "the sum of all": lambda z: (torch.relu(z) - torch.relu(z - 1)).sum(),
        "the step where it is full": lambda z: torch.relu(z) - torch.relu((z - 1).round()),
        "squeezed": lambda z: (torch.relu(z) - torch.relu(z - 1)).squeeze(),
        "cut by assignment": _cut_by_assignment,
        "masks and products": lambda z: z * ((z > 0) & (z < 1)) + (z >= 1),
        "absolute values": lambda z: (z.abs() - (z - 1).abs() + 1) / 2,
        "NumPy's clip": lambda z: torch.from_numpy(np.asarray(np.clip(z.numpy(), 0, 1))),
        "filled by masks": lambda z: z.masked_fill(z < 0, 0).masked_fill(z > 1, 1),
        "Python's min and max": lambda z: torch.tensor(
            [min(1.0, max(0.0, one)) for one in z.flatten().tolist()],
            dtype=z.dtype).reshape(z.shape),
        "changes z": _ramp_in_place,
        "shifts z": _shifted_in_place,
    },
}

RIGHT = {
    "reg-mae-gradient": {
        "loop": _slopes_in_a_loop,
        "autograd": _slopes_by_autograd,
        "NumPy": _slopes_with_numpy,
        "dot product over N": lambda x, y, w, b: torch.stack(
            [torch.dot((w * x + b - y).sign(), x), (w * x + b - y).sign().sum()]) / len(x),
        "minus the other sign": lambda x, y, w, b: -torch.stack(
            [((y - w * x - b).sign() * x).mean(), (y - w * x - b).sign().mean()]),
    },
    "reg-count-updates": {
        "upside-down floor": lambda n, size, epochs: -(-n // size) * epochs,
        "room for the rest": lambda n, size, epochs: epochs * ((n + size - 1) // size),
        "ceil": lambda n, size, epochs: math.ceil(n / size) * epochs,
        "counted": lambda n, size, epochs: sum(
            1 for _ in range(epochs) for _ in range(0, n, size)),
        "a rest makes one more": lambda n, size, epochs: epochs * (n // size + bool(n % size)),
    },
    "reg-better-feature": {
        "weekdays and 52 weeks ago": _good,
        "holidays and months": _holidays,
        "float64 from a NumPy loop": _good_in_a_numpy_loop,
        "means so far": _weekday_means_so_far,
    },
    "reg-hard-sigmoid": {
        "from the other end": lambda z: torch.relu(1 - torch.relu(1 - z)),
        "cut twice": lambda z: 1 - torch.relu(1 - torch.relu(z)),
        "methods": lambda z: z.relu() - (z - 1).relu(),
        "nn.functional": lambda z: torch.nn.functional.relu(z) - torch.nn.functional.relu(-1 + z),
        "second one first": lambda z: -torch.relu(z - 1) + torch.relu(z),
        "the line, its ends bent": lambda z: z + torch.relu(-z) - torch.relu(z - 1),
        "a minus as a factor": lambda z: torch.relu(z) + -1 * torch.relu(z - 1),
    },
}
