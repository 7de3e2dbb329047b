"""Chapter 12: its own code against PyTorch, plain loops and known answers; the missions."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from tests.chapter import Chapter, assert_follows, draw

CHAPTER = Chapter("12")


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(["window-code", "conv-code", "seq-words"])


def number_words(names):
    """A translator that knows the rule, in the place of a trained net."""
    def written(net, digits, teacher=None, longest=8):
        said = []
        for row in digits.tolist():
            n = int("".join(str(d - 1) for d in row if d))
            said.append([names.vocabulary.index(w) for w in [*names.in_words(n), "⏎"]])
        words = torch.tensor([(row + [0] * longest)[:longest] for row in said])
        return words, torch.full((*words.shape, 5), 0.2)
    return written


# ---- forms of attention --------------------------------------------------------------------------


def test_attention_is_torchs_with_mask_and_bias(chapter):
    q, k, v = draw(3, 2, 4, 9, 6)
    bias, mask = draw(9, 9, number=1), draw(9, 9, number=2) > -0.5
    mask.fill_diagonal_(True)
    both = bias.masked_fill(~mask, -torch.inf)
    out, weights = chapter.attention(q, k, v, mask=mask, bias=bias)
    assert_close(out, F.scaled_dot_product_attention(q, k, v, attn_mask=both))
    assert_close(weights.sum(-1), torch.ones(2, 4, 9, dtype=weights.dtype))
    assert not weights[..., ~mask].any()
    assert_close(chapter.full(q, k, v), F.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("T, radius, size", [(40, 5, 8), (41, 5, 8), (7, 3, 16), (30, 29, 7),
                                             (12, 0, 5), (5, 40, 3)])
def test_windows_and_blocks_equal_the_masked_form_and_so_do_their_gradients(
    chapter, T, radius, size
):
    parts = draw(3, 1, 2, T, 4).requires_grad_()
    far = (torch.arange(T)[:, None] - torch.arange(T)).abs() > radius
    scores = (parts[0] @ parts[1].mT / 2).masked_fill(far, -torch.inf)           # d = 4
    right = scores.softmax(-1) @ parts[2]
    (slope,) = torch.autograd.grad(right.square().sum(), parts)
    for form in (chapter.masked, chapter.windowed, partial(chapter.blocks, size=size)):
        out = form(*parts, radius=radius)
        assert_close(out, right)
        assert_close(torch.autograd.grad(out.square().sum(), parts)[0], slope)


def test_first_below_names_the_length_from_which_on_it_always_wins(chapter):
    names = CHAPTER.names([], lengths=[1, 2, 4, 8])
    assert names.first_below([3, 1, 3, 1], [2, 2, 2, 2]) == 8
    assert names.first_below([1, 1, 1, 1], [2, 2, 2, 2]) == 1
    assert names.first_below([3, 3, 3, 3], [2, 2, 2, 2]) is None


def test_the_looking_net_can_look_at_one_distance_and_not_beyond_its_window():
    names = CHAPTER.names(["window-code"])
    symbols = torch.arange(8).repeat(8)[None]
    for radius, seen in ((63, True), (4, True), (2, False)):
        net = names.Looking(radius)
        with torch.no_grad():
            net.distance[64 - 1 - 3] = 60.0                 # three places before
            net.out.weight.copy_(torch.linalg.pinv(net.embed.weight).T)
            net.out.bias.zero_()
            logits = net(symbols)[0, 3:]
        right = (logits.argmax(-1) == symbols[0, :-3]).all().item()
        assert right == seen or torch.linalg.matrix_rank(net.embed.weight) < 8


# ---- convolution and patches ---------------------------------------------------------------------


@pytest.mark.parametrize("channels, filters", [(1, 1), (3, 4)])
def test_sharp_heads_are_the_convolution_inside(chapter, channels, filters):
    x, weight = draw(7, 7, channels), draw(filters, channels, 3, 3, number=1)
    right = F.conv2d(x.permute(2, 0, 1)[None], weight)[0].permute(1, 2, 0)
    assert_close(chapter.by_heads(x, weight, 200)[1:-1, 1:-1], right)


def test_patches_cuts_squares_row_by_row():
    names = CHAPTER.names(["window-code"])
    net, seen = names.Patches(False), []
    net.embed.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    image = torch.arange(784.0).view(1, 1, 28, 28)
    assert net(image).shape == (1, 10) and names.Patches(True)(image).shape == (1, 10)
    second = image[0, 0, 7:14, 7:14].flatten()              # in the second row the second
    assert_close(seen[0][0, 5], second)


# ---- recurrence ----------------------------------------------------------------------------------


def test_the_forget_bias_reaches_the_forget_gate(chapter):
    net = chapter.Recurrent(nn.LSTM, forget=50.0)
    with torch.no_grad():
        for weight in (net.cell.weight_ih_l0, net.cell.weight_hh_l0):
            weight.zero_()
        net.cell.bias_ih_l0[:32] = -50.0                    # no input
        start = torch.zeros(1, 1, 32), torch.ones(1, 1, 32)
        _, (_, cell) = net.cell(torch.zeros(1, 30, 32), start)
    assert_close(cell, torch.ones(1, 1, 32))


def test_first_symbol_asks_for_the_first(chapter):
    symbols, label = chapter.first_symbol(5, 7)
    assert symbols.shape == (7, 5) and torch.equal(label, symbols[:, 0])
    assert chapter.Attending()(symbols).shape == chapter.Recurrent(nn.GRU)(symbols).shape == (7, 8)


def test_influence_of_first_is_the_gradient_of_the_first_vector(chapter):
    class First(nn.Module):                                 # passes its first vector on, times 3
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(8, 4)

        def forward(self, symbols):
            return 3 * self.embed(symbols)[:, 0]

    assert chapter.influence_of_first(First(), 6) == pytest.approx(6.0)          # ‖(3, 3, 3, 3)‖


# ---- one answer, and another sequence ------------------------------------------------------------


@pytest.mark.parametrize("pool, mix", [("mean", False), ("attention", False), ("attention", True)])
def test_reading_does_not_see_the_padding(chapter, pool, mix):
    net, words = chapter.Reading(pool, mix), torch.tensor([[5, 9, 2, 7]])
    longer = torch.cat([words, torch.zeros(1, 3, dtype=torch.long)], 1)
    (logit, weights), (same, more) = net(words), net(longer)
    assert_close(logit, same)
    assert_close(more, torch.cat([weights, torch.zeros(1, 3)], 1))
    assert_close(weights.sum(), torch.tensor(1.0))


@pytest.mark.parametrize("n, words", [
    (0, "zero"), (13, "thirteen"), (40, "forty"), (99, "ninety nine"), (100, "one hundred"),
    (515, "five hundred fifteen"), (1000, "one thousand"), (20314,
     "twenty thousand three hundred fourteen"), (70007, "seventy thousand seven"),
    (99999, "ninety nine thousand nine hundred ninety nine")])
def test_numbers_in_words(chapter, n, words):
    assert chapter.in_words(n) == words.split()
    coded = chapter.words_of([n])[0].tolist()
    said = [chapter.vocabulary[i] for i in coded if i]
    assert said == ["go", *words.split(), "⏎"]
    assert [d - 1 for d in chapter.digits_of([n])[0].tolist() if d] == [int(c) for c in str(n)]


def test_stepwise_decoding_with_the_teacher_is_the_forward_pass(chapter):
    names = CHAPTER.names(["seq-words"], writing=solution())
    torch.manual_seed(0)
    net, numbers = names.Translator(d=16), [7, 40506, 321]
    digits, right = names.digits_of(numbers), names.words_of(numbers)
    words, weights = names.written(net, digits, right[:, 1:])
    with torch.no_grad():
        logits, together = net(digits, right[:, :-1])
    assert torch.equal(words, logits.argmax(-1))
    assert_close(weights, together)
    assert not weights[0, :, 1:].any()                      # one digit: nothing on the padding


def test_exact_ends_with_the_end_sign(chapter):
    right = torch.tensor([[1, 5, 2, 0], [1, 5, 6, 2]])
    assert chapter.exact(torch.tensor([[5, 2, 9], [5, 6, 2]]), right).tolist() == [True, True]
    assert chapter.exact(torch.tensor([[5, 5, 2], [5, 6, 9]]), right).tolist() == [False, False]


def solution():
    from course_utils.exercises import banks
    return banks.find("att-decode").solution


# ---- the widgets ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def windows():
    table = {radius: min(1.0, 0.2 + radius / 20) for radius in (1, 2, 4, 8, 16, 32, 63)}
    names = CHAPTER.names(["window-code", "window-costs", "window-playground"],
                          accuracies={"near": table, "far": table})
    return names.shown["window-playground"]


def test_the_window_slider_follows_and_its_missions_can_be_met_and_missed(windows):
    for moves in ({"radius": 9}, {"length": 128}, {"size": 64}):
        assert_follows(windows, moves)
    run = SimpleNamespace
    ways = {0: ((64, 22), (64, 30)), 1: ((256, 4), (256, 16)), 2: ((16, 8), (64, 4))}
    for number, (met, missed) in ways.items():
        goal = missions_of("window-playground")[number].goal
        met, missed = (run(settings={"length": length, "radius": radius, "size": 16})
                       for length, radius in (met, missed))
        assert goal(met) and not goal(missed)


def missions_of(cell, **more):
    """The missions that a playground's cell defines, without building the widget again."""
    from ast import Expr, Module, parse

    names = CHAPTER.names(["window-code", "window-costs", "seq-words"], **more)
    body = [node for node in parse(CHAPTER.code[cell].source).body if not isinstance(node, Expr)]
    space = vars(names)
    exec(compile(Module(body, []), cell, "exec"), space)
    return space["missions"]


