"""Exercises of chapter 14: the facts behind them, and answers whose fault lengths do not show."""

import torch
from torch import Tensor, nn

from course_utils.exercises import banks, ch14
from course_utils.exercises.judging import examine


def found(id, answer):
    return examine(banks.find(id), answer)


def test_the_weighted_mean_is_the_gradient_of_all_rows_together():
    g = torch.Generator().manual_seed(3)
    x, y = torch.randn(9, 4, generator=g).double(), torch.randn(9, generator=g).double()
    theta = torch.randn(4, generator=g).double()
    slope = torch.func.grad(lambda theta, rows: (x[rows] @ theta - y[rows]).square().mean())
    parts = torch.arange(9).split([5, 3, 1])

    together = ch14.average([slope(theta, part) for part in parts], [5, 3, 1])
    torch.testing.assert_close(together, slope(theta, torch.arange(9)))


def test_the_slow_oracle_counts_every_example_once():
    gradients = [torch.tensor([1.0]), torch.tensor([5.0])]
    assert ch14._average_row_by_row(gradients, [3, 1]).tolist() == [2.0]


def test_shares_that_swap_a_row_for_another_are_found_though_lengths_fit():
    def swapped(rows, rank, k):
        mine = rows.tensor_split(k)[rank].clone()
        if rank == k - 1 and len(mine) and k > 1:
            mine[-1] = rows[0]
        return mine

    finding = found("dist-share", swapped)
    assert not finding.passed and "more than one worker" in finding.message


def test_a_share_is_judged_as_the_workers_get_it_its_own_text_alone():
    def annotated(rows: Tensor, rank: int, k: int) -> Tensor:
        part = nn.Flatten(0)(rows)[rank::k]
        return part

    def beside():
        return 0

    def lost(rows, rank, k):
        return rows[rank + beside() :: k]

    assert found("dist-share", annotated).passed
    assert "the name 'beside' is not defined" in found("dist-share", lost).message
    assert "define it with `def share" in found("dist-share", lambda *args: lost(*args)).message


def test_what_a_share_raises_is_shown_with_its_own_line():
    def begun_late(rows, rank, k):
        if rank:
            mine = rows[rank::k]
        return mine

    finding = found("dist-share", begun_late)
    assert "UnboundLocalError" in finding.message and finding.line == "line 4: return mine"


def test_the_condition_of_equal_shares_fails_exactly_where_there_is_a_rest():
    for n, k in ch14.SHARES:
        lengths = {len(ch14.share(torch.arange(n), rank, k)) for rank in range(k)}
        assert (len(lengths) == 1) == (n % k == 0)
