"""Answers for chapter 10: convolutions, their sizes and their parameters."""

import copy
from collections import OrderedDict
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# ---- cnn-convolve --------------------------------------------------------------------------------


def by_torch(x, weight, bias, stride=1, padding=0):
    return F.conv2d(x[None], weight, bias, stride, padding)[0]


def two_ways(x, padding, right_too=True):
    more = padding if right_too else 0
    return F.pad(x, (padding, more, padding, more))


def in_loops(x, weight, bias, stride=1, padding=0, square=False, limit=0):
    k, x = weight.shape[-1], F.pad(x, (padding,) * 4)
    rows = range(0, x.shape[1] - k + 1 - limit, stride)
    columns = rows if square else range(0, x.shape[2] - k + 1 - limit, stride)
    out = torch.zeros(len(weight), len(rows), len(columns), dtype=x.dtype)
    for f, (i, r), (j, c) in product(range(len(weight)), enumerate(rows), enumerate(columns)):
        out[f, i, j] = (x[:, r : r + k, c : c + k] * weight[f]).sum() + bias[f]
    return out


def float32_table(x, weight, bias, stride=1, padding=0):
    right = by_torch(x, weight, bias, stride, padding)
    out = torch.zeros(right.shape)
    out[:] = right
    return out


def sums_into_the_bias(x, weight, bias, stride=1, padding=0):
    x, k = F.pad(x, (padding,) * 4), weight.shape[-1]
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    out = torch.zeros(len(weight), height, width, dtype=x.dtype)
    for f, i, j in product(range(len(weight)), range(height), range(width)):
        total = bias[f]
        r, c = i * stride, j * stride
        total += (x[:, r : r + k, c : c + k] * weight[f]).sum()
        out[f, i, j] = total
    return out


def damages_the_weights(x, weight, bias, stride=1, padding=0):
    right = by_torch(x, weight, bias, stride, padding)
    weight *= 0.5
    return right


def by_unfolding(x, weight, bias, stride=1, padding=0):
    k = weight.shape[-1]
    fields = F.pad(x, (padding,) * 4).unfold(1, k, stride).unfold(2, k, stride)
    return torch.einsum("chwij,fcij->fhw", fields, weight) + bias[:, None, None]


def with_numpy(x, weight, bias, stride=1, padding=0):
    x, w = np.pad(x.numpy(), ((0, 0), (padding,) * 2, (padding,) * 2)), weight.numpy()
    k = w.shape[-1]
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    out = np.empty((len(w), height, width), x.dtype)
    for i, j in np.ndindex(height, width):
        patch = x[:, i * stride : i * stride + k, j * stride : j * stride + k]
        out[:, i, j] = np.tensordot(w, patch, 3) + bias.numpy()
    return torch.from_numpy(out)


