"""Chapter 12's forms of attention against length, and against what PyTorch offers.

    python -m benchmarks.attention          # about three minutes on an idle computer

`full`, `masked`, `windowed` and `blocks` are taken out of the chapter as it stands, so
that the table is about the code that learners see. Two batches, four heads of 16, one thread.
`nn.MultiheadAttention` and the GRU work on the same 64 numbers a token and hold their own maps of
inputs and outputs, the other forms none. Memory: the most bytes that PyTorch's allocator hands out.
"""

from __future__ import annotations

import contextlib
import gc
import io
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.testing import assert_close

from benchmarks import report
from course_utils.peak_memory import peak_bytes
from tests.chapter import Chapter

BATCH, HEADS, WIDTH = 2, 4, 16  # WIDTH numbers a head
RADIUS, SIZE = 16, 32  # of the window, of a block of queries
LENGTHS = (128, 256, 512, 1024, 2048)
ROUNDS = report.rounds(5)
BASE = "full, written out"
PASSES = {"forward": "forward, nothing kept", "training": "forward and backward"}
CELLS = ("imports", "cost-code", "window-exercise", "window-code", "blocks-code")
Form = Callable[[], Tensor]


def chapters_forms() -> SimpleNamespace:
    """What the chapter's cells define that hold the forms of attention."""
    names: dict = {}
    code = Chapter("12").code
    with contextlib.redirect_stdout(io.StringIO()):  # the table alone is printed
        for cell in CELLS:
            exec(code[cell].source, names)
    return SimpleNamespace(**names)


