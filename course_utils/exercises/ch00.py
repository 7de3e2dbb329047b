"""Chapter 00, Start here: two one-line exercises that show how exercises work, and questions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question

# ---- start-mean-loss ----------------------------------------------------------------------------


def mean_loss(prediction: Tensor, label: Tensor) -> Tensor:
    distance = (prediction - label).abs()    # (N,): how far each guess is off, whichever side
    return distance.mean()                   # (): one number for all of them


def _mean_loss_slowly(prediction: Tensor, label: Tensor) -> Tensor:
    total = 0.0
    for guess, right in zip(prediction.tolist(), label.tolist(), strict=True):
        total += guess - right if guess > right else right - guess
    return torch.tensor(total / len(label))


def _mean_loss_cases() -> list[Case]:
    g = torch.Generator().manual_seed(0)
    days = torch.tensor([11.0, 12.0, 8.0])
    return [
        Case((days, torch.tensor([11.5, 10.0, 9.0])), "three days, thousand births"),
        Case((days, days.clone()), "every guess right"),
        Case((torch.tensor([7.0]), torch.tensor([9.0])), "a single day"),
        Case((torch.tensor([10.0, 14.0]), torch.tensor([12.0, 12.0])), "one too low, one too high"),
        Case((torch.randn(50, generator=g), torch.randn(50, generator=g)), "random, 50 days"),
    ]


def _without_abs(prediction, label):
    return (prediction - label).mean()


def _abs_too_late(prediction, label):
    return (prediction - label).mean().abs()


def _sum(prediction, label):
    return (prediction - label).abs().sum()


def _squared(prediction, label):
    return ((prediction - label) ** 2).mean()


def _one_per_example(prediction, label):
    return (prediction - label).abs()


def _plain_number(prediction, label):
    return (prediction - label).abs().mean().item()


MEAN_LOSS = Exercise(
    id="start-mean-loss",
    chapter="00",
    title="The mean distance as a function",
    solution=mean_loss,
    oracle=_mean_loss_slowly,
    cases=_mean_loss_cases,
    hints=(
        "A guess of 10 and a guess of 14 are equally wrong if the label is 12.",
        "`prediction - label` has a sign; `.abs()` takes it off.",
        "Take the sign off first, then the mean: `.abs().mean()`.",
    ),
    mistakes=(
        Mistake("sign kept", _without_abs,
                "A miss of −2 and a miss of +2 cancel here, so two wrong guesses can look perfect. "
                "Take the sign off each distance."),
        Mistake("sign taken off the mean", _abs_too_late,
                "The sign goes off too late: misses above and below have cancelled in the mean "
                "already. Which of the two comes first?"),
        Mistake("sum instead of mean", _sum,
                "This is the sum: it grows with the number of days, so a year looks worse than a "
                "week. Divide by how many there are."),
        Mistake("squared", _squared,
                "This is the mean *squared* error, another good loss (chapter 02). Asked for is "
                "the mean distance, in births."),
        Mistake("one number per day", _one_per_example,
                "These are the distances, one for each day. A loss is one number for all of them."),
        Mistake("a plain number", _plain_number,
                "The value is right. Return the tensor, not a plain number: the cells that use "
                "your function take the plain number out themselves."),
    ),
    stub='''\
def mean_loss(prediction, label):
    ...                                      # your code: one number, the mean distance

check("start-mean-loss", mean_loss)''',
)

# ---- start-step ---------------------------------------------------------------------------------


def step(theta: Tensor, g: Tensor, lr: float) -> Tensor:
    return theta - lr * g                    # (P,): downhill, so against the gradient


def _step_slowly(theta: Tensor, g: Tensor, lr: float) -> Tensor:
    return torch.tensor([t - lr * slope for t, slope in zip(theta.tolist(), g.tolist(),
                                                            strict=True)])


def _step_cases() -> list[Case]:
    g = torch.Generator().manual_seed(1)
    theta = torch.tensor([1.0, -2.0])
    return [
        Case((theta, torch.tensor([0.5, -4.0]), 0.1), "two parameters, learning rate 0.1"),
        Case((theta, torch.zeros(2), 0.1), "flat ground: all slopes are 0"),
        Case((torch.tensor([3.0]), torch.tensor([2.0]), 0.25), "one parameter"),
        Case((theta, torch.tensor([40.0, -8.0]), 0.5), "steep slopes"),
        Case((torch.randn(5, generator=g), torch.randn(5, generator=g), 0.01), "random, 5 of them"),
    ]


def _uphill(theta, g, lr):
    return theta + lr * g


def _without_lr(theta, g, lr):
    return theta - g


def _only_the_movement(theta, g, lr):
    return -lr * g


def _scaled_theta(theta, g, lr):
    return lr * (theta - g)


STEP = Exercise(
    id="start-step",
    chapter="00",
    title="One update of gradient descent",
    solution=step,
    oracle=_step_slowly,
    cases=_step_cases,
    hints=(
        "The gradient g points uphill. You want to go down.",
        "The learning rate makes the step short: multiply the gradient by it.",
        "Start at `theta` and take `lr * g` away.",
    ),
    mistakes=(
        Mistake("uphill", _uphill,
                "This goes up: the gradient points to where the loss *rises*. Go the other way."),
        Mistake("learning rate forgotten", _without_lr,
                "The direction is right, the length is not: the gradient itself is far too long a "
                "step here. Where does `lr` come in?"),
        Mistake("only the movement", _only_the_movement,
                "This is how far to move, not where you arrive. Start from `theta`."),
        Mistake("parameters scaled", _scaled_theta,
                "Here `lr` shrinks the parameters as well. Only the gradient is multiplied by it."),
    ),
    stub='''\
def step(theta, g, lr):
    ...                                      # your code: the parameters after one update

check("start-step", step)''',
)

EXERCISES: tuple[Exercise, ...] = (MEAN_LOSS, STEP)

# ---- questions ----------------------------------------------------------------------------------

QUESTIONS: tuple[Question, ...] = (
    Question(
        id="start-q-finding",
        chapter="00",
        text="In one phrase: what is machine learning?",
        choices=(
            "Writing a function by hand and testing it on examples",
            "Finding a function that fits examples and also new cases",
            "Storing all examples and looking the right answer up",
        ),
        answer=1,
        why="You give examples and a family of functions; the search finds the member that fits. "
            "Looking up fails as soon as a new case comes.",
    ),
    Question(
        id="start-q-kinds",
        chapter="00",
        text="A program reads the weather forecast and says how many bicycles will be rented "
             "tomorrow. Which kind of task is that?",
        choices=("Regression", "Classification", "Structured learning"),
        answer=0,
        why="The answer is a number. One of several classes would be classification, an answer "
            "built of parts (a sentence, a row of tags) structured learning.",
    ),
    Question(
        id="start-q-structured",
        chapter="00",
        text="A program reads a sentence and gives every word its part of speech. Why is that "
             "called structured learning?",
        choices=(
            "Because it is trained on text instead of numbers",
            "Because the answer has parts, as many as the sentence has words",
            "Because the network behind it has several layers",
        ),
        answer=1,
        why="What counts is the answer: a row of tags, each depending on the words around it.",
    ),
    Question(
        id="start-q-steps",
        chapter="00",
        text="Which order do the three steps of machine learning come in?",
        choices=(
            "Loss, model, optimisation",
            "Optimisation, loss, model",
            "Model, loss, optimisation",
        ),
        answer=2,
        why="First a function with open parameters, then a number that says how wrong it is, then "
            "the search for the parameters that make that number small.",
    ),
    Question(
        id="start-q-held-out",
        chapter="00",
        text="The births model learned from 2000 to 2010. Why measure its error on 2012 to 2014?",
        choices=(
            "On days it learned from, even a model that only memorised would look good",
            "Newer data are recorded more exactly than older ones",
            "The error is smaller on later years, which looks better",
        ),
        answer=0,
        why="A function is for days that it has not seen. Held-out data show how it does there.",
    ),
    Question(
        id="start-q-baseline",
        chapter="00",
        text="Why compare a model with “the same as a week ago”?",
        choices=(
            "It is the best guess that anyone could make",
            "It is the simplest guess that a model has to beat to be worth its trouble",
            "A model must be trained on the guesses of another one",
        ),
        answer=1,
        why="An error means little alone. A baseline says what no effort would have reached.",
    ),
    Question(
        id="start-q-hat",
        chapter="00",
        text="In this course's formulas, what does ŷ stand for?",
        choices=("The model's prediction", "The label, the right answer", "The mean of all y"),
        answer=1,
        why="As in the lectures, the hat marks the label and plain y the prediction. Many books "
            "have it the other way round.",
    ),
    Question(
        id="start-q-verdict",
        chapter="00",
        text="Who decides whether a claim of this course holds?",
        choices=(
            "Code, from the numbers measured in front of you",
            "The authors, from what textbooks say",
            "You, by clicking on the answer you expect",
        ),
        answer=0,
        why="A verdict is computed from the measurement in the same notebook, so it can also come "
            "out as “does not hold”.",
    ),
    Question(
        id="start-q-learning-rate",
        chapter="00",
        text="In gradient descent, what does the learning rate η do?",
        choices=(
            "It says how many examples each update looks at",
            "It multiplies the gradient, so it sets how far each update moves",
            "It counts how often the data have been gone through",
        ),
        answer=1,
        why="Each update goes from θ to θ − ηg. Too small an η crawls, too large a one overshoots.",
    ),
)
