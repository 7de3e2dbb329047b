"""Answers of learners for chapter 08: batch normalisation."""

import copy
import statistics

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --- bn-forward -----------------------------------------------------------------------------------


def refuse(z, least=2):
    if len(z) < least:
        raise ValueError("one example alone has no spread")


def forward(mean=lambda z: z.mean(0), var=lambda z: z.var(0, correction=0), least=2,
            scale=lambda var, eps: (var + eps).sqrt()):
    def batch_norm(z, gamma, beta, eps=1e-5):
        refuse(z, least)
        return gamma * (z - mean(z)) / scale(var(z), eps) + beta
    return batch_norm


def no_affine(z, gamma, beta, eps=1e-5):
    return forward()(z, torch.ones_like(gamma), torch.zeros_like(beta), eps)


def shift_scaled_too(z, gamma, beta, eps=1e-5):
    return gamma * forward()(z, torch.ones_like(gamma), beta, eps)


def gamma_and_beta_exchanged(z, gamma, beta, eps=1e-5):
    return forward()(z, beta, gamma, eps)


def eps_fixed(z, gamma, beta, eps=1e-5):
    return forward()(z, gamma, beta)


def in_place(z, gamma, beta, eps=1e-5):
    refuse(z)
    z -= z.mean(0)
    return gamma * z / (z.square().mean(0) + eps).sqrt() + beta


def asserts(z, gamma, beta, eps=1e-5):
    assert len(z) >= 2, "one example alone has no spread"
    return forward(least=0)(z, gamma, beta, eps)


def nothing_for_one(z, gamma, beta, eps=1e-5):
    return None if len(z) < 2 else forward()(z, gamma, beta, eps)


def error_given_back(z, gamma, beta, eps=1e-5):
    return ValueError("too small") if len(z) < 2 else forward()(z, gamma, beta, eps)


def looks_at_neurons(z, gamma, beta, eps=1e-5):
    refuse(z.T)    # refuses one neuron, not one example
    return forward(least=0)(z, gamma, beta, eps)


def over_each_row(z, gamma, beta, eps=1e-5):
    refuse(z)
    mean, var = z.mean(1, keepdim=True), z.var(1, correction=0, keepdim=True)
    return gamma * (z - mean) / (var + eps).sqrt() + beta


def never_minus_the_mean(z, gamma, beta, eps=1e-5):
    refuse(z)
    return gamma * z / (z.var(0, correction=0) + eps).sqrt() + beta


def in_float32(z, gamma, beta, eps=1e-5):
    return forward()(z.float(), gamma.float(), beta.float(), eps)


def transposed(z, gamma, beta, eps=1e-5):
    return forward()(z, gamma, beta, eps).T


def neuron_by_neuron(z, gamma, beta, eps=1e-5):
    B, d = z.shape
    if not B > 1:
        raise ValueError(f"a batch of {B}")
    out = torch.empty_like(z)
    for i in range(d):
        mean = sum(z[:, i]) / B
        var = sum((z[:, i] - mean) ** 2) / B
        out[:, i] = gamma[i] * ((z[:, i] - mean) / (var + eps) ** 0.5) + beta[i]
    return out


def in_numpy(z, gamma, beta, eps=1e-5):
    refuse(z)
    table = z.numpy()
    out = (table - table.mean(axis=0)) / np.sqrt(table.var(axis=0) + eps)
    return torch.from_numpy(out * gamma.numpy() + beta.numpy())


def by_torch(z, gamma, beta, eps=1e-5):
    refuse(z)
    return torch.nn.functional.batch_norm(z, None, None, gamma, beta, training=True, eps=eps)


def as_one_line_each(z, gamma, beta, eps=1e-5):    # slope and height of each neuron's line
    if z.shape[0] <= 1:
        raise ValueError
    var, mean = torch.var_mean(z.double(), dim=0, correction=0)
    slope = gamma * torch.rsqrt(var + eps)
    return torch.addcmul(beta - slope * mean, z.double(), slope).to(z.dtype)


def one_refused_none_not(z, gamma, beta, eps=1e-5):      # an empty batch gets through
    if z.shape[0] == 1:
        raise ValueError("one example")
    return forward(least=0)(z, gamma, beta, eps)


def torchs_own_refusal(z, gamma, beta, eps=1e-5):        # it refuses 1, not 0
    return nn.functional.batch_norm(z, None, None, gamma, beta, training=True, eps=eps)