def blocks_written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Blocks of queries against the keys around them, with softmax written out; (…, T, d)."""
    length, more = q.shape[-2], -q.shape[-2] % SIZE
    q = pad(q, (0, 0, 0, more)).unflatten(-2, (-1, SIZE))  # (…, n, SIZE, d)
    around = SIZE + 2 * RADIUS
    k, v = (pad(x, (0, 0, RADIUS, RADIUS + more)).unfold(-2, around, SIZE).mT for x in (k, v))
    query = torch.arange(length + more).view(-1, SIZE, 1)
    key = query[:, :1] - RADIUS + torch.arange(around)
    seen = ((query - key).abs() <= RADIUS) & (key >= 0) & (key < length) | (query >= length)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen, -torch.inf)
    return (scores.softmax(-1) @ v).flatten(-3, -2)[..., :length, :]


def forms(length: int) -> tuple[dict[str, Form], list[Tensor]]:
    """Every contestant as a function without arguments, and what gradients are taken of."""
    chapter = chapters_forms()
    draw = torch.Generator().manual_seed(length)
    q, k, v = (torch.randn(BATCH, HEADS, length, WIDTH, generator=draw).requires_grad_()
               for _ in range(3))
    x = torch.randn(BATCH, length, HEADS * WIDTH, generator=draw).requires_grad_()
    torch.manual_seed(0)
    heads = nn.MultiheadAttention(HEADS * WIDTH, HEADS, batch_first=True)
    gru = nn.GRU(HEADS * WIDTH, HEADS * WIDTH, batch_first=True)
    found: dict[str, Form] = {
        BASE: lambda: chapter.full(q, k, v),
        "full, fused": lambda: scaled_dot_product_attention(q, k, v),
        "masked": lambda: chapter.masked(q, k, v, RADIUS),
        "window by unfold": lambda: chapter.windowed(q, k, v, RADIUS),
        "blocks, written out": lambda: blocks_written_out(q, k, v),
        "blocks, fused": lambda: chapter.blocks(q, k, v, RADIUS, SIZE),
        "nn.MultiheadAttention": lambda: heads(x, x, x, need_weights=False)[0],
        "nn.GRU": lambda: gru(x)[0],
    }
    with torch.no_grad():
        for name in ("window by unfold", "blocks, written out", "blocks, fused"):
            assert_close(found[name](), found["masked"]())
        assert_close(found["full, fused"](), found[BASE]())
    return found, [q, k, v, x, *heads.parameters(), *gru.parameters()]


def work(form: Form, leaves: list[Tensor], training: bool) -> None:
    """One pass; what is computed is let go."""
    with torch.set_grad_enabled(training):
        result = form()
    if training:
        torch.autograd.grad(result.sum(), leaves, allow_unused=True)


def seconds(form: Form, leaves: list[Tensor], training: bool, repeats: int) -> float:
    """Process time of one pass."""
    gc.collect()
    begin = time.process_time()
    for _ in range(repeats):
        work(form, leaves, training)
    return (time.process_time() - begin) / repeats


def measured() -> tuple[dict, dict]:
    """Seconds of each round, and bytes, by pass, contestant and length."""
    times: dict = {which: {} for which in PASSES}
    held: dict = {which: {} for which in PASSES}
    for length in LENGTHS:
        contestants, leaves = forms(length)
        for which in PASSES:
            training = which == "training"
            for name, form in contestants.items():  # a warm-up as well
                held[which].setdefault(name, {})[length] = peak_bytes(
                    partial(work, form, leaves, training))
            for _ in range(ROUNDS):
                for name, form in contestants.items():
                    spent = seconds(form, leaves, training, max(1, 1024 // length))
                    times[which].setdefault(name, {}).setdefault(length, []).append(spent)
    return times, held


def table(title: str, cells: Mapping[str, Mapping[int, str]]) -> str:
    """A row a contestant, a column a length."""
    lines = [f"# {title}", "", "| | " + " | ".join(f"T = {n}" for n in LENGTHS) + " |",
             "|---" * (len(LENGTHS) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(row[n] for n in LENGTHS) + " |"
              for name, row in cells.items()]
    return "\n".join(lines) + "\n"


def ratio_cells(times: Mapping[str, Mapping[int, list[float]]]) -> dict[str, dict[int, str]]:
    """The base in milliseconds, the others as ratios within their rounds: median, from – to."""
    cells = {BASE: {n: f"{1000 * statistics.median(times[BASE][n]):.2f} ms" for n in LENGTHS}}
    for name, by_length in times.items():
        if name != BASE:
            each = {n: [s / b for s, b in zip(by_length[n], times[BASE][n], strict=True)]
                    for n in LENGTHS}
            cells[name] = {n: f"{statistics.median(r):.2f} ({min(r):.2f} – {max(r):.2f})"
                           for n, r in each.items()}
    return cells


def cheaper_from(times: Mapping[str, Mapping[int, list[float]]]) -> str:
    """From which length on each contestant is the faster one, as a sentence."""
    said = []
    for name, by_length in times.items():
        faster = [n for n in LENGTHS if statistics.median(
            s / b for s, b in zip(by_length[n], times[BASE][n], strict=True)) < 1]
        lasting = [n for n in LENGTHS if set(LENGTHS[LENGTHS.index(n):]) <= set(faster)]
        if name != BASE:
            said.append(f"{name}: {f'from {lasting[0]} on' if lasting else 'at no length'}")
    return f"Faster than {BASE}: {'; '.join(said)}.\n"


def main() -> None:
    torch.set_num_threads(1)
    times, held = measured()
    found = report.Report("attention")
    for which, words in PASSES.items():
        found.text(table(f"Time, {words}: ratio to {BASE}", ratio_cells(times[which])))
        found.text(cheaper_from(times[which]))
    for which, words in PASSES.items():
        cells = {name: {n: f"{b / 1e6:.2f}" for n, b in row.items()}
                 for name, row in held[which].items()}
        found.text(table(f"Peak memory, {words}: MB", cells))
    found.text(f"Shape ({BATCH}, {HEADS}, T, {WIDTH}), radius {RADIUS}, blocks of {SIZE}; "
               f"{ROUNDS} interleaved rounds, process time. {report.environment(['torch'])}.")
    found.write()


if __name__ == "__main__":
    main()
