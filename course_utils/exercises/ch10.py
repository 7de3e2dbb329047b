"""Chapter 10, Convolutional networks: a convolution by loops, counting, sizes, stride for pools."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict
from course_utils.exercises.nets import moved, parts_of

f64 = torch.float64

# ---- cnn-convolve --------------------------------------------------------------------------------


def convolve(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))     # zeros all round
    filters, _, k, _ = weight.shape
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    out = torch.zeros(filters, height, width, dtype=x.dtype)
    for r in range(height):
        for c in range(width):
            top, left = r * stride, c * stride                               # the field's corner
            field = x[:, top : top + k, left : left + k]                     # (channels, k, k)
            out[:, r, c] = (weight * field).sum(dim=(1, 2, 3)) + bias        # one per filter
    return out


def _by_torch(x, weight, bias, stride=1, padding=0):
    return nn.functional.conv2d(x[None], weight, bias, stride, padding)[0]


def _convolve_cases() -> list[Case]:
    g = torch.Generator().manual_seed(10)

    def case(channels, height, width, filters, k, note, *more):
        parts = (torch.randn(*shape, generator=g, dtype=f64) for shape in (
            (channels, height, width), (filters, channels, k, k), (filters,)))
        return Case((*parts, *more), note)

    return [
        case(1, 4, 4, 1, 3, "one channel, one filter"),
        case(1, 5, 7, 1, 3, "a picture wider than high"),
        case(3, 5, 5, 1, 3, "three channels, one filter"),
        case(2, 6, 5, 4, 2, "two channels, four filters of 2 × 2"),
        case(1, 7, 7, 2, 3, "stride 2", 2),
        case(2, 8, 6, 3, 3, "stride 2, and the last field does not reach the border", 2),
        case(1, 4, 4, 2, 3, "padding 1", 1, 1),
        case(2, 7, 5, 3, 5, "kernel 5, stride 3, padding 2", 3, 2),
        case(3, 3, 3, 2, 3, "one place only"),
        case(2, 4, 3, 2, 1, "kernel 1"),
        case(2, 5, 4, 2, 3, "kernel 3, padding 2", 1, 2),
        case(1, 3, 4, 2, 1, "kernel 1, padding 1", 1, 1),
    ]


def _no_bias(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight, torch.zeros_like(bias), stride, padding)


def _bias_per_channel(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight, bias * len(x), stride, padding)


def _flipped(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight.flip(-1, -2), bias, stride, padding)


def _turned(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight.transpose(-1, -2), bias, stride, padding)


def _no_stride(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight, bias, 1, padding)


def _corner_without_stride(x, weight, bias, stride=1, padding=0):
    right = _by_torch(x, weight, bias, stride, padding)
    every = _by_torch(x, weight, bias, 1, padding)
    return every[:, : right.shape[1], : right.shape[2]].clone()


def _no_padding(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight, bias, stride, 0)


def _padded_once(x, weight, bias, stride=1, padding=0):
    return _by_torch(nn.functional.pad(x, (padding, 0, padding, 0)), weight, bias, stride, 0)


def _first_channel(x, weight, bias, stride=1, padding=0):
    return _by_torch(x[:1], weight[:, :1], bias, stride, padding)


def _mean(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight / weight[0].numel(), bias, stride, padding)


def _square(x, weight, bias, stride=1, padding=0):
    out = _by_torch(x, weight, bias, stride, padding)
    return out[:, :, : out.shape[1]].clone()


def _one_too_few(x, weight, bias, stride=1, padding=0):
    return _by_torch(x, weight, bias, stride, padding)[:, :-1, :-1].clone()


CONVOLVE = Exercise(
    id="cnn-convolve",
    chapter="10",
    title="Convolution from scratch",
    solution=convolve,
    cases=_convolve_cases,
    oracle=_by_torch,
    hints=(
        "First lay zeros around the picture. Then each output is one field times one filter, "
        "summed over everything, plus the filter's bias.",
        "The field of output (r, c) begins at row r · stride and column c · stride of the padded "
        "picture, and goes through all channels.",
        "`field = x[:, top : top + k, left : left + k]`, then "
        "`(weight * field).sum(dim=(1, 2, 3)) + bias`: broadcasting does all filters at once.",
    ),
    mistakes=(
        Mistake("no bias", _no_bias, "The bias is missing: each filter adds its own number."),
        Mistake("bias for each channel", _bias_per_channel,
                "The bias is added once for each channel. A filter has one bias in all: add it "
                "after the sum over the channels."),
        Mistake("flipped", _flipped,
                "Your filter is flipped, as in mathematics. In PyTorch its top left weight meets "
                "the field's top left pixel."),
        Mistake("transposed", _turned, "Rows and columns of the filter are swapped."),
        Mistake("no stride", _no_stride,
                "The stride is not used: the field moves by one pixel each time."),
        Mistake("stride in the size only", _corner_without_stride,
                "The size takes the stride into account, the place of the field does not: output "
                "(r, c) looks from row r · stride on."),
        Mistake("no padding", _no_padding,
                "The padding is missing: `padding` rows and columns of zeros on each side."),
        Mistake("padding on one side", _padded_once,
                "There is padding at the top and left only. Each of the four sides gets it."),
        Mistake("first channel", _first_channel,
                "Only the first channel is used. A filter is a block through all channels."),
        Mistake("mean", _mean, "You take the mean over the field. A convolution adds up."),
        Mistake("square", _square,
                "The width of the output comes from the height. Pictures need not be square."),
        Mistake("one field too few", _one_too_few,
                "The last row and column of fields are missing: there is room for "
                "(side − k) // stride + 1 fields, the + 1 counts the first."),
    ),
    stub='''def convolve(x, weight, bias, stride=1, padding=0):
    # x: (channels, height, width); weight: (filters, channels, k, k); bias: (filters,)
    ...                          # your code: (filters, new height, new width), with the dtype of x

check("cnn-convolve", convolve)''',
)

# ---- cnn-parameters ------------------------------------------------------------------------------


def count_parameters(layers: list[tuple]) -> int:
    total = 0
    for kind, *sizes in layers:
        if kind == "conv":
            n_in, n_out, k = sizes
            total += n_out * (n_in * k * k + 1)          # each filter: a block and one bias
        elif kind == "linear":
            n_in, n_out = sizes
            total += n_out * (n_in + 1)                  # each neuron: a row and one bias
    return total


def _counted_on_tensors(layers):
    build = {"conv": nn.Conv2d, "linear": nn.Linear}
    parts = [build[kind](*sizes, device="meta") for kind, *sizes in layers if kind in build]
    return sum(p.numel() for part in parts for p in part.parameters())


def _count_cases() -> list[Case]:
    nets = {
        "one convolution": [("conv", 1, 8, 3)],
        "one linear layer": [("linear", 784, 10)],
        "a convolution of a colour picture": [("conv", 3, 64, 5), ("relu",)],
        "no layer at all": [],
        "activations only": [("relu",), ("relu",)],
        "this chapter's CNN": [("conv", 1, 8, 3), ("relu",), ("conv", 8, 16, 3), ("relu",),
                               ("linear", 784, 10)],
        "kernel 1": [("conv", 5, 2, 1), ("linear", 3, 1)],
        "a deep one": [("conv", 3, 16, 7), *[("conv", 16, 16, 3), ("relu",)] * 5,
                       ("linear", 64, 32), ("linear", 32, 2)],
    }
    return [Case((layers,), note) for note, layers in nets.items()]


def _counting(conv, linear):
    """A counter from two rules: conv(in, out, k) and linear(in, out)."""
    def count(layers):
        rules = {"conv": conv, "linear": linear}
        return sum(rules[kind](*sizes) for kind, *sizes in layers if kind in rules)
    return count


def _linear(n_in, n_out):
    return n_out * (n_in + 1)


_no_biases = _counting(lambda i, o, k: o * i * k * k, lambda i, o: i * o)
_one_bias = _counting(lambda i, o, k: o * i * k * k + 1, lambda i, o: i * o + 1)
_bias_of_in = _counting(lambda i, o, k: i * (o * k * k + 1), lambda i, o: i * (o + 1))
_kernel_once = _counting(lambda i, o, k: o * (i * k + 1), _linear)
_no_channels = _counting(lambda i, o, k: o * (k * k + 1), _linear)
_one_filter = _counting(lambda i, o, k: i * k * k + 1, _linear)
_bias_per_block = _counting(lambda i, o, k: o * i * (k * k + 1), _linear)

PARAMETERS = Exercise(
    id="cnn-parameters",
    chapter="10",
    title="Count parameters",
    solution=count_parameters,
    cases=_count_cases,
    oracle=_counted_on_tensors,
    hints=(
        "How large is the block of one filter? It reaches through all input channels.",
        "A filter has in · k · k weights and one bias; there are `out` filters. A neuron of a "
        "linear layer has `in` weights and one bias.",
        "Take each layer apart with `for kind, *sizes in layers:` and add "
        "out · (in · k² + 1) or out · (in + 1).",
    ),
    mistakes=(
        Mistake("no biases", _no_biases, "The biases are missing: one for each filter or neuron."),
        Mistake("one bias a layer", _one_bias,
                "You count one bias a layer. Each filter, and each neuron, has its own."),
        Mistake("biases of the inputs", _bias_of_in,
                "The biases belong to the outputs (filters, neurons), not to the inputs."),
        Mistake("k instead of k²", _kernel_once, "A field has k · k pixels, not k."),
        Mistake("channels forgotten", _no_channels,
                "A filter reaches through all input channels: multiply by `in`."),
        Mistake("one filter", _one_filter, "That is one filter. The layer has `out` of them."),
        Mistake("a bias for each channel", _bias_per_block,
                "A filter has one bias in all, not one for each of its channels."),
    ),
    stub='''def count_parameters(layers):    # [("conv", 1, 8, 3), ("relu",), ("linear", 9, 2)]
    ...                                  # your code: a whole number

check("cnn-parameters", count_parameters)''',
)

# ---- cnn-flat-size -------------------------------------------------------------------------------


def flat_size(n: int, channels: int, layers: list[tuple]) -> int:
    for kind, *sizes in layers:
        if kind == "conv":
            channels, k, s, p = sizes                    # the filters are the new channels
        else:
            (k,) = sizes
            s, p = k, 0
        if n + 2 * p < k:
            raise ValueError(f"a kernel of {k} does not fit on {n} pixels with padding {p}")
        n = (n + 2 * p - k) // s + 1
    return channels * n * n


def _flat_by_torch(n, channels, layers):
    x = torch.zeros(1, channels, n, n)
    for kind, *sizes in layers:
        if kind == "conv":
            filters, k, s, p = sizes
            part = nn.Conv2d(x.shape[1], filters, k, s, p)
        else:
            (k,) = sizes
            part = nn.MaxPool2d(k)
        if x.shape[-1] + 2 * (sizes[3] if kind == "conv" else 0) < k:
            raise ValueError("no room")
        x = part(x)
    return x.numel()


def _flat_cases() -> list[Case]:
    def case(n, channels, layers, note, raises=None):
        return Case((n, channels, layers), note, raises)

    return [
        case(28, 1, [("conv", 8, 3, 1, 1), ("pool", 2), ("conv", 16, 3, 1, 1), ("pool", 2)],
             "this chapter's CNN"),
        case(28, 1, [], "no layer: the picture itself"),
        case(32, 3, [], "no layer, three channels"),
        case(10, 1, [("conv", 4, 3, 1, 0)], "no padding"),
        case(9, 2, [("conv", 5, 3, 2, 1), ("conv", 6, 3, 2, 1)], "stride 2 twice"),
        case(7, 1, [("pool", 2)], "a pool that leaves one row over"),
        case(11, 3, [("conv", 2, 4, 3, 0), ("pool", 3)], "a stride that does not divide"),
        case(5, 1, [("conv", 7, 5, 1, 0)], "one place only"),
        case(3, 1, [("pool", 4)], "a pool larger than the map", ValueError),
        case(4, 1, [("conv", 2, 3, 1, 0), ("pool", 2), ("conv", 2, 3, 1, 0)],
             "a kernel larger than the map", ValueError),
        case(2, 1, [("conv", 3, 4, 1, 1)], "a kernel that fits thanks to padding"),
        case(6, 1, [("conv", 2, 3, 2, 0)], "a stride that leaves a row over"),
        case(2, 1, [("conv", 3, 3, 2, 0)], "a kernel that is too large by less than the stride",
             ValueError),
        case(3, 2, [("conv", 2, 5, 1, 0), ("conv", 4, 1, 1, 3)],
             "no pixel left in between; padding would hide it", ValueError),
    ]


def _sizing(step, *, area=True, keep_channels=False, check=True):
    """A sizer with another rule: step(n, k, s, p) -> new n."""
    def flat(n, channels, layers):
        for kind, *sizes in layers:
            filters, k, s, p = sizes if kind == "conv" else (channels, sizes[0], sizes[0], 0)
            channels = channels if keep_channels else filters
            if check and n + 2 * p < k:
                raise ValueError
            n = step(n, k, s, p)
        return channels * n * (n if area else 1)
    return flat


def _right(n, k, s, p):
    return (n + 2 * p - k) // s + 1


FLAT_SIZE = Exercise(
    id="cnn-flat-size",
    chapter="10",
    title="Size a net",
    solution=flat_size,
    cases=_flat_cases,
    oracle=_flat_by_torch,
    hints=(
        "Go through the layers and keep two numbers: pixels a side, and channels.",
        "A pool is a kernel k with stride k and padding 0, and leaves the channels as they are. "
        "After a convolution there are as many channels as filters.",
        "`n = (n + 2 * p - k) // s + 1` at each layer, after a test that n + 2p is at least k; at "
        "the end channels · n · n.",
    ),
    mistakes=(
        Mistake("channels forgotten", lambda n, c, layers: flat_size(n, 1, [
            (kind, 1, *sizes[1:]) if kind == "conv" else (kind, *sizes)
            for kind, *sizes in layers]),
                "This is one map. All maps are laid in the row: multiply by the channels."),
        Mistake("first channels", _sizing(_right, keep_channels=True),
                "You multiply by the channels of the picture. After a convolution there are as "
                "many as it has filters."),
        Mistake("one side", _sizing(_right, area=False),
                "A map has n · n numbers; you count one side."),
        Mistake("plus one forgotten", _sizing(lambda n, k, s, p: (n + 2 * p - k) // s),
                "The + 1 is missing: the first field counts too."),
        Mistake("padding once", _sizing(lambda n, k, s, p: (n + p - k) // s + 1),
                "The padding is on both sides: 2p."),
        Mistake("padding forgotten", _sizing(lambda n, k, s, p: max(0, n - k) // s + 1),
                "The padding is not used."),
        Mistake("stride forgotten", _sizing(lambda n, k, s, p: n + 2 * p - k + 1),
                "The stride is not used (a pool's stride is its k)."),
        Mistake("rounded up", _sizing(lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1),
                "A field that reaches beyond the border is left out: round down."),
        Mistake("nothing refused", _sizing(lambda n, k, s, p: max(0, _right(n, k, s, p)),
                                           check=False),
                "Where a kernel is larger than the map with its padding, raise a ValueError."),
    ),
    stub='''def flat_size(n, channels, layers):      # pictures (channels, n, n)
    ...                                  # your code: a whole number

check("cnn-flat-size", flat_size)''',
)

# ---- cnn-without-pools ---------------------------------------------------------------------------


def without_pools(net: nn.Sequential) -> nn.Sequential:
    import copy  # the chapter does not import it

    parts: list[nn.Module] = []
    last = None                                          # place of the latest convolution
    for part in net:
        if isinstance(part, nn.MaxPool2d):
            old = parts[last]
            parts[last] = nn.Conv2d(old.in_channels, old.out_channels, old.kernel_size, stride=2,
                                    padding=old.padding)
        else:
            parts.append(copy.deepcopy(part))            # `net` keeps its own layers
            if isinstance(part, nn.Conv2d):
                last = len(parts) - 1
    return nn.Sequential(*parts)


def _pooled_nets() -> dict[str, tuple[nn.Sequential, int]]:
    def conv(n_in, n_out):
        return [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]

    def end(n, classes):
        return [nn.Flatten(), nn.Linear(n, classes)]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {
            "one pool": (nn.Sequential(*conv(1, 4), nn.MaxPool2d(2), *end(4 * 16, 3)), 8),
            "two pools": (nn.Sequential(*conv(1, 8), nn.MaxPool2d(2), *conv(8, 16),
                                        nn.MaxPool2d(2), *end(16 * 49, 10)), 28),
            "no pool": (nn.Sequential(*conv(1, 4), *conv(4, 2), *end(2 * 64, 36)), 8),
            "a pool after two convolutions": (
                nn.Sequential(*conv(1, 4), *conv(4, 6), nn.MaxPool2d(2), *end(6 * 36, 5)), 12),
            "a pool right after a convolution": (
                nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
                              *conv(4, 2), *end(2 * 16, 3)), 8),
        }


def _judge_pools(answer) -> Verdict:
    for note, (net, side) in _pooled_nets().items():
        before = parts_of(net)
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        kinds = [type(part) for part in net]
        with torch.random.fork_rng(devices=[]):
            mine = answer(net)
        problem = (_changed(net, before, kinds) or _bad_parts(mine, net)
                   or _bad_maps(mine, net, side) or _bad_kernels(mine, net)
                   or _bad_linear(mine, net))
        if problem:
            return Verdict(False, problem, given=f"{note}:\n{net}", got=repr(mine)[:900])
    return Verdict(True, "No pool is left, and every map has the size it had.")


def _changed(net, before, kinds) -> str:
    if [type(part) for part in net] != kinds or any(
            isinstance(p, nn.Conv2d) and p.stride != (1, 1) for p in net):
        return "Your code changes `net` itself. Build a new nn.Sequential."
    if moved(net, before):
        return "Your code changes the weights of `net`, their dtype or `requires_grad`."
    if not all(part.training for part in net.modules()):
        return "Your code leaves `net` in eval mode; it was in training mode."
    if any(p.grad is None or bool((p.grad != 1).any()) for p in net.parameters()):
        return "Your code changes the gradients of `net`."
    return ""


def _bad_parts(mine, net) -> str:
    if not isinstance(mine, nn.Sequential):
        return "Return an nn.Sequential."
    if any(isinstance(part, nn.MaxPool2d | nn.AvgPool2d) for part in mine):
        return "There is still a pool in it."
    if [type(p) for p in mine] != [type(p) for p in net if not isinstance(p, nn.MaxPool2d)]:
        return "Apart from the pools, the layers should be of the same kinds in the same order."
    convs, mine_convs = ([p for p in one if isinstance(p, nn.Conv2d)] for one in (net, mine))
    for old, new in zip(convs, mine_convs, strict=True):
        if (old.in_channels, old.out_channels) != (new.in_channels, new.out_channels):
            return "A convolution has other numbers of channels than in `net`."
    return ""


def _bad_maps(mine, net, side) -> str:
    def sizes(layers) -> list[int]:
        """Side of the map behind each convolution, just before the next one (or the end)."""
        x, found, last = torch.zeros(1, 1, side, side), [], None
        for part in layers:
            if isinstance(part, nn.Flatten):
                break
            if isinstance(part, nn.Conv2d) and last is not None:
                found.append(last)
            x = part(x)
            last = x.shape[-1]
        return [*found, last]

    expected, got = sizes(net), sizes(mine)
    if expected == got:
        return ""
    if got[-1] == side:
        return (f"The maps have {got} pixels a side, they should have {expected}: without the "
                "pool somebody else has to halve them.")
    return (f"The maps have {got} pixels a side, they should have {expected}. It is the "
            "convolution *before* the pool that takes the stride; kernel and padding stay.")


def _bad_kernels(mine, net) -> str:
    kinds = [[(p.kernel_size, p.padding) for p in one if isinstance(p, nn.Conv2d)]
             for one in (mine, net)]
    if kinds[0] != kinds[1]:
        return "A convolution has another kernel or padding than in `net`. Only strides change."
    biased = [[p.bias is not None for p in one if isinstance(p, nn.Conv2d)] for one in (mine, net)]
    if biased[0] != biased[1]:
        return "A convolution has no biases any more. Only strides change."
    return ""


def _bad_linear(mine, net) -> str:
    pairs = zip((p for p in net if isinstance(p, nn.Linear)),
                (p for p in mine if isinstance(p, nn.Linear)), strict=True)
    if any(not torch.equal(a, b) for old, new in pairs
           for a, b in zip(old.parameters(), new.parameters(), strict=True)):
        return "The linear layer is to keep its weights and biases."
    memory = [{p.untyped_storage().data_ptr() for p in one.parameters()} for one in (net, mine)]
    if memory[0] & memory[1]:
        return ("The new net shares parameters with `net`: training one would change the other. "
                "Use copy.deepcopy.")
    shared = [part for part in mine if any(part is old for old in net)]
    if shared:
        return (f"The new net holds the very {type(shared[0]).__name__} of `net`. It has no "
                "weights, but its mode would change with either net: share no layer.")
    return ""


def _only_dropped(net):
    return nn.Sequential(*[copy.deepcopy(p) for p in net if not isinstance(p, nn.MaxPool2d)])


def _all_strided(net):
    parts = [copy.deepcopy(p) for p in net if not isinstance(p, nn.MaxPool2d)]
    for part in parts:
        if isinstance(part, nn.Conv2d):
            part.stride = (2, 2)
    return nn.Sequential(*parts)


def _in_place(net):
    for before, part in zip(list(net)[:-1], list(net)[1:], strict=True):
        if isinstance(part, nn.MaxPool2d):
            net[list(net).index(before) - 1].stride = (2, 2)
    return nn.Sequential(*[p for p in net if not isinstance(p, nn.MaxPool2d)])


def _same_layers(net):
    fresh = without_pools(net)
    parts = [p for p in net if not isinstance(p, nn.MaxPool2d)]
    return nn.Sequential(*[old if isinstance(old, nn.Linear) else new
                           for old, new in zip(parts, fresh, strict=True)])


def _no_padding_left(net):
    made = without_pools(net)
    for part in made:
        if isinstance(part, nn.Conv2d) and part.stride == (2, 2):
            part.padding = (0, 0)
    return made


def _average(net):
    return nn.Sequential(*[nn.AvgPool2d(2) if isinstance(p, nn.MaxPool2d) else copy.deepcopy(p)
                           for p in net])


def _new_linear(net):
    return nn.Sequential(*[nn.Linear(p.in_features, p.out_features)
                           if isinstance(p, nn.Linear) else p for p in without_pools(net)])


def _extra_convolution(net):
    parts, channels = [], 1
    for part in net:
        channels = getattr(part, "out_channels", channels)
        parts.append(nn.Conv2d(channels, channels, 3, 2, 1) if isinstance(part, nn.MaxPool2d)
                     else copy.deepcopy(part))
    return nn.Sequential(*parts)


WITHOUT_POOLS = Exercise(
    id="cnn-without-pools",
    chapter="10",
    title="Replace pooling by stride",
    solution=without_pools,
    cases=list,
    judge=_judge_pools,
    hints=(
        "Go through the layers and collect new ones in a list. Remember where the latest "
        "convolution stands.",
        "When a MaxPool2d comes, do not add it: put a new Conv2d with stride 2 in that place.",
        "`nn.Conv2d(old.in_channels, old.out_channels, old.kernel_size, stride=2, "
        "padding=old.padding)`; everything else is `copy.deepcopy(part)`.",
    ),
    mistakes=(
        Mistake("only dropped", _only_dropped,
                "The pools are gone, but nothing halves the maps in their place: the linear layer "
                "no longer fits."),
        Mistake("stride everywhere", _all_strided,
                "Every convolution has stride 2 now. Only those with a pool behind them take it."),
        Mistake("in place", _in_place,
                "Your code changes the layers of `net`. Build new ones (copy.deepcopy)."),
        Mistake("shared layers", _same_layers,
                "The new net shares weights with `net`: training one changes the other. Copy its "
                "layers (copy.deepcopy)."),
        Mistake("no padding", _no_padding_left,
                "The maps are too small by one: the new convolution needs the padding of the old."),
        Mistake("another pool", _average,
                "An average pool is a pool too. The convolution before it is to take the stride."),
        Mistake("new linear layer", _new_linear,
                "The linear layer has new weights. It is to be kept (as a copy)."),
        Mistake("an extra convolution", _extra_convolution,
                "You put a further convolution in the pool's place. That works in practice, but "
                "costs parameters; here the convolution *before* the pool takes the stride."),
    ),
    stub='''def without_pools(net):                  # nn.Sequential → a new nn.Sequential
    ...                                  # your code: weights of new convolutions may be new

check("cnn-without-pools", without_pools)''',
)

EXERCISES = (CONVOLVE, PARAMETERS, FLAT_SIZE, WITHOUT_POOLS)

QUESTIONS = (
    Question(
        "cnn-q-count", "10",
        "A convolution has 16 filters of 3 × 3 on 8 channels. How many weights?",
        ("16 · 9", "16 · 8 · 9", "8 · 9"), 1,
        "A filter is a block through all input channels: 8 · 9 weights, and there are 16 of them.",
    ),
    Question(
        "cnn-q-size-free", "10",
        "The picture is twice as wide and high. The convolution's weights …",
        ("stay as many", "are four times as many", "are twice as many"), 0,
        "The same filter is used at more places: more arithmetic, no more weights.",
    ),
    Question(
        "cnn-q-depth", "10", "Five layers of 3 × 3 with stride 1: how many pixels a side are seen?",
        ("15", "11", "9"), 1,
        "Each layer adds one pixel on each side: 2 · 5 + 1.",
    ),
    Question(
        "cnn-q-effective", "10", "Why does the middle of a receptive field count most?",
        ("its weights start larger", "padding weakens the rim", "more paths lead from there"), 2,
        "From a corner there is one path through the layers, from the middle there are very many.",
    ),
    Question(
        "cnn-q-stride", "10", "Kernel 3, stride 5, no padding. What is lost?",
        ("nothing: training finds a way", "pixels between the fields, for good",
         "only the last column"), 1,
        "What no neuron looks at changes no output, whatever the weights.",
    ),
    Question(
        "cnn-q-mask", "10",
        "On pictures of one size, what can a convolution compute that a full layer cannot?",
        ("nothing", "edges", "maps that move with the picture"), 0,
        "It is a fully connected layer with a mask and shared weights: less freedom, not more. The "
        "gain is in learning.",
    ),
    Question(
        "cnn-q-shuffle", "10",
        "All images get the same shuffle of their pixels. Which net is worse off?",
        ("the fully connected one", "the convolutional one", "both equally"), 1,
        "For the fully connected net inputs are only renamed. The filters' neighbours are gone.",
    ),
    Question(
        "cnn-q-shift", "10",
        "Convolution commutes with shifts. So a CNN that ends in Flatten and a linear layer …",
        ("answers moved images alike", "cannot be trained on moved images",
         "may answer a moved image differently"), 2,
        "The maps move along, but the linear layer has weights of its own for every place.",
    ),
    Question(
        "cnn-q-pool", "10",
        "On the board, why does a max pool before any convolution hurt so much?",
        ("it makes different boards equal", "it has no weights to train", "it makes fields narrow"),
        0, "Two boards with different answers become the same numbers: no later layer can tell.",
    ),
    Question(
        "cnn-q-turn", "10", "A CNN saw upright images only. Which change can its layers undo by "
        "themselves?", ("a turn by 30°", "twice the size", "neither"), 2,
        "A turned edge is one for another filter, and so is a larger one. Augmentation, or more "
        "layers that learn it, must do it.",
    ),
)
