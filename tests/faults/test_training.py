"""Training that is interrupted, restarted, or too large; checkpoints that cannot be trusted."""

import os
import signal

import pytest
import torch
from torch import nn

from course_utils import sweeps
from course_utils.checkpoint import CheckpointError, load, save
from course_utils.files import NotWrittenError
from course_utils.seeding import generator
from course_utils.sweeps import grid, sweep
from course_utils.training import evaluate, fit

mse = nn.functional.mse_loss


class Training:
    """A small net in training, as a notebook makes it: everything that a restart loses."""

    def __init__(self, seed=0, width=4):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Tanh(),
                                   nn.Linear(width, 1)).double()  # fmt: skip
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.generator = generator(seed)
        self.x = torch.randn(60, 3, generator=torch.Generator().manual_seed(9)).double()
        self.y = self.x.sum(1, keepdim=True).sin()

    @property
    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "generator": self.generator}

    def fit(self, epochs, loss=mse):
        return fit(self.model, loss, self.optimizer, (self.x, self.y), epochs=epochs,
                   batch_size=10, generator=self.generator, progress=False)  # fmt: skip

    def weights(self):
        return {name: value.clone() for name, value in self.model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


# ---- interrupts and restarts --------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="sends the signal of a kernel interrupt")
def test_a_kernel_interrupt_keeps_the_history_and_training_goes_on():
    training, calls = Training(), []

    def interrupted(prediction, label):
        calls.append(1)
        if len(calls) == 15:  # Jupyter's stop button: the third batch of the third epoch
            os.kill(os.getpid(), signal.SIGINT)
        return mse(prediction, label)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as a kernel has it
    try:
        history = training.fit(9, interrupted)
    finally:
        signal.signal(signal.SIGINT, before)

    assert history.interrupted and len(history) == 2
    assert repr(history).startswith("History: interrupted after 2 of 9 epochs")
    more = training.fit(20)
    assert len(more) == 20 and more.train_loss[-1] < history.train_loss[-1]


def test_training_goes_on_bit_for_bit_after_a_restart(tmp_path, only):
    straight = Training()
    straight.fit(5)

    first = Training()
    first.fit(3)
    save(tmp_path / "run.pt", **first.parts)
    restarted = Training(seed=7)  # other weights, another order: a new kernel
    load(tmp_path / "run.pt", **restarted.parts)
    restarted.fit(2)

    assert same(restarted.weights(), straight.weights()) and only(tmp_path) == ["run.pt"]
    assert evaluate(restarted.model, mse, (straight.x, straight.y)) == evaluate(
        straight.model, mse, (straight.x, straight.y))


# ---- checkpoints --------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint, and a training that is to get it."""
    training = Training()
    training.fit(1)
    save(tmp_path / "run.pt", **training.parts)
    return tmp_path / "run.pt"


def test_a_checkpoint_on_a_full_disk_leaves_the_one_before(checkpoint, full_disk, only):
    before = checkpoint.read_bytes()

    with full_disk(), pytest.raises(NotWrittenError, match="is as it was"):
        save(checkpoint, **Training(seed=3).parts)

    assert checkpoint.read_bytes() == before and only(checkpoint.parent) == ["run.pt"]
    load(checkpoint, **Training().parts)


def refused(path, words, training=None):
    """Loading is refused in one line, and changes nothing."""
    training = training or Training(seed=5)
    weights, order = training.weights(), training.generator.get_state()
    with pytest.raises(CheckpointError) as error:
        load(path, **training.parts)
    assert words in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert same(training.weights(), weights) and torch.equal(training.generator.get_state(), order)
    assert training.optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_checkpoint_is_refused_and_changes_nothing(checkpoint, share):
    raw = checkpoint.read_bytes()
    checkpoint.write_bytes(raw[: int(share * len(raw))])
    refused(checkpoint, "is damaged")


def test_a_damaged_checkpoint_is_refused_and_changes_nothing(checkpoint):
    raw = checkpoint.read_bytes()
    for place in range(len(raw) // 8, len(raw), len(raw) // 6):
        flipped = bytearray(raw)
        flipped[place] ^= 1
        checkpoint.write_bytes(flipped)
        training = Training(seed=5)
        weights = training.weights()
        try:
            load(checkpoint, **training.parts)  # a bit of the padding between numbers is no damage
        except CheckpointError as error:
            assert "is damaged" in str(error) and same(training.weights(), weights)
        else:
            whole = Training()
            checkpoint.write_bytes(raw)
            load(checkpoint, **whole.parts)
            assert same(training.weights(), whole.weights())


def test_one_flipped_bit_of_a_weight_is_found(checkpoint):
    saved = Training()
    load(checkpoint, **saved.parts)
    raw, numbers = bytearray(checkpoint.read_bytes()), saved.model[0].weight.detach().numpy()
    place = raw.find(numbers.tobytes())
    assert place > 0
    raw[place + 3] ^= 1
    checkpoint.write_bytes(raw)
    refused(checkpoint, "is damaged")


class Stranger:
    """What somebody may put into a file: reading it as a pickle calls a function."""

    def __reduce__(self):
        return os.mkdir, (os.environ["STRANGER"],)


def test_a_checkpoint_with_code_is_refused_before_it_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("STRANGER", str(tmp_path / "was-here"))
    torch.save({"model": Stranger(), "optimizer": {}, "generator": 1}, tmp_path / "gift.pt")

    refused(tmp_path / "gift.pt", "names code to run and is refused")

    assert not (tmp_path / "was-here").exists()


def test_a_checkpoint_of_another_net_changes_nothing(checkpoint):
    refused(checkpoint, "was written for another model", Training(seed=5, width=6))


def test_a_checkpoint_whose_second_part_is_no_state_changes_nothing(tmp_path):
    other = Training(seed=5)
    torch.save({"model": other.model.state_dict(), "optimizer": "SGD",
                "generator": other.generator.get_state()}, tmp_path / "odd.pt")
    refused(tmp_path / "odd.pt", "was written for another optimizer")


def test_a_checkpoint_of_other_parts_names_both(checkpoint):
    training = Training()
    with pytest.raises(CheckpointError, match="model, optimizer, generator; you asked for model$"):
        load(checkpoint, model=training.model)
    torch.save([1, 2], checkpoint)
    refused(checkpoint, "holds no parts by name, but a list")


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.pt"):
        load(tmp_path / "none.pt", **Training().parts)


# ---- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [
    MemoryError(), torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
])
def test_a_net_too_large_for_the_memory_is_named(monkeypatch, error):
    def cramped(*_):
        raise error

    monkeypatch.setattr(sweeps, "train_chunk", cramped)
    x = torch.ones(4, 1)
    with pytest.raises(MemoryError, match=r"the net with .*0\.1.* alone needs more memory") as told:
        sweep(lambda: nn.Linear(1, 1), mse, (x, x), grid(lr=[0.1], seed=range(3)), steps=2)
    assert "smaller batch_size" in str(told.value)


def test_another_error_in_a_sweep_is_not_taken_for_a_lack_of_memory(monkeypatch):
    def broken(*_):
        raise RuntimeError("the learner's own")

    monkeypatch.setattr(sweeps, "train_chunk", broken)
    x = torch.ones(4, 1)
    with pytest.raises(RuntimeError, match="the learner's own"):
        sweep(lambda: nn.Linear(1, 1), mse, (x, x), grid(lr=[0.1], seed=range(3)), steps=2)
