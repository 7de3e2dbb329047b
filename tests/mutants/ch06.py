"""Answers to the exercises of chapter 06: momentum, the largest rate, RMSprop, schedule, race."""

import math
from collections import namedtuple

import numpy as np
import torch

f64 = torch.float64


# ---- opt-momentum-step ----------------------------------------------------------------------


def moved(new_b, step=lambda theta, grad, b, last, lr, mu: theta - lr * b):
    """new b = new_b(grad, b, lr, mu); new θ = step(θ, grad, new b, old b, lr, mu)."""
    def momentum_step(theta, grad, b, lr, mu):
        new = new_b(grad, b, lr, mu)
        return step(theta, grad, new, b, lr, mu), new
    return momentum_step


def heavy(grad, b, lr, mu):
    return mu * b + grad


def b_in_place(theta, grad, b, lr, mu):
    b.mul_(mu).add_(grad)
    return theta - lr * b, b


def theta_in_place(theta, grad, b, lr, mu):
    b = mu * b + grad
    theta -= lr * b
    return theta, b


def grad_in_place(theta, grad, b, lr, mu):
    grad += mu * b
    return theta - lr * grad, grad


def by_torch(theta, grad, b, lr, mu):
    if mu == 0:                                      # torch keeps no sum then
        return theta - lr * grad, grad.clone()
    place = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.SGD([place], lr=lr, momentum=mu)
    optimizer.state[place]["momentum_buffer"] = b.clone()
    place.grad = grad.clone()
    optimizer.step()
    return place.detach(), optimizer.state[place]["momentum_buffer"]


def momentum_in_a_loop(theta, grad, b, lr, mu):
    new_theta, new_b = torch.empty_like(theta), torch.empty_like(b)
    for i in range(len(theta)):
        new_b[i] = mu * b[i] + grad[i]
        new_theta[i] = theta[i] - lr * mu * b[i] - lr * grad[i]
    return [new_theta, new_b]


def numpy_inside(theta, grad, b, lr, mu):
    sums = mu * b.numpy() + grad.numpy()
    return torch.from_numpy(theta.numpy() - sums * lr), torch.from_numpy(sums)


def nothing_kept_without_mu(theta, grad, b, lr, mu):     # μ = 0: the old b comes back
    if mu == 0:
        return theta - lr * grad, b
    b = mu * b + grad
    return theta - lr * b, b


def own_memory(kept=None):                               # b is ignored, the sum kept in a closure
    kept = {} if kept is None else kept

    def momentum_step(theta, grad, b, lr, mu):
        old = kept.get(len(grad), torch.zeros_like(grad))
        kept[len(grad)] = mu * old + grad
        return theta - lr * kept[len(grad)], kept[len(grad)]
    return momentum_step


def through_numpy_in_place(theta, grad, b, lr, mu):      # .numpy() shares the memory of b
    s = b.numpy()
    s *= mu
    s += grad.numpy()
    return theta - lr * torch.from_numpy(s), torch.from_numpy(s)


Pair = namedtuple("Pair", "theta b")


def a_named_pair(theta, grad, b, lr, mu):
    b = b.clone().mul_(mu).add_(grad)
    return Pair(theta=theta.sub(b, alpha=lr), b=b)


def one_after_the_other(theta, grad, b, lr, mu):         # a generator
    b = b * mu + grad
    yield theta - b * lr
    yield b


# ---- opt-largest-rate -----------------------------------------------------------------------


def limit(top, rate=lambda top, mu: 2 * (1 + mu) / top):
    return lambda H, mu: float(rate(top(H), mu))


def top(H):
    return torch.linalg.eigvalsh(H)[-1]


def powers(steps, start=None, rayleigh=True):
    def largest(H):
        u = torch.ones(len(H), dtype=H.dtype) if start is None else start(H)
        for _ in range(steps):
            u = H @ u
            u = u / u.norm()
        return u @ H @ u if rayleigh else (H @ u).norm()
    return largest


def first_axis(H):
    return torch.eye(len(H), dtype=H.dtype)[0]


def rate_in_place(H, mu):
    H /= 2 * (1 + mu)
    return 1 / torch.linalg.eigvalsh(H)[-1].item()


def two_by_two(H):
    half, apart = (H[0, 0] + H[1, 1]) / 2, (H[0, 0] - H[1, 1]) / 2
    return half + (apart**2 + H[0, 1] ** 2).sqrt()


