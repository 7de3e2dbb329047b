"""Formulas of chapter 10: how large a map is, how far a tower sees, what it weighs."""

from fractions import Fraction
from itertools import product
from math import floor

import pytest
from torch import nn

from tests.chapter import Chapter
from tests.formulas.stated import formula


@pytest.fixture(scope="module")
def chapter():
    return Chapter("10").names([])


@formula("10", "size-question", r"\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1")
def test_the_size_is_that_of_the_formula_and_of_a_count_of_fields(chapter):
    for n, k, s, p in product(range(4, 14), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2)):
        starts, start = 0, -p                    # the first field begins at −p
        while start + k <= n + p:                # the last may not reach beyond n + p
            starts, start = starts + 1, start + s
        assert chapter.output_size(n, k, s, p) == floor(Fraction(n + 2 * p - k, s)) + 1 == starts


@pytest.mark.parametrize("n", range(1, 10))
def test_n_layers_of_3_by_3_see_2n_plus_1_pixels(chapter, n):       # cell see-formula
    assert chapter.field_side([(3, 1)] * n) == 2 * n + 1


@pytest.mark.parametrize("s", [2, 3])
def test_after_a_stride_all_later_steps_are_s_times_as_long(chapter, s):         # cell see-formula
    for later in range(1, 5):
        gained = (chapter.field_side([(3, s)] + [(3, 1)] * later)
                  - chapter.field_side([(3, s)] + [(3, 1)] * (later - 1)))
        assert gained == 2 * s


def test_three_small_filters_weigh_less_than_a_large_one_that_sees_as_far(chapter):  # see-words
    small = [nn.Conv2d(64, 64, 3, bias=False, device="meta") for _ in range(3)]
    large = nn.Conv2d(64, 64, 7, bias=False, device="meta")

    assert chapter.field_side([(3, 1)] * 3) == chapter.field_side([(7, 1)]) == 7
    assert sum(conv.weight.numel() for conv in small) == 3 * 9 * 64**2 == chapter.weight_count(
        {"layers": 3, "k": 3})
    assert large.weight.numel() == 49 * 64**2 == chapter.weight_count({"layers": 1, "k": 7})