def number_by_number(x, weight, bias, stride=1, padding=0):
    (n_f, n_c, k, _), (_, h, w) = weight.shape, x.shape
    height, width = ((side + 2 * padding - k) // stride + 1 for side in (h, w))
    out = torch.empty(n_f, height, width, dtype=x.dtype)
    for f, i, j in product(range(n_f), range(height), range(width)):
        total = float(bias[f])
        for c, a, b in product(range(n_c), range(k), range(k)):
            r, s = i * stride + a - padding, j * stride + b - padding
            if 0 <= r < h and 0 <= s < w:
                total += float(x[c, r, s]) * float(weight[f, c, a, b])
        out[f, i, j] = total
    return out


def padded_to_the_same_size(x, weight, bias, stride=1, padding=0):
    return by_torch(x, weight, bias, stride, weight.shape[-1] // 2 if padding else 0)


def negative_places_wrap_round(x, weight, bias, stride=1, padding=0):
    (_, h, w), k = x.shape, weight.shape[-1]
    height, width = ((side + 2 * padding - k) // stride + 1 for side in (h, w))
    out = bias[:, None, None].repeat(1, height, width)
    for f, r, c, i, j in product(*map(range, (len(weight), height, width, k, k))):
        row, column = r * stride + i - padding, c * stride + j - padding
        if row < h and column < w:                       # and −1 is the last row
            out[f, r, c] += (x[:, row, column] * weight[f, :, i, j]).sum()
    return out


def weight_by_weight(x, weight, bias, stride=1, padding=0):
    k, x = weight.shape[-1], F.pad(x, (padding,) * 4)
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    out = bias[:, None, None]
    for i, j in product(range(k), repeat=2):
        part = x[:, i : i + (height - 1) * stride + 1 : stride,
                 j : j + (width - 1) * stride + 1 : stride]
        out = out + (weight[:, :, i, j] @ part.flatten(1)).view(-1, height, width)
    return out


# ---- cnn-flat-size -------------------------------------------------------------------------------


def flat(n, channels, layers, conv=lambda n, k, s, p: (n + 2 * p - k) // s + 1,
         pool=lambda n, k: n // k, least=1, end=lambda n, c: c * n * n):
    for kind, *rest in layers:
        if kind == "conv":
            channels, k, s, p = rest
            n = conv(n, k, s, p)
        else:
            n = pool(n, rest[0])
        if n < least:
            raise ValueError("no pixel left")
    return end(n, channels)


def flat_with(**changes):
    return lambda n, channels, layers: flat(n, channels, layers, **changes)


def checks_only_the_end(n, channels, layers):
    size = flat(n, channels, layers, least=-10**9, end=lambda n, c: (n, c))
    if size[0] < 1:
        raise ValueError("no pixel left")
    return size[0] ** 2 * size[1]


def channels_of_the_picture(n, channels, layers):
    return flat(n, channels, layers, end=lambda n, c: channels * n * n)


def empties_the_list(n, channels, layers):
    done = []
    while layers:
        done.append(layers.pop(0))
    return flat(n, channels, done)


def only_if_a_convolution_is_there(n, channels, layers):
    out = [layer[1] for layer in layers if layer[0] == "conv"][-1]
    return flat(n, out, layers, end=lambda n, c: out * n * n)


def by_recursion(n, channels, layers):
    if not layers:
        return channels * n**2
    kind, *rest = layers[0]
    channels, k, s, p = rest if kind == "conv" else (channels, rest[0], rest[0], 0)
    if n + 2 * p < k:
        raise ValueError
    return by_recursion(1 + (n + 2 * p - k) // s, channels, layers[1:])


def by_building(n, channels, layers):
    x = torch.empty(1, channels, n, n, device="meta")
    for kind, *rest in layers:
        if kind == "conv":
            part = nn.Conv2d(x.shape[1], *rest, device="meta")
        else:
            part = nn.MaxPool2d(rest[0])
        try:
            x = part(x)
        except RuntimeError as error:
            raise ValueError("no pixel left") from error
    return x.numel()


class NoPixel(ValueError):
    pass


def with_an_exception_of_its_own(n, channels, layers):
    for layer in layers:
        k, s, p = layer[2:] if layer[0] == "conv" else (layer[1], layer[1], 0)
        n = len(range(-p, n + p - k + 1, s))
        if not n:
            raise NoPixel(layer)
        channels = layer[1] if layer[0] == "conv" else channels
    return int(np.prod([channels, n, n]))


# ---- cnn-parameters ------------------------------------------------------------------------------


def count(layers, conv=lambda i, o, k: o * i * k * k + o, linear=lambda i, o: i * o + o, relu=0):
    how = {"conv": conv, "linear": linear, "relu": lambda: relu}
    return sum(how[kind](*sizes) for kind, *sizes in layers)


def counting(**changes):
    return lambda layers: count(layers, **changes)


def stops_at_a_relu(layers):
    total = 0
    for kind, *sizes in layers:
        if kind == "relu":
            return total
        total += count([(kind, *sizes)])
    return total


def takes_them_off(layers):
    total = 0
    while layers:
        total += count([layers.pop()])
    return total


def only_the_last(layers):
    total = 0
    for layer in layers:
        total = count([layer])
    return total


def each_kind_once(layers):
    return sum(count([layer]) for layer in {layer[0]: layer for layer in layers}.values())


def each_layer_once(layers):
    return count(set(map(tuple, layers)))


def by_modules(layers):
    make = {"conv": nn.Conv2d, "linear": nn.Linear, "relu": nn.ReLU}
    net = nn.Sequential(*(make[kind](*sizes) for kind, *sizes in layers))
    return sum(p.numel() for p in net.parameters())


def by_matching(layers):
    total = 0
    for layer in layers:
        match layer:
            case ("conv", n_in, n_out, k):
                total += n_out * (1 + n_in * k**2)
            case ("linear", n_in, n_out):
                total += (n_in + 1) * n_out
    return total


def with_numpy_numbers(layers):
    return sum((np.prod(sizes) * (sizes[2] if kind == "conv" else 1) + sizes[1]
                for kind, *sizes in layers if sizes), start=np.int64(0))


# ---- cnn-without-pools ---------------------------------------------------------------------------


def strided(conv, k=3, stride=2, padding=1):
    return nn.Conv2d(conv.in_channels, conv.out_channels, k, stride, padding)


def striding(**changes):
    """The right answer, with a convolution of another kind in the place of conv and pool."""
    def answer(net):
        parts = []
        for layer in net:
            if isinstance(layer, nn.MaxPool2d):
                at = max(i for i, part in enumerate(parts) if isinstance(part, nn.Conv2d))
                parts[at] = strided(parts[at], **changes)
            else:
                parts.append(copy.deepcopy(layer))
        return nn.Sequential(*parts)
    return answer


def convolution_after_the_pool(net):
    parts, wanted = [], False
    for layer in copy.deepcopy(net):
        if isinstance(layer, nn.MaxPool2d):
            wanted = True
        elif isinstance(layer, nn.Conv2d) and wanted:
            parts.append(strided(layer))
            wanted = False
        else:
            parts.append(layer)
    return nn.Sequential(*parts)


def always_two_layers_before(net):
    layers = list(copy.deepcopy(net))
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.MaxPool2d) and i >= 2 and isinstance(layers[i - 2], nn.Conv2d):
            layers[i - 2] = strided(layers[i - 2])
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.MaxPool2d)))


def all_before_the_pool(net):
    parts = []
    for layer in copy.deepcopy(net):
        if isinstance(layer, nn.MaxPool2d):
            parts = [strided(part) if isinstance(part, nn.Conv2d) else part for part in parts]
        else:
            parts.append(layer)
    return nn.Sequential(*parts)


def only_the_first_pool(net):
    parts = list(copy.deepcopy(net))
    at = next((i for i, layer in enumerate(parts) if isinstance(layer, nn.MaxPool2d)), None)
    if at is not None:
        before = max(i for i in range(at) if isinstance(parts[i], nn.Conv2d))
        parts[before] = strided(parts[before])
        del parts[at]
    return nn.Sequential(*parts)


def no_relu_there(net):
    parts = []
    for layer in net:
        if isinstance(layer, nn.MaxPool2d):
            while not isinstance(parts[-1], nn.Conv2d):
                parts.pop()
            parts[-1] = strided(parts[-1])
        else:
            parts.append(copy.deepcopy(layer))
    return nn.Sequential(*parts)


def linear_with_new_biases(net):
    made = striding()(net)
    for layer in made:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    return made


def pools_of_one_pixel(net):
    made, parts = striding()(net), []
    for layer in made:
        parts.append(layer)
        if getattr(layer, "stride", None) == (2, 2):
            parts.append(nn.MaxPool2d(1))
    return nn.Sequential(*parts)


def the_net_of_the_example(net):
    return nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
                         nn.Flatten(), nn.Linear(16 * 7 * 7, 10))


