"""Three questions on earlier chapters, answered with a click and explained at once."""

from __future__ import annotations

import random
from typing import Any

from ..cards import Card, escape, paragraph, prose
from ..paths import headless
from ..seeding import course_seed
from ..study import notice, record
from ..study.live import Choices, Live, close_tree, frame, status, text
from .banks import questions
from .model import Question

COUNT = 3
_shown: dict[str, Live] = {}  # chapter -> the view of its recall cell


def recall(chapter: str) -> Live:
    """Questions on the chapters before this one; the last expression of its cell.

    Which ones depends on the chapter and the course's seed. The first click on a question counts.

    Args:
        chapter: the chapter that is opened, "02".
    Raises:
        ValueError: no earlier chapter has questions.
    """
    chosen = choose(chapter)
    card = _card(chapter, chosen)
    if headless():
        return Live(card)
    if chapter in _shown:
        close_tree(_shown[chapter].widget)  # this cell was run again
    _shown[chapter] = Live(card, _Asked(card, chosen).box)
    return _shown[chapter]


def choose(chapter: str, count: int = COUNT) -> list[Question]:
    """The questions that `recall(chapter)` asks: the first one is on the chapter just before.

    Raises:
        ValueError: no earlier chapter has questions.
    """
    there = questions(before=chapter)
    if not there:
        raise ValueError(f"no recall questions before chapter {chapter!r}")
    draw = random.Random(f"{course_seed()} {chapter}")
    latest = max(question.chapter for question in there)
    first = draw.choice([question for question in there if question.chapter == latest])
    others = [question for question in there if question is not first]
    return [first, *draw.sample(others, min(count - 1, len(others)))]


class _Asked:
    """The questions as buttons."""

    def __init__(self, card: Card, asked: list[Question]):
        self._right: dict[str, bool] = {}
        self._total = len(asked)
        self._score = text()
        parts: list[Any] = [text(card._head())]
        for number, question in enumerate(asked, 1):
            parts += self._question(number, question)
        self.box = frame(*parts, self._score)

    def _question(self, number: int, question: Question) -> list[Any]:
        explained = text()

        def answered(index: int) -> None:
            if question.id in self._right:
                return
            right = self._right[question.id] = index == question.answer
            buttons.mark({index: "✗", question.answer: "✓"}, empty="\u2002")
            word = "Right." if right else "Not quite."
            explained.value = status(paragraph(f"<strong>{word}</strong> {prose(question.why)}"))
            record("recall", question.id, {"right": right})
            self._show_score()

        buttons = Choices(question.choices, answered)
        asked = paragraph(f"<strong>{number}.</strong> {prose(question.text)}")
        return [text(asked), buttons.box, explained]

    def _show_score(self) -> None:
        if len(self._right) == self._total:
            said = f"{sum(self._right.values())} of {self._total} right."
            self._score.value = status(paragraph(said) + notice())


def _card(chapter: str, asked: list[Question]) -> Card:
    """Without a browser: the questions, and their answers folded away."""
    body = ""
    for number, question in enumerate(asked, 1):
        choices = "".join(f"<li>{escape(choice)}</li>" for choice in question.choices)
        right = question.choices[question.answer].removesuffix(".")
        answer = f"{escape(right)}. {prose(question.why)}"
        body += paragraph(f"<strong>{number}.</strong> {prose(question.text)}")
        body += f'<ul style="margin:.2em 0">{choices}</ul>'
        body += f"<details><summary>Answer</summary>{paragraph(answer)}</details>"
    count = f"{len(asked)} question{'' if len(asked) == 1 else 's'}"
    title = f"{count} on earlier chapters"
    return Card("recall", "", "", title, body, f"recall {chapter}: {count}")
