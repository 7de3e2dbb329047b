"""The capstone's scripts: what is planted where, what a run keeps, and where one is stopped."""

import collections
import html
import itertools
import re

import pytest
import torch

from course_utils import capstone
from course_utils.capstone import (
    EPOCHS,
    FAULTS,
    LETTERS,
    UPDATES,
    ScriptError,
    draw_faults,
    healthy_script,
    load,
    planted_script,
    run_script,
)
from course_utils.capstone._casebook import UNLIKE, Casebook
from course_utils.capstone._mended import CHANGED
from course_utils.capstone._run import MOST_UPDATES
from course_utils.capstone._script import HEALTHY, PLANTED, written


@pytest.fixture(scope="module")
def healthy():
    return run_script(healthy_script())


def worded(place, wording):
    """The plain healthy script with another wording at one place."""
    return healthy_script().replace(HEALTHY[place][0], wording)


# ---- the scripts ----------------------------------------------------------------------------


def test_a_healthy_script_learns(healthy):
    assert healthy.updates == UPDATES and len(healthy.train_loss) == EPOCHS
    assert healthy.train_loss[-1] < 0.45 < healthy.held_out_loss[-1] < 0.75
    assert healthy.held_out_accuracy[-1] > 0.72
    assert repr(healthy) == "Run: 150 updates, 25 epochs, seed 0"


@pytest.mark.parametrize(("place", "wording"), [
    (place, wording) for place, wordings in HEALTHY.items() for wording in wordings[1:]
    if not wording.startswith("train, held = order[-600:]")  # other rows: tested below
])
def test_another_wording_does_the_same(healthy, place, wording):
    script = worded(place, wording)
    assert script != healthy_script()

    run = run_script(script)

    for name in ("train_loss", "held_out_loss"):
        expected = torch.tensor(getattr(healthy, name))
        torch.testing.assert_close(torch.tensor(getattr(run, name)), expected,
                                   rtol=0.01, atol=0.003)


@pytest.mark.parametrize("wording", HEALTHY["split"])
def test_a_split_uses_every_row_once(wording):
    names = {"order": torch.randperm(1200)}
    exec(wording, names)
    assert len(names["train"]) == len(names["held"]) == 600
    assert torch.cat([names["train"], names["held"]]).sort().values.tolist() == list(range(1200))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_script_differs_at_one_place_and_runs(fault):
    lines, plain = (text.splitlines() for text in (planted_script(fault), healthy_script()))
    place = PLANTED[fault].place
    left = set(plain) - set(lines)
    assert left and all(line.strip() in HEALTHY[place][0] for line in left)
    run = run_script(planted_script(fault))
    assert run.updates == UPDATES and len(run.held_out_loss) == EPOCHS


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="none of the faults: missing zero_grad"):
        planted_script("bad luck")


def test_the_pictures_are_small_balanced_and_fresh_each_time():
    x, label = load()
    assert x.shape == (1200, 196) and x.dtype == torch.float32
    assert x.min() >= 0 and x.max() <= 255 and (x == x.round()).all()
    assert torch.bincount(label).tolist() == [120] * 10
    x += 1
    assert load()[0].min() == 0


# ---- a run ----------------------------------------------------------------------------------


def test_a_run_can_be_had_again_and_another_seed_is_another_run(healthy):
    again, other = run_script(healthy_script()), run_script(healthy_script(), 1)
    assert again.train_loss == pytest.approx(healthy.train_loss, rel=1e-4)
    assert other.train_loss[-1] != pytest.approx(healthy.train_loss[-1], rel=1e-6)


def test_another_course_seed_is_another_run(healthy, monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "5")
    assert run_script(healthy_script()).train_loss[0] != pytest.approx(healthy.train_loss[0])


def test_the_notebooks_random_numbers_stay_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    run_script(planted_script("double softmax"))
    assert torch.equal(torch.rand(4), expected)


def test_start_is_the_network_before_the_first_update(healthy):
    still = run_script(healthy_script().replace("lr=0.3", "lr=0.0"))  # never leaves its start
    for name, begun in still.net.state_dict().items():
        torch.testing.assert_close(healthy.start.state_dict()[name], begun)
        assert not torch.equal(healthy.net.state_dict()[name], begun)
    assert not healthy.start.training and healthy.start is not healthy.net
    assert all(p.requires_grad and p.grad is None for p in healthy.start.parameters())


def test_a_run_keeps_mode_gradients_data_and_rate(healthy):
    assert not healthy.net.training and run_script(planted_script("forgotten eval()")).net.training
    assert all(p.grad is not None for p in healthy.net.parameters())
    assert healthy.x_train.shape == healthy.x_held.shape == (600, 196)
    assert healthy.lr == 0.3 and run_script(planted_script("a rate beyond 2/λmax")).lr == 4.0
    with torch.no_grad():
        again = healthy.loss(healthy.net(healthy.x_held), healthy.label_held)
    assert healthy.held_out_loss[-1] == pytest.approx(again.item(), rel=1e-5)


