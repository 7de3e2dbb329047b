"""Chapter 09, Regularisation: a proximal step, λ by cross-validation, AdamW's step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question

f64 = torch.float64


def _draw(*shape: int, number: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(number), dtype=f64)


# ---- regul-proximal ------------------------------------------------------------------------------


def proximal_step(
    w: Tensor, b: Tensor, grad_w: Tensor, grad_b: Tensor, lr: float, strength: float
) -> tuple[Tensor, Tensor]:
    v = w - lr * grad_w                          # down the loss, as ever
    shrunk = (v.abs() - lr * strength).clamp(min=0)      # a size cannot fall below 0
    return v.sign() * shrunk, b - lr * grad_b            # the bias pays nothing


def _proximal_by_trying(w, b, grad_w, grad_b, lr, strength):
    """The lowest of ½(u − v)² + ηλ|u| over all places where it can be lowest."""
    t, places = lr * strength, []
    for v in (w - lr * grad_w).flatten().tolist():
        tried = [0.0] + [u for u in (v - t, v + t) if u * v > 0 and abs(u) <= abs(v)]
        places.append(min(tried, key=lambda u, v=v: (u - v) ** 2 / 2 + t * abs(u)))
    return torch.tensor(places, dtype=w.dtype).reshape(w.shape), b - lr * grad_b


def _proximal_cases() -> list[Case]:
    def case(w, grad, lr, strength, note, b=0.5, grad_b=0.2):
        parts = (torch.as_tensor(w, dtype=f64), torch.tensor(b, dtype=f64),
                 torch.as_tensor(grad, dtype=f64), torch.tensor(grad_b, dtype=f64))
        return Case((*parts, lr, strength), note)

    return [
        case([1.0, -1.0, 0.05, -0.05, 0.0], [0.0] * 5, 0.1, 1.0, "no slope: only the penalty"),
        case([1.0, -2.0, 0.3], [1.0, -4.0, 2.0], 0.1, 0.0, "λ = 0: a plain gradient step"),
        case([0.02, -0.02], [1.0, -1.0], 0.1, 0.5, "the step itself changes the sign"),
        case([0.4, -0.4, 0.2], [0.5, 0.5, 0.5], 0.5, 0.3, "η = 0.5"),
        case([3.0, -1.0], [0.1, 0.2], 0.1, 100.0, "a huge λ", b=-7.0, grad_b=-1.0),
        case([0.0, 0.0], [3.0, -0.5], 0.1, 1.0, "from zero: one leaves, one stays"),
        case(_draw(12), _draw(12, number=1), 0.2, 0.7, "random, 12 weights", b=0.01, grad_b=0.3),
        case(_draw(4, 3, number=2), _draw(4, 3, number=3), 0.3, 0.4, "random, a 4 × 3 table"),
    ]


def _prox(threshold, *, bias=False, first=False):
    """A wrong proximal step with another threshold, order or treatment of the bias."""

    def answer(w, b, grad_w, grad_b, lr, strength):
        t = threshold(lr, strength)

        def soft(v):
            return v.sign() * (v.abs() - t).clamp(min=0)

        if first:
            return soft(w) - lr * grad_w, b - lr * grad_b
        new_b = b - lr * grad_b
        return soft(w - lr * grad_w), soft(new_b) if bias else new_b

    return answer


def _sign_only(w, b, grad_w, grad_b, lr, strength):
    return w - lr * (grad_w + strength * w.sign()), b - lr * grad_b


def _no_clamp(w, b, grad_w, grad_b, lr, strength):
    v = w - lr * grad_w
    return v - lr * strength * v.sign(), b - lr * grad_b


def _hard(w, b, grad_w, grad_b, lr, strength):
    v = w - lr * grad_w
    return torch.where(v.abs() > lr * strength, v, 0 * v), b - lr * grad_b


def _shrunk_as_l2(w, b, grad_w, grad_b, lr, strength):
    return (w - lr * grad_w) / (1 + 2 * lr * strength), b - lr * grad_b


def _sign_lost(w, b, grad_w, grad_b, lr, strength):
    v = w - lr * grad_w
    return (v.abs() - lr * strength).clamp(min=0), b - lr * grad_b


def _uphill(w, b, grad_w, grad_b, lr, strength):
    return proximal_step(w, b, -grad_w, -grad_b, lr, strength)


def _bias_stays(w, b, grad_w, grad_b, lr, strength):
    return proximal_step(w, b, grad_w, 0 * grad_b, lr, strength)


PROXIMAL = Exercise(
    id="regul-proximal",
    chapter="09",
    title="A proximal step",
    solution=proximal_step,
    cases=_proximal_cases,
    oracle=_proximal_by_trying,
    hints=(
        "Two moves, one after the other. First forget the penalty: where does the gradient step on "
        "the loss alone lead?",
        "Then soft-threshold the *weights* that you arrived at. By how much may the penalty pull "
        "in one step of length η?",
        "`v = w - lr * grad_w`, then `v.sign() * (v.abs() - lr * strength).clamp(min=0)`; for the "
        "bias the gradient step is all.",
    ),
    mistakes=(
        Mistake("threshold λ", _prox(lambda lr, strength: strength),
                "Your threshold is λ. That is the penalty's slope; a step moves by η times a "
                "slope: ηλ."),
        Mistake("threshold 2ηλ", _prox(lambda lr, strength: 2 * lr * strength),
                "Your threshold is 2ηλ. The factor 2 belongs to squares; the slope of λ|w| is "
                "±λ."),
        Mistake("bias thresholded", _prox(lambda lr, strength: lr * strength, bias=True),
                "The weights are right, but the bias pays as well. Leave it out of the penalty."),
        Mistake("threshold first", _prox(lambda lr, strength: lr * strength, first=True),
                "You threshold first and step afterwards: the step moves the zeros away again. "
                "Gradient step first."),
        Mistake("slope of the penalty", _sign_only,
                "That is gradient descent on loss plus λ Σ|w|. It steps across zero and never "
                "rests there: threshold instead."),
        Mistake("sign flips", _no_clamp,
                "A weight nearer to zero than ηλ is pushed to the other side. It should stop "
                "at 0: clamp."),
        Mistake("hard threshold", _hard,
                "Small weights become 0, but the others stay as they were. Soft-thresholding "
                "moves these by ηλ too."),
        Mistake("shrunk as by L2", _shrunk_as_l2,
                "You multiply by a factor, as L2 does: nothing becomes exactly zero. L1 "
                "subtracts."),
        Mistake("sign lost", _sign_lost,
                "Negative weights come out positive: put the sign back."),
        Mistake("uphill", _uphill, "The gradient points uphill: subtract η times it."),
        Mistake("bias stays", _bias_stays,
                "The bias pays no penalty, but it still follows its gradient."),
    ),
    stub='''def proximal_step(w, b, grad_w, grad_b, lr, strength):     # grad_…: of the loss alone
    ...                                  # your code: the new w and the new b

check("regul-proximal", proximal_step)''',
)

# ---- regul-choose --------------------------------------------------------------------------------


def ridge(x: Tensor, label: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """As in the chapter: x (N, d), label (N,) -> w (d,), b ()."""
    x_mean, label_mean = x.mean(0), label.mean()
    X, centred = x - x_mean, label - label_mean
    table = X.T @ X / len(x) + strength * torch.eye(x.shape[1], dtype=x.dtype)
    w = torch.linalg.solve(table, X.T @ centred / len(x))
    return w, label_mean - x_mean @ w


def choose_strength(x: Tensor, label: Tensor, strengths: Tensor, k: int) -> float:
    n = len(x)
    averages = []
    for strength in strengths:
        losses = []
        for fold in torch.arange(n).tensor_split(k):     # the rows that are held out
            rest = torch.ones(n, dtype=torch.bool)
            rest[fold] = False
            w, b = ridge(x[rest], label[rest], strength)
            losses.append((x[fold] @ w + b - label[fold]).square().mean())
        averages.append(torch.stack(losses).mean())
    return strengths[torch.stack(averages).argmin()].item()


def _choose_plainly(x: Tensor, label: Tensor, strengths: Tensor, k: int) -> float:
    """In NumPy: ridge as least squares with d more rows, which ask for weights of zero."""
    x, label = x.numpy(), label.numpy()
    d, best = x.shape[1], (np.inf, None)
    for strength in strengths.tolist():
        total = 0.0
        for fold in np.array_split(np.arange(len(x)), k):
            rest = np.setdiff1d(np.arange(len(x)), fold)
            more = np.hstack([np.zeros((d, 1)), np.sqrt(len(rest) * strength) * np.eye(d)])
            rows = np.vstack([np.column_stack([np.ones(len(rest)), x[rest]]), more])
            theta = np.linalg.lstsq(rows, np.append(label[rest], np.zeros(d)), rcond=None)[0]
            total += np.mean((theta[0] + x[fold] @ theta[1:] - label[fold]) ** 2)
        best = min(best, (total / k, strength))
    return best[1]


def _choose_cases() -> list[Case]:
    strengths = torch.logspace(-4, 2, 13, dtype=f64)

    sizes = torch.tensor([10.0, 0.1, 1.0, 3.0, 0.3, 1.0], dtype=f64)
    uneven = _draw(20, 6, number=11) * sizes

    def case(n, d, noise, k, note, number, strengths=strengths, shift=0.0):
        x = _draw(n, d, number=number)
        label = x[:, 0] - 0.5 * x[:, 1] + shift + noise * _draw(n, number=number + 50)
        return Case((x, label, strengths, k), note)

    return [
        case(20, 8, 1.0, 5, "20 rows, 8 features, 5 folds", 1),
        case(23, 8, 1.5, 5, "23 rows: folds of 5 and 4", 2),
        case(30, 3, 0.01, 3, "hardly any noise: a tiny λ", 3),
        case(12, 10, 3.0, 4, "almost only noise: a large λ", 4),
        case(20, 8, 1.0, 20, "as many folds as rows", 5),
        case(24, 8, 1.0, 4, "labels far from zero", 6, shift=50.0),
        case(20, 8, 1.0, 5, "λ in falling order", 7, strengths=strengths.flip(0)),
        case(20, 8, 1.0, 2, "one λ to choose from", 8, strengths=strengths[5:6]),
        case(25, 10, 2.0, 5, "25 rows, 10 features", 9),
        # what folds of other rows, or weighted by their size, choose is another λ here
        case(10, 5, 2.0, 4, "10 rows: folds of 3 and 2; λ in any order", 142,
             strengths=strengths[torch.arange(13) * 5 % 13]),
        Case((uneven, uneven[:, 0] / 10 - 5 * uneven[:, 1] + _draw(20, number=61), strengths, 5),
             "features of different sizes, as they are"),
    ]


def _scored(score, gather=lambda losses: sum(losses) / len(losses), give=None):
    """A wrong choice: another score of a fold, another way to gather them, another result."""

    def answer(x, label, strengths, k):
        n, averages = len(x), []
        for strength in strengths:
            losses = []
            for fold in torch.arange(n).tensor_split(k):
                rest = torch.ones(n, dtype=torch.bool)
                rest[fold] = False
                losses.append(score(x, label, rest, fold, strength))
            averages.append(gather(losses))
        averages = torch.stack(averages)
        if give:
            return give(averages, strengths)
        return strengths[averages.argmin()].item()

    return answer


def _mse(x, label, w, b):
    return (x @ w + b - label).square().mean()


def _right_score(x, label, rest, fold, strength):
    return _mse(x[fold], label[fold], *ridge(x[rest], label[rest], strength))


def _training_score(x, label, rest, fold, strength):
    return _mse(x[rest], label[rest], *ridge(x[rest], label[rest], strength))


def _swapped_score(x, label, rest, fold, strength):
    return _mse(x[rest], label[rest], *ridge(x[fold], label[fold], strength))


def _penalised_score(x, label, rest, fold, strength):
    w, b = ridge(x[rest], label[rest], strength)
    return _mse(x[fold], label[fold], w, b) + strength * w.square().sum()


def _without_bias(x, label, rest, fold, strength):
    w, _ = ridge(x[rest], label[rest], strength)
    return _mse(x[fold], label[fold], w, 0.0)


CHOOSE = Exercise(
    id="regul-choose",
    chapter="09",
    title="Choose λ by cross-validation",
    solution=choose_strength,
    cases=_choose_cases,
    oracle=_choose_plainly,
    hints=(
        "Two loops: over the strengths, and inside over the folds. What is fitted, and what is "
        "measured, on which rows?",
        "`rest = torch.ones(n, dtype=torch.bool); rest[fold] = False` are the other rows. Fit "
        "`ridge(x[rest], label[rest], strength)`, measure on `x[fold]`.",
        "Average the k MSEs of each strength; `strengths[averages.argmin()].item()` is the "
        "answer. The penalty is *not* part of the measured loss.",
    ),
    mistakes=(
        Mistake("measured on fitted rows", _scored(_training_score),
                "You measure on rows that were fitted (is the fold among them?). That loss only "
                "rises with λ, so the smallest λ always wins. Fit on the other rows, measure on "
                "the fold."),
        Mistake("swapped", _scored(_swapped_score),
                "You fit on the fold and measure on the others. It is the other way round: k − 1 "
                "parts to fit, one to measure."),
        Mistake("penalty counted", _scored(_penalised_score),
                "You measure the *penalised* loss on the fold. The penalty is a means of "
                "training; what counts on held-out rows is the MSE alone."),
        Mistake("bias forgotten", _scored(_without_bias),
                "`ridge` returns w and b: the prediction is x @ w + b."),
        Mistake("first fold only", _scored(_right_score, gather=lambda losses: losses[0]),
                "You use one fold only. Average over all k."),
        Mistake("lowest fold", _scored(_right_score, gather=min),
                "You keep the luckiest fold. Average over all k."),
        Mistake("index", _scored(_right_score, give=lambda a, s: a.argmin().item()),
                "That is the place of the best λ in the list. Return the λ itself."),
        Mistake("loss returned", _scored(_right_score, give=lambda a, s: a.min().item()),
                "That is the lowest average loss. Return the λ that reached it."),
        Mistake("largest loss", _scored(_right_score, give=lambda a, s: s[a.argmax()].item()),
                "That λ has the *highest* average loss: take `argmin`."),
        Mistake("a tensor", _scored(_right_score, give=lambda a, s: s[a.argmin()]),
                "The λ is right, but it is a tensor: return a number, `.item()`."),
    ),
    stub='''def choose_strength(x, label, strengths, k):     # (n, d), (n,), (K,), number
    ...                                  # your code, with ridge(x, label, strength) -> (w, b)

check("regul-choose", choose_strength)''',
)

# ---- regul-adamw ---------------------------------------------------------------------------------


def adamw_step(
    theta: Tensor, grad: Tensor, m: Tensor, v: Tensor, step: int, lr: float, weight_decay: float,
    beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:
    m = beta1 * m + (1 - beta1) * grad                   # the gradient of the loss, without penalty
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1 ** (step + 1)), v / (1 - beta2 ** (step + 1))
    shrunk = theta - lr * weight_decay * theta           # beside Adam, not through it
    return shrunk - lr * m_hat / (v_hat.sqrt() + eps), m, v


def _adamw_by_torch(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    p = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.AdamW([p], lr=lr, betas=(beta1, beta2), eps=eps,
                                  weight_decay=weight_decay, foreach=False)
    p.grad = grad.clone()
    optimizer.state[p] = {"step": torch.tensor(float(step)), "exp_avg": m.clone(),
                          "exp_avg_sq": v.clone()}
    optimizer.step()
    state = optimizer.state[p]
    return p.detach(), state["exp_avg"], state["exp_avg_sq"]


def _adamw_cases() -> list[Case]:
    def case(note, step, lr, weight_decay, *more, n=5, size=1.0, number=0):
        old = (torch.zeros(n, dtype=f64), torch.zeros(n, dtype=f64)) if step == 0 else (
            size * _draw(n, number=number + 1), (size * _draw(n, number=number + 2)) ** 2)
        return Case((_draw(n, number=number), size * _draw(n, number=number + 3), *old, step, lr,
                     weight_decay, *more), note)

    return [
        case("the first step", 0, 0.1, 0.5),
        case("no decay: Adam", 3, 0.1, 0.0, number=10),
        case("the tenth step", 9, 0.01, 0.3, number=20),
        case("tiny gradients", 4, 0.1, 0.2, size=1e-6, number=30),
        case("large gradients", 50, 0.05, 2.0, size=100.0, number=40),
        case("η = 0.5", 2, 0.5, 0.4, number=50),
        case("other β₁, β₂ and ε", 3, 0.1, 0.3, 0.7, 0.95, 0.01, number=60),
        case("three parameters", 2, 0.1, 0.3, n=3, number=70),
    ]


def _adamw_variant(*, l2=False, no_lr=False, after=False, correct=True, age=1, twice=1.0,
                   root_inside=False, scaled=False):
    def answer(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
        if l2:
            grad = grad + weight_decay * theta
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad**2
        m_hat, v_hat = m, v
        if correct:
            m_hat, v_hat = m / (1 - beta1 ** (step + age)), v / (1 - beta2 ** (step + age))
        root = (v_hat + eps).sqrt() if root_inside else v_hat.sqrt() + eps
        pull = 0.0 if l2 else twice * (1.0 if no_lr else lr) * weight_decay
        if scaled:
            pull = pull / root
        if after:
            theta = theta - lr * m_hat / root
            return theta - pull * theta, m, v
        return theta - pull * theta - lr * m_hat / root, m, v

    return answer


def _old_averages(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    return adamw_step(theta, grad, m, v, step, lr, weight_decay, beta1, beta2, eps)[0], m, v


ADAMW = Exercise(
    id="regul-adamw",
    chapter="09",
    title="Where AdamW differs",
    solution=adamw_step,
    cases=_adamw_cases,
    oracle=_adamw_by_torch,
    tolerance=(1e-6, 1e-10),
    hints=(
        "Write Adam's step as in chapter 06, with the gradient of the loss alone. Where does the "
        "decay come in, and what does it never touch?",
        "Decay takes `lr * weight_decay * theta` off the *old* θ. m and v see only the gradient.",
        "`theta - lr * weight_decay * theta - lr * m_hat / (v_hat.sqrt() + eps)`, with m and v "
        "divided by 1 − β^(step + 1) for m_hat and v_hat.",
    ),
    mistakes=(
        Mistake("Adam with L2", _adamw_variant(l2=True),
                "You add the decay to the gradient: that is Adam with an L2 penalty. AdamW keeps "
                "it out of m and v."),
        Mistake("decay without η", _adamw_variant(no_lr=True),
                "The decay of one step is η · weight_decay · θ: the learning rate scales it as "
                "well."),
        Mistake("decay of the new θ", _adamw_variant(after=True),
                "You shrink θ after Adam's step. torch shrinks the old θ, and steps from there."),
        Mistake("no bias correction", _adamw_variant(correct=False),
                "The bias correction is missing: divide m and v by 1 − β^(step + 1)."),
        Mistake("correction a step behind", _adamw_variant(age=0),
                "The first step has number 0, and the correction's exponent counts from 1: "
                "step + 1."),
        Mistake("twice the decay", _adamw_variant(twice=2.0),
                "`weight_decay` is torch's, which is already 2λ: no further factor 2."),
        Mistake("decay divided by the root", _adamw_variant(scaled=True),
                "You divide the decay by √v̂ too. That is what AdamW avoids."),
        Mistake("ε inside the root", _adamw_variant(root_inside=True),
                "ε is added after the root: √v̂ + ε."),
        Mistake("old averages", _old_averages,
                "θ is right, but m and v come back as they were. The next step needs the new "
                "ones."),
    ),
    stub='''def adamw_step(theta, grad, m, v, step, lr, weight_decay,
               beta1=0.9, beta2=0.999, eps=1e-8):
    ...                                  # your code: new theta, new m, new v

check("regul-adamw", adamw_step)''',
)

EXERCISES: tuple[Exercise, ...] = (CHOOSE, PROXIMAL, ADAMW)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "regul-q-smooth", "09", "Why do small weights make a smooth function?",
        ("they lower the training loss", "a small change of x then changes y little",
         "they make the bias small"), 1,
        "The change of y is the sum of weights times changes of features, so small weights cannot "
        "react strongly.",
    ),
    Question(
        "regul-q-bias", "09", "Why is the bias left out of the penalty?",
        ("it makes no function steeper", "it has no gradient", "it is always small"), 0,
        "It moves the whole curve up or down. Pulling it to zero would only pull predictions to "
        "zero.",
    ),
    Question(
        "regul-q-two", "09", "The penalty is λ Σw² with λ = 0.05. Which weight_decay in torch.SGD?",
        ("0.025", "0.05", "0.1"), 2,
        "weight_decay · w is added to the gradient, and the slope of λw² is 2λw.",
    ),
    Question(
        "regul-q-choose", "09", "Which loss can choose λ?",
        ("the training loss", "the penalised training loss", "the loss on held-out rows"), 2,
        "Both training losses are lowest at λ = 0.",
    ),
    Question(
        "regul-q-u", "09", "Held-out loss against λ: why is it a U where a model overfits?",
        ("a large λ forbids the curve itself too", "a large λ diverges",
         "the noise grows with λ"), 0,
        "A small λ takes away the freedom to follow noise, a large one the freedom to follow "
        "anything.",
    ),
    Question(
        "regul-q-scale", "09",
        "A length is given in metres instead of millimetres. What does an L2 penalty do?",
        ("it treats the weight as before", "it pulls harder at this weight",
         "it pulls less at this weight"), 1,
        "The numbers become a thousand times smaller, so the weight has to be a thousand times "
        "larger, and pays for that. Hence standardised features.",
    ),
    Question(
        "regul-q-soft", "09", "Soft-thresholding with τ = 0.5: what becomes of −0.3 and 2?",
        ("−0.3 and 1.5", "0 and 1.5", "0 and 2"), 1,
        "Everything moves by 0.5 towards zero, and stops there.",
    ),
    Question(
        "regul-q-zero", "09", "Why does L2 set no weight exactly to zero?",
        ("its pull fades as the weight gets small", "its pull is too strong",
         "squares are never negative"), 0,
        "The pull is 2λw. That of L1 stays λ down to zero, and outweighs a small slope of the "
        "loss.",
    ),
    Question(
        "regul-q-term", "09",
        "λ Σ|w| is added to the loss, and SGD trains. Which weights end exactly at zero?",
        ("those that L1 should remove", "all of them", "none, they jump around zero"), 2,
        "Each step moves by about ηλ, across zero and back. A proximal step stops at zero.",
    ),
    Question(
        "regul-q-price", "09", "A limit on Σw² is loosened by a little. The lowest loss falls by:",
        ("λ for each unit of the limit", "the loss divided by λ", "2λ for each unit of ‖w‖"), 0,
        "λ, the Lagrange multiplier, is the price of the limit.",
    ),
    Question(
        "regul-q-adam", "09", "Adam with an L2 penalty: which weights are pulled *least*?",
        ("those with large gradients", "those with small gradients", "all are pulled alike"), 0,
        "The penalty's slope is divided by √v̂ with everything else. AdamW shrinks all alike.",
    ),
    Question(
        "regul-q-stop", "09", "Stopping early keeps weights small. Always?",
        ("yes, for any start", "only if they start small", "only with momentum"), 1,
        "Weights then have no time to grow. From a large start they have no time to shrink.",
    ),
)