def two_numbers_are_enough(z, gamma, beta, eps=1e-5):
    if z.numel() < 2:
        raise ValueError
    return forward(least=0)(z, gamma, beta, eps)


def gamma_changed(z, gamma, beta, eps=1e-5):             # z is not: the message must not say so
    if len(z) < 2:
        raise ValueError
    gamma /= (z.var(0, correction=0) + eps).sqrt()
    return gamma * (z - z.mean(0)) + beta


def layer_norm_of_the_transpose(z, gamma, beta, eps=1e-5):
    if len(z) < 2:
        raise ValueError
    return nn.functional.layer_norm(z.T, (len(z),), eps=eps).T * gamma + beta


class TooSmall(ValueError):
    pass


def einsum_and_an_error_of_its_own(z, gamma, beta, eps=1e-5, dim=0):
    B, _ = z.size()
    if B < 2:
        raise TooSmall(B)
    c = z - torch.einsum("bd->d", z) / B
    s = torch.einsum("bd,bd->d", c, c) / B
    return torch.einsum("d,bd,d->bd", gamma, c, (s + eps).pow(-0.5)) + beta


# --- bn-running -----------------------------------------------------------------------------------


def running(mean=lambda z, old: z.mean(0), var=lambda z, old: z.var(0), keep=lambda a: 1 - a,
            take=lambda a: a):
    def update_running(running_mean, running_var, z, momentum=0.1):
        kept, taken = keep(momentum), take(momentum)
        return (kept * running_mean + taken * mean(z, running_mean),
                kept * running_var + taken * var(z, running_mean))
    return update_running


def lerp_in_place(running_mean, running_var, z, momentum=0.1):
    return running_mean.lerp_(z.mean(0), momentum), running_var.lerp_(z.var(0), momentum)


def mean_in_place(running_mean, running_var, z, momentum=0.1):
    running_mean += momentum * (z.mean(0) - running_mean)
    return running_mean, torch.lerp(running_var, z.var(0), momentum)


def always_a_tenth(running_mean, running_var, z, momentum=0.1):
    return running()(running_mean, running_var, z)


def exchanged(running_mean, running_var, z, momentum=0.1):
    return running()(running_mean, running_var, z, momentum)[::-1]


def factor_on_all(running_mean, running_var, z, momentum=0.1):
    B = len(z)
    mean, var = running(var=lambda z, old: z.var(0, correction=0))(
        running_mean, running_var, z, momentum)
    return mean, var * B / (B - 1)


def factor_on_the_mean_too(running_mean, running_var, z, momentum=0.1):
    B = len(z)
    return running(mean=lambda z, old: z.mean(0) * B / (B - 1))(
        running_mean, running_var, z, momentum)


def deviations_mixed(running_mean, running_var, z, momentum=0.1):    # variances are mixed, not σ
    return (torch.lerp(running_mean, z.mean(0), momentum),
            torch.lerp(running_var.sqrt(), z.std(0), momentum).square())


def mean_alone(running_mean, running_var, z, momentum=0.1):
    return torch.lerp(running_mean, z.mean(0), momentum)


def variance_not_moved(running_mean, running_var, z, momentum=0.1):
    return torch.lerp(running_mean, z.mean(0), momentum), running_var


def example_by_example(running_mean, running_var, z, momentum=0.1):
    for row in z:
        running_mean = torch.lerp(running_mean, row, momentum)
    return running_mean, torch.lerp(running_var, z.var(0), momentum)


def nothing_back(running_mean, running_var, z, momentum=0.1):
    running_mean, running_var = running()(running_mean, running_var, z, momentum)


def running_in_float32(running_mean, running_var, z, momentum=0.1):
    return running()(running_mean.float(), running_var.float(), z.float(), momentum)


def running_loops(running_mean, running_var, z, momentum=0.1):
    B, d = z.shape
    mean, var = torch.zeros_like(running_mean), torch.zeros_like(running_var)
    for i in range(d):
        mu = sum(z[n, i] for n in range(B)) / B
        sigma2 = sum((z[n, i] - mu) ** 2 for n in range(B)) / (B - 1)
        mean[i] = running_mean[i] + momentum * (mu - running_mean[i])
        var[i] = running_var[i] + momentum * (sigma2 - running_var[i])
    return mean, var


