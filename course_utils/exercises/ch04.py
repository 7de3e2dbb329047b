"""Chapter 04, Critical points: a Hessian by hand, naming points, H times v, leaving a saddle."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

f64 = torch.float64

# ---- hess-by-hand --------------------------------------------------------------------------------


def hessian_by_hand(w1: float, w2: float, x: float, label: float) -> Tensor:
    # dL/dw1 = -2 (label - w2 w1 x) w2 x        dL/dw2 = -2 (label - w2 w1 x) w1 x
    along_w1 = 2 * (w2 * x) ** 2                         # dL/dw1, once more along w1
    along_w2 = 2 * (w1 * x) ** 2
    mixed = 4 * w1 * w2 * x**2 - 2 * x * label           # dL/dw1 along w2: product rule, two terms
    return torch.tensor([[along_w1, mixed], [mixed, along_w2]], dtype=torch.float64)


def _hessian_by_autograd(w1: float, w2: float, x: float, label: float) -> Tensor:
    def loss(w: Tensor) -> Tensor:
        return (label - w[1] * w[0] * x) ** 2

    return torch.func.hessian(loss)(torch.tensor([w1, w2], dtype=f64))


def _by_hand_cases() -> list[Case]:
    g = torch.Generator().manual_seed(4)
    random = (2 * torch.randn(4, 4, generator=g, dtype=f64)).tolist()
    return [
        Case((0.0, 0.0, 1.0, 1.0), "the origin, x = ŷ = 1"),
        Case((1.0, 1.0, 1.0, 1.0), "a minimum: the error is 0"),
        Case((2.0, 3.0, 1.0, 0.0), "ŷ = 0"),
        Case((0.5, -1.0, -2.0, 3.0), "a negative x"),
        Case((2.0, 0.0, 3.0, 1.0), "w₂ = 0"),
        *(Case(tuple(point), "random") for point in random),
    ]


def _table(upper, mixed, lower):
    return torch.tensor([[upper, mixed], [mixed, lower]], dtype=f64)


def _diagonal_swapped(w1, w2, x, label):
    return _table(2 * (w1 * x) ** 2, 4 * w1 * w2 * x**2 - 2 * x * label, 2 * (w2 * x) ** 2)


def _no_product_rule(w1, w2, x, label):
    return _table(2 * (w2 * x) ** 2, 2 * w1 * w2 * x**2, 2 * (w1 * x) ** 2)


def _other_half(w1, w2, x, label):
    return _table(2 * (w2 * x) ** 2, 2 * w1 * w2 * x**2 - 2 * x * label, 2 * (w1 * x) ** 2)


def _mixed_sign(w1, w2, x, label):
    return _table(2 * (w2 * x) ** 2, 2 * x * label - 4 * w1 * w2 * x**2, 2 * (w1 * x) ** 2)


def _x_is_one(w1, w2, x, label):
    return _table(2 * w2**2, 4 * w1 * w2 - 2 * label, 2 * w1**2)


def _label_is_one(w1, w2, x, label):
    return hessian_by_hand(w1, w2, x, 1.0)


def _x_not_squared(w1, w2, x, label):
    return _table(2 * w2**2 * x, 4 * w1 * w2 * x - 2 * label, 2 * w1**2 * x)


def _half(w1, w2, x, label):
    return hessian_by_hand(w1, w2, x, label) / 2


def _minus(w1, w2, x, label):
    return -hessian_by_hand(w1, w2, x, label)


def _only_diagonal(w1, w2, x, label):
    return _table(2 * (w2 * x) ** 2, 0.0, 2 * (w1 * x) ** 2)


def _the_gradient(w1, w2, x, label):
    error = label - w2 * w1 * x
    return torch.tensor([-2 * error * w2 * x, -2 * error * w1 * x], dtype=f64)


def _single_precision(w1, w2, x, label):
    return hessian_by_hand(w1, w2, x, label).float()


def _made_double_too_late(w1, w2, x, label):
    return hessian_by_hand(w1, w2, x, label).float().double()


BY_HAND = Exercise(
    id="hess-by-hand",
    chapter="04",
    title="A Hessian by hand",
    solution=hessian_by_hand,
    cases=_by_hand_cases,
    oracle=_hessian_by_autograd,
    tolerance=(1e-12, 1e-12),            # float32 made float64 is not enough
    hints=(
        "First the gradient, on paper: write e = ŷ − w₂w₁x for the error. Then L = e², and the "
        "chain rule gives two slopes.",
        "∂L/∂w₁ = −2 e w₂ x. Differentiate it along w₁ (only e depends on it), and along w₂: now "
        "e *and* the factor w₂ depend on it, so the product rule gives two terms.",
        "The diagonal is 2 (w₂x)² and 2 (w₁x)²; the mixed entry, twice the same, is "
        "2 w₁w₂x² − 2 x (ŷ − w₂w₁x). `torch.tensor([[…, …], […, …]], dtype=torch.float64)`.",
    ),
    mistakes=(
        Mistake("diagonal swapped", _diagonal_swapped,
                "The two diagonal entries are swapped. At the top left stands the change of ∂L/∂w₁ "
                "along w₁; which weight is left over there?"),
        Mistake("no product rule", _no_product_rule,
                "In the mixed entry one term is missing: ∂L/∂w₁ = −2 e w₂ x depends on w₂ in *two* "
                "places, in e and in the factor w₂."),
        Mistake("error kept wrong", _other_half,
                "The mixed entry has two terms, 2 w₁w₂x² and −2 x e. The error e contains w₁w₂x "
                "itself: did you multiply it out?"),
        Mistake("mixed sign", _mixed_sign,
                "The diagonal is right; the mixed entry has the wrong sign."),
        Mistake("x taken as 1", _x_is_one,
                "Right for x = 1 only: x is missing. Each derivative brings a factor x."),
        Mistake("label taken as 1", _label_is_one,
                "Right for ŷ = 1 only: the label is missing in the mixed entry."),
        Mistake("x not squared", _x_not_squared,
                "One factor x is missing: each of the two derivatives brings one."),
        Mistake("half", _half,
                "Half of what it should be: the 2 from the square is missing."),
        Mistake("minus", _minus,
                "The sign of all entries is turned. e = ŷ − w₂w₁x falls when w₂w₁x rises: that "
                "brings a minus with *each* of the two derivatives."),
        Mistake("only the diagonal", _only_diagonal,
                "The mixed entries are 0 with you. How does ∂L/∂w₁ change when *w₂* moves?"),
        Mistake("the gradient", _the_gradient,
                "These are the two slopes, the gradient. Asked for are the four *second* "
                "derivatives."),
        Mistake("float32", _single_precision,
                "The numbers are right, but the tensor is float32: add `dtype=torch.float64`. "
                "Curvatures are compared with small numbers in this chapter."),
        Mistake("float64 too late", _made_double_too_late,
                "The numbers are right to seven digits only: the tensor was float32 first, and "
                "what that rounds off does not come back. Make it as float64."),
    ),
    stub='''def hessian_by_hand(w1, w2, x, label):   # four numbers
    ...                                  # your code: (2, 2), float64

check("hess-by-hand", hessian_by_hand)''',
)

# ---- hess-classify -------------------------------------------------------------------------------


def classify(values: Tensor, tolerance: float) -> str:
    if len(values) == 0 or values.isnan().any():
        raise ValueError("at least one eigenvalue, and no NaN")
    positive, negative = values > tolerance, values < -tolerance
    if positive.any() and negative.any():
        return "saddle"                                  # whatever the others are
    if positive.all():
        return "minimum"
    if negative.all():
        return "maximum"
    return "undecided"                                   # a zero, and no two signs


def _classify_by_counting(values: Tensor, tolerance: float) -> str:
    signs = [0 if abs(value) <= tolerance else 1 if value > 0 else -1 for value in values.tolist()]
    up, down, flat = signs.count(1), signs.count(-1), signs.count(0)
    return {
        up > 0 and down > 0: "saddle", flat == down == 0: "minimum", flat == up == 0: "maximum",
    }.get(True, "undecided")


def _classify_cases() -> list[Case]:
    def at(*values: float) -> Tensor:
        return torch.tensor(values, dtype=f64)

    g = torch.Generator().manual_seed(6)
    drawn = torch.randint(-1, 2, (8, 4), generator=g).to(f64)
    return [
        Case((at(0.5, 2.0, 7.0), 1e-6), "all positive"),
        Case((at(-7.0, -2.0, -0.5), 1e-6), "all negative"),
        Case((at(-2.0, 2.0), 1e-6), "both signs"),
        Case((at(0.0, 1.0, 3.0), 1e-6), "a zero, else positive"),
        Case((at(-3.0, -1.0, 0.0), 1e-6), "a zero, else negative"),
        Case((at(-1.0, 0.0, 4.0), 1e-6), "both signs and a zero"),
        Case((at(0.0, 0.0), 1e-6), "only zeros"),
        Case((at(-1e-9, 1.0, 2.0), 1e-6), "one a little below 0, within the tolerance"),
        Case((at(-1e-9, 1e-9), 1e-6), "both signs, within the tolerance"),
        Case((at(1e-9, 1.0), 0.0), "small, but the tolerance is 0"),
        Case((at(0.0, 1.0), 0.0), "a zero, and the tolerance is 0"),
        Case((at(0.5, 2.0), 0.5), "exactly the tolerance: a zero"),
        Case((at(-2.0, -0.5, 2.0), 0.5), "both signs, one exactly at the tolerance"),
        Case((at(3.0, -1.0, 2.0), 1e-6), "in no order"),
        Case((at(2.0, 0.0, 1.0), 1e-6), "in no order, a zero in the middle"),
        Case((at(-4.0), 1e-6), "one dimension"),
        Case((at(0.01, 1.0), 1e-3), "small, but above the tolerance"),
        Case((at(-0.01, 1.0), 1e-3), "both signs, one small"),
        *(Case((row, 0.1), "random, four dimensions") for row in drawn),
        Case((at(), 1e-6), "no eigenvalue", ValueError),
        Case((at(1.0, float("nan")), 1e-6), "NaN", ValueError),
        Case((at(float("nan"), 1.0), 1e-6), "NaN in front", ValueError),
        Case((at(-1.0, float("nan"), 2.0), 1e-6), "NaN beside both signs", ValueError),
    ]


def _checked(values):
    if len(values) == 0 or values.isnan().any():
        raise ValueError


def _zero_first(values, tolerance):
    return "undecided" if (values.abs() <= tolerance).any() else classify(values, tolerance)


def _zeros_count_up(values, tolerance):
    _checked(values)
    if (values >= -tolerance).all():
        return "minimum"
    return "maximum" if (values <= tolerance).all() else "saddle"


def _else_saddle(values, tolerance):
    found = classify(values, tolerance)
    return "saddle" if found == "undecided" else found


def _no_tolerance(values, tolerance):
    return classify(values, 0.0)


def _upside_down(values, tolerance):
    return classify(-values, tolerance)


def _ends_only(values, tolerance):
    _checked(values)
    first, last = values[0], values[-1]
    if first < -tolerance and last > tolerance:
        return "saddle"
    if first > tolerance:
        return "minimum"
    return "maximum" if last < -tolerance else "undecided"


def _by_the_product(values, tolerance):
    _checked(values)
    product = values.prod()
    if product < -tolerance:
        return "saddle"
    if product <= tolerance:
        return "undecided"
    return "minimum" if values[0] > 0 else "maximum"


def _by_the_sum(values, tolerance):
    _checked(values)
    total = values.sum()
    return "minimum" if total > tolerance else "maximum" if total < -tolerance else "saddle"


def _equal_is_not_zero(values, tolerance):
    _checked(values)
    if (values >= tolerance).any() and (values <= -tolerance).any():
        return "saddle"
    if (values >= tolerance).all():
        return "minimum"
    return "maximum" if (values <= -tolerance).all() else "undecided"


def _zeros_left_out(values, tolerance):
    _checked(values)
    curved = values[values.abs() > tolerance]
    return classify(curved, tolerance) if len(curved) else "undecided"


def _anything_goes(values, tolerance):
    if len(values) == 0:
        return "undecided"
    positive, negative = values > tolerance, values < -tolerance
    if positive.any() and negative.any():
        return "saddle"
    return "minimum" if positive.all() else "maximum" if negative.all() else "undecided"


CLASSIFY = Exercise(
    id="hess-classify",
    chapter="04",
    title="Name the point",
    solution=classify,
    cases=_classify_cases,
    oracle=_classify_by_counting,
    hints=(
        "Three questions are enough: is any eigenvalue clearly positive? Is any clearly negative? "
        "Is any neither?",
        "Two signs make a saddle, whatever the other eigenvalues are, so ask that first. "
        "A zero only matters when there are no two signs.",
        "`positive = values > tolerance`, `negative = values < -tolerance`; then `.any()` of both, "
        "`positive.all()`, `negative.all()`, and what is left.",
    ),
    mistakes=(
        Mistake("zero first", _zero_first,
                "You abstain as soon as one eigenvalue is zero. With both signs among the others "
                "the loss rises one way and falls another: that is a saddle in any case."),
        Mistake("zero counted as a sign", _zeros_count_up,
                "You count a zero as positive or negative. Along that direction the quadratic term "
                "says nothing: abstain, unless there are two signs."),
        Mistake("everything else a saddle", _else_saddle,
                "You call what is neither minimum nor maximum a saddle. With a zero and a single "
                "sign, H does not decide."),
        Mistake("no tolerance", _no_tolerance,
                "The tolerance is not used: an eigenvalue of −1e-9 is rounding, not a way down."),
        Mistake("upside down", _upside_down,
                "Minimum and maximum are swapped: a positive eigenvalue means that the loss rises "
                "along its eigenvector."),
        Mistake("only first and last", _ends_only,
                "You look at the first and the last eigenvalue only. They may come in any order: "
                "use all of them, or sort first."),
        Mistake("the determinant", _by_the_product,
                "The product of the eigenvalues (the determinant) decides in two dimensions only: "
                "two negative ones multiply to a positive number."),
        Mistake("the trace", _by_the_sum,
                "The sum of the eigenvalues (the trace) hides their signs: −2 and 3 make 1."),
        Mistake("equal is not zero", _equal_is_not_zero,
                "An eigenvalue of exactly the tolerance counts as zero: `>` and `<`, not `>=`."),
        Mistake("zeros left out", _zeros_left_out,
                "You leave the zeros out and judge by the rest. A zero beside positive ones may be "
                "a valley that falls away later: undecided."),
        Mistake("nothing refused", _anything_goes,
                "No eigenvalue at all, or a NaN among them, is to be refused with a ValueError: "
                "comparisons with NaN are always False."),
    ),
    stub='''def classify(values, tolerance):         # values: (n,), in any order; a number
    ...                                  # your code: one of the four words

check("hess-classify", classify)''',
)

# ---- hess-hvp ------------------------------------------------------------------------------------


def hvp(loss: Callable[[Tensor], Tensor], theta: Tensor, v: Tensor) -> Tensor:
    theta = theta.detach().clone().requires_grad_()      # a copy: the caller's stays as it was
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)        # keep g's own graph
    slope = (g * v).sum()                                # one number: how fast L rises along v
    (product,) = torch.autograd.grad(slope, theta)       # its gradient is H v, as v is constant
    return product


COST = 10  # gradients that H v may cost; H itself costs about P


def _net_loss(rows: int, inputs: int, hidden: int) -> tuple[Callable[[Tensor], Tensor], int]:
    """The MSE of a small tanh network as a function of its P parameters, and P."""
    g = torch.Generator().manual_seed(8)
    x = torch.randn(rows, inputs, generator=g, dtype=f64)
    label = torch.randn(rows, 1, generator=g, dtype=f64)
    first = inputs * hidden

    def loss(theta: Tensor) -> Tensor:
        w1, w2 = theta[:first].reshape(inputs, hidden), theta[first:].reshape(hidden, 1)
        return (torch.tanh(x @ w1) @ w2 - label).square().mean()

    return loss, first + hidden


def _hvp_cases() -> list[tuple[Callable[[Tensor], Tensor], Tensor, Tensor, str]]:
    g = torch.Generator().manual_seed(7)
    net, count = _net_loss(rows=6, inputs=3, hidden=4)

    def draw(n: int) -> Tensor:
        return torch.randn(n, generator=g, dtype=f64)

    def at(*values: float) -> Tensor:
        return torch.tensor(values, dtype=f64)

    a = at(2.0, -1.0, 0.5, -1.0, 3.0, 0.0, 0.5, 0.0, -4.0).reshape(3, 3)
    cliff, tilt = 1e6 * draw(5), at(2.0, 1.0, -1.0)      # tilted: g is not H theta
    return [
        (lambda t: t @ a @ t / 2 + tilt @ t, at(1.0, 2.0, 3.0), at(1.0, 0.0, -2.0),
         "a quadratic in three parameters"),
        (lambda t: (t**3).sum() + t[0] * t[1] ** 2, at(1.0, -2.0), at(0.5, 3.0), "a cubic"),
        (net, draw(count), draw(count), f"a network with {count} parameters"),
        (lambda t: cliff @ t + (t**4).sum(), draw(5), draw(5), "a steep slope, a small curvature"),
        (net, draw(count), torch.zeros(count, dtype=f64), "v = 0"),
        (lambda t: (t**4).sum(), at(2.0), at(-1.0), "a single parameter"),
    ]


def _judge_hvp(answer) -> Verdict:
    for loss, theta, v, note in _hvp_cases():
        problem = _wrong_product(answer, loss, theta, v, note)
        if problem:
            return problem
    problem = _touches_theta(answer)
    if problem:
        return Verdict(False, problem, given="a theta with requires_grad=True and a .grad")
    ratio, count = _cost(answer)
    if ratio > COST:
        return Verdict(False, f"The product is right, but for P = {count} it takes about {ratio} "
                       f"times the arithmetic of a gradient; at most {COST} are allowed. Does your "
                       "code build H, or go through the parameters one by one?",
                       got=f"{ratio} gradients", expected=f"at most {COST}")
    return Verdict(True, "Right on all losses, at the price of a few gradients.")


def _wrong_product(answer, loss, theta: Tensor, v: Tensor, note: str) -> Verdict | None:
    right = torch.func.hessian(loss)(theta) @ v
    mine, mine_v = theta.clone(), v.clone()
    got = answer(loss, mine, mine_v)
    given = f"theta = {theta.tolist()}\nv = {v.tolist()}" if len(v) < 4 else f"{len(v)} parameters"
    shown = {"given": f"{note}\n{given}", "got": got, "expected": right}
    if not isinstance(got, Tensor):
        return Verdict(False, "Return a tensor of the shape of `theta`.", **shown)
    if got.shape != theta.shape or got.dtype != theta.dtype:
        return Verdict(False, "H v has the shape and dtype of `theta`.", **shown)
    if not torch.allclose(got.detach(), right, rtol=1e-7, atol=1e-8):
        return Verdict(False, f"Not H v: {note}.", **shown)
    if not torch.equal(mine.detach(), theta) or not torch.equal(mine_v.detach(), v):
        return Verdict(False, "The product is right, but your code changes `theta` or `v`.",
                       given=note)
    if mine.requires_grad or mine.grad is not None:
        return Verdict(False, "The product is right, but your code switches `requires_grad` on for "
                       "the caller's `theta`. Work on a copy: `theta.detach().clone()`.",
                       given=note)
    return None


def _touches_theta(answer) -> str:
    """What happens to a `theta` that a training has left behind; "" if nothing."""
    theta = torch.tensor([1.0, -2.0], dtype=f64, requires_grad=True)
    theta.grad = torch.ones_like(theta)
    try:
        answer(lambda t: (t**4).sum(), theta, torch.ones(2, dtype=f64))
    except Exception as error:
        return ("The product is right, but where `theta` requires gradients already, your code "
                f"raises {type(error).__name__}: {error}")
    grad = theta.grad
    if theta.requires_grad and grad is not None and bool((grad == 1).all()):
        return ""
    return ("The product is right, but a `theta` that required gradients, or had a `.grad`, is "
            "not left as it was. Work on a copy: `theta.detach().clone()`.")


def _cost(answer) -> tuple[int, int]:
    """(arithmetic of the answer as a multiple of a gradient's, number of parameters P)."""
    loss, count = _net_loss(rows=8, inputs=9, hidden=5)
    g = torch.Generator().manual_seed(9)
    theta, v = torch.randn(2, count, generator=g, dtype=f64)

    def gradient() -> None:
        start = theta.clone().requires_grad_()
        torch.autograd.grad(loss(start), start)

    return round(_flops(lambda: answer(loss, theta.clone(), v)) / _flops(gradient)), count


def _flops(work: Callable[[], object]) -> int:
    """Multiplications and additions in the matrix products of `work`: a count, not a time."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def _whole_hessian(loss, theta, v):
    return torch.func.hessian(loss)(theta) @ v


def _row_by_row(loss, theta, v):
    theta = theta.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    return torch.stack([torch.autograd.grad(one, theta, retain_graph=True)[0] for one in g]) @ v


def _finite_difference(loss, theta, v):
    def gradient(at):
        at = at.clone().requires_grad_()
        return torch.autograd.grad(loss(at), at)[0]

    step = 1e-5
    return (gradient(theta + step * v) - gradient(theta - step * v)) / (2 * step)


def _coarse_difference(loss, theta, v):
    def gradient(at):
        at = at.clone().requires_grad_()
        return torch.autograd.grad(loss(at), at)[0]

    return (gradient(theta + 1e-4 * v) - gradient(theta)) / 1e-4


def _gradient_of(loss, theta):
    theta = theta.clone().requires_grad_()
    return theta, torch.autograd.grad(loss(theta), theta, create_graph=True)[0]


def _slope_only(loss, theta, v):
    return (_gradient_of(loss, theta)[1] * v).sum()


def _gradient_times_v(loss, theta, v):
    return _gradient_of(loss, theta)[1] * v


def _curvature_only(loss, theta, v):
    return v @ hvp(loss, theta, v)


def _sums_of_rows(loss, theta, v):
    return hvp(loss, theta, torch.ones_like(theta)) * v


def _unit_v(loss, theta, v):
    return hvp(loss, theta, v / v.norm())


def _minus_product(loss, theta, v):
    return -hvp(loss, theta, v)


def _h_times_theta(loss, theta, v):
    return hvp(loss, theta, theta)


def _h_times_g(loss, theta, v):
    theta, g = _gradient_of(loss, theta)
    return torch.autograd.grad((g * g).sum(), theta)[0]


def _no_graph(loss, theta, v):
    theta = theta.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta)
    return torch.autograd.grad((g * v).sum(), theta)[0]


def _not_summed(loss, theta, v):
    theta, g = _gradient_of(loss, theta)
    return torch.autograd.grad(g * v, theta)[0]


def _callers_theta(loss, theta, v):
    theta.requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    return torch.autograd.grad((g * v).sum(), theta)[0]


HVP = Exercise(
    id="hess-hvp",
    chapter="04",
    title="H times v without H",
    solution=hvp,
    cases=list,
    judge=_judge_hvp,
    hints=(
        "gᵀv is one number. If v is constant, what is the gradient of that number?",
        "Two calls of `torch.autograd.grad`: the first gives g and must keep a graph "
        "(`create_graph=True`), the second differentiates gᵀv.",
        "`theta = theta.detach().clone().requires_grad_()`, "
        "`(g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)`, then the gradient of "
        "`(g * v).sum()` by the same function.",
    ),
    mistakes=(
        Mistake("the whole Hessian", _whole_hessian,
                "The product is right, but H was built first: P² numbers, P times the work of a "
                "gradient. Multiply by v *before* you differentiate again."),
        Mistake("row by row", _row_by_row,
                "The product is right, but you differentiate each entry of g by itself: P backward "
                "passes. Take gᵀv first, which is *one* number, and differentiate that."),
        Mistake("finite difference", _finite_difference,
                "A difference of two gradients is a good estimate, but where the slope is steep it "
                "drowns in rounding. Differentiate gᵀv exactly."),
        Mistake("coarse difference", _coarse_difference,
                "A one-sided difference of gradients is off by the third derivative. "
                "Differentiate gᵀv exactly."),
        Mistake("slope only", _slope_only,
                "This is gᵀv, the slope along v. It is the right half: differentiate it once "
                "more."),
        Mistake("gradient times v", _gradient_times_v,
                "This is the gradient multiplied by v, entry by entry; nothing was differentiated "
                "twice."),
        Mistake("curvature only", _curvature_only,
                "This is vᵀHv, one number. Asked for is the vector H v."),
        Mistake("sums of rows", _sums_of_rows,
                "You differentiate the sum of g and multiply by v afterwards: that gives the row "
                "sums of H. v belongs inside, before the second derivative."),
        Mistake("v made unit length", _unit_v,
                "You shorten v to unit length. H v is linear in v: use v as it comes."),
        Mistake("minus", _minus_product, "The sign is turned: H v, not −H v."),
        Mistake("H times theta", _h_times_theta,
                "You multiply H by theta. It is v that H is to be multiplied by."),
        Mistake("H times g", _h_times_g,
                "The gradient of gᵀg is 2 H g. Use v in place of one g, and v is constant."),
        Mistake("nothing to differentiate", _no_graph,
                "autograd was asked to differentiate something that it has not tracked. Is your "
                "theta a copy with `requires_grad_()`? And has g a graph of its own "
                "(`create_graph=True` in the first call)?"),
        Mistake("not summed", _not_summed,
                "g * v is a vector; only a number has a gradient. Sum it to gᵀv, or hand v over as "
                "`grad_outputs`."),
        Mistake("the caller's theta", _callers_theta,
                "The product is right, but you switch `requires_grad` on for the *caller's* theta. "
                "Work on a copy: `theta.detach().clone()`."),
    ),
    stub='''def hvp(loss, theta, v):                 # loss(theta): (P,) -> (); theta, v: (P,)
    ...                                  # your code: H v, shape (P,), without building H

check("hess-hvp", hvp)''',
)

# ---- hess-escape-step ----------------------------------------------------------------------------


def escape_step(H: Tensor, length: float, tolerance: float) -> Tensor | None:
    values, vectors = torch.linalg.eigh(H)               # ascending; one eigenvector a *column*
    if values[0] >= -tolerance:
        return None                                      # no direction in which H leads down
    return length * vectors[:, 0]                        # the columns have unit length


def _turned(*values: float) -> Tensor:
    """A symmetric matrix with these eigenvalues, in no special position."""
    g = torch.Generator().manual_seed(10 + len(values))
    turn, _ = torch.linalg.qr(torch.randn(len(values), len(values), generator=g, dtype=f64))
    H = turn @ torch.diag(torch.tensor(values, dtype=f64)) @ turn.T
    return (H + H.T) / 2


def _escape_cases() -> list[tuple[Tensor, float, float, str]]:
    def table(*rows: list[float]) -> Tensor:
        return torch.tensor(rows, dtype=f64)

    return [
        (_turned(-6.0, 2.0, 5.0), 0.1, 1e-8, "one negative eigenvalue of three"),
        (_turned(-1.0, -3.0, 4.0, 0.5), 0.01, 1e-8, "two negative eigenvalues of four"),
        (_turned(-0.5, 8.0, 9.0, 3.0, 4.0), 2.0, 1e-8, "a flat way down between steep walls"),
        (table([0.0, -2.0], [-2.0, 0.0]), 0.1, 1e-8, "the tiny net's origin"),
        (_turned(-1.0, -5.0, -2.0), 0.5, 1e-8, "a maximum"),
        (_turned(-2.0, -2.0, 1.0), 0.3, 1e-8, "twice the same eigenvalue"),
        (table([-4.0]), 0.25, 1e-8, "one dimension"),
        (_turned(1.0, 2.0, 3.0), 0.1, 1e-8, "a minimum"),
        (torch.zeros(2, 2, dtype=f64), 0.1, 1e-8, "H = 0"),
        (_turned(-1e-6, 1.0, 2.0), 0.1, 1e-3, "one eigenvalue a little below 0, within tolerance"),
        (_turned(-1e-6, 1.0, 2.0), 0.1, 1e-9, "the same, with a smaller tolerance"),
        (_turned(-0.01, 40.0, 90.0), 0.1, 1e-3, "a gentle way down beside steep ways up"),
        (table([-0.5]), 0.1, 0.5, "exactly −tolerance, which is not below it"),
        (table([1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 3.0]), 0.1, 1e-8, "a diagonal H"),
        (table([0.0, 2.0], [2.0, 0.0]), 0.1, 1e-8, "the way down across (1, 1)"),
    ]


def _judge_escape(answer) -> Verdict:
    for H, length, tolerance, note in _escape_cases():
        mine = H.clone()
        u = answer(mine, length, tolerance)
        problem = _wrong_step(H, length, tolerance, u)
        if not problem and not torch.equal(mine, H):
            problem = "The step is right, but your code changes `H`."
        if problem:
            values = [round(value, 7) for value in torch.linalg.eigvalsh(H).tolist()]
            given = f"{note}\neigenvalues {values}\nlength {length}, tolerance {tolerance}"
            return Verdict(False, problem, given=given,
                           got="None" if u is None else u)
    return Verdict(True, "Right on all Hessians; either sign of u is accepted.")


def _wrong_step(H: Tensor, length: float, tolerance: float, u) -> str:
    """What is wrong with a step, in words; "" if nothing is."""
    lowest = torch.linalg.eigvalsh(H)[0].item()
    if lowest >= -tolerance:
        return "" if u is None else ("No eigenvalue is below −tolerance: there is no escape to "
                                     "return. Give None.")
    if u is None:
        return "There is an eigenvalue below −tolerance, but your code returned None."
    if not isinstance(u, Tensor):
        return "Return one tensor, the step u."
    if u.shape != H.shape[:1]:
        return f"u has one entry for each parameter: shape {tuple(H.shape[:1])}."
    if u.dtype != H.dtype:
        return f"The dtype is {str(u.dtype)[6:]}; it should be {str(H.dtype)[6:]}."
    return _wrong_direction(H, length, u.detach(), lowest)


def _wrong_direction(H: Tensor, length: float, u: Tensor, lowest: float) -> str:
    norm = u.norm().item()
    if not 0 < norm < float("inf"):
        return "u should be a finite step that is not zero."
    along = u / norm
    curvature = (along @ H @ along).item()
    if (H @ along - curvature * along).norm() > 1e-8 * H.norm():
        return "u is not an eigenvector of H: H u does not point along u."
    if abs(curvature - lowest) > 1e-8 * H.norm():
        return f"u is an eigenvector, but of the eigenvalue {curvature:.3g}, not of the lowest."
    if abs(norm - length) > 1e-9 * length:
        return f"The direction is right; the step is {norm:.3g} long instead of {length:g}."
    return ""


def _negative(H, tolerance):
    return torch.linalg.eigvalsh(H)[0] < -tolerance


def _last_column(H, length, tolerance):
    return length * torch.linalg.eigh(H)[1][:, -1] if _negative(H, tolerance) else None


def _row(H, length, tolerance):
    return length * torch.linalg.eigh(H)[1][0] if _negative(H, tolerance) else None


def _unit_step(H, length, tolerance):
    return torch.linalg.eigh(H)[1][:, 0] if _negative(H, tolerance) else None


def _times_eigenvalue(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    return length * values[0] * vectors[:, 0] if values[0] < -tolerance else None


def _squared_length(H, length, tolerance):
    return length**0.5 * torch.linalg.eigh(H)[1][:, 0] if _negative(H, tolerance) else None


def _complex(H, length, tolerance):
    values, vectors = torch.linalg.eig(H)
    lowest = values.real.argmin()
    return length * vectors[:, lowest] if values.real[lowest] < -tolerance else None


def _eig_in_no_order(H, length, tolerance):
    values, vectors = torch.linalg.eig(H)
    if values.real.min() >= -tolerance:
        return None
    return length * vectors.real[:, 0]


def _largest_size(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    return length * vectors[:, values.abs().argmax()] if values[0] < -tolerance else None


def _closest_to_zero(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    negative = (values < -tolerance).nonzero().flatten()
    return length * vectors[:, negative[-1]] if len(negative) else None


def _never_none(H, length, tolerance):
    return length * torch.linalg.eigh(H)[1][:, 0]


def _rounding_as_escape(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    return length * vectors[:, 0] if values[0] < 0 else None


def _zero_vector(H, length, tolerance):
    step = escape_step(H, length, tolerance)
    return torch.zeros(len(H), dtype=H.dtype) if step is None else step


def _only_at_saddles(H, length, tolerance):
    return escape_step(H, length, tolerance) if torch.linalg.eigvalsh(H)[-1] > tolerance else None


def _a_column(H, length, tolerance):
    return length * torch.linalg.eigh(H)[1][:, :1] if _negative(H, tolerance) else None


def _all_negative_ones(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    if values[0] >= -tolerance:
        return None
    u = vectors[:, values < -tolerance].sum(dim=1)
    return length * u / u.norm()


ESCAPE = Exercise(
    id="hess-escape-step",
    chapter="04",
    title="A step that leaves the saddle",
    solution=escape_step,
    cases=list,
    judge=_judge_escape,
    hints=(
        "Which eigenvector leads down most steeply, and what must its eigenvalue be for it to lead "
        "down at all?",
        "`torch.linalg.eigh` is for symmetric matrices: real eigenvalues in ascending order, and "
        "each eigenvector is a *column* of unit length.",
        "`values, vectors = torch.linalg.eigh(H)`; None if `values[0] >= -tolerance`, else "
        "`length` times the column that belongs to `values[0]`.",
    ),
    mistakes=(
        Mistake("last column", _last_column,
                "That is the eigenvector of the *largest* eigenvalue, the steepest way up. `eigh` "
                "sorts ascending."),
        Mistake("a row", _row,
                "You take a row of the matrix of eigenvectors. They are its *columns*: "
                "`vectors[:, i]`."),
        Mistake("unit length", _unit_step,
                "The direction is right, the length is always 1: multiply by `length`."),
        Mistake("times the eigenvalue", _times_eigenvalue,
                "You multiply by the eigenvalue as well. The step is to be `length` long, however "
                "strong the curvature."),
        Mistake("length as a square", _squared_length,
                "The step's *squared* length is now `length`. ‖u‖ itself should be."),
        Mistake("complex numbers", _complex,
                "`torch.linalg.eig` returns complex numbers, also for a symmetric matrix. "
                "`torch.linalg.eigh` knows that H is symmetric."),
        Mistake("eig in no order", _eig_in_no_order,
                "`torch.linalg.eig` returns its eigenvalues in no particular order, so the first "
                "may be any. `torch.linalg.eigh` sorts them."),
        Mistake("largest in size", _largest_size,
                "You take the eigenvalue that is largest in *size*. It may be positive, and then u "
                "leads up: take the lowest."),
        Mistake("closest to zero", _closest_to_zero,
                "With several negative eigenvalues you take the one closest to 0. The *most* "
                "negative one leads down fastest."),
        Mistake("never None", _never_none,
                "At a minimum every direction leads up, and your code returns one of them. Return "
                "None when no eigenvalue is below −tolerance."),
        Mistake("rounding as an escape", _rounding_as_escape,
                "The tolerance is not used: an eigenvalue of −1e-6 within it counts as zero, and "
                "there is no escape to return."),
        Mistake("zeros instead of None", _zero_vector,
                "When there is no escape, return None. A step of zeros looks like an answer."),
        Mistake("only at saddles", _only_at_saddles,
                "At a maximum there is an escape as well, in every direction. Only the lowest "
                "eigenvalue counts."),
        Mistake("a column", _a_column,
                "u has shape (n, 1): a table with one column. `vectors[:, 0]` is a vector, (n,)."),
        Mistake("all negative directions", _all_negative_ones,
                "You add up the eigenvectors of all negative eigenvalues. That leads down, but not "
                "fastest, and it is no eigenvector any more."),
    ),
    stub='''def escape_step(H, length, tolerance):   # H: (n, n), symmetric, float64
    ...                                  # your code: the step u, (n,), or None

check("hess-escape-step", escape_step)''',
)

EXERCISES: tuple[Exercise, ...] = (BY_HAND, CLASSIFY, HVP, ESCAPE)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "hess-q-critical", "04", "At some place the gradient is exactly 0. What do you know?",
        ("it is a minimum, at least a local one", "its kind is still open", "training is over"), 1,
        "Zero slope makes it a critical point: a minimum, a maximum or a saddle. Which of them, "
        "the curvature has to tell.",
    ),
    Question(
        "hess-q-taylor", "04",
        "Close to a critical point, which term describes how the loss changes?",
        ("½ uᵀHu", "gᵀu", "L(θ′)"), 0,
        "gᵀu vanishes as g = 0, and L(θ′) is constant. The quadratic term is the first that "
        "remains.",
    ),
    Question(
        "hess-q-minimum", "04", "At a critical point all eigenvalues of H are positive. It is:",
        ("a maximum", "the lowest point of all", "a local minimum"), 2,
        "Every small step leads up. Whether somewhere far away is lower, H cannot know.",
    ),
    Question(
        "hess-q-saddle", "04", "At a critical point the eigenvalues are −1, 0 and 5. It is:",
        ("undecided, because of the 0", "a saddle", "a minimum"), 1,
        "The loss falls along one eigenvector and rises along another. The 0 changes nothing about "
        "that.",
    ),
    Question(
        "hess-q-undecided", "04", "At a critical point the eigenvalues are 0, 2 and 5. It is:",
        ("a minimum", "a saddle", "undecided by H"), 2,
        "Along the eigenvector of 0 the quadratic term says nothing; higher terms decide. x⁴ and "
        "−x⁴ both have H = 0 at 0.",
    ),
    Question(
        "hess-q-symmetric", "04", "Why is H symmetric?",
        ("the second derivatives are continuous", "its eigenvalues are real",
         "every square matrix of numbers is"), 0,
        "Then the order of differentiating does not matter. That its eigenvalues are real follows "
        "from the symmetry, not the other way round.",
    ),
    Question(
        "hess-q-drop", "04",
        "At a saddle Hu = −4u, and ‖u‖ = 0.1. About how much does the step u change the loss?",
        ("−0.4", "−0.02", "−0.04"), 1,
        "½ uᵀHu = ½ · (−4) · 0.1² = −0.02.",
    ),
    Question(
        "hess-q-sign", "04",
        "From a saddle u leads down (H u = λu with λ < 0). What does −u do, if the step is small?",
        ("it leads down as well", "it leads up", "it leaves the loss as it is"), 0,
        "(−u)ᵀH(−u) = uᵀHu: the quadratic term is the same on both sides.",
    ),
    Question(
        "hess-q-small", "04", "Why only a *small* step along u?",
        ("H is not symmetric for large steps", "the eigenvector would become longer",
         "far away the higher terms decide"), 2,
        "½ uᵀHu describes the loss near the point only. A long step may end higher up.",
    ),
    Question(
        "hess-q-size", "04", "A network has a million parameters. How many entries has H?",
        ("a million", "two million", "a million million"), 2,
        "P² = 10¹². In float64 that is 8 terabytes, so one works with products H v instead.",
    ),
    Question(
        "hess-q-hvp", "04", "About what does one product H v cost, without building H?",
        ("as much as P gradients", "as much as a few gradients", "nothing beyond one gradient"), 1,
        "It is the gradient of the number gᵀv: one more backward pass through the graph of g.",
    ),
    Question(
        "hess-q-stable-line", "04",
        "L = x² − y². Plain gradient descent starts exactly at (1, 0). Where does it end?",
        ("at the saddle (0, 0)", "at y → ∞", "at another minimum"), 0,
        "On the line y = 0 the slope along y is 0, so y stays 0. The slightest y off it grows.",
    ),
    Question(
        "hess-q-many", "04",
        "Random symmetric matrices of growing size: how many have positive eigenvalues only?",
        ("about half at every size", "a share that falls fast", "nearly all of them"), 1,
        "Every further eigenvalue would have to be positive too. It is a model of why minima are "
        "rare in high dimension, not a proof about networks.",
    ),
)
