"""Chapter 11 as a learner uses it: a sentence typed into a box, and a tagger watched training."""

from tests.browser import keyboard
from tests.browser.lab import Widget

EXPLORE, TRAIN = "explore_attention(", "train_tagger("
# one word replaced each: its neighbour was a verb and becomes a noun, if the net reads neighbours
PAIRS = [
    ("They have to work hard .", "They have the work hard ."),
    ("They like to play .", "They like the play ."),
    ("They work .", "The work ."),
    ("They want to use it .", "They want the use it ."),
]


def test_a_sentence_is_typed_and_a_tagger_trained(chapter, screenshot):
    notebook = chapter("11")
    assert notebook.tracebacks() == []

    explore = Widget(notebook, notebook.cell(EXPLORE))
    screenshot("playground-attention-start", explore.output)
    assert "✓" not in explore.text()
    explore.changes(lambda: explore.type("your sentence", "They want to blorf the work , 也 so ."))
    assert "Unknown to the vocabulary: “blorf”" in explore.words and "“也”" in explore.words
    assert "blorf/" in explore.words
    notebook.eventually(lambda: "✓ done: Find a word that the net does not know" in explore.text())
    explore.changes(lambda: explore.move("word that looks"))
    screenshot("playground-attention-unknown", explore.output)
    assert "blorf" in explore.field("settings")

    before = explore.words
    explore.type("your sentence", "")
    notebook.eventually(lambda: explore.words.startswith("There is no word in your sentence"))
    assert before in explore.words  # the picture is still there
    explore.type("your sentence", "so " * 40)
    notebook.eventually(lambda: explore.words.startswith("Your sentence has 40 words"))
    screenshot("playground-attention-too-long", explore.output)

    explore.changes(lambda: explore.type("your sentence", "They have to work hard at work ."))
    find_the_head_that_looks_back(explore)
    screenshot("playground-attention-looks-back", explore.output)
    change_a_tag_by_its_neighbour(explore)
    screenshot("playground-attention", explore.output)

    train = Widget(notebook, notebook.cell(TRAIN))
    train.changes(lambda: train.type("your sentence", "They blorf to work ."))
    assert "Unknown to the vocabulary: “blorf”" in train.words
    screenshot("playground-tagger-start", train.output)
    train.changes(lambda: train.press("Run"))
    notebook.eventually(lambda: train.step >= 20, seconds=120)
    train.changes(lambda: train.type("your sentence", "They have to work hard at work ."))
    notebook.eventually(lambda: "Unknown" not in train.words and "hard/" in train.words)
    screenshot("playground-tagger-running", train.output)
    notebook.eventually(lambda: train.step >= 35, seconds=300)  # a whole run would take long
    if train.button("Pause").count():  # else it is done
        train.press("Pause")
    notebook.eventually(lambda: not train.button("Pause").count())
    train.changes(lambda: train.choose("head shown", "1"))
    screenshot("playground-tagger-paused", train.output)

    train.choose("positions", "none")
    notebook.eventually(lambda: "takes effect at the next Reset" in train.text())
    train.changes(lambda: train.press("Reset"))
    train.changes(lambda: train.press("Run"))
    notebook.eventually(lambda: train.step >= 12, seconds=120)
    if train.button("Pause").count():
        train.press("Pause")
    screenshot("playground-tagger-without-positions", train.output)
    assert "positions=none" in train.field("settings")

    screenshot("chapter-11")
    keyboard.assert_reachable(notebook, "11")
    assert notebook.tracebacks() == [] and notebook.errors == []


def find_the_head_that_looks_back(explore: Widget) -> None:
    """Try every head of every net until the mission is reached."""
    goal = "✓ done: Find a head that looks at the word before"
    for net in explore.options("net"):
        explore.choose("net", net)
        for head in explore.options("head")[1:]:
            explore.choose("head", head)
            said = f"Net “{net}”"
            explore.notebook.eventually(
                lambda head=head, said=said: said in explore.words and
                (f"head {head}" in explore.words or "its " in explore.words))
            explore.notebook.page.wait_for_timeout(300)  # missions follow the words
            if goal in explore.text():
                return
    raise AssertionError("no head of any net looks at the word before")


def change_a_tag_by_its_neighbour(explore: Widget) -> None:
    """Replace a word beside one that may be verb or noun, in the net found before."""
    goal = "✓ done: Replace one word"
    for pair in PAIRS:
        for sentence in pair:
            words = sentence.split()
            explore.type("your sentence", sentence)
            explore.notebook.eventually(lambda words=words: all(
                f"{word}/" in explore.words for word in words))
        explore.notebook.page.wait_for_timeout(300)
        if goal in explore.text():
            return
    raise AssertionError("no tag changed with its neighbour")
