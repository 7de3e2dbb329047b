"""The recall race: all nets on the same fresh batches, each with its own controls and picture."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from course_utils.figures import new_figure
from course_utils.widgets import Mission, Playground
from course_utils.widgets.recurrence import (
    WINDOW,
    recall_controls,
    recall_looks,
    recall_picture,
    recall_race,
    standings,
    toggle_of,
)
from tests.chapter import assert_seen

SYMBOLS = 4


class FirstSeen(nn.Module):
    """Reads the first symbol alone: learns within a few steps, whatever the length."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(SYMBOLS, SYMBOLS)

    def forward(self, symbols):
        return self.table(symbols[:, 0])


class Blind(nn.Module):
    """Answers the same whatever it sees: stays at guessing."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(SYMBOLS))

    def forward(self, symbols):
        return self.bias.expand(len(symbols), -1)


class Bursting(Blind):
    """Its loss is no finite number from the third batch on."""

    seen = 0

    def forward(self, symbols):
        self.seen += 1
        return super().forward(symbols) * (torch.nan if self.seen > 2 else 1.0)


NETS = {"first": FirstSeen, "blind, by design": Blind}


def sequences(length, number=0, batch=32):
    draw = torch.Generator().manual_seed(number)
    symbols = torch.randint(SYMBOLS, (batch, length), generator=draw)
    return symbols, symbols[:, 0]


def settings(nets=NETS, **values):
    return {"length": 8, "lr": 0.05, **{toggle_of(name): True for name in nets}, **values}


def fresh():
    """draw(T) that gives other sequences at every call, and remembers them."""
    given = []

    def draw(length):
        given.append(sequences(length, number=len(given)))
        return given[-1]

    return draw, given


def steps(nets, count, now):
    """The states of the first `count` steps, and the batches."""
    draw, given = fresh()
    race = recall_race(nets, draw, now)
    return [next(race) for _ in range(count)], given


def test_a_net_in_the_race_takes_the_steps_it_would_take_alone():
    torch.manual_seed(3)
    made = []
    nets = {"first": lambda: made.append(FirstSeen()) or made[-1], "blind": Blind}
    _, given = steps(nets, 6, settings(nets))
    torch.manual_seed(3)
    alone = FirstSeen()
    rule = torch.optim.Adam(alone.parameters(), lr=0.05)
    for symbols, label in given[:5]:  # before the sixth yield five updates were made
        rule.zero_grad()
        cross_entropy(alone(symbols), label).backward()
        rule.step()

    assert_close(made[0].table.weight, alone.table.weight)


def test_accuracy_is_the_mean_over_the_last_batches_of_this_length_before_their_update():
    torch.manual_seed(0)
    made = []
    still = {"blind": lambda: made.append(Blind()) or made[-1]}
    draw, given = fresh()
    now = settings(still, lr=0.0)  # a net that does not learn: its answers are known
    race = recall_race(still, draw, now)
    states = [next(race) for _ in range(WINDOW + 3)]
    now["length"] = 5
    other = next(race)
    guess = made[0].bias.argmax()
    right = [(label == guess).float().mean().item() for _, label in given]

    assert states[4]["blind"] == pytest.approx(sum(right[:5]) / 5)
    assert states[-1]["blind"] == pytest.approx(sum(right[3 : WINDOW + 3]) / WINDOW)
    assert other["blind"] == pytest.approx(right[-1])  # of the new length alone
    assert given[-1][0].shape == (32, 5)


def test_what_is_recalled_is_told_from_what_is_guessed():
    torch.manual_seed(0)
    states, _ = steps(NETS, 80, settings(lr=0.3))

    assert states[-1]["first"] == 1.0 and states[-1]["blind, by design"] < 0.5
    words = standings(states[-1]["race"], 1 / SYMBOLS)
    assert "recalls: first" in words and "hardly better than guessing: blind, by design" in words


def test_a_net_that_is_switched_off_stands_still_and_goes_on_from_there():
    torch.manual_seed(0)
    now, (draw, _) = settings(lr=0.3), fresh()
    race = recall_race(NETS, draw, now)
    for _ in range(40):
        state = next(race)
    now["first"] = False
    while_off = [next(race) for _ in range(5)]
    now["first"] = True

    assert state["first"] > 0.9
    assert all("first" not in state and "blind, by design" in state for state in while_off)
    assert next(race)["first"] > 0.9


def test_every_net_has_a_value_at_the_start_even_one_that_is_off_and_learns_nothing():
    made = []
    nets = {"first": lambda: made.append(FirstSeen()) or made[-1], "blind, by design": Blind}
    torch.manual_seed(0)
    states, _ = steps(nets, 2, settings(first=False))
    torch.manual_seed(0)

    assert torch.equal(made[0].table.weight, FirstSeen().table.weight)
    assert set(NETS) <= states[0].keys() and "first" not in states[1]
    assert "first" not in states[1]["race"]["places"][8]


def test_length_and_rate_are_read_at_every_step():
    torch.manual_seed(0)
    now, (draw, given) = settings(lr=0.0), fresh()
    made = []
    race = recall_race({"first": lambda: made.append(FirstSeen()) or made[-1]}, draw, now)
    next(race)
    next(race)
    start = made[0].table.weight.detach().clone()
    now.update(length=16, lr=0.1)
    state = next(race)  # the update before it used the new rate

    assert given[-1][0].shape[1] == 16 and state["race"]["length"] == 16
    assert list(state["race"]["places"]) == [8, 16]
    assert not torch.equal(made[0].table.weight, start)


def test_a_net_whose_loss_is_not_finite_is_out_and_the_others_go_on():
    torch.manual_seed(0)
    nets = {"first": FirstSeen, "bursting": Bursting}
    states, _ = steps(nets, 60, settings(nets, lr=0.3))

    assert states[-1]["race"]["out"] == ["bursting"] and "bursting" not in states[-1]
    assert states[-1]["first"] > 0.9
    assert "out: bursting" in standings(states[-1]["race"], 0.25)


def test_no_net_too_many_nets_and_names_that_clash_are_refused():
    with pytest.raises(ValueError, match="at least one net"):
        next(recall_race({}, sequences, settings()))
    with pytest.raises(ValueError, match="at most 6"):
        recall_looks([str(number) for number in range(7)])
    with pytest.raises(ValueError, match="differ"):
        recall_controls({"LSTM +4": Blind, "LSTM, 4": Blind})
    with pytest.raises(ValueError, match="differ"):
        recall_controls({"lr": Blind})
    with pytest.raises(ValueError, match="12"):
        recall_controls(NETS, length=12)


def test_nets_differ_in_colour_and_in_marker():
    looks = recall_looks([str(number) for number in range(6)])

    assert len({look["color"] for look in looks.values()}) == 6
    assert len({look["marker"] for look in looks.values()}) == 6
    assert toggle_of("LSTM, forget +4") == "LSTM_forget_4"


def test_the_picture_shows_this_run_filled_and_those_before_hollow():
    _, ax = new_figure()
    picture = recall_picture(["a", "b"], chance=0.25, lengths=(8, 16))
    artists, update = picture(ax, {})
    places = {8: {"a": 0.5, "b": 0.25}, 16: {"a": 1.0}}
    words = update({"race": {"length": 16, "taken": 30, "places": places, "out": []}})
    shown = [artist.get_ydata() for artist in artists]
    ax.clear()
    _, update = picture(ax, {})
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "none"]

    assert [list(values) for values in shown] == [[0.5, 1.0], [0.25]]
    assert "over T = 16; recalls: a" in words
    assert [list(line.get_ydata()) for line in hollow] == [[0.5, 1.0], [0.25]]

    update({"race": {"length": 8, "taken": 3, "places": {8: {"a": 0.1}}, "out": []}})
    ax.clear()
    picture(ax, {})  # a run of three steps leaves nothing
    assert [line for line in ax.lines if line.get_markerfacecolor() == "none"][0].get_ydata()[
        -1] == 1.0


def race_playground(**more):
    def train(settings):
        torch.manual_seed(settings.seed)
        draws = torch.Generator().manual_seed(settings.seed)

        def draw(length):
            symbols = torch.randint(SYMBOLS, (32, length), generator=draws)
            return symbols, symbols[:, 0]

        yield from recall_race(NETS, draw, settings)

    return Playground(
        "recall-test", train, recall_picture(NETS, 1 / SYMBOLS), recall_controls(NETS), steps=200,
        headless_steps=30, looks=recall_looks(NETS), ylabel="accuracy", ylim=(0, 1.05),
        legend="beside", figsize=(10.0, 3.8), **more,
    )


@pytest.mark.parametrize("moves", [
    {"length": 32}, {"lr": 0.03}, {"first": False}, {"blind_by_design": False}, {"seed": 5}])
def test_every_control_of_the_race_is_seen(moves):
    assert_seen(race_playground(), moves)


def test_a_length_moved_in_a_running_race_takes_effect_at_once():
    race = race_playground()
    race.move(length=64)
    race.run_now(5)

    assert race.current.state["race"]["length"] == 64 and "T = 64" in race.alt
    assert race.state == "paused"


def test_a_race_can_be_set_again_from_its_settings_string():
    race = race_playground()
    race.move(length=64, lr=0.03, first=False)
    code = race.code
    again = race_playground().from_code(code)

    assert again.code == code and "length=64" in code and "first=off" in code
    with pytest.raises(ValueError, match="length"):
        again.from_code("recall-test length=9")


def test_missions_may_look_at_what_was_reached_at_each_length():
    def reached(run):
        return run.state["race"]["places"][16]["first"] >= 0.9

    race = race_playground(missions=[Mission("Recall over T = 16.", reached)])
    race.reset()
    race.move(lr=0.03)
    race.run_now(170)

    assert "✓ done: Recall" in race._frame._mission_list.value


def test_the_curves_keep_their_axis_and_no_curve_crosses_their_legend():
    race = race_playground()
    ax = race._loss.ax
    race.run_now(100)
    race.reset()
    race.run_now(20)
    legend = ax.get_legend()
    race._live.redraw(full=True)

    assert ax.get_ylabel() == "accuracy" and ax.get_ylim() == (0, 1.05)
    assert [text.get_text() for text in legend.get_texts()][:2] == list(NETS)
    assert legend.get_window_extent().x0 >= ax.get_window_extent().x1
    assert legend.get_window_extent().x1 <= race._fig.bbox.x1
    with pytest.raises(ValueError, match="beside"):
        Playground("x", lambda s: iter(()), lambda ax, s: ([], lambda s: ""), {}, legend="above")
