"""Chapter 12, Attention, convolution, recurrence: a windowed mask, a head's scores, decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question

# ---- att-window-mask -----------------------------------------------------------------------------


def window_mask(T: int, radius: int, causal: bool = False) -> Tensor:
    place = torch.arange(T)
    ahead = place - place[:, None]               # (T, T): j − i
    mask = ahead.abs() <= radius
    return mask & (ahead <= 0) if causal else mask


def _mask_by_loops(T, radius, causal=False):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(T):
            mask[i, j] = abs(i - j) <= radius and not (causal and j > i)
    return mask


def _mask_cases() -> list[Case]:
    return [
        Case((5, 1), "five tokens, one neighbour on each side"),
        Case((6, 2), "radius 2"),
        Case((4, 0), "radius 0: only itself"),
        Case((4, 9), "a radius beyond the ends"),
        Case((1, 3), "one token"),
        Case((5, 1, True), "causal"),
        Case((6, 3, True), "causal, radius 3"),
        Case((3, 5, True), "causal, a radius beyond the ends"),
    ]


def _ahead(T):
    return torch.arange(T) - torch.arange(T)[:, None]


def _mask_short(T, radius, causal=False):
    mask = _ahead(T).abs() < radius
    return mask & (_ahead(T) <= 0) if causal else mask


def _mask_inverted(T, radius, causal=False):
    return ~_mask_by_loops(T, radius, causal)


def _mask_only_ahead(T, radius, causal=False):
    mask = _ahead(T).abs() <= radius
    return mask & (_ahead(T) >= 0) if causal else mask


def _mask_without_itself(T, radius, causal=False):
    mask = _ahead(T).abs() <= radius
    return mask & (_ahead(T) < 0) if causal else mask


def _mask_never_causal(T, radius, causal=False):
    return _ahead(T).abs() <= radius


def _mask_width(T, radius, causal=False):
    mask = 2 * _ahead(T).abs() <= radius
    return mask & (_ahead(T) <= 0) if causal else mask


def _mask_one_side(T, radius, causal=False):
    mask = _ahead(T) <= radius
    return mask & (_ahead(T) <= 0) if causal else mask


def _mask_numbers(T, radius, causal=False):
    return _mask_by_loops(T, radius, causal).float()


WINDOW_MASK = Exercise(
    id="att-window-mask",
    chapter="12",
    title="The mask of a window",
    solution=window_mask,
    cases=_mask_cases,
    oracle=_mask_by_loops,
    hints=(
        "Row i, column j. Two questions: is j at most `radius` places from i? And, if `causal`, "
        "is j not after i?",
        "A row of places minus a column of places gives every j − i at once, shape (T, T), by "
        "broadcasting.",
        "`place = torch.arange(T)`, `ahead = place - place[:, None]` is j − i. Then "
        "`ahead.abs() <= radius`, and for causal also `ahead <= 0`, joined with `&`.",
    ),
    mistakes=(
        Mistake("radius without its end", _mask_short,
                "Your window is one place too narrow on each side: a token exactly `radius` places "
                "away may still be looked at."),
        Mistake("inverted", _mask_inverted,
                "True and False are swapped. In this chapter True means: may be looked at."),
        Mistake("only ahead", _mask_only_ahead,
                "With `causal` you keep what comes after i. It may look back, not ahead: j ≤ i."),
        Mistake("without itself", _mask_without_itself,
                "With `causal` a token may still look at itself: j ≤ i, not j < i."),
        Mistake("never causal", _mask_never_causal, "`causal` changes nothing yet."),
        Mistake("radius as width", _mask_width,
                "You take `radius` for the whole width. It counts the places on *each* side."),
        Mistake("one side only", _mask_one_side,
                "The window is closed on one side only: use the absolute distance |i − j|."),
        Mistake("numbers", _mask_numbers,
                "A mask is made of booleans, not of 0.0 and 1.0: leave the comparison as it is."),
    ),
    stub='''def window_mask(T, radius, causal=False):    # → (T, T) booleans
    ...                                  # your code: may i (row) look at j (column)?

check("att-window-mask", window_mask)''',
)

# ---- att-head-scores -----------------------------------------------------------------------------


def head_scores(n: int, offset: tuple[int, int], alpha: float) -> Tensor:
    k = torch.arange(n * n)
    place = torch.stack([k // n, k % n], -1).double()                            # (n·n, 2)
    way = place - place[:, None]                 # (query, key, 2): p_j − p_i
    return -alpha * (way - torch.tensor(offset)).pow(2).sum(-1)


def _scores_by_loops(n, offset, alpha):
    scores = torch.zeros(n * n, n * n, dtype=torch.float64)
    for i in range(n * n):
        for j in range(n * n):
            down, right = j // n - i // n - offset[0], j % n - i % n - offset[1]
            scores[i, j] = -alpha * (down * down + right * right)
    return scores


def _scores_cases() -> list[Case]:
    return [
        Case((2, (0, 0), 1.0), "2 × 2 pixels, offset zero"),
        Case((3, (0, 1), 1.0), "one to the right"),
        Case((3, (1, 0), 1.0), "one down"),
        Case((4, (-1, 1), 2.5), "one up, one right, α 2.5"),
        Case((3, (-1, -1), 100.0), "sharp"),
        Case((1, (2, 3), 0.5), "one pixel"),
        Case((3, (1, -1), 0.0), "α 0: all scores alike"),
        Case((2, (0, 1), 3), "α a whole number"),
        Case((3, (1, 1), 0.3), "α 0.3"),
    ]


def _scored(rule: Callable[[Tensor, Tensor], Tensor], columns_first: bool = False) -> Callable:
    """A wrong answer from rule(way, offset) -> squared distances (query, key)."""
    def scores(n, offset, alpha):
        k = torch.arange(n * n)
        parts = [k % n, k // n] if columns_first else [k // n, k % n]
        place = torch.stack(parts, -1).double()
        return -alpha * rule(place - place[:, None], torch.tensor(offset))
    return scores


_scores_swapped = _scored(lambda way, offset: (-way - offset).pow(2).sum(-1))
_scores_columns = _scored(lambda way, offset: (way - offset).pow(2).sum(-1), columns_first=True)
_scores_root = _scored(lambda way, offset: (way - offset).pow(2).sum(-1).sqrt())
_scores_no_offset = _scored(lambda way, offset: way.pow(2).sum(-1))
_scores_manhattan = _scored(lambda way, offset: (way - offset).abs().sum(-1))


def _scores_positive(n, offset, alpha):
    return -_scores_by_loops(n, offset, alpha)


def _scores_softmax(n, offset, alpha):
    return _scores_by_loops(n, offset, alpha).softmax(-1)


HEAD_SCORES = Exercise(
    id="att-head-scores",
    chapter="12",
    title="The scores of one head of a convolution",
    solution=head_scores,
    cases=_scores_cases,
    oracle=_scores_by_loops,
    tolerance=(1e-12, 1e-12),                    # float64: what float32 rounds is seen
    hints=(
        "Make the places first: a table (n·n, 2) with the row and the column of each pixel.",
        "`place - place[:, None]` has shape (n·n, n·n, 2): at [i, j] stands p_j − p_i. Subtract "
        "the offset (first `torch.tensor(offset)`: it is a tuple), square, add over the last "
        "dimension.",
        "`k = torch.arange(n * n)`, `place = torch.stack([k // n, k % n], -1).double()`; the "
        "scores are `-alpha` times the squared distances.",
    ),
    mistakes=(
        Mistake("query and key swapped", _scores_swapped,
                "Query and key are swapped: row i, column j needs p_j − p_i. Your head looks to "
                "the other side."),
        Mistake("column first", _scores_columns,
                "Rows and columns are swapped: the offset is (rows down, columns right)."),
        Mistake("root", _scores_root, "That is the distance; the formula has its square."),
        Mistake("no offset", _scores_no_offset,
                "The offset is not used: every head would look at the pixel itself."),
        Mistake("sum of absolute values", _scores_manhattan,
                "You add absolute values; the formula adds squares."),
        Mistake("sign", _scores_positive,
                "The sign is wrong: the wanted pixel must have the *largest* score."),
        Mistake("softmax", _scores_softmax,
                "That is the softmax already. Give the scores; attention takes the softmax."),
    ),
    stub='''def head_scores(n, offset, alpha):   # → (n·n, n·n) float64: row = query, column = key
    ...                                  # your code

check("att-head-scores", head_scores)''',
)

# ---- att-decode ----------------------------------------------------------------------------------


def decode(step: Callable, first: Tensor, longest: int, teacher: Tensor | None = None) -> Tensor:
    word, state, chosen = first, None, []
    for t in range(longest):
        scores, state = step(word, state)                                        # (B, V)
        chosen.append(scores.argmax(-1))                                         # (B,)
        word = chosen[-1] if teacher is None else teacher[:, t]
    return torch.stack(chosen, 1)


@dataclass(frozen=True)
class _State:
    steps: int


class _Step:
    """A decoder to try answers on: scores from a table, by the last word and the steps so far."""

    def __init__(self, words: int, batch: int, longest: int):
        g = torch.Generator().manual_seed(10 * batch + words)
        self.table = torch.randn(words, 12, words, generator=g)
        self.batch, self.longest = batch, longest
        self.made: set[int] = set()  # (each call of an answer gets its own copy)

    def __call__(self, word: Tensor, state: _State | None) -> tuple[Tensor, _State]:
        if not (state is None or isinstance(state, _State)):
            raise TypeError("the state is None at first, then what the last `step` gave")
        steps = 0 if state is None else state.steps
        if tuple(word.shape) != (self.batch,):
            raise ValueError(f"`step` takes the last words of all rows, shape ({self.batch},); it "
                             f"was given shape {tuple(word.shape)}")
        if steps in self.made:
            raise ValueError("`step` was given this state before; call it once a step, with the "
                             "state that the last call gave")
        if steps >= self.longest:
            raise ValueError(f"`step` is called for step number {steps + 1}; there are to be "
                             f"{self.longest}")
        self.made.add(steps)
        return self.table[word, steps], _State(steps + 1)

    def __repr__(self) -> str:
        return f"a step with {len(self.table)} words"


def _decode_cases() -> list[Case]:
    g = torch.Generator().manual_seed(12)

    def case(batch, words, longest, taught, note):
        first = torch.ones(batch, dtype=torch.long)
        teacher = torch.randint(words, (batch, longest), generator=g)
        return Case((_Step(words, batch, longest), first, longest,
                     *([teacher] if taught else [])), note)

    return [
        case(1, 3, 3, False, "greedy, one row of three words"),
        case(4, 6, 5, False, "greedy, four rows"),
        case(3, 9, 8, False, "greedy, nine words to choose from"),
        case(1, 4, 3, True, "with a teacher"),
        case(5, 7, 6, True, "with a teacher, five rows"),
        case(2, 5, 1, True, "one step only"),
    ]


def _decode_never_forced(step, first, longest, teacher=None):
    return decode(step, first, longest)


def _decode_peeks(step, first, longest, teacher=None):
    word, state, chosen = first, None, []
    for t in range(longest):
        word = word if teacher is None else teacher[:, t]
        scores, state = step(word, state)
        word = scores.argmax(-1)
        chosen.append(word)
    return torch.stack(chosen, 1)


def _decode_forgets(step, first, longest, teacher=None):
    word, chosen = first, []
    for t in range(longest):
        chosen.append(step(word, None)[0].argmax(-1))
        word = chosen[-1] if teacher is None else teacher[:, t]
    return torch.stack(chosen, 1)


def _decode_stands_still(step, first, longest, teacher=None):
    state, chosen = None, []
    for _ in range(longest):
        scores, state = step(first, state)
        chosen.append(scores.argmax(-1))
    return torch.stack(chosen, 1)


def _decode_copies(step, first, longest, teacher=None):
    return decode(step, first, longest) if teacher is None else teacher.clone()


def _decode_transposed(step, first, longest, teacher=None):
    return decode(step, first, longest, teacher).T.contiguous()


def _decode_with_first(step, first, longest, teacher=None):
    return torch.cat([first[:, None], decode(step, first, longest, teacher)], 1)


DECODE = Exercise(
    id="att-decode",
    chapter="12",
    title="Teacher forcing and greedy decoding",
    solution=decode,
    cases=_decode_cases,
    hints=(
        "One loop over `longest` steps. Each step gives scores; the most probable word is their "
        "argmax. Two things go on to the next step: a word and the state.",
        "Only the word differs: greedily it is what was chosen, with a teacher the right word of "
        "this step. What you return are the chosen words in both cases.",
        "`scores, state = step(word, state)`, `chosen.append(scores.argmax(-1))`, then "
        "`word = chosen[-1] if teacher is None else teacher[:, t]`; at last "
        "`torch.stack(chosen, 1)`.",
    ),
    mistakes=(
        Mistake("never forced", _decode_never_forced,
                "The teacher is not used: with one, feed its words, not the chosen ones."),
        Mistake("peeks", _decode_peeks,
                "The net is fed the very word it is to find. Step t gets the right word of step "
                "t − 1; the first step gets `first`."),
        Mistake("state forgotten", _decode_forgets,
                "The state is lost: hand what `step` returns to the next step."),
        Mistake("always the first word", _decode_stands_still,
                "Every step is fed `first`. Only the first one should be."),
        Mistake("copies the teacher", _decode_copies,
                "You return the teacher's words. It only feeds; return what the net would write."),
        Mistake("steps in rows", _decode_transposed,
                "Steps and rows are swapped: the result has shape (B, longest)."),
        Mistake("go included", _decode_with_first,
                "`first` is in the result. Return the chosen words only."),
    ),
    stub='''def decode(step, first, longest, teacher=None):  # → (B, longest)
    ...                                  # your code: the most probable words

check("att-decode", decode)''',
)

EXERCISES = (WINDOW_MASK, HEAD_SCORES, DECODE)

QUESTIONS = (
    Question(
        "att-q-mask-cost", "12",
        "Full attention with a windowed mask, all scores computed first. What does the mask save?",
        ("nothing", "half of the time", "all but w of T scores"), 0,
        "The scores are computed and then thrown away. To save, compute only those in the window.",
    ),
    Question(
        "att-q-double", "12", "Windows of fixed radius, twice as many tokens. The scores are …",
        ("four times as many", "twice as many", "as many as before"), 1,
        "T · w of them: in proportion to T. Full attention has T², four times as many.",
    ),
    Question(
        "att-q-kernel-heads", "12", "How many heads imitate a convolution with 5 × 5 kernels?",
        ("5", "10", "25"), 2,
        "One for each cell of the kernel: each looks at one fixed offset.",
    ),
    Question(
        "att-q-freedom", "12",
        "A CNN is a restricted attention net. With very few images this should be …",
        ("a handicap", "of no importance", "an advantage"), 2,
        "The smaller family overfits less, if what it assumes is true: neighbours belong together. "
        "(How much it helps depends on the rival: see the readout.)",
    ),
    Question(
        "att-q-gate", "12",
        "An LSTM's forget gate stands at ½. What is left of its cell's first content after 10 "
        "steps?", ("about a tenth", "about a thousandth", "about a half"), 1,
        "Each step keeps a half: 2⁻¹⁰ is 1/1,024. With a bias of +4 each step keeps .98.",
    ),
    Question(
        "att-q-forgot", "12",
        "A net trained with 16 symbols guesses from the first update to the last. It has …",
        ("forgotten", "not learned", "overfitted"), 1,
        "Forgetting is told by a net that has learned with few steps and falls to guessing with "
        "more.",
    ),
    Question(
        "att-q-wait", "12", "Why does an RNN profit less from many processor cores?",
        ("each step waits for the last", "it has more weights", "its tanh is slow"), 0,
        "State t needs state t − 1. Attention's scores do not wait for each other.",
    ),
    Question(
        "att-q-cross", "12", "In cross-attention of a decoder, keys and values come from …",
        ("the decoder's words", "the encoder's memory", "learned constants"), 1,
        "The decoder asks (queries), the encoder's vectors answer (keys and values).",
    ),
    Question(
        "att-q-teacher", "12", "With teacher forcing, step t of the decoder is fed …",
        ("the right word t − 1", "the right word t", "its own word t − 1"), 0,
        "The right word before the one it is to find. Greedy decoding feeds its own word.",
    ),
)