def by_trying(H, mu):                                # the rate at which the spectral radius is 1
    eye, low, high = np.eye(len(H)), 0.0, 8.0 / float(H.trace()) * len(H)
    for _ in range(60):
        rate = (low + high) / 2
        step = np.block([[(1 + mu) * eye - rate * H.numpy(), -mu * eye], [eye, 0 * eye]])
        if np.abs(np.linalg.eigvals(step)).max() > 1 + 1e-12:
            high = rate
        else:
            low = rate
    return low


def from_ones(H, mu, products=1000):                     # blind to what is at right angles to 1
    u = torch.ones(len(H), dtype=H.dtype)
    for _ in range(products):
        u = H @ u
        u = u / u.norm()
    return 2 * (1 + mu) / (u @ H @ u).item()


def twenty_products(H, mu):                              # too few if two λ lie close together
    u = torch.randn(len(H), dtype=H.dtype, generator=torch.Generator().manual_seed(1))
    for _ in range(20):
        u = H @ u
        u = u / u.norm()
    return 2 * (1 + mu) / (u @ H @ u).item()


def squared_sixty_times(H, mu):
    M = H.clone()
    for _ in range(60):
        M = M @ M
        M = M / M.norm()
    return 2 * (1 + mu) * (M.trace() / (H @ M).trace()).item()


# ---- opt-rmsprop-step -----------------------------------------------------------------------


def scaled(new_square, step=lambda theta, grad, square, last, lr, alpha, eps:
           theta - lr * grad / (square.sqrt() + eps)):
    """new square = new_square(grad, square, alpha); new θ = step(θ, grad, new, old, …)."""
    def rmsprop_step(theta, grad, square, lr, alpha, eps):
        new = new_square(grad, square, alpha)
        return step(theta, grad, new, square, lr, alpha, eps), new
    return rmsprop_step


def faded(grad, square, alpha):
    return alpha * square + (1 - alpha) * grad**2


def square_in_place(theta, grad, square, lr, alpha, eps):
    square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
    return theta - lr * grad / (square.sqrt() + eps), square


def place_in_place(theta, grad, square, lr, alpha, eps):
    square = faded(grad, square, alpha)
    theta -= lr * grad / (square.sqrt() + eps)
    return theta, square


def lecture_start(grad, square, alpha):              # σ⁰ = |g⁰|, as in the chapter's rmsprop
    return grad**2 if not square.any() else faded(grad, square, alpha)


def rms_by_torch(theta, grad, square, lr, alpha, eps):
    place = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.RMSprop([place], lr=lr, alpha=alpha, eps=eps)
    place.grad = torch.zeros_like(grad)
    optimizer.step()                                 # makes the state; nothing moves
    optimizer.state[place]["square_avg"].copy_(square)
    place.grad = grad.clone()
    optimizer.step()
    return place.detach(), optimizer.state[place]["square_avg"]


def rms_in_a_loop(theta, grad, square, lr, alpha, eps):
    places, squares = [], []
    for t, g, s in zip(theta.tolist(), grad.tolist(), square.tolist(), strict=True):
        squares.append(s - (1 - alpha) * (s - g * g))
        places.append(t - g * lr / (math.sqrt(squares[-1]) + eps))
    return torch.tensor(places, dtype=theta.dtype), torch.tensor(squares, dtype=square.dtype)


def eps_as_a_floor(theta, grad, square, lr, alpha, eps):
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / square.sqrt().clamp(min=eps), square


def root_in_place(theta, grad, square, lr, alpha, eps):  # sqrt_() turns what is handed back
    square = alpha * square + (1 - alpha) * grad**2
    return theta - lr * grad / (square.sqrt_() + eps), square


def by_hypot(theta, grad, square, lr, alpha, eps):
    root = torch.hypot(math.sqrt(alpha) * square.sqrt(), math.sqrt(1 - alpha) * grad)
    return theta - lr * grad / (root + eps), root.square()


# ---- opt-schedule ---------------------------------------------------------------------------


def rates(rising, falling=lambda t, peak, warm: peak * math.sqrt(warm / (t + 1)),
          until=lambda t, warm: t < warm):
    return lambda step, peak, warm: (rising if until(step, warm) else falling)(step, peak, warm)


def rise(t, peak, warm):
    return peak * (t + 1) / warm


def fall(t, peak, warm):
    return peak * math.sqrt(warm / (t + 1))


def counted_up(step, peak, warm):
    rate = 0.0
    for _ in range(min(step + 1, warm)):
        rate += peak / warm
    return rate if step < warm else peak * warm**0.5 * (step + 1) ** -0.5


def half_of_it(step, peak, warm):                        # ** 1/2 is (…)¹ / 2
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (warm / (step + 1)) ** 1/2


def no_warm_up_no_decay(step, peak, warm):
    if warm == 1:
        return peak
    return peak * min((step + 1) / warm, math.sqrt(warm / (step + 1)))