def test_missions_of_the_recall_race():
    low, mid, school = (mission.goal for mission in missions_of("recall-playground"))
    def run(T, **curves):
        shown = {"GRU": [0.1], "attention": [0.1], "LSTM (bias +4)": [0.1]} | curves
        return SimpleNamespace(settings={"length": T}, curves=shown)
    assert low(run(16, **{"LSTM (bias +4)": [0.97]}))
    assert not low(run(8, **{"LSTM (bias +4)": [0.97]}))
    assert mid(run(64, attention=[0.97])) and not mid(run(64, attention=[0.9]))
    assert school(run(32, GRU=[0.2, 0.99])) and not school(run(16, GRU=[0.99]))


def test_the_viewer_reads_numbers_refuses_others_and_its_missions_can_be_met():
    names = CHAPTER.names(["seq-words"])
    more = {"translators": [lambda digits, words: (torch.zeros(1, words.shape[1], 32), None)],
            "written": number_words(names)}
    found = CHAPTER.names(["seq-words", "decoding-code", "decoding-playground"], **more)
    assert found.answer("40") == ["forty", "⏎"]
    for text in ("", "1234567", "12a", "007", "²"):
        with pytest.raises(ValueError, match="whole number"):
            found.answer(text)
    said, weights, chances = found.read("40506")
    assert said == [*names.in_words(40506), "⏎"]
    assert weights.shape == (len(said), 5) and len(chances) == len(said)
    assert_follows(found.shown["decoding-playground"], {"typed": "917"})
    wrong, short, thousand = (mission.goal for mission in found.missions)
    run = SimpleNamespace
    assert not wrong(run(settings={"typed": "40"}))         # this net knows the rule
    assert short(run(settings={"typed": "40000"})) and not short(run(settings={"typed": "41000"}))
    assert thousand(run(settings={"typed": "40506", "step": 2}))
    assert not thousand(run(settings={"typed": "40506", "step": 1}))
