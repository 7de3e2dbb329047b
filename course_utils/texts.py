"""Sentences as numbers: a vocabulary, padded rows of word ids, and typed text split into words.

>>> words_of('She said: "Mr. Poe, don\\'t!"')
('She', 'said', ':', '``', 'Mr.', 'Poe', ',', "don't", '!', "''")
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .datasets import Sentence

TAGS = ("NOUN", "VERB", ".", "DET", "ADP", "ADJ", "PRON", "ADV", "CONJ", "PRT", "NUM", "X")
PADDING, UNKNOWN = 0, 1  # ids of no word, and of a word that the vocabulary lacks
NO_TAG = -1  # at padding: cross_entropy(…, ignore_index=NO_TAG) leaves it out

_PIECES = re.compile(
    r"(?:Mr|Mrs|Dr|St|Jr)\.|(?:[A-Z]\.){2,}"  # titles; U.S.
    r"|\$?\d+(?:[.,]\d+)*%?(?![^\W_])"  # 1,000 and 85% and $5, but not the first half of 1960s
    r"|[^\W_]+(?:['/-][^\W_]+)*"  # words, with what stands inside them: don't, long-term
    r"|--|_+|\S",  # any other sign alone; ___ as one
    re.IGNORECASE,
)


class Vocabulary:
    """The most frequent words of some sentences, in lower case, each with a number (its id).

    Args:
        sentences: those to count, such as `brown().train`.
        keep: how many words get an id of their own; ties are settled by the alphabet.
    Attributes:
        words: the word of every id; id 0 is padding, id 1 any word that is not among them.
    Raises:
        ValueError: `keep` is not positive.
    """

    def __init__(self, sentences: Iterable[Sentence], keep: int = 4000):
        if keep < 1:
            raise ValueError(f"a vocabulary keeps at least one word, got keep={keep}")
        count = Counter(word.lower() for sentence in sentences for word in sentence.words)
        ranked = sorted(count, key=lambda word: (-count[word], word))
        self.words = ("<padding>", "<unknown>", *ranked[:keep])
        self._ids = {word: id for id, word in enumerate(self.words) if id > UNKNOWN}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word.lower() in self._ids

    def __repr__(self) -> str:
        return f"Vocabulary: {len(self)} ids, with padding and unknown"

    def ids(self, words: Iterable[str]) -> list[int]:
        """The id of each word; 1 for those it does not know."""
        return [self._ids.get(word.lower(), UNKNOWN) for word in words]


def encode(
    sentences: Sequence[Sentence], vocabulary: Vocabulary, length: int = 30
) -> tuple[Tensor, Tensor]:
    """Sentences as rows of equal length.

    Args:
        length: words and signs that a row has room for.
    Returns:
        tokens: (N, length) int64, word ids, 0 after the sentence's end.
        tags: (N, length) int64, positions in `TAGS`, −1 after the sentence's end.
    Raises:
        ValueError: a sentence has more than `length` words, or a tag that `TAGS` lacks.
    """
    tokens = torch.full((len(sentences), length), PADDING)
    tags = torch.full((len(sentences), length), NO_TAG)
    number = {tag: index for index, tag in enumerate(TAGS)}
    for row, sentence in enumerate(sentences):
        count = len(sentence.words)
        if count > length:
            raise ValueError(f"sentence {row} has {count} words, a row has {length}")
        if set(sentence.tags) - set(TAGS):
            raise ValueError(f"sentence {row} has tags other than {', '.join(TAGS)}")
        tokens[row, :count] = torch.tensor(vocabulary.ids(sentence.words))
        tags[row, :count] = torch.tensor([number[tag] for tag in sentence.tags])
    return tokens, tags


def ambiguous(
    sentences: Iterable[Sentence], vocabulary: Vocabulary, least: int = 20, share: float = 0.1
) -> Tensor:
    """Which words of a vocabulary carry several tags.

    Ambiguous is a word that occurs at least `least` times in the sentences, at least a `share` of
    these with another tag than its most frequent one.

    Returns:
        (words,) bool, by id: `ambiguous(…)[tokens]` marks the places of a text.
    """
    count: dict[str, Counter] = {}
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            count.setdefault(word.lower(), Counter())[tag] += 1
    answer = torch.zeros(len(vocabulary), dtype=torch.bool)
    for word, tags in count.items():
        others = tags.total() - max(tags.values())
        if tags.total() >= least and others >= share * tags.total() and word in vocabulary:
            answer[vocabulary.ids([word])] = True
    return answer


def words_of(text: str) -> tuple[str, ...]:
    """Typed text as the corpus splits it: signs are words of their own, don't is one word.

    Double quotes become the corpus's signs, two backquotes before and two apostrophes after.
    """
    words = []
    opening = True
    for piece in _PIECES.findall(text.replace("’", "'").replace("‘", "'")):
        if piece in ('"', "“", "”"):
            opening = piece == "“" or (piece == '"' and opening)
            words.append("``" if opening else "''")
            opening = not opening
        else:
            words.append(piece)
    return tuple(words)
