"""Chapter 14's formulas: the mean over workers, what a ring sends, what a speed-up is."""

import numpy as np
import pytest
import torch

from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("14")
MEAN = (r"\frac{1}{kB}\sum_{w=1}^{k}\sum_{i=1}^{B} g^{(w)}_i = "
        r"\frac1k\sum_{w=1}^{k} g^{(w)}")


@formula("14", "mean-question", MEAN)
@pytest.mark.parametrize(("k", "B"), [(1, 5), (2, 4), (3, 7)])
def test_the_mean_of_the_workers_gradients_is_that_of_all_rows(k, B):
    theta, x, y = draw(4, number=1), draw(k * B, 4, number=2), draw(k * B, number=3)

    def slope(rows):                             # of the mean squared error on these rows
        miss = x[rows].numpy() @ theta.numpy() - y[rows].numpy()
        return 2 * x[rows].numpy().T @ miss / len(rows)

    left = sum(slope([w * B + i]) for w in range(k) for i in range(B)) / (k * B)
    right = sum(slope(list(range(w * B, (w + 1) * B))) for w in range(k)) / k
    np.testing.assert_allclose(right, left, rtol=1e-12)
    weighted = CHAPTER.names([]).plain([torch.from_numpy(slope(list(range(w * B, (w + 1) * B))))
                                        for w in range(k)], [B] * k)
    np.testing.assert_allclose(weighted.numpy(), left, rtol=1e-12)


@formula("14", "ring-question", r"2\,\frac{k-1}{k}\,n")
@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_a_worker_of_the_ring_sends_so_many_numbers(k):
    n, chapter = 120, CHAPTER.names([])
    sent = [0] * k

    def counted(x, rank, k, exchange):
        def count(out, into, right, left):
            sent[rank] += out.numel()
            return exchange(out, into, right, left)
        chapter.ring_all_reduce(x, rank, k, count)

    chapter.on_threads(counted, [draw(n, number=w) for w in range(k)])
    assert sent == pytest.approx([2 * (k - 1) / k * n] * k)


@formula("14", "speed-question", r"S_k = \frac{k\,t_1}{t_k}")
def test_the_speed_up_is_the_ratio_of_rows_a_second():
    t_1, t_4, B = 0.03, 0.05, 16
    source = CHAPTER.code["speed-run"].source
    lines = [line for line in source.splitlines() if line.startswith(("t_1 = ", "speed_up = "))]
    # seconds with messages, and without: one worker has none to wait for
    names = {"step_of": {(1, 32, B): (t_1, t_1), (4, 32, B): (t_4, 0.0)}}
    exec("\n".join(lines), names)

    rows_a_second = (4 * B / t_4) / (B / t_1)
    assert names["speed_up"][4, 32, B] == pytest.approx(rows_a_second)
    assert names["speed_up"][4, 32, B] == pytest.approx(4 * t_1 / t_4)
    assert names["speed_up"][1, 32, B] == 1