def a_copy_with_other_strides(net):
    layers = list(copy.deepcopy(net))
    for i in reversed(range(len(layers))):
        if isinstance(layers[i], nn.MaxPool2d):
            del layers[i]
            j = i - 1
            while not isinstance(layers[j], nn.Conv2d):
                j -= 1
            layers[j].stride = (2, 2)
    return nn.Sequential(*layers)


def from_the_back(net):
    parts, pool = [], False
    for layer in reversed(copy.deepcopy(net)):
        if isinstance(layer, nn.MaxPool2d):
            pool = True
            continue
        if isinstance(layer, nn.Conv2d):
            layer = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size,
                              stride=2 if pool else 1, padding=layer.padding)
            pool = False
        parts.insert(0, layer)
    return nn.Sequential(*parts)


def new_linear_layers(net, fill):
    """The right answer, its linear layers new ones that fill(new, old) fills."""
    parts = []
    for layer in striding()(net):
        if isinstance(layer, nn.Linear):
            old = next(p for p in net if isinstance(p, nn.Linear))
            layer = nn.Linear(old.in_features, old.out_features)
            fill(layer, old)
        parts.append(layer)
    return nn.Sequential(*parts)


def same_memory(net):
    def fill(new, old):
        new.weight, new.bias = nn.Parameter(old.weight), nn.Parameter(old.bias)
    return new_linear_layers(net, fill)


