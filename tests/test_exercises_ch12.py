"""Exercises of chapter 12: right answers in other forms, and what is said to wrong ones."""

import torch

from course_utils.exercises import banks
from course_utils.exercises.judging import examine


def found(id, answer):
    return examine(banks.find(id), answer)


def test_other_right_masks():
    def by_triangles(T, radius, causal=False):
        ones = torch.ones(T, T, dtype=torch.bool)
        return ones.triu(-radius).tril(0 if causal else radius)

    def by_loops(T, radius, causal=False):
        rows = [[abs(i - j) <= radius and (j <= i or not causal) for j in range(T)]
                for i in range(T)]
        return torch.tensor(rows, dtype=torch.bool).reshape(T, T)

    assert found("att-window-mask", by_triangles).passed
    assert found("att-window-mask", by_loops).passed


def test_a_mask_of_future_words_is_told_apart_from_an_inverted_one():
    outcome = found("att-window-mask", lambda T, radius, causal=False: torch.ones(T, T).bool())
    assert not outcome.passed


def test_other_right_scores():
    def by_grid(n, offset, alpha):
        rows, columns = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
        rows, columns = rows.flatten().double(), columns.flatten().double()
        down = rows[None] - rows[:, None] - offset[0]
        right = columns[None] - columns[:, None] - offset[1]
        return -alpha * (down**2 + right**2)

    assert found("att-head-scores", by_grid).passed


def test_other_right_decoders():
    def by_table(step, first, longest, teacher=None):
        out = torch.zeros(len(first), longest, dtype=torch.long)
        word, state = first, None
        for t in range(longest):
            scores, state = step(word, state)
            out[:, t] = scores.max(1).indices
            word = teacher[:, t] if teacher is not None else out[:, t]
        return out

    assert found("att-decode", by_table).passed
