"""Chapter 11's widgets: the explorer of a typed sentence, and the tagger that trains."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.datasets import Sentence
from course_utils.texts import TAGS, UNKNOWN, Vocabulary, ambiguous, encode, words_of
from course_utils.widgets import attention_map
from course_utils.widgets.attention import explore_attention
from course_utils.widgets.attention_map import Typed, label, read
from course_utils.widgets.tagger_training import train_tagger
from tests.chapter import assert_follows, assert_seen

LINES = [
    ("They work hard .", "PRON VERB ADV ."),
    ("The work was hard .", "DET NOUN VERB ADJ ."),
    ("They like the work .", "PRON VERB DET NOUN ."),
    ("The play was like work .", "DET NOUN VERB ADP NOUN ."),
    ("They play the play .", "PRON VERB DET NOUN ."),
]
SENTENCES = [Sentence(tuple(w.split()), tuple(t.split()), "a", "a01") for w, t in LINES]
VOCABULARY = Vocabulary(SENTENCES)
HIDDEN = len(VOCABULARY)


class Known:
    """Two layers of two heads: before and after; itself and all alike. Tags follow what is before.

    As the word before the first counts the first itself.
    """

    heads = 2

    def attend(self, tokens):
        count = tokens.shape[1]
        places = torch.arange(count)
        before, after = (places - 1).clamp(min=0), (places + 1).clamp(max=count - 1)
        eye = torch.eye(count)
        weights = torch.stack([
            torch.stack([eye[before], eye[after]]),
            torch.stack([eye, torch.full((count, count), 1 / count)]),
        ])[:, None, : self.heads]
        tag = (tokens + tokens[:, before]) % len(TAGS)
        return nn.functional.one_hot(tag, len(TAGS)).float(), weights


class OneHead(Known):
    heads = 1


@pytest.fixture
def explorer():
    nets = {"two heads": Known(), "one head": OneHead()}
    explorer = explore_attention(
        "att-test", nets, VOCABULARY, hidden=HIDDEN, sentence="They work hard .", longest=7
    )
    yield explorer
    explorer.close()


def texts(explorer):
    return [text.get_text() for ax in explorer._live.fig.axes for text in ax.texts
            if text.get_text()]


def test_the_explorer_s_controls_move_picture_and_words(explorer):
    controls = list(explorer._frame.controls)
    assert controls == ["sentence", "net", "layer", "head", "word"]
    assert_follows(explorer, {"sentence": "They like hard ."})
    assert_follows(explorer, {"layer": 2})
    assert_follows(explorer, {"head": 2})
    explorer.move(head=1)
    assert_follows(explorer, {"head": "all"})
    assert_follows(explorer, {"word": 2})
    explorer.move(head=2)
    assert_follows(explorer, {"net": "one head"})


def test_the_map_and_the_bars_hold_the_weights_of_the_layer_head_and_word_that_were_chosen(
    explorer,
):
    _, weights = Known().attend(torch.tensor([[2, 3, 4, 5]]))
    left, right = explorer._live.fig.axes[:2]
    for layer in (1, 2):
        for head in (1, 2, "all"):
            explorer.move(layer=layer, head=head, word=3)
            wanted = weights[layer - 1, 0]
            wanted = wanted.mean(0) if head == "all" else wanted[head - 1]
            shown = torch.as_tensor(np.asarray(left.images[0].get_array()))
            assert_close(shown, wanted)
            bars = [bar.get_width() for bar in right.patches]
            assert bars == pytest.approx([*wanted[2].tolist(), 0, 0, 0])
            dots = left.lines[0].get_xydata()
            assert [tuple(map(int, dot)) for dot in dots] == [
                (int(row.argmax()), i) for i, row in enumerate(wanted)]
    assert list(left.lines[1].get_ydata()) == [1.5, 1.5, 2.5, 2.5, 1.5]  # frame: word 3


def test_words_beside_the_map_are_drawn_anew_though_their_number_stays(explorer):
    def left_edge():
        pixels = np.asarray(explorer._live.canvas.buffer_rgba())
        return pixels[:, : pixels.shape[1] // 10].copy()

    pictures = [left_edge()]
    for sentence in ("The play was .", "They work was .", "The play was ."):
        explorer.move(sentence=sentence)
        pictures.append(left_edge())
    assert all((a != b).any() for a, b in zip(pictures, pictures[1:], strict=False))
    assert (pictures[1] == pictures[3]).all()


def test_the_words_say_where_the_word_looks_and_how_each_is_tagged(explorer):
    ids = VOCABULARY.ids(words_of("They work hard ."))
    tags = [TAGS[(id + ids[max(i - 1, 0)]) % len(TAGS)] for i, id in enumerate(ids)]
    explorer.move(word=3, head=1)

    assert "Net “two heads”, layer 1, head 1: “hard” (word 3) looks most at “work” (word 2, 100%)" \
        in explorer.alt
    assert "They/{} work/{} hard/{} ./{}".format(*tags) in explorer.alt
    assert "“hard” looks most at “work”" in texts(explorer)
    beside = [text for text in explorer._live.fig.axes[1].texts if text.get_position()[0] == 1.05]
    assert [text.get_text() for text in beside if text.get_text()] == [*tags, "tag"]
    assert "▶ hard" in texts(explorer)


def test_a_head_or_word_that_is_not_there_is_replaced_by_the_last_and_said(explorer):
    explorer.move(net="one head", head=2, word=7)
    assert "its only head" in explorer.alt
    assert "“.” (word 4)" in explorer.alt and "The sentence ends at word 4." in explorer.alt


def test_unknown_words_are_named_in_the_words_and_marked_in_the_picture(explorer):
    assert "Unknown" not in explorer.alt
    explorer.move(sentence="They blorf the Blorf, grumpf .")

    assert explorer.alt.startswith("Unknown to the vocabulary: “blorf”, “Blorf”, “,”, “grumpf”. ")
    assert {"blorf (?)", "grumpf (?)", "They"} <= set(texts(explorer))
    assert "They (?)" not in texts(explorer)


def test_three_low_lines_stand_for_a_hidden_word_which_is_not_unknown():
    seen = read(Known(), ("They", "___", "blorf"), VOCABULARY, TAGS, HIDDEN)
    they = VOCABULARY.ids(["They"])[0]

    assert seen.hidden == (False, True, False)
    assert seen.unknown == (False, False, True)
    assert seen.tags[1:] == (TAGS[(HIDDEN + they) % 12], TAGS[(UNKNOWN + HIDDEN) % 12])
    assert read(Known(), ("They", "___"), VOCABULARY, TAGS).unknown == (False, True)


@pytest.mark.parametrize(("sentence", "words"), [
    ("", "There is no word in your sentence"),
    ("   ", "There is no word in your sentence"),
    ("a b c d e f g h", "Your sentence has 8 words and signs, at most 7 fit"),
])
def test_a_sentence_that_cannot_be_shown_leaves_the_picture_and_is_said(explorer, sentence, words):
    before = explorer._live.png()
    explorer.move(sentence=sentence)

    assert explorer.alt.startswith(words) and "They/" in explorer.alt
    assert explorer._live.png() == before
    assert explorer.settings.sentence == sentence  # what was typed stays in the field
    explorer.move(head=2)  # and the rest still works
    assert explorer._live.png() != before
    explorer.move(sentence="They play .")
    assert "There is" not in explorer.alt and "play/" in explorer.alt


@pytest.mark.parametrize("sentence", [
    "我們學習機器學習的第一個句子，很長", "$x^ $y_ .", "W" * 60, "?!;", "<b> & so",
    "😀 ok", "a\\frac{b}", "ﷺ \u202egnihtemos",
])
def test_any_typed_sentence_is_drawn_without_a_warning(explorer, sentence):
    before = explorer._live.png()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explorer.move(sentence=sentence)
        assert explorer._live.png() != before
    assert "stopped" not in explorer._frame._status.value
    assert all(f"{word}/" in explorer.alt for word in words_of(sentence))


@pytest.mark.parametrize("sentence", ["They like ___ = 我們, so", ""])
def test_the_settings_string_brings_the_sentence_back(explorer, sentence):
    explorer.move(sentence=sentence, head=2, word=3)
    code, shown = explorer.code, explorer.alt
    explorer.move(sentence="The play", head=1, word=1)
    explorer.from_code(code)

    assert explorer.settings.sentence == sentence
    if sentence:
        assert explorer.alt == shown


def test_labels_fit_beside_the_map_however_wide_their_letters(explorer):
    explorer.move(sentence=f"{'W' * 16} {'我' * 12} {'i' * 24} mmmm (work")
    canvas = explorer._live.canvas
    canvas.draw()
    width, height = canvas.get_width_height()
    for ax in explorer._live.fig.axes:
        for text in ax.texts:
            if text.get_text():
                box = text.get_window_extent(canvas.get_renderer())
                assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    assert label("work") == "work" and label("W" * 30).endswith("…")


@pytest.fixture
def without_chinese(monkeypatch):
    """A computer whose fonts have no Chinese signs."""
    kept = attention_map.families, attention_map._font_of, attention_map._width
    monkeypatch.setattr(attention_map.font_manager, "get_font_names", list)
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()


@pytest.mark.filterwarnings("error")
def test_chinese_words_are_drawn_where_a_font_has_them(explorer):
    if len(attention_map.families()) == 1:
        pytest.skip("no font here has Chinese signs")
    assert label("學習", strange=True) == "學習 (?)"
    explorer.move(sentence="They 學習 hard .")
    explorer._live.canvas.draw()


@pytest.mark.filterwarnings("error")
def test_elsewhere_they_are_boxes_and_nothing_warns(without_chinese, explorer):
    assert label("學習", strange=True) == "□□ (?)"
    explorer.move(sentence="They 學習 hard .")
    explorer._live.canvas.draw()


def done(explorer):
    return [i + 1 for i in sorted(explorer._frame._reached)]


def test_the_missions_are_reached_by_doing_what_they_say(explorer):
    explorer.move(head=2)
    explorer.move(sentence="They play the play .", layer=2)
    assert done(explorer) == []
    explorer.move(layer=1)
    explorer.move(head="all")
    assert done(explorer) == []  # looks both ways; and no single head
    explorer.move(head=1)
    assert done(explorer) == [1]
    explorer.move(sentence="The work hard .")  # more than one word is another
    assert done(explorer) == [1]
    explorer.move(sentence="The work hard ?")  # an unknown sign is no unknown word
    assert done(explorer) == [1]
    explorer.move(sentence="They work hard ?")
    assert done(explorer) == [1, 2]
    explorer.move(sentence="They work grumpf ?")
    assert done(explorer) == [1, 2, 3]


def test_another_net_is_no_changed_neighbour(explorer):
    class Other(Known):
        def attend(self, tokens):
            logits, weights = super().attend(tokens)
            return logits.roll(1, -1), weights

    other = explore_attention("att-other", {"a": Known(), "b": Other()}, VOCABULARY,
                              sentence="They work hard .")
    other.move(net="b")
    assert done(other) == []
    other.close()


def test_what_cannot_be_explored_is_refused_in_words():
    with pytest.raises(ValueError, match="nets is empty"):
        explore_attention("att-test", {}, VOCABULARY)
    with pytest.raises(TypeError, match="no method attend"):
        explore_attention("att-test", {"mine": nn.Linear(2, 2)}, VOCABULARY)
    with pytest.raises(ValueError, match="at most 3 fit"):
        explore_attention("att-test", {"mine": Known()}, VOCABULARY, longest=3)
    with pytest.raises(ValueError, match="no word"):
        Typed("", 3)


def test_one_layer_needs_no_choice_of_layers():
    class Flat(Known):
        def attend(self, tokens):
            logits, weights = super().attend(tokens)
            return logits, weights[:1]

    explorer = explore_attention("att-flat", {"mine": Flat()}, VOCABULARY)
    assert list(explorer._frame.controls) == ["sentence", "net", "head", "word"]
    assert "layer" not in explorer.alt
    explorer.close()


# the tagger that trains


class Small(nn.Module):
    def __init__(self, positions, heads):
        super().__init__()
        self.embed = nn.Embedding(HIDDEN + 1, 8)
        self.places = nn.Parameter(torch.randn(12, 8)) if positions != "none" else None
        self.scores = nn.Parameter(torch.randn(heads, 8, 8) / 8)
        self.read = nn.Linear(16, len(TAGS))

    def attend(self, tokens):
        x = self.embed(tokens)
        if self.places is not None:
            x = x + self.places[: tokens.shape[1]]
        scores = torch.einsum("btd,hde,bse->bhts", x, self.scores, x)
        weights = scores.masked_fill((tokens == 0)[:, None, None], -torch.inf).softmax(-1)
        return self.read(torch.cat([x, (weights @ x[:, None]).mean(1)], -1)), weights[None]

    def forward(self, tokens):
        return self.attend(tokens)[0]


def hide(tokens, share, generator):
    gone = torch.rand(tokens.shape, generator=generator) < share
    return torch.where(gone & (tokens > 0), HIDDEN, tokens)


MARKED = ambiguous(SENTENCES, VOCABULARY, least=2)
ROWS = encode(SENTENCES, VOCABULARY, 8)


def tagger(**more):
    return train_tagger(
        "att-train-test", Small, ROWS, (ROWS[0][:3], ROWS[1][:3]), VOCABULARY,
        marked=MARKED, hide=hide, hidden=HIDDEN, sentence="They work hard .", longest=7, steps=40,
        headless_steps=20, every=5, batch=4, **more,
    )


@pytest.fixture(scope="module")
def play():
    play = tagger()
    yield play
    play.close()


@pytest.mark.parametrize("moves", [
    {"sentence": "The play was like work ."}, {"head": 2}, {"positions": "none"}, {"heads": 2},
    {"lr": 0.3}, {"share": 0.5}, {"batch": 192}, {"seed": 3},
], ids=lambda moves: next(iter(moves)))
def test_every_control_of_the_training_is_seen(play, moves):
    assert_seen(play, moves, steps=20)


def test_it_learns_and_counts_right_words_as_by_hand(play):
    play.reset()
    run = play.run_now(40)
    right, net = run.state["right"], run.state["net"]

    assert run.curves["train"][-1] < run.curves["train"][0] / 2
    assert right["all words"][0] == [0, 5, 10, 15, 20, 25, 30, 35, 40] == run.at["held_out"]
    guesses = net(ROWS[0][:3]).argmax(-1)
    pairs = [(guesses[i, j].item(), ROWS[1][i, j].item(), MARKED[ROWS[0][i, j]].item())
             for i in range(3) for j in range(8) if ROWS[1][i, j] >= 0]
    assert right["all words"][1][-1] == pytest.approx(np.mean([g == t for g, t, _ in pairs]))
    some = [g == t for g, t, marked in pairs if marked]
    assert right["ambiguous"][1][-1] == pytest.approx(np.mean(some)) and 0 < len(some) < len(pairs)
    assert 0 <= right["hidden"][1][-1] <= 1
    assert f"all words {right['all words'][1][-1]:.0%}" in play.alt
    assert run.finished


def test_the_hidden_curve_is_about_hidden_words_only():
    class Sure(Small):
        """Right where the word is hidden, wrong elsewhere."""

        def attend(self, tokens):
            logits, weights = super().attend(tokens)
            wanted = torch.where(tokens == HIDDEN, ROWS[1][: len(tokens)].clamp(min=0), 11)
            return logits * 0 + nn.functional.one_hot(wanted, 12), weights

    def hide_some(tokens, share, generator):
        return torch.where((torch.arange(8) == 1) & (tokens > 0), HIDDEN, tokens)

    play = train_tagger(
        "att-sure", lambda positions, heads: Sure(positions, heads), ROWS, ROWS, VOCABULARY,
        marked=MARKED, hide=hide_some, hidden=HIDDEN, sentence="They work", steps=1, batch=5,
    )
    shares = {curve: points[1][-1] for curve, points in play.current.state["right"].items()}
    play.close()
    assert shares == {"all words": 0.0, "ambiguous": 0.0, "hidden": 1.0}


def test_the_same_seed_gives_the_same_run_to_rounding(play):
    losses = []
    for seed in (5, 6, 5):
        play.move(seed=seed)
        play.reset()
        losses.append(play.run_now(15).curves["train"])
    assert losses[0] == pytest.approx(losses[2], rel=1e-4)
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)


def test_a_tagger_in_training_says_unknown_words_and_keeps_the_sentence_before(play):
    play.move(sentence="They blorf ___ .")
    assert "Unknown to the vocabulary: “blorf”." in play.alt and "blorf/" in play.alt
    play.move(sentence="")
    assert "There is no word in your sentence" in play.alt and "blorf/" in play.alt
    play.move(sentence="They work hard .")


def test_earlier_runs_stay_faint_and_are_told_apart_by_what_trained_them(play):
    play.reset()
    play.run_now(10)
    play.move(sentence="The work .", heads=1, head=1)
    play.reset()
    grey = [line for line in play._axes[1].lines if line.get_alpha() == 0.5]
    assert len(grey) >= 3
    assert all(len(line.get_xdata()) > 1 for line in grey)
    words = [text.get_text() for text in play._loss.ax.get_legend().get_texts()]
    assert any("heads 4" in word and "heads 4→" not in word for word in words)
    assert not any("sentence" in word or "head " in word for word in words)
    play.move(sentence="They work hard .", heads=4, head="all")


def test_a_rate_that_falls_is_zero_at_the_end():
    rates = []

    class Watched(Small):
        def forward(self, tokens):
            rates.append([p.detach().clone() for p in self.parameters()])
            return super().forward(tokens)

    play = tagger_of(Watched)
    play.close()
    moved = [sum((a - b).abs().sum().item() for a, b in zip(first, second, strict=True))
             for first, second in zip(rates, rates[1:], strict=False)]
    moved = [step for step in moved if step > 0]
    assert moved[-1] < 0.2 * max(moved[:5])


def tagger_of(net):
    return train_tagger(
        "att-falls", net, ROWS, ROWS, VOCABULARY, marked=MARKED, hide=hide, hidden=HIDDEN,
        sentence="They work", steps=30, every=100,
    )


def test_a_mission_of_the_training_sees_settings_and_shares():
    from course_utils.widgets import Mission

    goal = Mission("half of all", lambda run: run.state["right"]["all words"][1][-1] > 0.5)
    play = tagger(missions=[goal])
    play.run_now(40)
    assert play._frame._reached == {0}
    assert not play._frame._is_reached(goal, SimpleNamespace(state=None, settings={}))
    play.close()