def state_assigned(net):
    return new_linear_layers(net, lambda new, old: new.load_state_dict(
        old.state_dict(), assign=True))


def state_copied(net):
    return new_linear_layers(net, lambda new, old: new.load_state_dict(old.state_dict()))


def the_same_relus(net):
    relus = iter([layer for layer in net if isinstance(layer, nn.ReLU)])
    return nn.Sequential(*(next(relus) if isinstance(layer, nn.ReLU) else layer
                           for layer in striding()(net)))


def without_biases(net):
    made = striding()(net)
    for layer in made:
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.bias = None
    return made


def left_in_eval_mode(net):
    net.eval()                                           # to try it, then forgotten
    return striding()(net)


def gradients_lost(net):
    net.zero_grad()
    return striding()(net)


def by_names(net):
    parts, last = OrderedDict(), None
    for name, layer in net.named_children():
        if isinstance(layer, nn.MaxPool2d):
            parts[last] = strided(parts[last])
        else:
            parts[f"part{name}"] = copy.deepcopy(layer)
            last = f"part{name}" if isinstance(layer, nn.Conv2d) else last
    return nn.Sequential(parts)


WRONG = {
    "cnn-convolve": {
        "padding repeats the border": lambda x, w, b, s=1, p=0: by_torch(
            F.pad(x[None], (p,) * 4, mode="replicate")[0], w, b, s),
        "the last field left out": lambda x, w, b, s=1, p=0: in_loops(x, w, b, s, p, limit=1),
        "square pictures only": lambda x, w, b, s=1, p=0: in_loops(x, w, b, s, p, square=True),
        "mean over the channels": lambda x, w, b, s=1, p=0: by_torch(x, w / len(x), b, s, p),
        "bias once for each number": lambda x, w, b, s=1, p=0: by_torch(
            x, w, b * w[0].numel(), s, p),
        "with a batch dimension": lambda x, w, b, s=1, p=0: by_torch(x, w, b, s, p)[None],
        "filters at the end": lambda x, w, b, s=1, p=0: by_torch(x, w, b, s, p).movedim(0, -1),
        "float32 always": float32_table,
        "rows and columns swapped": lambda x, w, b, s=1, p=0: by_torch(x, w, b, s, p).mT,
        "sums up in the bias": sums_into_the_bias,
        "weights damaged": damages_the_weights,
        "padding k // 2, whichever is asked": padded_to_the_same_size,
        "negative places wrap round": negative_places_wrap_round,
        "summed over filters": lambda x, w, b, s=1, p=0: by_torch(x, w, b, s, p).sum(0),
    },
    "cnn-parameters": {
        "bias in linear layers only": counting(conv=lambda i, o, k: o * i * k * k),
        "bias in convolutions only": counting(linear=lambda i, o: i * o),
        "one bias for a convolution": counting(conv=lambda i, o, k: o * i * k * k + 1),
        "bias for every weight": counting(conv=lambda i, o, k: 2 * o * i * k * k),
        "a ReLU has one": counting(relu=1),
        "a whole number as float": lambda layers: float(count(layers)),
        "as a tensor": lambda layers: torch.tensor(count(layers)),
        "printed": lambda layers: print(count(layers)),
        "stops at a ReLU": stops_at_a_relu,
        "only the last layer": only_the_last,
        "one layer of a kind": each_kind_once,
        "equal layers count once": each_layer_once,
        "empties the list": takes_them_off,
    },
    "cnn-flat-size": {
        "without the + 1": flat_with(conv=lambda n, k, s, p: (n + 2 * p - k) // s),
        "padding once": flat_with(conv=lambda n, k, s, p: (n + p - k) // s + 1),
        "without padding": flat_with(conv=lambda n, k, s, p: (n - k) // s + 1),
        "without stride": flat_with(conv=lambda n, k, s, p: n + 2 * p - k + 1),
        "rounded up": flat_with(conv=lambda n, k, s, p: -((k - n - 2 * p) // s) + 1),
        "towards zero, so none is one": flat_with(
            conv=lambda n, k, s, p: int((n + 2 * p - k) / s) + 1),
        "pools round up": flat_with(pool=lambda n, k: -(-n // k)),
        "pools with stride 1": flat_with(pool=lambda n, k: n - k + 1),
        "pools halve": flat_with(pool=lambda n, k: n // 2),
        "sides, not areas": flat_with(end=lambda n, c: c * n),
        "without channels": flat_with(end=lambda n, c: n * n),
        "channels of the picture": channels_of_the_picture,
        "no convolution, no answer": only_if_a_convolution_is_there,
        "one pixel is refused": flat_with(least=2),
        "looks only at the end": checks_only_the_end,
        "a float": flat_with(conv=lambda n, k, s, p: (n + 2 * p - k) / s // 1 + 1),
        "empties the list": empties_the_list,
        "three numbers": flat_with(end=lambda n, c: (c, n, n)),
    },
    "cnn-without-pools": {
        "the convolution after it": convolution_after_the_pool,
        "all before the pool": all_before_the_pool,
        "kernel 2": striding(k=2, padding=0),
        "kernel 5": striding(k=5, padding=2),
        "stride 3": striding(stride=3),
        "conv, ReLU, pool only": always_two_layers_before,
        "the first pool only": only_the_first_pool,
        "the ReLU goes too": no_relu_there,
        "new biases behind it": linear_with_new_biases,
        "pools of one pixel": pools_of_one_pixel,
        "a list": lambda net: list(striding()(net)),
        "the net of the lesson": the_net_of_the_example,
        "returns the net": lambda net: net,
        "new parameters on the same memory": same_memory,
        "state assigned, not copied": state_assigned,
        "the same ReLUs": the_same_relus,
        "biases of the convolutions lost": without_biases,
        "net left in eval mode": left_in_eval_mode,
        "net frozen": lambda net: striding()(net.requires_grad_(False)),
        "its gradients lost": gradients_lost,
    },
}

RIGHT = {
    "cnn-convolve": {
        "unfolded, with einsum": by_unfolding,
        "with numpy": with_numpy,
        "number by number": number_by_number,
        "in float64, then as it was": lambda x, w, b, s=1, p=0: by_torch(
            x.double(), w.double(), b.double(), s, p).to(x.dtype),
        "patches": in_loops, "weight by weight": weight_by_weight,
    },
    "cnn-parameters": {
        "by modules": by_modules, "by matching": by_matching,
        "numbers of numpy": with_numpy_numbers,
    },
    "cnn-flat-size": {
        "by recursion": by_recursion, "by building the net": by_building,
        "with an exception of its own": with_an_exception_of_its_own,
    },
    "cnn-without-pools": {
        "a copy with other strides": a_copy_with_other_strides, "from the back": from_the_back,
        "new convolutions": striding(), "by names": by_names, "state copied": state_copied,
    },
}
