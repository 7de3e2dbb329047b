"""Chapter 06, Optimizers: momentum, the largest rate, RMSprop, a schedule, a rule of one's own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

f64 = torch.float64

# ---- opt-momentum-step ---------------------------------------------------------------------------


def momentum_step(
    theta: Tensor, grad: Tensor, b: Tensor, lr: float, mu: float
) -> tuple[Tensor, Tensor]:
    b = mu * b + grad                                    # a new tensor: the old b stays as it is
    return theta - lr * b, b


def _momentum_by_torch(theta, grad, b, lr, mu):
    if mu == 0:                                          # torch then keeps no sum at all
        return theta - lr * grad, grad.clone()
    parameter = theta.clone().requires_grad_()
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=mu)
    optimizer.state[parameter]["momentum_buffer"] = b.clone()
    parameter.grad = grad.clone()
    optimizer.step()
    return parameter.detach(), optimizer.state[parameter]["momentum_buffer"]


def _momentum_cases() -> list[Case]:
    g = torch.Generator().manual_seed(60)

    def draw(size: int) -> list[Tensor]:
        return [torch.randn(size, generator=g, dtype=f64) for _ in range(3)]

    return [
        Case((torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), 0.1, 0.9), "P = 1"),
        Case((*draw(4), 0.3, 0.5), "random, P = 4"),
        Case((*draw(5), 0.05, 0.99), "a long memory"),
        Case((*draw(3), 0.2, 0.0), "μ = 0: plain descent"),
        Case((*draw(3)[:2], torch.zeros(3, dtype=f64), 0.2, 0.9), "the first step: b = 0"),
        Case((draw(3)[0], torch.zeros(3, dtype=f64), draw(3)[0], 0.2, 0.9), "gradient 0"),
    ]


def _momentum_lecture(theta, grad, b, lr, mu):
    m = mu * b - lr * grad
    return theta + m, m


def _momentum_old_b(theta, grad, b, lr, mu):
    return theta - lr * b, mu * b + grad


def _momentum_plus(theta, grad, b, lr, mu):
    b = mu * b + grad
    return theta + lr * b, b


def _momentum_average(theta, grad, b, lr, mu):
    b = mu * b + (1 - mu) * grad
    return theta - lr * b, b


def _momentum_lr_inside(theta, grad, b, lr, mu):
    b = mu * b + lr * grad
    return theta - b, b


def _momentum_nesterov(theta, grad, b, lr, mu):
    b = mu * b + grad
    return theta - lr * (grad + mu * b), b


def _momentum_only_theta(theta, grad, b, lr, mu):
    return theta - lr * (mu * b + grad)


def _momentum_order(theta, grad, b, lr, mu):
    b = mu * b + grad
    return b, theta - lr * b


def _momentum_no_memory(theta, grad, b, lr, mu):
    return theta - lr * (mu * b + grad), grad


MOMENTUM = Exercise(
    id="opt-momentum-step",
    chapter="06",
    title="A step with momentum",
    solution=momentum_step,
    cases=_momentum_cases,
    oracle=_momentum_by_torch,
    hints=(
        "Two lines: first the new sum b, then the step with it.",
        "bᵗ = μ bᵗ⁻¹ + gᵗ holds no η. Today's η multiplies the whole sum when θ moves.",
        "`b = mu * b + grad` makes a new tensor; then return `theta - lr * b` and `b`.",
    ),
    mistakes=(
        Mistake("the lecture's form", _momentum_lecture,
                "That is the lecture's form, with η inside the memory. Asked for is torch's: b "
                "adds up plain gradients, and η comes in only when θ moves."),
        Mistake("old b", _momentum_old_b,
                "θ moves with the *old* sum. First put the new gradient into b, then step."),
        Mistake("plus", _momentum_plus,
                "θ moves uphill: the sum b is made of gradients, so it is subtracted."),
        Mistake("running average", _momentum_average,
                "The gradient enters with the factor 1 − μ. That is Adam's running average; here "
                "b is a sum, and the new gradient counts in full."),
        Mistake("lr inside", _momentum_lr_inside,
                "The learning rate is inside b. While it is constant nobody sees the difference, "
                "but b is compared too, and a changing rate would act differently."),
        Mistake("Nesterov", _momentum_nesterov,
                "That is Nesterov's momentum, which adds the gradient once more. Here θ moves by "
                "−η b."),
        Mistake("only theta", _momentum_only_theta,
                "The new θ is right, but the new b is missing: return the pair."),
        Mistake("wrong order", _momentum_order,
                "The two results are in the wrong order: first the new θ, then the new b."),
        Mistake("memory of one step", _momentum_no_memory,
                "The new θ is right, but you hand back the plain gradient as b. It has to be the "
                "sum, or the older gradients are lost at the next step."),
    ),
    stub='''def momentum_step(theta, grad, b, lr, mu):   # theta, grad, b: (P,)
    ...                                      # your code: (new theta, new b)

check("opt-momentum-step", momentum_step)''',
)

# ---- opt-largest-rate ----------------------------------------------------------------------------


def largest_rate(H: Tensor, mu: float) -> float:
    steepest = torch.linalg.eigvalsh(H)[-1]              # ascending: the last is the largest
    return 2 * (1 + mu) / steepest.item()


def _largest_by_trying(H: Tensor, mu: float) -> float:
    """Bisection: does the matrix that maps (θₜ, θₜ₋₁) to (θₜ₊₁, θₜ) shrink every pair?"""
    bend, n = H.numpy(), len(H)
    one, zero = np.eye(n), np.zeros((n, n))

    def shrinks(lr: float) -> bool:
        matrix = np.block([[(1 + mu) * one - lr * bend, -mu * one], [one, zero]])
        return bool(np.abs(np.linalg.eigvals(matrix)).max() < 1)

    low, high = 0.0, 8 / float(np.abs(bend).max())
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if shrinks(middle) else (low, middle)
    return low


def _largest_cases() -> list[Case]:
    g = torch.Generator().manual_seed(61)

    def turned(*values: float) -> Tensor:
        turn, _ = torch.linalg.qr(torch.randn(len(values), len(values), generator=g, dtype=f64))
        H = turn @ torch.diag(torch.tensor(values, dtype=f64)) @ turn.T
        return (H + H.T) / 2

    return [
        Case((torch.tensor([[4.0]], dtype=f64), 0.0), "one parameter, no momentum"),
        Case((torch.diag(torch.tensor([100.0, 1.0], dtype=f64)), 0.0), "diagonal"),
        Case((torch.diag(torch.tensor([1.0, 100.0], dtype=f64)), 0.9), "diagonal, μ = 0.9"),
        Case((turned(0.5, 2.0, 8.0), 0.5), "turned, μ = 0.5"),
        Case((turned(3.0, 3.0, 0.1, 1.0), 0.8), "turned, the largest twice"),
        Case((turned(0.01, 0.02, 0.03), 0.95), "gentle everywhere"),
        Case((torch.tensor([[2.0, -1.0], [-1.0, 2.0]], dtype=f64), 0.5), "steepest along (1, −1)"),
        Case((turned(5.0, 4.95, 1.0, 0.2), 0.5), "the two largest lie close together"),
    ]


def _largest_without_mu(H, mu):
    return 2 / torch.linalg.eigvalsh(H)[-1].item()


def _largest_smallest(H, mu):
    return 2 * (1 + mu) / torch.linalg.eigvalsh(H)[0].item()


def _largest_one(H, mu):
    return (1 + mu) / torch.linalg.eigvalsh(H)[-1].item()


def _largest_minus(H, mu):
    return 2 * (1 - mu) / torch.linalg.eigvalsh(H)[-1].item()


def _largest_divided(H, mu):
    return 2 / (1 - mu) / torch.linalg.eigvalsh(H)[-1].item()


def _largest_trace(H, mu):
    return 2 * (1 + mu) / H.trace().item()


def _largest_entry(H, mu):
    return 2 * (1 + mu) / H.max().item()


def _largest_norm(H, mu):
    return 2 * (1 + mu) / H.norm().item()


def _largest_tensor(H, mu):
    return 2 * (1 + mu) / torch.linalg.eigvalsh(H)[-1]


LARGEST = Exercise(
    id="opt-largest-rate",
    chapter="06",
    title="The largest stable rate",
    solution=largest_rate,
    cases=_largest_cases,
    oracle=_largest_by_trying,
    hints=(
        "Which direction becomes unstable first when η grows?",
        "The limit along an eigenvector is 2 (1 + μ)/λ. It is smallest for the largest λ.",
        "`torch.linalg.eigvalsh(H)` gives the eigenvalues in ascending order; `.item()` makes a "
        "Python number of the last one.",
    ),
    mistakes=(
        Mistake("without momentum", _largest_without_mu,
                "That is the limit without momentum, 2/λmax. With momentum it is larger."),
        Mistake("smallest eigenvalue", _largest_smallest,
                "You divide by the *smallest* eigenvalue. The steepest direction diverges first."),
        Mistake("1 instead of 2", _largest_one,
                "Half of the limit. At η = 1/λ a plain step lands exactly at the bottom; up to "
                "twice that it overshoots, but still comes nearer."),
        Mistake("1 − μ above", _largest_minus,
                "With you momentum lowers the limit. The sign of μ is turned."),
        Mistake("1 − μ below", _largest_divided,
                "1/(1 − μ) is how much momentum multiplies steps that agree. At the limit the "
                "steps change sign each time: there the factor is 1 + μ."),
        Mistake("trace", _largest_trace,
                "The trace is the sum of *all* eigenvalues. Only the largest counts."),
        Mistake("largest entry", _largest_entry,
                "The largest entry of H is its largest eigenvalue only if H is diagonal."),
        Mistake("norm", _largest_norm,
                "`H.norm()` is the root of the sum of all squared entries, not the largest "
                "eigenvalue."),
        Mistake("a tensor", _largest_tensor,
                "The value is right, but it is a tensor: `.item()` makes a Python number of it."),
    ),
    stub='''def largest_rate(H, mu):                 # H: (n, n), symmetric, positive eigenvalues
    ...                                  # your code: a number

check("opt-largest-rate", largest_rate)''',
)

# ---- opt-rmsprop-step ----------------------------------------------------------------------------


def rmsprop_step(
    theta: Tensor, grad: Tensor, square: Tensor, lr: float, alpha: float, eps: float
) -> tuple[Tensor, Tensor]:
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / (square.sqrt() + eps), square


def _rmsprop_by_torch(theta, grad, square, lr, alpha, eps):
    parameter = theta.clone().requires_grad_()
    optimizer = torch.optim.RMSprop([parameter], lr=lr, alpha=alpha, eps=eps)
    optimizer.state[parameter].update(step=torch.tensor(0.0), square_avg=square.clone())
    parameter.grad = grad.clone()
    optimizer.step()
    return parameter.detach(), optimizer.state[parameter]["square_avg"]


def _rmsprop_cases() -> list[Case]:
    g = torch.Generator().manual_seed(62)

    def draw(size: int) -> tuple[Tensor, Tensor, Tensor]:
        theta, grad, square = torch.randn(3, size, generator=g, dtype=f64)
        return theta, grad, square**2

    theta, grad, _ = draw(3)
    return [
        Case((torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([9.0]), 0.1, 0.9, 1e-8),
             "P = 1"),
        Case((*draw(4), 0.1, 0.9, 1e-8), "random, P = 4"),
        Case((*draw(5), 0.01, 0.99, 0.1), "a large eps: under the root or beside it?"),
        Case((theta, grad, torch.zeros(3, dtype=f64), 0.1, 0.9, 1e-8), "the first step"),
        Case((theta, torch.zeros(3, dtype=f64), torch.zeros(3, dtype=f64), 0.1, 0.9, 1e-8),
             "gradient and memory 0: never divide by 0"),
        Case((*draw(3), 0.1, 0.0, 1e-8), "α = 0: no memory"),
    ]


def _rmsprop_swapped(theta, grad, square, lr, alpha, eps):
    return rmsprop_step(theta, grad, square, lr, 1 - alpha, eps)


def _rmsprop_not_squared(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad
    return theta - lr * grad / (square.sqrt() + eps), square


def _rmsprop_absolute(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad.abs()
    return theta - lr * grad / (square.sqrt() + eps), square


def _rmsprop_no_root(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / (square + eps), square


def _rmsprop_eps_inside(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / (square + eps).sqrt(), square


def _rmsprop_no_eps(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / square.sqrt(), square


def _rmsprop_old(theta, grad, square, lr, alpha, eps):
    return theta - lr * grad / (square.sqrt() + eps), alpha * square + (1 - alpha) * grad**2


def _rmsprop_sum(theta, grad, square, lr, alpha, eps):
    square = square + grad**2
    return theta - lr * grad / (square.sqrt() + eps), square


def _rmsprop_sigma(theta, grad, square, lr, alpha, eps):
    sigma = (alpha * square + (1 - alpha) * grad**2).sqrt()
    return theta - lr * grad / (sigma + eps), sigma


def _rmsprop_plus(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad**2
    return theta + lr * grad / (square.sqrt() + eps), square


RMSPROP = Exercise(
    id="opt-rmsprop-step",
    chapter="06",
    title="A step of RMSprop",
    solution=rmsprop_step,
    cases=_rmsprop_cases,
    oracle=_rmsprop_by_torch,
    hints=(
        "First the running mean of squares, with the new gradient in it; then the step.",
        "The share α of the old mean stays, the rest, 1 − α, comes from `grad**2`.",
        "The step is `lr * grad / (square.sqrt() + eps)`, taken from θ.",
    ),
    mistakes=(
        Mistake("shares swapped", _rmsprop_swapped,
                "α and 1 − α are swapped. α says how much of the *past* is kept."),
        Mistake("not squared", _rmsprop_not_squared,
                "The running mean is one of *squares*: `grad**2`. A negative gradient would "
                "otherwise give the root of a negative number."),
        Mistake("absolute value", _rmsprop_absolute,
                "The running mean holds |g| with you, and then a root is taken. It is one of g²."),
        Mistake("no root", _rmsprop_no_root,
                "You divide by σ², not by σ: the root is missing."),
        Mistake("eps under the root", _rmsprop_eps_inside,
                "eps stands under the root with you. It is added to the root, as in torch."),
        Mistake("no eps", _rmsprop_no_eps,
                "eps is not used: with a gradient of 0 and an empty memory you divide 0 by 0."),
        Mistake("old memory", _rmsprop_old,
                "The step divides by the *old* memory. Put the new gradient in first, or the very "
                "first step divides by almost nothing."),
        Mistake("a sum", _rmsprop_sum,
                "You add up all squares: that is torch's AdaGrad, which never forgets. Let the old "
                "ones fade with α."),
        Mistake("the root is kept", _rmsprop_sigma,
                "The new θ is right. But what is kept is the mean of squares, and you hand back "
                "its root."),
        Mistake("plus", _rmsprop_plus,
                "θ moves uphill: the step is subtracted."),
    ),
    stub='''def rmsprop_step(theta, grad, square, lr, alpha, eps):
    ...                                  # your code: (new theta, new square)

check("opt-rmsprop-step", rmsprop_step)''',
)

# ---- opt-schedule --------------------------------------------------------------------------------


def schedule(step: int, peak: float, warm: int) -> float:
    if step < warm:
        return peak * (step + 1) / warm                  # peak/warm, 2 peak/warm, …, peak
    return peak * math.sqrt(warm / (step + 1))           # continues at peak, then falls


def _schedule_as_smaller(step: int, peak: float, warm: int) -> float:
    return peak * min((step + 1) / warm, ((step + 1) / warm) ** -0.5)


def _schedule_cases() -> list[Case]:
    return [
        Case((0, 0.1, 10), "the first step"),
        Case((4, 0.1, 10), "half-way up"),
        Case((9, 0.1, 10), "the peak"),
        Case((10, 0.1, 10), "one after the peak"),
        Case((39, 0.1, 10), "four times the warm-up: half the peak"),
        Case((0, 2.0, 1), "no warm-up"),
        Case((1, 2.0, 1), "no warm-up, second step"),
        Case((24, 2.0, 1), "no warm-up, later"),
        Case((10_000, 0.03, 100), "far on"),
    ]


def _schedule_from_zero(step, peak, warm):
    return peak * step / warm if step < warm else peak * math.sqrt(warm / (step + 1))


def _schedule_late(step, peak, warm):
    return peak * (step + 1) / (warm + 1) if step < warm else peak * math.sqrt(warm / (step + 1))


def _schedule_jump(step, peak, warm):
    return peak * (step + 1) / warm if step < warm else peak / math.sqrt(step + 1)


def _schedule_restart(step, peak, warm):
    if step < warm:
        return peak * (step + 1) / warm
    return peak / math.sqrt(step - warm + 1)


def _schedule_no_root(step, peak, warm):
    return peak * (step + 1) / warm if step < warm else peak * warm / (step + 1)


def _schedule_constant(step, peak, warm):
    return peak * min((step + 1) / warm, 1.0)


def _schedule_product(step, peak, warm):
    return peak * min((step + 1) / warm, 1.0) / math.sqrt(step + 1)


def _schedule_old_step(step, peak, warm):
    return peak * (step + 1) / warm if step < warm else peak * math.sqrt(warm / step)


SCHEDULE = Exercise(
    id="opt-schedule",
    chapter="06",
    title="Warm-up, then decay",
    solution=schedule,
    cases=_schedule_cases,
    oracle=_schedule_as_smaller,
    hints=(
        "Two formulas and an `if`: which steps belong to the warm-up?",
        "Steps are counted from 0, so during the warm-up the rate is the share (step + 1)/warm of "
        "the peak.",
        "After it: `peak * math.sqrt(warm / (step + 1))`. At step = warm − 1 both formulas give "
        "the peak, so there is no jump.",
    ),
    mistakes=(
        Mistake("starts at zero", _schedule_from_zero,
                "The first rate is 0 with you, so the first update does nothing, and the peak "
                "comes late. Step 0 already has peak/warm."),
        Mistake("peak one step late", _schedule_late,
                "You divide by warm + 1. The peak is reached at step warm − 1: that is `warm` "
                "equal parts."),
        Mistake("jump", _schedule_jump,
                "The warm-up is right, then the rate jumps down: `warm` is missing in the root."),
        Mistake("decay starts anew", _schedule_restart,
                "The decay counts its own steps from 1 with you, so it falls much faster. It "
                "counts all steps, and `warm` stands above."),
        Mistake("no root", _schedule_no_root,
                "It falls in proportion to 1/(step + 1) with you. It is to fall as the root."),
        Mistake("no decay", _schedule_constant,
                "The warm-up is right, but afterwards the rate stays at the peak."),
        Mistake("product", _schedule_product,
                "You multiply warm-up and decay, so the peak is never reached. One comes after "
                "the other."),
        Mistake("step instead of step + 1", _schedule_old_step,
                "During the decay the step is counted from 0 with you: step + 1 belongs below."),
    ),
    stub='''def schedule(step, peak, warm):          # whole number, number, whole number
    ...                                  # your code: a number

check("opt-schedule", schedule)''',
)

# ---- opt-beat ------------------------------------------------------------------------------------

START, GOAL, BUDGET = (-1.5, 2.0), 0.01, 300


def my_rule(theta: Tensor, grad: Tensor, state: dict, step: int) -> Tensor:
    last = state.get("movement", torch.zeros_like(theta))
    state["movement"] = 0.95 * last - 0.001 * grad       # momentum: small η, long memory
    return theta + state["movement"]


def _bent_valley(theta: Tensor) -> Tensor:
    return (1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2


def _bent_slope(theta: Tensor) -> Tensor:
    x, y = theta
    return torch.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def descend(rule: Callable, shift: Tensor, turn: int = 1) -> tuple[list[float], str]:
    """Losses of up to BUDGET steps, and what went wrong, in words.

    The valley is moved by `shift`; `turn` is 1, or −1 for half a turn.
    """
    theta, state = turn * torch.tensor(START, dtype=f64) + shift, {}
    losses = [float(_bent_valley(turn * (theta - shift)))]
    random.seed(0), np.random.seed(0), torch.manual_seed(0)  # a rule may draw: each run the same
    for step in range(BUDGET):
        new = rule(theta.clone(), turn * _bent_slope(turn * (theta - shift)), state, step)
        if not isinstance(new, Tensor):
            kind = "None. Is the `return` missing?" if new is None else f"{type(new).__name__}."
            return losses, f"The rule has to return the new θ, a tensor. It returned {kind}"
        if new.shape != (2,):
            return losses, f"The new θ has shape {tuple(new.shape)}; it should be (2,), as θ."
        theta = new.detach().to(f64)
        losses.append(float(_bent_valley(turn * (theta - shift))))
        if not math.isfinite(losses[-1]):
            return losses, (f"It diverged: after step {step} the loss is no longer a finite "
                            "number. The walls are steep at the start: is the sign right, and the "
                            "rate small enough?")
        if losses[-1] < GOAL:
            return losses, ""
    return losses, (f"After {BUDGET} gradients the loss is {losses[-1]:.3g}, the lowest on the way "
                    f"was {min(losses):.3g}; the goal is below {GOAL}.")


def _judge_beat(rule: Callable) -> Verdict:
    here, there = torch.zeros(2, dtype=f64), torch.tensor([3.0, -5.0], dtype=f64)
    losses, wrong = descend(rule, here)
    if wrong:
        return Verdict(False, wrong, got=_first(losses))
    again, wrong = descend(rule, here)
    if wrong or again != losses:
        return Verdict(
            False, "It works, but a second time, from the same start and with an empty `state`, it "
            "goes another way. What it remembers belongs in `state`.", got=_first(again))
    elsewhere, wrong = descend(rule, there, -1)
    if wrong:
        return Verdict(
            False, "It works here, but not on the same valley moved to another place and turned. "
            f"There {wrong[0].lower()}{wrong[1:]} A rule may use the gradient and its memory, not "
            "where the minimum lies.", got=_first(elsewhere))
    return Verdict(True, f"Below {GOAL} after {_gradients(losses)}, and after "
                         f"{_gradients(elsewhere)} on the same valley at another place.")


def _first(losses: list[float]) -> str:
    """The first losses, which also tell one rule from another (see `Mistake`)."""
    return f"losses {', '.join(f'{loss:.4g}' for loss in losses[:4])}{', …' * (len(losses) > 4)}"


def _gradients(losses: list[float]) -> str:
    count = len(losses) - 1
    return f"{count} gradient{'s' * (count != 1)}"


def _beat_plain(theta, grad, state, step):
    return theta - 0.001 * grad


def _beat_too_fast(theta, grad, state, step):
    return theta - 0.01 * grad


def _beat_knows(theta, grad, state, step):
    return torch.ones_like(theta)


def _beat_movement(theta, grad, state, step):
    state["movement"] = 0.95 * state.get("movement", torch.zeros_like(theta)) - 0.001 * grad
    return state["movement"]


def _beat_uphill(theta, grad, state, step):
    return theta + 0.001 * grad


BEAT = Exercise(
    id="opt-beat",
    chapter="06",
    title="A rule that beats the bent valley",
    solution=my_rule,
    cases=list,
    judge=_judge_beat,
    hints=(
        "Plain descent is limited by the steep walls and creeps along the floor. Which of the "
        "chapter's rules hurries where gradients agree? The race lets you try them.",
        "Momentum with a small rate and a long memory, or Adam with a surprisingly large rate (η "
        "from 1 to 2; with a shorter memory, β₂ = 0.9, η from 0.03 to 0.5).",
        "Momentum with η about 0.001 and μ about 0.95 gets there; keep the movement in `state`.",
    ),
    mistakes=(
        Mistake("plain descent", _beat_plain,
                "That is plain descent at η = 0.001: after 300 steps it is still creeping along "
                "the floor. Another η would help only by a lucky jump. Give it a memory."),
        Mistake("too fast", _beat_too_fast,
                "It diverged on the steep walls. Plain descent at η = 0.01 is far above "
                "2/λmax at the start."),
        Mistake("knows the minimum", _beat_knows,
                "It returns the place of the minimum. On the same valley moved elsewhere that is "
                "no help: use the gradient."),
        Mistake("movement returned", _beat_movement,
                "You return the movement; asked for is the new θ, so add it to `theta`."),
        Mistake("uphill", _beat_uphill,
                "It goes uphill: the gradient points up, so it is subtracted."),
    ),
    stub='''def my_rule(theta, grad, state, step):   # theta, grad: (2,), float64; state: your dict
    ...                                  # your code: the new theta, (2,)

check("opt-beat", my_rule)''',
)

EXERCISES: tuple[Exercise, ...] = (MOMENTUM, LARGEST, RMSPROP, SCHEDULE, BEAT)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "opt-q-sum", "06", "μ = 0.9 and the gradient never changes. How long do the steps become?",
        ("as long as without momentum", "about ten times as long", "longer and longer"), 1,
        "1 + 0.9 + 0.9² + … = 1/(1 − 0.9) = 10.",
    ),
    Question(
        "opt-q-zigzag", "06",
        "The gradient changes its sign at every step. What does momentum do to the steps?",
        ("it shortens them", "it lengthens them", "it leaves them as they are"), 0,
        "Terms of opposite sign cancel in the sum; where gradients agree they add up.",
    ),
    Question(
        "opt-q-torch-form", "06",
        "When do the lecture's momentum and torch's take different steps?",
        ("always", "when the learning rate changes", "when the gradient changes"), 1,
        "In the lecture's form each gradient keeps the η of its own time; in torch's, today's η "
        "multiplies the whole sum.",
    ),
    Question(
        "opt-q-stuck", "06", "The loss hardly falls any more. What do you know of the gradient?",
        ("it is nearly zero", "nothing yet: measure it", "it points uphill"), 1,
        "At the edge of stability a network jumps from wall to wall with a long gradient; a "
        "smaller η takes it to the floor of the valley, once. There the gradient is small.",
    ),
    Question(
        "opt-q-limit", "06", "The largest eigenvalue of a quadratic's Hessian is 50. Plain descent "
        "converges for η below:",
        ("0.02", "0.04", "0.5"), 1,
        "2/λmax = 2/50 = 0.04. At 1/λmax = 0.02 the steep direction would be done in one step.",
    ),
    Question(
        "opt-q-limit-momentum", "06", "What does momentum do to the largest stable η?",
        ("it raises it, at most to twice", "it lowers it to a tenth", "nothing"), 0,
        "The limit is 2(1 + μ)/λmax, and μ stays below 1.",
    ),
    Question(
        "opt-q-ratio", "06",
        "λmax/λmin becomes ten times as large. How many steps does plain descent need?",
        ("about as many", "about three times as many", "about ten times as many"), 2,
        "η is bound to 1/λmax, and the gentle direction shrinks by 1 − ηλmin a step. Tuned "
        "momentum needs about √10 times as many.",
    ),
    Question(
        "opt-q-adagrad", "06",
        "AdaGrad divides the rate of a parameter by the root mean square of:",
        ("that parameter's own gradients", "all gradients of the network", "its last ten values"),
        0,
        "That is why a steep direction gets a small rate and a gentle one a large rate.",
    ),
    Question(
        "opt-q-dilution", "06", "The slope changes after 10,000 steps. Whose σ notices soon?",
        ("AdaGrad's", "RMSprop's", "both alike"), 1,
        "RMSprop lets old gradients fade at a fixed pace. In AdaGrad's mean 10,000 old ones hold "
        "against each new one.",
    ),
    Question(
        "opt-q-burst", "06", "Which direction bursts in AdaGrad with a mean?",
        ("the one with large gradients", "the one that had converged", "a random one"), 1,
        "Its gradients are nearly zero, so its σ melts away and η/σ grows beyond 2/λ.",
    ),
    Question(
        "opt-q-correction", "06", "What does Adam's bias correction mend?",
        ("averages that start at zero", "the bias of the last layer", "noise of the batches"), 0,
        "Started at zero, the running averages are too small at first; the division by 1 − βᵗ⁺¹ "
        "makes up for it.",
    ),
    Question(
        "opt-q-warmup", "06", "No warm-up: how far does Adam's very first step move a parameter?",
        ("by η times its gradient", "by η, however small its gradient", "not at all: m is zero"), 1,
        "At step 0, m̂/√v̂ is g/|g|. Later noise cancels in m̂: Adam's least informed step is its "
        "longest. A warm-up makes the first steps small.",
    ),
)
