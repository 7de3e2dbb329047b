"""Peak memory: tensors of known size, alone and one after another, forward and backward."""

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from course_utils.peak_memory import peak_bytes

FLOAT = 4  # bytes


def test_a_tensor_counts_with_all_its_bytes_and_one_that_was_there_before_with_none():
    before = torch.ones(5_000)

    assert peak_bytes(lambda: torch.empty(1_000)) == 1_000 * FLOAT
    assert peak_bytes(lambda: torch.empty(1_000, dtype=torch.float64)) == 8_000
    assert peak_bytes(lambda: before[:100].view(10, 10)) == 0


def test_what_was_freed_makes_room_and_what_is_held_adds_up():
    def in_turn():
        for _ in range(5):
            torch.empty(1_000)

    def together():
        return [torch.empty(1_000) for _ in range(5)]

    def peak_in_the_middle():
        large = torch.empty(9_000)
        del large
        return torch.empty(1_000)

    assert peak_bytes(in_turn) == 1_000 * FLOAT
    assert peak_bytes(together) == 5_000 * FLOAT
    assert peak_bytes(peak_in_the_middle) == 9_000 * FLOAT


def test_what_backward_needs_is_kept_until_then():
    x = torch.randn(1_000)

    def chain(start):
        y = start
        for _ in range(6):
            y = y.exp()  # its result is needed for its slope
        return y

    leaf = x.clone().requires_grad_()
    with torch.no_grad():
        forward = peak_bytes(lambda: chain(x))
    training = peak_bytes(lambda: chain(leaf))

    assert forward == 2 * 1_000 * FLOAT
    assert training == 6 * 1_000 * FLOAT


def test_the_temporaries_inside_a_kernel_count():
    q = torch.randn(1, 1, 256, 16)
    written_out = peak_bytes(lambda: (q @ q.transpose(-1, -2)).softmax(-1) @ q)
    fused = peak_bytes(lambda: scaled_dot_product_attention(q, q, q))

    assert written_out == 2 * 256 * 256 * FLOAT  # scores, and the weights beside them
    assert fused > 256 * 16 * FLOAT  # more than its result alone


def test_it_repeats():
    q = torch.randn(1, 1, 128, 16, requires_grad=True)

    def train():
        return torch.autograd.grad((q @ q.transpose(-1, -2)).softmax(-1).square().sum(), q)

    assert len({peak_bytes(train) for _ in range(3)}) == 1


def test_what_is_not_a_function_is_refused_and_an_error_comes_through():
    with pytest.raises(TypeError, match="lambda"):
        peak_bytes(torch.empty(3))
    with pytest.raises(ZeroDivisionError):
        peak_bytes(lambda: 1 / 0)
    assert peak_bytes(lambda: torch.empty(10)) == 40  # and it counts on afterwards


def test_nothing_is_written_beside_the_cell():
    code = ("import torch; from course_utils.peak_memory import peak_bytes; "
            "assert peak_bytes(lambda: torch.empty(10)) == 40")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout == ""
