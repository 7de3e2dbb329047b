"""The training script that all cases share, and the eight ways in which it is spoilt.

A script is a text with places to fill in. For each place there are several wordings that do the
same, so that comparing two scripts line by line tells nothing; a fault puts another line at one
place. Whoever reads on learns what the faults look like.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

RATE, HEALTHY_RATE = 4.0, 0.3  # of the fault; of the healthy script
RATE_FAULT = "a rate beyond 2/λmax"

FRAME = """\
x, label = load()  # (1200, 196) grey levels 0 to 255, (1200,) classes 0 to 9
order = torch.randperm(len(x))
{split}
{rows}
x_held, label_held = x[held], label[held]

{scale}

{net}
{loss}
{optimizer}

for epoch in range(25):
    net.train()
    for rows in torch.randperm(len(x_train)).split(100):
        {zero}
        loss(net(x_train[rows]), label_train[rows]).backward()
        optimizer.step()
    {mode}
    with torch.no_grad():
        for name, inputs, truth in [
            ("train", x_train, label_train), ("held_out", x_held, label_held)
        ]:
            scores = net(inputs)
            record(name, loss(scores, truth), (scores.argmax(dim=1) == truth).float().mean())
"""

HEALTHY: dict[str, tuple[str, ...]] = {
    "split": (
        "train, held = order[:600], order[600:]",
        "train, held = order.split(600)",
        "train, held = order[-600:], order[:-600]",
    ),
    "rows": (
        "x_train, label_train = x[train], label[train]",
        "label_train, x_train = label[train], x[train]",
        "x_train, label_train = x.index_select(0, train), label.index_select(0, train)",
    ),
    "scale": (
        "mean, sd = x_train.mean(dim=0), x_train.std(dim=0) + 1\n"
        "x_train, x_held = (x_train - mean) / sd, (x_held - mean) / sd",
        "centre, spread = x_train.mean(dim=0), x_train.std(dim=0).add(1)\n"
        "x_held, x_train = (x_held - centre) / spread, (x_train - centre) / spread",
        "mean, scale = x_train.mean(dim=0), 1 / (x_train.std(dim=0) + 1)\n"
        "x_train, x_held = scale * (x_train - mean), scale * (x_held - mean)",
    ),
    "net": (
        "net = nn.Sequential(nn.Linear(196, 32), nn.Tanh(), nn.Dropout(0.5), nn.Linear(32, 10))",
        "net = nn.Sequential(\n"
        "    nn.Linear(196, 32), nn.Tanh(), nn.Dropout(0.5),\n"
        "    nn.Linear(32, 10),\n"
        ")",
        "layers = [nn.Linear(196, 32), nn.Tanh(), nn.Dropout(0.5), nn.Linear(32, 10)]\n"
        "net = nn.Sequential(*layers)",
    ),
    "loss": (
        "loss = nn.CrossEntropyLoss()",
        "loss = nn.functional.cross_entropy",
        "def loss(scores, truth):\n"
        "    return nn.functional.nll_loss(torch.log_softmax(scores, dim=1), truth)",
    ),
    "optimizer": (
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.3)",
        "lr = 0.3\noptimizer = torch.optim.SGD(net.parameters(), lr=lr)",
        "optimizer = torch.optim.SGD(params=net.parameters(), lr=3e-1)",
    ),
    "zero": (
        "optimizer.zero_grad()",
        "net.zero_grad()",
        "optimizer.zero_grad(set_to_none=True)",
    ),
    "mode": ("net.eval()", "net.train(False)", "net.train(mode=False)"),
}


@dataclass(frozen=True)
class Fault:
    """One way to spoil the script: another wording at one place."""

    place: str
    wordings: tuple[str, ...]


PLANTED: dict[str, Fault] = {
    "missing zero_grad": Fault("zero", ("",)),
    "forgotten eval()": Fault("mode", ("",)),
    "double softmax": Fault("net", (
        "net = nn.Sequential(\n"
        "    nn.Linear(196, 32), nn.Tanh(), nn.Dropout(0.5),\n"
        "    nn.Linear(32, 10), nn.Softmax(dim=1),\n"
        ")",
    )),
    "wrong dim": Fault("loss", (
        "def loss(scores, truth):\n"
        "    return nn.functional.nll_loss(torch.log_softmax(scores, dim=0), truth)",
    )),
    "leaking test data": Fault("split", (
        "train, held = torch.randperm(len(x))[:600], order[600:]",
    )),
    "shuffled labels": Fault("rows", (
        "x_train, label_train = x[train], label[:600]",
    )),
    RATE_FAULT: Fault("optimizer", (
        f"optimizer = torch.optim.SGD(net.parameters(), lr={RATE})",
    )),
    "unscaled features": Fault("scale", (
        "x_train, x_held = x_train.float(), x_held.float()",
    )),
}
FAULTS = tuple(PLANTED)


def decoy() -> str:
    """A healthy script with the faulty rate and a loss divided by as much: the same updates.

    A rate as such says nothing: only with the curvature of the loss that it meets does it.
    """
    text = written(None).replace("lr=0.3", f"lr={RATE}")
    return text.replace(HEALTHY["loss"][0], "def loss(scores, truth):\n"
                        f"    return nn.functional.cross_entropy(scores, truth) / {RATE / 0.3:g}")


def written(fault: str | None, seed: object = None) -> str:
    """The script with this fault (None: as it should be).

    Args:
        seed: chooses among the wordings; None takes the first of each.
    """
    draw = random.Random(f"wording {seed}")
    parts = {}
    for place, wordings in HEALTHY.items():
        parts[place] = wordings[0] if seed is None else draw.choice(wordings)
    if fault is not None:
        planted = PLANTED[fault]
        parts[planted.place] = draw.choice(planted.wordings)
    text = FRAME.format(**parts)
    return "\n".join(line for line in text.split("\n") if line == "" or line.strip())
