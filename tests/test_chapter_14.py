"""Chapter 14: the ring, the workers in turn, the clock's readings, the playground."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises import ch14
from course_utils.widgets.ring import MOST, on_threads
from tests.chapter import Chapter, assert_follows, draw, missions

CHAPTER = Chapter("14")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    x, label = draw(101, 64, number=1), torch.arange(101) % 10
    return CHAPTER.names(["ring-playground"], x=x, label=label, seed=3, divide=ch14.share,
                         weighted=ch14.average)


# ---- the ring ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("n", [3, 10, 64])               # n < k: some parts are empty
def test_every_worker_holds_the_sum_after_the_ring(chapter, k, n):
    tensors = [draw(n, number=w) for w in range(k)]
    before = [one.clone() for one in tensors]

    for states in on_threads(chapter.ring_all_reduce, tensors):
        assert_close(states[-1], torch.stack(tensors).sum(0))
        assert len(states) == 2 * (k - 1) + 1
    assert all(torch.equal(one, other) for one, other in zip(tensors, before, strict=True))


def test_after_half_of_the_rounds_each_worker_has_one_whole_part_and_another_one(chapter):
    k = 5
    states = on_threads(chapter.ring_all_reduce, [torch.ones(k) for _ in range(k)])
    whole = [(one[k - 1] == k).nonzero().flatten().tolist() for one in states]

    assert sorted(part for parts in whole for part in parts) == list(range(k))
    assert not any((one[k - 2] == k).any() for one in states)


def test_a_message_that_nobody_sends_ends_with_words(monkeypatch):
    monkeypatch.setattr("course_utils.widgets.ring.PATIENCE", 0.05)

    def only_the_first_sends(x, rank, k, exchange):
        if rank == 0:
            exchange(x, x, 1, 1)

    with pytest.raises(TimeoutError, match="worker 0 waited"):
        on_threads(only_the_first_sends, [torch.ones(2), torch.ones(2)])


def test_by_ring_leaves_the_mean_in_the_gradients():
    k, nets = 3, []
    for w in range(k):
        net = nn.Linear(4, 2).double()
        for p in net.parameters():
            p.grad = draw(*p.shape, number=w)
        nets.append(net)
    expected = [torch.stack([list(net.parameters())[i].grad for net in nets]).mean(0)
                for i in range(2)]

    lines = {}                                   # rank -> its exchange, threads for processes

    def names_of(rank):
        dist = SimpleNamespace(get_world_size=lambda: k, get_rank=lambda: rank)
        return CHAPTER.names([], dist=dist, exchange=lambda *about: lines[rank](*about))

    each = [names_of(rank) for rank in range(k)]

    def one_worker(x, rank, k, exchange):
        lines[rank] = exchange
        each[rank].by_ring(nets[rank])

    on_threads(one_worker, [torch.zeros(1) for _ in range(k)])
    for net in nets:
        for p, mean in zip(net.parameters(), expected, strict=True):
            assert_close(p.grad, mean)


# ---- the steps -----------------------------------------------------------------------------------


def test_every_worker_makes_the_same_net_and_the_same_order(chapter):
    first, second = (torch.cat([p.flatten() for p in chapter.make_net("plain", 5).parameters()])
                     for _ in range(2))
    assert torch.equal(first, second) and first.dtype == f64
    parts = chapter.batches(101, 32, 5)
    assert [len(rows) for rows in parts] == [32, 32, 32, 5]
    assert sorted(torch.cat(parts).tolist()) == list(range(101))
    assert torch.equal(torch.cat(parts), torch.cat(chapter.batches(101, 32, 5)))


@pytest.mark.parametrize(("kind", "layer"), [("plain", nn.Tanh), ("BatchNorm", nn.BatchNorm1d),
                                             ("dropout", nn.Dropout)])
def test_the_kind_is_the_layer_in_the_middle(chapter, kind, layer):
    net = chapter.make_net(kind, 1)
    assert isinstance(net[1], layer) and net(draw(6, 64)).shape == (6, 10)


@pytest.mark.parametrize(("kind", "k", "mean", "same"), [
    ("plain", 2, "weighted", True), ("plain", 4, "plain", True), ("plain", 5, "weighted", True),
    ("plain", 5, "plain", False), ("BatchNorm", 2, "weighted", False),
    ("dropout", 2, "weighted", False)])
def test_workers_in_turn_take_the_steps_of_one_under_the_condition_only(
        chapter, kind, k, mean, same):
    rows = chapter.batches(101, 32, 3)[:3]                # the full batches
    torch.manual_seed(0)
    alone = chapter.train(chapter.make_net(kind, 3), rows, chapter.x, chapter.label)
    many = chapter.in_turn(kind, k, getattr(chapter, mean), steps=3)

    gap = chapter.apart(many, alone).max().item()
    assert gap < 1e-12 if same else gap > 1e-6


def test_train_is_plain_gradient_descent(chapter):
    rows = [torch.arange(8)]
    net, other = chapter.make_net("plain", 1), chapter.make_net("plain", 1)
    found = chapter.train(net, rows, chapter.x, chapter.label, lr=0.25)

    loss = nn.functional.cross_entropy(other(chapter.x[:8]), chapter.label[:8])
    slopes = torch.autograd.grad(loss, list(other.parameters()))
    expected = [(p - 0.25 * g).flatten() for p, g in zip(other.parameters(), slopes, strict=True)]
    assert_close(found, torch.cat(expected)[None])


def test_the_open_place_between_backward_and_step_is_used(chapter):
    def stand_still(net):
        for p in net.parameters():
            p.grad.zero_()

    net = chapter.make_net("plain", 1)
    start = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert_close(chapter.train(net, [torch.arange(4)], chapter.x, chapter.label, stand_still),
                 start[None])


# ---- the sweep -----------------------------------------------------------------------------------


def test_the_accident_happens_elsewhere_only_and_once(tmp_path, monkeypatch):
    killed, scores, label = [], draw(4, 10), torch.arange(4)
    names = CHAPTER.names([], fuse=tmp_path / "fuse", kernel=-1, calls=[0])
    monkeypatch.setattr(names.os, "kill", lambda pid, sign: killed.append(pid))
    names.fuse.touch()
    for _ in range(100):
        loss = names.with_accident(scores, label)

    assert_close(loss, nn.functional.cross_entropy(scores, label))
    assert len(killed) == 1 and not names.fuse.exists()
    here = CHAPTER.names([], fuse=tmp_path / "fuse", kernel=names.os.getpid(), calls=[0])
    here.fuse.touch()
    for _ in range(100):
        here.with_accident(scores, label)
    assert len(killed) == 1 and here.fuse.exists()


# ---- the playground ------------------------------------------------------------------------------


@pytest.mark.parametrize("moves", [{"k": 6}, {"rounds": 3}], ids=["k", "rounds"])
def test_each_control_of_the_ring_changes_the_picture(chapter, moves):
    assert_follows(chapter.shown["ring-playground"], moves)


def test_more_rounds_than_there_are_show_the_end(chapter):
    board = chapter.shown["ring-playground"]
    board.move(k=3, rounds=2 * (MOST - 1))
    assert "4 of 4 rounds passed: 9 of 9" in board.alt
    board.move(k=4, rounds=0)
    assert "0 of 16 parts" in board.alt


def test_the_missions_can_be_reached(chapter):
    goals = missions(chapter, "ring-playground")
    for goal, settings in zip(goals, ({"k": 6, "rounds": 5}, {"k": 3, "rounds": 4}), strict=True):
        assert goal(SimpleNamespace(settings=settings))
        assert not goal(SimpleNamespace(settings=settings | {"rounds": 3}))
