"""Sentences as numbers: vocabulary, padded rows, words with several tags, typed text."""

import pytest
import torch
from torch.testing import assert_close

from course_utils.datasets import Sentence, brown
from course_utils.texts import (
    NO_TAG,
    PADDING,
    TAGS,
    UNKNOWN,
    Vocabulary,
    ambiguous,
    encode,
    words_of,
)


def sentence(text):
    """`they/PRON work/VERB` as a sentence of the corpus."""
    words, tags = zip(*(token.rsplit("/", 1) for token in text.split()), strict=True)
    return Sentence(words, tags, "a", "a01")


SOME = [
    sentence("They/PRON work/VERB hard/ADV ./."),
    sentence("The/DET work/NOUN was/VERB hard/ADJ ,/. they/PRON said/VERB ./."),
]


def test_the_most_frequent_words_are_kept_ties_in_the_order_of_the_alphabet():
    vocabulary = Vocabulary(SOME, keep=5)

    # twice each: . hard they work; once: , comes first
    assert vocabulary.words == ("<padding>", "<unknown>", ".", "hard", "they", "work", ",")
    assert len(vocabulary) == 7


def test_capitals_do_not_matter_and_what_it_lacks_is_unknown():
    vocabulary = Vocabulary(SOME, keep=5)

    assert vocabulary.ids(["THEY", "they", "was", "<padding>"]) == [4, 4, UNKNOWN, UNKNOWN]
    assert "Work" in vocabulary and "was" not in vocabulary and "<unknown>" not in vocabulary


def test_a_vocabulary_without_words_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Vocabulary(SOME, keep=0)


def test_rows_hold_ids_and_tags_and_padding_after_the_end():
    vocabulary = Vocabulary(SOME, keep=4)
    tokens, tags = encode(SOME, vocabulary, length=9)

    assert tokens.dtype == tags.dtype == torch.int64
    assert tokens.tolist() == [[4, 5, 3, 2, 0, 0, 0, 0, 0], [1, 5, 1, 3, 1, 4, 1, 2, 0]]
    assert [[TAGS[tag] if tag != NO_TAG else "" for tag in row] for row in tags.tolist()] == [
        ["PRON", "VERB", "ADV", ".", *[""] * 5],
        ["DET", "NOUN", "VERB", "ADJ", ".", "PRON", "VERB", ".", ""],
    ]


@pytest.mark.parametrize(("text", "length", "words"), [
    ("a/DET b/NOUN c/VERB", 2, "sentence 0 has 3 words"),
    ("a/THING", 5, "other than NOUN"),
])
def test_a_sentence_that_does_not_fit_is_refused(text, length, words):
    with pytest.raises(ValueError, match=words):
        encode([sentence(text)], Vocabulary(SOME), length)


def test_ambiguous_is_a_frequent_word_that_often_has_another_tag_than_its_usual_one():
    vocabulary = Vocabulary([sentence("often/X once/X sure/X rare/X three/X")])
    lines = [f"often/{'NOUN' if i < 8 else 'VERB'} once/{'VERB' if i == 0 else 'NOUN'} sure/ADV "
             f"three/{('NOUN', 'VERB', 'ADJ')[i % 3]} stranger/{'NOUN' if i < 5 else 'VERB'}"
             for i in range(10)]

    def found(text, **rule):
        marked = ambiguous(text, vocabulary, **rule)
        return {word for word, yes in zip(vocabulary.words, marked, strict=True) if yes}

    text = [sentence(line) for line in lines]
    assert found(text, least=10, share=0.2) == {"often", "three"}
    assert found(text, least=10, share=0.1) == {"often", "three", "once"}
    assert found(text, least=11, share=0.1) == set()
    text += [sentence("rare/NOUN rare/VERB Often/NOUN")]  # capitals count: 2 of 11 now
    assert found(text, least=10, share=0.2) == {"three"}
    assert found(text, least=2, share=0.5) == {"three", "rare"}


def test_the_corpus_fits_into_rows_of_thirty_and_comes_back():
    corpus = brown()
    vocabulary = Vocabulary(corpus.train)
    tokens, tags = encode(corpus.test, vocabulary)

    assert tokens.shape == tags.shape == (2000, 30)
    assert_close(tokens == PADDING, tags == NO_TAG)
    for row in (0, 777, 1999):
        words = [w.lower() for w in corpus.test[row].words]
        back = [vocabulary.words[id] for id in tokens[row, : len(words)].tolist()]
        assert [b for b, w in zip(back, words, strict=True) if w in vocabulary] == [
            w for w in words if w in vocabulary]
        assert tokens[row, len(words):].sum() == 0
    assert (tokens == UNKNOWN).float().mean() < 0.1
    share = ambiguous(corpus.train, vocabulary)[tokens].sum() / (tokens > 0).sum()
    assert 0.03 < share < 0.15


@pytest.mark.parametrize(("text", "words"), [
    ("They work hard.", "They work hard ."),
    ("  I   don't,you know; do you?!  ", "I don't , you know ; do you ? !"),
    ("Mr. Smith of the U.S. paid $1,000 (85% of it) in the 1960s.",
     "Mr. Smith of the U.S. paid $1,000 ( 85% of it ) in the 1960s ."),
    ("a long-term plan -- and/or “more” of 'it'",
     "a long-term plan -- and/or `` more '' of ' it '"),
    ('"One" and "two"', "`` One '' and `` two ''"),
    ("It’s 3.5 or 7:30...", "It's 3.5 or 7 : 30 . . ."),
    ("我們 學習，work!", "我們 學習 ， work !"),
    ("They ___ to _ it.", "They ___ to _ it ."),
    ("naïve café 😀x", "naïve café 😀 x"),
    ("", ""),
    (" \t\n\u3000", ""),
])
def test_typed_text_is_split_as_the_corpus_is(text, words):
    assert words_of(text) == tuple(words.split())


def test_sentences_of_the_corpus_typed_as_one_writes_them_are_split_as_they_were():
    same = [words_of(as_written(s.words)) == s.words for s in brown().dev]
    assert sum(same) / len(same) > 0.9


def as_written(words):
    text = ""
    for word in words:
        tight = word in (".", ",", ";", "?", "!", ":", ")", "''") or text[-1:] in ("(", "“")
        text += ("" if tight or not text else " ") + {"``": "“", "''": "”"}.get(word, word)
    return text
