"""Seeds: one number in the environment fixes everything that is drawn."""

import os
import random

import numpy as np
import pytest
import torch

from course_utils.seeding import (
    DEFAULT_SEED,
    course_seed,
    deterministic,
    generator,
    seed_everything,
)


@pytest.fixture(autouse=True)
def no_seed_in_the_environment(monkeypatch):
    monkeypatch.delenv("COURSE_SEED", raising=False)


def draws():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_without_environment_the_seed_is_the_default():
    assert course_seed() == DEFAULT_SEED == 42069


@pytest.mark.parametrize(
    ("text", "seed"), [("1", 1), (" 7 ", 7), ("0", 0), ("4294967295", 2**32 - 1)]
)
def test_the_environment_sets_the_seed(monkeypatch, text, seed):
    monkeypatch.setenv("COURSE_SEED", text)
    assert course_seed() == seed


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", " ")
    assert course_seed() == DEFAULT_SEED


@pytest.mark.parametrize("text", ["one", "1.5", "-1", "4294967296", "0x10"])
def test_a_bad_seed_is_refused_by_name_and_value(monkeypatch, text):
    monkeypatch.setenv("COURSE_SEED", text)
    with pytest.raises(ValueError, match="COURSE_SEED") as error:
        course_seed()
    assert text in str(error.value)


def test_seed_everything_repeats_all_three_libraries():
    assert seed_everything(3) == 3
    first = draws()
    seed_everything(3)
    assert draws() == first
    seed_everything(4)
    other = draws()
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_seed_everything_takes_the_course_seed(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "5")
    assert seed_everything() == 5
    by_environment = draws()
    seed_everything(5)
    assert draws() == by_environment


@pytest.mark.parametrize("seed", [1.0, True, "1"])
def test_seed_everything_refuses_what_is_no_whole_number(seed):
    with pytest.raises(TypeError, match="whole number"):
        seed_everything(seed)


def test_seed_everything_refuses_a_negative_seed():
    with pytest.raises(ValueError, match="between 0"):
        seed_everything(-1)


def test_a_generator_starts_its_stream_anew_and_leaves_the_global_one_alone():
    seed_everything(1)
    expected = torch.rand(3)
    seed_everything(1)
    first, again = generator(2), generator(2)
    a, b = torch.rand(4, generator=first), torch.rand(4, generator=again)
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_neighbouring_seeds_and_offsets_give_streams_that_share_nothing(monkeypatch):
    seeds = {}
    for seed in range(60):
        monkeypatch.setenv("COURSE_SEED", str(seed))
        for offset in range(60):
            seeds[seed, offset] = generator(offset).initial_seed()
    assert len(set(seeds.values())) == len(seeds)  # seed + offset would give 119 values


def test_first_draws_of_neighbouring_streams_are_uncorrelated():
    rows = torch.stack([torch.randn(500, generator=generator(k)) for k in range(20)])
    off_diagonal = torch.corrcoef(rows) - torch.eye(20)
    assert off_diagonal.abs().max() < 5 / 500**0.5


def test_a_generator_refuses_a_negative_or_fractional_offset():
    with pytest.raises(ValueError, match="offset"):
        generator(-1)
    with pytest.raises(TypeError, match="offset"):
        generator(0.5)


def state():
    cudnn = torch.backends.cudnn
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


@pytest.mark.parametrize("on", [True, False])
def test_deterministic_sets_the_switches_and_restores_them_after_an_error(on, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    torch.use_deterministic_algorithms(not on, warn_only=True)
    try:
        before = state()
        with pytest.raises(KeyError), deterministic(on):
            inside = state()
            raise KeyError
        assert state() == before
    finally:
        torch.use_deterministic_algorithms(False)
    assert inside[:4] == (on, False, on, False)
    assert inside[4] == (":4096:8" if on else None)


def test_deterministic_keeps_a_workspace_setting_that_is_there(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic():
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