def running_numpy(running_mean, running_var, z, momentum=0.1):
    table = z.numpy()
    return (torch.from_numpy((1 - momentum) * running_mean.numpy() + momentum * table.mean(axis=0)),
            torch.from_numpy((1 - momentum) * running_var.numpy()
                             + momentum * table.var(axis=0, ddof=1)))


def by_a_layer_of_torch(running_mean, running_var, z, momentum=0.1):
    mean, var = running_mean.clone(), running_var.clone()
    torch.nn.functional.batch_norm(z, mean, var, training=True, momentum=momentum)
    return mean, var


def momentum_or_a_tenth(running_mean, running_var, z, momentum=0.1):         # 0 counts as missing
    a = momentum or 0.1
    return running_mean.lerp(z.mean(0), a), running_var.lerp(z.var(0), a)


def whole_factor(running_mean, running_var, z, momentum=0.1):
    B = len(z)
    var = z.var(0, correction=0) * (B // (B - 1))
    return running_mean.lerp(z.mean(0), momentum), running_var.lerp(var, momentum)


def exact_variance_of_a_mixture(running_mean, running_var, z, momentum=0.1):
    a, mean = momentum, z.mean(0)
    return ((1 - a) * running_mean + a * mean,
            (1 - a) * running_var + a * z.var(0) + a * (1 - a) * (mean - running_mean) ** 2)


def z_changed(running_mean, running_var, z, momentum=0.1):   # the message must name z
    mean = z.mean(0)
    z -= mean
    var = (z**2).sum(0) / (len(z) - 1)
    return running_mean.lerp(mean, momentum), running_var.lerp(var, momentum)


def by_statistics(running_mean, running_var, z, momentum=0.1):
    def mixed(old, new):
        return torch.tensor([(1 - momentum) * a + momentum * b
                             for a, b in zip(old.tolist(), new, strict=True)], dtype=z.dtype)
    columns = z.T.tolist()
    return (mixed(running_mean, map(statistics.fmean, columns)),
            mixed(running_var, map(statistics.variance, columns)))


def over_pairs(running_mean, running_var, z, momentum=0.1):
    B, pairs = len(z), z[:, None] - z[None]
    var = torch.einsum("ijd,ijd->d", pairs, pairs) / (2 * B * (B - 1))
    return [running_mean + momentum * (z.sum(0) / B - running_mean),
            running_var + momentum * (var - running_var)]


# --- bn-forgotten-eval ----------------------------------------------------------------------------


def hits(model, x, label, batch_size):
    found = torch.cat([model(part).argmax(1) for part in x.split(batch_size)])
    return (found == label).sum().item()


def tested(share=lambda right, n: right / n, end=None, grad=False, count=hits):
    def held_out_accuracy(model, x, label, batch_size):
        was = model.training
        model.eval()
        with torch.set_grad_enabled(grad):
            right = count(model, x, label, batch_size)
        model.train(was if end is None else end)
        return share(right, len(x))
    return held_out_accuracy


@torch.no_grad()
def never_eval(model, x, label, batch_size):
    return hits(model, x, label, batch_size) / len(x)


@torch.no_grad()
def never_eval_but_restored(model, x, label, batch_size):    # the statistics are put back
    before = copy.deepcopy(model.state_dict())
    share = hits(model, x, label, batch_size) / len(x)
    model.load_state_dict(before)
    return share


@torch.no_grad()
def top_flag_alone(model, x, label, batch_size):
    was, model.training = model.training, False    # the layers inside do not hear of it
    right = hits(model, x, label, batch_size)
    model.training = was
    return right / len(x)


@torch.no_grad()
def eval_after_the_first(model, x, label, batch_size):
    was, right = model.training, 0
    for part, names in zip(x.split(batch_size), label.split(batch_size), strict=True):
        right += (model(part).argmax(1) == names).sum().item()
        model.eval()
    model.train(was)
    return right / len(x)


def mean_of_batches(model, x, label, batch_size):
    parts = [(model(part).argmax(1) == names).double().mean().item() for part, names in
             zip(x.split(batch_size), label.split(batch_size), strict=True)]
    return sum(parts) / len(parts)


def last_left_out(model, x, label, batch_size):
    n = len(x) // batch_size * batch_size
    return hits(model, x[:n], label[:n], batch_size)


def sums_of_scores(model, x, label, batch_size):    # argmax over the batch, not the classes
    right = 0
    for part, names in zip(x.split(batch_size), label.split(batch_size), strict=True):
        out = model(part)
        right += sum(int(out[:, k].argmax() == names[k]) for k in range(min(out.shape)))
    return right


def printed(model, x, label, batch_size):
    print(tested()(model, x, label, batch_size))


def with_a_loader(model, x, label, batch_size):
    mode, right = model.training, 0
    model.eval()
    try:
        with torch.inference_mode():
            for images, names in DataLoader(TensorDataset(x, label), batch_size=batch_size):
                right += int((model(images).argmax(dim=1) == names).sum())
    finally:
        model.train(mode)
    return right / len(label)


@torch.no_grad()
def on_a_copy(model, x, label, batch_size):
    return hits(copy.deepcopy(model).eval(), x, label, batch_size) / len(x)


@torch.no_grad()
def each_part_remembered(model, x, label, batch_size):
    modes = {part: part.training for part in model.modules()}
    model.eval()
    right = []
    for first in range(0, len(x), batch_size):
        rows = slice(first, first + batch_size)
        right += (model(x[rows]).numpy().argmax(axis=1) == label[rows].numpy()).tolist()
    for part, mode in modes.items():
        part.training = mode
    return sum(right) / len(right)


def share(model, x, label, batch_size):
    parts = zip(x.split(batch_size), label.split(batch_size), strict=True)
    return sum((model(a).argmax(1) == b).sum().item() for a, b in parts) / len(x)


def gradients_off_for_good(model, x, label, batch_size):
    was = model.training
    torch.set_grad_enabled(False)
    found = share(model.eval(), x, label, batch_size)
    model.train(was)
    return found


def parameters_frozen(model, x, label, batch_size):
    was = model.training
    found = share(model.eval().requires_grad_(False), x, label, batch_size)
    model.train(was)
    return found


@torch.no_grad()
def left_in_float64(model, x, label, batch_size):
    was = model.training
    found = share(model.eval().double(), x.double(), label, batch_size)
    model.train(was)
    return found


@torch.no_grad()
def batch_norm_alone_in_eval(model, x, label, batch_size):                   # dropout stays on
    parts = [part for part in model.modules() if isinstance(part, nn.BatchNorm1d)]
    was = [part.training for part in parts]
    for part in parts:
        part.eval()
    found = share(model, x, label, batch_size)
    for part, mode in zip(parts, was, strict=True):
        part.train(mode)
    return found


@torch.no_grad()
def batch_size_chunks(model, x, label, batch_size):      # chunk takes the number of parts
    was = model.training
    parts = zip(x.chunk(batch_size), label.chunk(batch_size), strict=True)
    right = sum((model.eval()(a).argmax(1) == b).sum().item() for a, b in parts)
    model.train(was)
    return right / len(x)


@torch.no_grad()
def momentum_zero(model, x, label, batch_size):          # kept, but the batch is still used
    parts = [part for part in model.modules() if isinstance(part, nn.BatchNorm1d)]
    for part in parts:
        part.momentum = 0.0
    found = share(model, x, label, batch_size)
    for part in parts:
        part.momentum = 0.1
    return found


@torch.no_grad()
def mean_in_float32(model, x, label, batch_size):        # a np.float32: a number all the same
    was = model.training
    model.eval()
    hits = torch.cat([model(a).argmax(1) == b for a, b in
                      zip(x.split(batch_size), label.split(batch_size), strict=True)])
    model.train(was)
    return hits.float().numpy().mean()


def functional_call(model, x, label, batch_size):
    was = model.training
    model.eval()
    parts = {name: value.detach() for name, value in model.state_dict().items()}
    hits = [torch.func.functional_call(model, parts, (a,)).argmax(-1).eq(b) for a, b in
            zip(x.split(batch_size), label.split(batch_size), strict=True)]
    model.train(was)
    return torch.cat(hits).double().mean().item()


WRONG = {
    "bn-forward": {
        "eps as a floor": forward(scale=lambda var, eps: var.clamp(min=eps).sqrt()),
        "one mean for all neurons": forward(mean=lambda z: z.mean()),
        "one variance for all neurons": forward(var=lambda z: z.var(correction=0)),
        "mean square": forward(var=lambda z: z.square().mean(0)),
        "median": forward(mean=lambda z: z.median(0).values),
        "two refused": forward(least=3),
        "γ and β exchanged": gamma_and_beta_exchanged,
        "eps fixed": eps_fixed,
        "assert": asserts,
        "None for one": nothing_for_one,
        "error returned": error_given_back,
        "one neuron refused": looks_at_neurons,
        "float32": in_float32,
        "transposed": transposed,
        "one refused, none not": one_refused_none_not,
        "torch's own refusal": torchs_own_refusal,
        "two numbers are enough": two_numbers_are_enough,
        "γ changed": gamma_changed,
    },
    "bn-running": {
        "factor upside down": running(
            var=lambda z, old: z.var(0, correction=0) * (len(z) - 1) / len(z)),
        "factor by neurons": running(
            var=lambda z, old: z.var(0, correction=0) * z.shape[1] / (z.shape[1] - 1)),
        "mean square": running(var=lambda z, old: z.square().sum(0) / (len(z) - 1)),
        "one mean for all": running(mean=lambda z, old: z.mean()),
        "one variance for all": running(var=lambda z, old: z.var()),
        "sum": running(mean=lambda z, old: z.sum(0)),
        "all of the batch": running(take=lambda a: 1),
        "minus": running(take=lambda a: -a),
        "half and half": running(keep=lambda a: 0.5, take=lambda a: 0.5),
        "mean changed in place": mean_in_place,
        "always 0.1": always_a_tenth,
        "factor on the sum": factor_on_all,
        "deviations mixed": deviations_mixed,
        "mean alone": mean_alone,
        "variance stays": variance_not_moved,
        "once an example": example_by_example,
        "None": nothing_back,
        "float32": running_in_float32,
        "momentum or a tenth": momentum_or_a_tenth,
        "a whole factor": whole_factor,
        "variance of a mixture": exact_variance_of_a_mixture,
        "z changed": z_changed,
    },
    "bn-forgotten-eval": {
        "train mode, statistics restored": never_eval_but_restored,
        "flag of the model alone": top_flag_alone,
        "first batch in train mode": eval_after_the_first,
        "one example a batch": tested(count=lambda model, x, label, size: hits(
            model, x, label, 1)),
        "first batch alone": tested(count=lambda model, x, label, size: hits(
            model, x[:size], label[:size], size)),
        "batches of 50": tested(count=lambda model, x, label, size: hits(model, x, label, 50)),
        "argmax over the batch": tested(count=sums_of_scores),
        "number of hits": tested(lambda right, n: right),
        "per cent": tested(lambda right, n: 100 * right / n),
        "share of wrong ones": tested(lambda right, n: 1 - right / n),
        "whole numbers": tested(lambda right, n: right // n),
        "per class": tested(lambda right, n: right / 10),
        "printed": printed,
        "gradients off for good": gradients_off_for_good,
        "parameters frozen": parameters_frozen,
        "model left in float64": left_in_float64,
        "BatchNorm alone in eval mode": batch_norm_alone_in_eval,
        "batch_size chunks": batch_size_chunks,
        "momentum 0": momentum_zero,
    },
}

RIGHT = {
    "bn-forward": {
        "neuron by neuron": neuron_by_neuron,
        "numpy inside": in_numpy,
        "torch's own": by_torch,
        "as lines, float64 inside": as_one_line_each,
        "mean of the squares of what is left": forward(
            var=lambda z: (z - z.mean(0)).square().mean(0)),
        "LayerNorm of the transpose": layer_norm_of_the_transpose,
        "einsum, an error of its own": einsum_and_an_error_of_its_own,
    },
    "bn-running": {
        "loops": running_loops,
        "numpy inside": running_numpy,
        "torch's own": by_a_layer_of_torch,
        "lerp": lambda mean, var, z, momentum=0.1: (
            mean.lerp(z.mean(0), momentum), var.lerp(z.var(0), momentum)),
        "factor written out": running(
            var=lambda z, old: (z - z.mean(0)).square().mean(0) * len(z) / (len(z) - 1)),
        "statistics": by_statistics,
        "over pairs": over_pairs,
    },
    "bn-forgotten-eval": {
        "DataLoader, finally": with_a_loader,
        "a copy is tested": on_a_copy,
        "each part's mode remembered, numpy": each_part_remembered,
        "mean in float32": mean_in_float32,
        "functional_call": functional_call,
    },
}