@pytest.mark.parametrize(("script", "words"), [
    ("for epoch in", r"no valid Python, line 1: .*: for epoch in"),
    ("x = 1\ny = x / 0", r"line 2, `y = x / 0`: ZeroDivisionError: division by zero"),
    ("def f():\n    return missing\n\nf()", r"line 2, `return missing`: NameError"),
    ("while True:\n    pass", "one of them does not end"),
    ("import itertools\nfor i in itertools.count():\n    x = i", "one of them does not end"),
    ("while True:\n    for i in range(3):\n        continue", "one of them does not end"),
    ("x = 1", "ended without net, loss, optimizer"),
    (healthy_script().replace("range(25)", "range(10**9)"),
     f"made {MOST_UPDATES} updates and would go on; the budget is {UPDATES}"),
    (healthy_script().replace("record(name,", "print(name,"), "once an epoch"),
    (healthy_script().replace('"held_out", x_held', '"test", x_held'), "not 'test'"),
    (healthy_script() + "\nnet = 3", "`net` is int, not a network"),
    (healthy_script() + "\noptimizer = None", "`optimizer` is NoneType, not an optimiser"),
    (healthy_script().replace("label_train[rows]).backward()", "label_train).backward()"),
     r"line \d+, `loss\(net\(x_train\[rows\]\), label_train\).backward\(\)`: ValueError"),
])
def test_a_script_that_cannot_go_on_says_where(script, words, capsys):
    with pytest.raises(ScriptError, match=words):
        run_script(script)


def test_the_line_is_kept_with_the_error():
    with pytest.raises(ScriptError) as caught:
        run_script("x = 1\n\nraise ValueError('no')")
    assert caught.value.line == 3


def test_only_text_is_a_script():
    with pytest.raises(TypeError, match="hand over the script's text"):
        run_script(run_script)


def test_nothing_is_counted_any_more_after_a_run():
    with pytest.raises(ScriptError):
        run_script(healthy_script().replace("range(25)", "range(10**9)"))
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    weight.grad = torch.ones(1)
    for _ in range(MOST_UPDATES + 5):
        optimizer.step()


# ---- the cases ------------------------------------------------------------------------------


def test_a_book_has_five_cases_with_different_faults():
    book = draw_faults(3)
    assert [case.letter for case in book] == list(LETTERS) and len(book) == 5
    assert len({book.fault_in(letter) for letter in LETTERS}) == 5
    assert repr(book) == "Casebook: 5 cases, A, B, C, D, E"
    with pytest.raises(KeyError, match="no case 'F'"):
        book["F"]


def test_a_seed_draws_the_same_book_and_others_draw_others():
    one, again = Casebook(3), Casebook(3)
    assert [case.script for case in one] == [case.script for case in again]
    drawn = {tuple(Casebook(seed).fault_in(letter) for letter in LETTERS) for seed in range(30)}
    assert len(drawn) > 25


def test_every_fault_comes_up_in_every_place():
    seen = collections.Counter((letter, book.fault_in(letter)) for book in map(Casebook, range(300))
                               for letter in LETTERS)
    assert set(seen) == set(itertools.product(LETTERS, FAULTS))


def test_the_courses_seed_draws_if_no_other_is_given(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "11")
    assert [case.script for case in draw_faults()] == [case.script for case in Casebook(11)]
    assert capstone.current().seed == 11
    draw_faults(12)
    assert capstone.current().seed == 12


@pytest.mark.parametrize("seed", [-1, 1.5, "1"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises((TypeError, ValueError)):
        draw_faults(seed)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_shown_does_not_name_the_fault_nor_is_it_told_by_comparing(seed):
    plain = set(healthy_script().splitlines())
    scripts = [case.script for case in Casebook(seed)]
    for script in scripts:
        assert not re.search(r"fault|leak|shuffl|wrong|bug|error|beyond|unscaled|forgot", script)
        assert len(set(script.splitlines()) - plain) >= UNLIKE > CHANGED / 2
        assert script.count("#") == 1  # the shapes that load() gives
    for one, two in itertools.combinations(scripts, 2):
        assert len(set(one.splitlines()) ^ set(two.splitlines())) > 4


def test_a_case_is_shown_with_line_numbers_and_as_one_line_of_text():
    case = Casebook(3)["A"]
    shown = case._repr_mimebundle_()
    assert shown["text/plain"] == f"Case A: a script of {len(case.script.splitlines())} lines"
    assert "\n 2  order = torch.randperm(len(x))\n" in html.unescape(shown["text/html"])


def test_no_line_of_a_script_is_too_long():
    for seed, fault in itertools.product(range(20), (None, *FAULTS)):
        assert max(map(len, written(fault, seed).splitlines())) <= 100