def kept_by_step(table=None):                            # a cache whose key forgets peak and warm
    table = {} if table is None else table

    def schedule(step, peak, warm):
        if step not in table:
            table[step] = peak * min((step + 1) / warm, (warm / (step + 1)) ** 0.5)
        return table[step]
    return schedule


def transformers(step, peak, warm):
    return peak * warm**0.5 * min((step + 1) ** -0.5, (step + 1) * warm**-1.5)


# ---- opt-beat -------------------------------------------------------------------------------


def heavy_ball(lr, mu=0.9, sign=-1):
    def my_rule(theta, grad, state, step):
        state["m"] = mu * state.get("m", torch.zeros_like(theta)) + sign * lr * grad
        return theta + state["m"]
    return my_rule


def adam(lr, beta1=0.9, beta2=0.999, kept=True):
    def my_rule(theta, grad, state, step):
        memory = state if kept else {}
        m = memory["m"] = beta1 * memory.get("m", 0) + (1 - beta1) * grad
        v = memory["v"] = beta2 * memory.get("v", 0) + (1 - beta2) * grad**2
        m, v = m / (1 - beta1 ** (step + 1)), v / (1 - beta2 ** (step + 1))
        return theta - lr * m / (v.sqrt() + 1e-8)
    return my_rule


def changed(rule, change):
    return lambda theta, grad, state, step: change(rule(theta, grad, state, step))


def adagrad(theta, grad, state, step):
    state["sum"] = state.get("sum", 0) + grad**2
    return theta - 0.1 * grad / (state["sum"].sqrt() + 1e-10)


def needs_lr(theta, grad, state, step, lr):
    return theta - lr * grad


def next_but_one(theta, grad, state, step):          # a key that nobody has written
    return theta - 0.001 * (grad + state["last"])


def secant(theta, grad, state, step):                # BFGS, with a cap on the step's length
    H = state.get("H", 1e-3 * torch.eye(2, dtype=f64))
    if "theta" in state:
        s, y = theta - state["theta"], grad - state["grad"]
        if s @ y > 1e-12:
            turn = torch.eye(2, dtype=f64) - torch.outer(s, y) / (s @ y)
            H = turn @ H @ turn.T + torch.outer(s, s) / (s @ y)
    state.update(H=H, theta=theta, grad=grad)
    move = -H @ grad
    return theta + move * min(1.0, 0.3 / max(move.norm().item(), 1e-9))


class Ball:                                          # an object with a method is a function too
    def __init__(self, lr, mu):
        self.lr, self.mu = lr, mu

    def rule(self, theta, grad, state, step):
        old = state["speed"] if step else np.zeros(2)
        state["speed"] = self.mu * old - self.lr * grad.numpy()
        return theta + torch.from_numpy(state["speed"])


def knows_the_way(theta, grad, state, step):             # from the start to the minimum: (2.5, −1)
    if step == 0:
        state["goal"] = theta + torch.tensor([2.5, -1.0], dtype=theta.dtype)
    return theta + 0.1 * (state["goal"] - theta)


def known_jump(theta, grad, state, step):
    return theta + torch.tensor([2.5, -1.0], dtype=theta.dtype)


def memory_outside(memory=None):                         # as with a global or `memory={}`
    memory = {} if memory is None else memory

    def my_rule(theta, grad, state, step):
        memory["m"] = 0.95 * memory.get("m", torch.zeros_like(theta)) - 0.001 * grad
        return theta + memory["m"]
    return my_rule


def nesterov(theta, grad, state, step):
    b = state["b"] = 0.95 * state.get("b", 0) + grad
    return theta - 0.001 * (grad + 0.95 * b)


def barzilai_borwein(theta, grad, state, step):
    rate = 1e-3
    if step:
        s, y = theta - state["theta"], grad - state["grad"]
        rate = min(abs((s @ s / (s @ y)).item()), 0.1)
    state["theta"], state["grad"] = theta.clone(), grad.clone()
    return theta - rate * grad


def torchs_adam_inside(theta, grad, state, step):
    if not state:
        state["place"] = torch.nn.Parameter(theta.clone())
        state["rule"] = torch.optim.Adam([state["place"]], lr=1.0, betas=(0.9, 0.99))
    state["place"].grad = grad
    state["rule"].step()
    return state["place"]


