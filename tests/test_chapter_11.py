"""Chapter 11: its own code against PyTorch and plain loops; pictures, stored search, missions."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils import paths, sentence_pictures
from course_utils import stored as stored_module
from course_utils.exercises import ch11
from course_utils.figures import new_figure
from course_utils.stored import stored
from course_utils.texts import NO_TAG
from tests.chapter import Chapter, assert_follows, assert_seen, draw

CHAPTER = Chapter("11")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(["relative-code", "sets-data", "pay-data"], seed=1,
                         mask_of=ch11.padding_mask, waves=ch11.sinusoids)


def tagger(chapter, **settings):
    torch.manual_seed(0)
    net = chapter.Tagger(chapter.WORDS, 12, **settings)
    if net.offsets is not None:
        nn.init.normal_(net.offsets.numbers)
    return net.double()


# ---- the layer -----------------------------------------------------------------------------------


def test_attention_equals_a_plain_loop_over_words_with_mask_and_bias(chapter):
    q, k, v = (draw(5, 3, number=i) for i in range(3))
    bias, mask = draw(5, 5, number=4), torch.tensor([True, True, False, True, False])
    out, weights = chapter.attention(q, k, v, mask, bias)
    for i in range(5):
        seen = [j for j in range(5) if mask[j]]
        raised = torch.stack([(q[i] @ k[j] / 3**0.5 + bias[i, j]).exp() for j in seen])
        assert_close(weights[i, seen], raised / raised.sum())
        assert_close(out[i], (raised / raised.sum()) @ v[seen])
    assert weights[:, ~mask].abs().max() == 0


def test_each_head_sees_its_own_part_of_the_vectors(chapter):
    torch.manual_seed(1)
    layer, x = chapter.MultiHead(6, 3).double(), draw(2, 4, 6, number=5)
    out, weights = layer(x)
    q, k, v = (x @ w.T + b for w, b in zip(layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3),
                                           strict=True))
    parts = []
    for h in range(3):
        mine = slice(2 * h, 2 * h + 2)
        table = (q[..., mine] @ k[..., mine].mT / 2**0.5).softmax(-1)
        assert_close(weights[:, h], table)
        parts.append(table @ v[..., mine])
    assert_close(out, layer.out(torch.cat(parts, -1)))


def test_the_position_bias_belongs_to_the_offset_and_is_clipped(chapter):
    offsets, reach = chapter.OffsetBias(2), chapter.REACH
    nn.init.normal_(offsets.numbers)
    table = offsets(12)
    for i in range(12):
        for j in range(12):
            offset = max(-reach, min(reach, j - i))
            assert_close(table[:, i, j], 4 * offsets.numbers[:, reach + offset])


@pytest.mark.parametrize("positions", ["none", "absolute", "relative"])
def test_padding_changes_no_answer_with_the_mask_and_does_without(chapter, positions):
    net, tokens = tagger(chapter, positions=positions), torch.tensor([[5, 9, 3, 7]])
    filled = torch.cat([tokens, torch.zeros(1, 6, dtype=torch.long)], 1)
    for masked in (True, False):
        gap = net.attend(tokens, masked)[0] - net.attend(filled, masked)[0][:, :4]
        assert (gap.abs().max() < 1e-12) == masked


def test_attend_gives_logits_and_weights_of_one_layer(chapter):
    net = tagger(chapter, heads=2)
    logits, weights = net.attend(torch.tensor([[4, 5, 6], [7, 8, 0]]))
    assert logits.shape == (2, 3, 12) and weights.shape == (1, 2, 2, 3, 3)
    assert_close(weights.sum(-1), torch.ones(1, 2, 2, 3, dtype=f64))


def test_relu_weights_sum_to_one_or_less_and_leave_masked_words_alone(chapter):
    scores = draw(4, 6, number=6)
    scores[:, 4:] = -torch.inf
    by_sum, by_count = chapter.by_sum(scores), chapter.by_count(scores)
    assert_close(by_sum.sum(-1), torch.ones(4, dtype=f64), rtol=1e-4, atol=1e-4)
    assert_close(by_count, (scores + 1).clamp(min=0) / 4)
    assert by_sum[:, 4:].abs().max() == by_count[:, 4:].abs().max() == 0


def test_full_layer_has_a_weight_for_every_pair_of_numbers(chapter):
    assert chapter.full_layer(5, 3).weight.numel() == (5 * 3) ** 2


# ---- tasks ---------------------------------------------------------------------------------------


def test_the_planted_value_stands_at_the_mark(chapter):
    x, value, place = chapter.planted(200, torch.Generator().manual_seed(0), 0.5)
    rows = torch.arange(200)
    assert_close(x[rows, place, 5], torch.full((200,), 0.5))
    assert (x[..., 5] > 0).sum() == 200 and x[:, 0].abs().max() == 0
    assert torch.equal(x[rows, place, :5].argmax(-1), value)


def test_hide_takes_about_its_share_of_words_and_no_padding(chapter):
    tokens = torch.cat([torch.full((400, 10), 7), torch.zeros(400, 5, dtype=torch.long)], 1)
    covered = chapter.hide(tokens, 0.3, torch.Generator().manual_seed(0))
    hidden = covered == chapter.HIDDEN
    assert not hidden[:, 10:].any() and 0.27 < hidden[:, :10].double().mean() < 0.33
    assert torch.equal(covered[~hidden], tokens[~hidden])


def test_batches_give_every_sentence_once_before_any_twice_and_cut_padding_only(chapter):
    length = torch.arange(40) % 9 + 1
    tokens = torch.where(torch.arange(9) < length[:, None], torch.arange(40)[:, None] + 1, 0)
    tags = torch.where(tokens > 0, 3, NO_TAG)
    stream, seen = chapter.batches(tokens, tags, torch.Generator().manual_seed(0), size=8), []
    for _ in range(5):
        x, y = next(stream)
        assert (x[:, -1] > 0).any() and torch.equal(y == 3, x > 0)
        seen += [(row[0].item(), int((row > 0).sum())) for row in x]
    assert sorted(seen) == [(i + 1, int(length[i])) for i in range(40)]


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_a_window_sees_exactly_its_neighbours(chapter, reach):
    torch.manual_seed(0)
    net, tokens = chapter.Window(30, 12, reach=reach), torch.arange(3, 12)[None]
    changed = tokens.clone()
    changed[0, 4] = 25
    differs = (net(tokens) - net(changed)).abs().amax(-1)[0] > 0
    assert differs.nonzero().flatten().tolist() == list(range(4 - reach, 5 + reach))


def test_score_counts_hidden_and_ambiguous_places_apart(chapter):
    def always_noun(tokens):                                # logits that say tag 0
        return torch.eye(12)[torch.zeros_like(tokens)]

    scored = CHAPTER.names([], HIDDEN=99, marked=torch.arange(100) == 5).score
    tokens = torch.tensor([[5, 6, 7, 5]] * 500)
    tags = torch.tensor([[0, 0, 1, 1]] * 500)
    hidden, plain = scored(always_noun, (tokens, tags))
    assert plain == 0.5 and 0.4 < hidden < 0.6


# ---- pictures and stored results -----------------------------------------------------------------


def test_pictures_refuse_what_does_not_fit_and_show_every_group():
    _, axes = new_figure(2)
    with pytest.raises(ValueError, match="panels"):
        sentence_pictures.weight_maps(axes, {"one": torch.eye(3)}, "abc", "abc")
    with pytest.raises(ValueError, match="2 rows"):
        sentence_pictures.weight_maps(axes[:1], {"one": torch.eye(3)}, "abc", "ab")
    sentence_pictures.dots(axes[0], {"first": [50.0, 52.0], "second": [70.0]})
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["first", "second"]
    assert {text.get_text() for text in axes[0].texts} == {"51", "70"}


def test_a_stored_result_is_read_back_and_refused_once_it_was_changed(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(stored_module, "root", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="COURSE_SLOW=1"):
        stored("trial", lambda: 1, {})
    monkeypatch.setenv("COURSE_SLOW", "1")
    assert stored("trial", lambda: {"a": [1, 2]}, {"rates": (1, 2)}).result == {"a": [1, 2]}
    monkeypatch.delenv("COURSE_SLOW")
    again = stored("trial", lambda: 1 / 0, {"rates": [1, 2]})
    assert again.result == {"a": [1, 2]} and "stored" in again.label and "seed" in again.label
    with pytest.raises(ValueError, match="other settings"):
        stored("trial", lambda: 1, {"rates": [3]})
    file = tmp_path / "results" / "trial.json"
    file.write_text(file.read_text().replace("2\n  ]", "3\n  ]"))
    with pytest.raises(ValueError, match="checksum"):
        stored("trial", lambda: 1, {"rates": [1, 2]})


def test_the_stored_search_covers_the_nets_and_rates_of_the_chapter():
    record = json.loads((paths.root() / "results" / "tune_taggers.json").read_text("utf-8"))
    assert len(record["result"]) == 6
    assert {len(row) for row in record["result"].values()} == {len(record["settings"]["rates"])}


# ---- playgrounds ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def widgets(chapter):
    named = {name: tagger(chapter, heads=1 if name == "one head" else 4,
                          positions=name.split()[0] if "positions" in name else "relative").float()
             for name in ("relative positions", "absolute positions", "no positions", "one head")}
    return CHAPTER.names(
        ["explore-playground", "live-playground"], nets={k: [v] for k, v in named.items()},
        reader=named["relative positions"],
        seed=1, mask_of=ch11.padding_mask, waves=ch11.sinusoids,
        **{name: getattr(chapter, name) for name in (
            "vocabulary", "HIDDEN", "WORDS", "train_data", "dev_data", "marked", "REACH",
            "longest")})


@pytest.mark.parametrize("moves", [{"net": "no positions"}, {"head": 2}, {"word": 2},
                                   {"sentence": "I like a little work ."}])
def test_every_control_of_the_explorer_changes_its_picture(widgets, moves):
    assert_follows(widgets.shown["explore-playground"], moves)


@pytest.mark.parametrize("moves", [{"positions": "none"}, {"heads": 1}, {"lr": 0.003},
                                   {"share": 0.4}])
def test_controls_of_the_training_change_what_is_learned(widgets, moves):
    assert_seen(widgets.shown["live-playground"], moves, steps=11)


def test_missions_of_the_training_ask_for_what_they_say(widgets):
    over, under = (mission.goal for mission in widgets.missions)

    def run(hidden, finished, lr=0.03):
        return SimpleNamespace(state={"right": {"hidden": ([0, 10], hidden)}}, finished=finished,
                               settings={"lr": lr})

    assert over(run([0.1, 0.45], False)) and not over(run([0.1, 0.39], True))
    assert under(run([0.1, 0.35], True)) and not under(run([0.1, 0.35], False))
    assert not under(run([0.1, 0.45], True)) and not under(run([0.1, 0.35], True, lr=0.001))
