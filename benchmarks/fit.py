"""`fit` against what a user would pick instead, on two workloads.

    python -m pip install -r benchmarks/requirements.txt
    python -m benchmarks.fit                # about three minutes

Everybody trains the same network from the same start with SGD on the same rows and batch size, on
one thread, without validation and without logging beyond each tool's bare minimum. What a tool does
once (Lightning's set-up, skorch's initialisation) is left out: a run starts with the first batch.
Rounds are interleaved; seconds are of process time, so that a busy machine disturbs little.
"""

from __future__ import annotations

import gc
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import report
from course_utils.training import fit

ROUNDS = report.rounds(15)
PACKAGES = ("torch", "lightning", "skorch")


@dataclass(frozen=True)
class Workload:
    """What is trained: `make()` gives a fresh model from the same start."""

    title: str
    x: torch.Tensor
    y: torch.Tensor
    make: Callable[[], nn.Module]
    loss: nn.Module
    batch_size: int
    epochs: int
    lr: float = 0.01


def workloads() -> list[Workload]:
    """An image-sized net, where arithmetic dominates, and a small one, where overhead does."""
    draw = torch.Generator().manual_seed(0)

    def large() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def small() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    images, classes = torch.randn(10_000, 784, generator=draw), torch.arange(10_000) % 10
    features = torch.randn(1_000, 8, generator=draw)
    target = features[:, :1] + features[:, 1:2] ** 2
    return [
        Workload("784-128-10 on 10,000 rows, batches of 64", images, classes, large,
                 nn.CrossEntropyLoss(), 64, 2),
        Workload("8-32-1 on 1,000 rows, batches of 32", features, target, small, nn.MSELoss(),
                 32, 60),
    ]  # fmt: skip


def sgd(work: Workload, model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=work.lr)


def bare_loop(work: Workload) -> float:
    """The shortest loop that trains: keeps no loss at all."""
    x, y, loss, size = work.x, work.y, work.loss, work.batch_size
    model = work.make()
    optimizer = sgd(work, model)
    begin = time.process_time()
    for _ in range(work.epochs):
        order = torch.randperm(len(x))
        for i in range(0, len(x), size):
            index = order[i : i + size]
            optimizer.zero_grad()
            value = loss(model(x[index]), y[index])
            value.backward()
            optimizer.step()
    return time.process_time() - begin


def item_each_step(work: Workload) -> float:
    """The bare loop, adding up the loss as many tutorials do."""
    x, y, loss, size = work.x, work.y, work.loss, work.batch_size
    model = work.make()
    optimizer = sgd(work, model)
    begin = time.process_time()
    for _ in range(work.epochs):
        total, order = 0.0, torch.randperm(len(x))
        for i in range(0, len(x), size):
            index = order[i : i + size]
            optimizer.zero_grad()
            value = loss(model(x[index]), y[index])
            value.backward()
            optimizer.step()
            total += value.item() * len(index)
    return time.process_time() - begin


def course_fit(work: Workload) -> float:
    """`fit` as a chapter calls it: mean loss of every epoch, progress bar where it takes long."""
    model = work.make()
    optimizer = sgd(work, model)
    begin = time.process_time()
    fit(model, work.loss, optimizer, (work.x, work.y), epochs=work.epochs,
        batch_size=work.batch_size)  # fmt: skip
    return time.process_time() - begin


def loader(work: Workload) -> DataLoader:
    return DataLoader(TensorDataset(work.x, work.y), batch_size=work.batch_size, shuffle=True)


def dataloader_loop(work: Workload) -> float:
    """PyTorch's own tutorial loop, without logging."""
    model, loss = work.make(), work.loss
    optimizer, batches = sgd(work, model), loader(work)
    begin = time.process_time()
    for _ in range(work.epochs):
        for x, y in batches:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
    return time.process_time() - begin


def skorch_fit(work: Workload) -> float:
    """skorch without validation split and without printing."""
    from skorch import NeuralNet

    net = NeuralNet(
        work.make(), criterion=work.loss, optimizer=torch.optim.SGD, lr=work.lr,
        batch_size=work.batch_size, max_epochs=work.epochs, train_split=None, verbose=0,
        iterator_train__shuffle=True,
    ).initialize()  # fmt: skip
    begin = time.process_time()
    net.partial_fit(work.x, work.y)
    return time.process_time() - begin


def lightning_fit(work: Workload) -> float:
    """Lightning without logger, checkpoint, bar and model summary; timed from the first batch."""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = work.make()

        def training_step(self, batch, index):
            x, y = batch
            return work.loss(self.net(x), y)

        def configure_optimizers(self):
            return sgd(work, self.net)

        def on_train_start(self) -> None:
            self.begin = time.process_time()

        def on_train_end(self) -> None:
            self.seconds = time.process_time() - self.begin

    trainer = lightning.Trainer(
        max_epochs=work.epochs, accelerator="cpu", devices=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    module = Module()
    trainer.fit(module, loader(work))
    return module.seconds


CONTESTANTS = {
    "bare loop": bare_loop,
    "**fit**": course_fit,
    "bare loop, `.item()` each step": item_each_step,
    "DataLoader loop": dataloader_loop,
    "skorch": skorch_fit,
    "Lightning": lightning_fit,
}


def measure(work: Workload, rounds: int) -> dict[str, list[float]]:
    """Seconds of every contestant in every round; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for number in range(rounds + 1):
        for name, contestant in CONTESTANTS.items():
            gc.collect()
            seconds = contestant(work)
            if number:
                times[name].append(seconds)
    return times


def main() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    found = report.Report("fit", PACKAGES)
    for work in workloads():
        ratio = found.ratios(f"fit: {work.title}", measure(work, ROUNDS), base="bare loop",
                             note="One thread, process time.")
        found.number(f"fit / bare loop, {work.title}", ratio["fit"], at_most=1.05)
    found.write()


if __name__ == "__main__":
    main()