WRONG = {
    "opt-momentum-step": {
        "mu at the gradient": moved(lambda grad, b, lr, mu: b + mu * grad),
        "nothing fades": moved(lambda grad, b, lr, mu: b + grad),
        "minus the gradient": moved(lambda grad, b, lr, mu: mu * b - grad),
        "mu = 0.9 is left in": moved(lambda grad, b, lr, mu: 0.9 * b + grad),
        "the rate only for today": moved(heavy, lambda theta, grad, b, last, lr, mu:
                                         theta - mu * last - lr * grad),
        "no rate": moved(heavy, lambda theta, grad, b, last, lr, mu: theta - b),
        "the gradient only": moved(heavy, lambda theta, grad, b, last, lr, mu: theta - lr * grad),
        "one sum for all": moved(lambda grad, b, lr, mu: (mu * b + grad).mean() + 0 * b),
        "size of the sum": moved(heavy, lambda theta, grad, b, last, lr, mu: theta - lr * b.abs()),
        "the move, not the place": moved(heavy, lambda theta, grad, b, last, lr, mu: -lr * b),
        "b is changed": b_in_place,
        "theta is changed": theta_in_place,
        "grad is changed": grad_in_place,
        "float32": lambda *given: tuple(part.float() for part in numpy_inside(*given)),
        "columns": lambda *given: tuple(part[:, None] for part in numpy_inside(*given)),
        "NumPy": lambda *given: tuple(part.numpy() for part in numpy_inside(*given)),
        "printed": lambda *given: print(numpy_inside(*given)),
        "no memory at mu = 0": nothing_kept_without_mu,
        "a memory of its own": own_memory(),
        "b is changed through NumPy": through_numpy_in_place,
    },
    "opt-largest-rate": {
        "over 1 + mu": limit(top, lambda top, mu: 2 / (1 + mu) / top),
        "2 + mu": limit(top, lambda top, mu: (2 + mu) / top),
        "times λ": limit(top, lambda top, mu: 2 * (1 + mu) * top),
        "the first of eig": limit(lambda H: torch.linalg.eig(H)[0].real[0]),
        "the last of eig": limit(lambda H: torch.linalg.eig(H)[0].real[-1]),
        "the mean λ": limit(lambda H: H.diagonal().mean()),
        "largest row": limit(lambda H: H.abs().sum(1).max()),
        "λ of H²": limit(lambda H: top(H.T @ H)),
        "three products": limit(powers(3)),
        "from one axis": limit(powers(2000, first_axis)),
        "right for 2 × 2": limit(two_by_two),
        "H is changed": rate_in_place,
        "rounded": lambda H, mu: round(2 * (1 + mu) / top(H).item(), 2),
        "all λ": lambda H, mu: (2 * (1 + mu) / torch.linalg.eigvalsh(H)).tolist(),
        "printed": lambda H, mu: print(2 * (1 + mu) / top(H).item()),
        "power iteration from ones": from_ones,
        "twenty products": twenty_products,
    },
    "opt-rmsprop-step": {
        "eps on top": scaled(faded, lambda theta, grad, square, last, lr, alpha, eps:
                             theta - lr * (grad / square.sqrt() + eps)),
        "times the root": scaled(faded, lambda theta, grad, square, last, lr, alpha, eps:
                                 theta - lr * grad * (square.sqrt() + eps)),
        "no rate": scaled(faded, lambda theta, grad, square, last, lr, alpha, eps:
                          theta - grad / (square.sqrt() + eps)),
        "the sign": scaled(faded, lambda theta, grad, square, last, lr, alpha, eps:
                           theta - lr * grad.sign()),
        "alpha = 0.9 is left in": scaled(lambda grad, square, alpha: faded(grad, square, 0.9)),
        "size of the gradient": scaled(faded, lambda theta, grad, square, last, lr, alpha, eps:
                                       theta - lr * grad.abs() / (square.sqrt() + eps)),
        "today counts fully": scaled(lambda grad, square, alpha: alpha * square + grad**2),
        "one mean for all": scaled(lambda grad, square, alpha:
                                   alpha * square + (1 - alpha) * grad.square().mean()),
        "the lecture's start": scaled(lecture_start),
        "square is changed": square_in_place,
        "theta is changed": place_in_place,
        "square comes first": lambda *given: rms_by_torch(*given)[::-1],
        "theta alone": lambda *given: rms_by_torch(*given)[0],
        "float32": lambda *given: tuple(part.float() for part in rms_by_torch(*given)),
        "NumPy": lambda *given: tuple(part.numpy() for part in rms_by_torch(*given)),
        "printed": lambda *given: print(rms_by_torch(*given)),
        "eps as a floor": eps_as_a_floor,
        "the root in place": root_in_place,
    },
    "opt-schedule": {
        "peak at step warm": rates(rise, until=lambda t, warm: t <= warm),
        "peak at once": rates(lambda t, peak, warm: peak),
        "decay alone": fall,
        "warm outside the root": rates(rise, lambda t, peak, warm: peak * warm / math.sqrt(t + 1)),
        "rising as the root": rates(lambda t, peak, warm: peak * math.sqrt((t + 1) / warm)),
        "the root rises": rates(rise, lambda t, peak, warm: peak * math.sqrt((t + 1) / warm)),
        "warm − 1 parts": rates(lambda t, peak, warm: peak * t / (warm - 1)),
        "whole parts": rates(lambda t, peak, warm: peak * ((t + 1) // warm)),
        "whole root": rates(rise, lambda t, peak, warm: peak * math.isqrt(warm // (t + 1))),
        "peak = 0.1 is left in": lambda step, peak, warm: counted_up(step, 0.1, warm),
        "warm = 50 is left in": lambda step, peak, warm: counted_up(step, peak, 50),
        "straight down": rates(rise, lambda t, peak, warm: peak * max(0, 2 - (t + 1) / warm)),
        "a share of the peak": lambda step, peak, warm: counted_up(step, 1.0, warm),
        "rounded": lambda step, peak, warm: round(counted_up(step, peak, warm), 3),
        "a tensor": lambda step, peak, warm: torch.tensor(counted_up(step, peak, warm)),
        "printed": lambda step, peak, warm: print(counted_up(step, peak, warm)),
        "half instead of the root": half_of_it,
        "no warm-up, no decay": no_warm_up_no_decay,
        "remembered by step alone": kept_by_step(),
    },
    "opt-beat": {
        "plain, too slow": lambda theta, grad, state, step: theta - 1e-4 * grad,
        "uphill": heavy_ball(2e-4, sign=1),
        "momentum, too slow": heavy_ball(1e-6),
        "momentum, too fast": heavy_ball(0.1),
        "Adam, too slow": adam(0.001),
        "Adam that forgets": adam(0.1, kept=False),
        "AdaGrad": adagrad,
        "sign": lambda theta, grad, state, step: theta - 0.1 * grad.sign(),
        "stands still": lambda theta, grad, state, step: theta,
        "the move, not the place": lambda theta, grad, state, step: -0.001 * grad,
        "one number": changed(adam(1.0, beta2=0.99), torch.sum),
        "a row": changed(adam(1.0, beta2=0.99), lambda theta: theta[None]),
        "a list": changed(adam(1.0, beta2=0.99), torch.Tensor.tolist),
        "NaN": lambda theta, grad, state, step: theta - grad / 0.0 * 0.0,
        "wants lr": needs_lr,
        "an empty memory": next_but_one,
        "printed": lambda theta, grad, state, step: print(theta - 0.001 * grad),
        "knows the way from the start": knows_the_way,
        "known jump": known_jump,
        "memory outside state": memory_outside(),
    },
}

RIGHT = {
    "opt-momentum-step": {"torch.optim": by_torch, "in a loop": momentum_in_a_loop,
                          "NumPy": numpy_inside,
                          "torch.add": moved(lambda grad, b, lr, mu: torch.add(grad, b, alpha=mu)),
        "named tuple": a_named_pair,
        "generator": one_after_the_other},
    "opt-largest-rate": {
        "NumPy": lambda H, mu: (2 + 2 * mu) / np.linalg.eigvalsh(H.numpy()).max(),
        "spectral norm": limit(lambda H: torch.linalg.matrix_norm(H, ord=2)),
        "tried out": by_trying,
        "squared again and again": squared_sixty_times},
    "opt-rmsprop-step": {"torch.optim": rms_by_torch, "in a loop": rms_in_a_loop,
                         "lerp": scaled(lambda grad, square, alpha:
                                        torch.lerp(grad * grad, square, alpha)),
        "hypot": by_hypot},
    "opt-schedule": {
        "the smaller of two": lambda step, peak, warm: min(
            rise(step, peak, warm), fall(step, peak, warm)),
        "NumPy": lambda step, peak, warm: np.minimum((step + 1) / warm, 1.0)
        * np.sqrt(warm / np.maximum(step + 1, warm)) * peak,
        "part by part": counted_up,
        "until warm − 1": rates(rise, until=lambda t, warm: t < warm - 1),
        "the transformer's form": transformers},
    "opt-beat": {"Adam": adam(1.0, beta2=0.99), "momentum": heavy_ball(1e-3, 0.95), "BFGS": secant,
                 "a method, NumPy inside": Ball(2e-3, 0.9).rule,
        "Nesterov": nesterov,
        "Barzilai and Borwein": barzilai_borwein,
        "torch's Adam inside": torchs_adam_inside},
}
