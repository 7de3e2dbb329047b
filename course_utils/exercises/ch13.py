"""Chapter 13, Capstone: the five cases. Judge, faults and worked answers are in `capstone`."""

from __future__ import annotations

from collections.abc import Callable

from course_utils import capstone
from course_utils.capstone import worked
from course_utils.exercises.model import Exercise, Mistake, Question, Verdict

STUB = '''\
def evidence_{small}(run):                      # a number, from anything that a run holds
    ...

def case_{small}():
    fault = ...                           # one of FAULTS
    mended = book["{letter}"].script.replace("the line as it is", "the line as it should be")
    return fault, evidence_{small}, mended

check("cap-case-{small}", case_{small})'''

HINTS = (
    "Run the script and look at its four curves first. Are both losses large, or only the "
    "held-out one? Does the training loss fall, jump, or stop at a level?",
    "Then ask the run, not the curves: do the same numbers come out again in eval mode? What do "
    "the outputs sum to? What is `p.grad` at the end? How large are the inputs, are any rows in "
    "both parts, do neighbours share their label? What is η · λmax / 2 at the start?",
    "Your number has to lie apart from healthy scripts and from those with other faults: try it "
    "on `run_script(planted_script(fault))` for every fault, after "
    "`from course_utils.capstone import planted_script`.",
    "To mend it, `print` the script and look for the one place that your number speaks of. A "
    "missing line is put in with `.replace(next_line, missing_line + next_line)`.",
)


def case_a():
    return worked("A")


def case_b():
    return worked("B")


def case_c():
    return worked("C")


def case_d():
    return worked("D")


def case_e():
    return worked("E")


def _judged(letter: str) -> Callable[[Callable], Verdict]:
    def judge(answer: Callable) -> Verdict:
        ruling = capstone.judge(letter, answer)
        return Verdict(ruling.ok, ruling.message, got=ruling.got, expected=ruling.expected)

    return judge


def _mistakes(letter: str) -> tuple[Mistake, ...]:
    def guess():
        fault, _, mended = worked(letter)
        return fault, ..., mended

    def name_only():
        return worked(letter)[0]

    def not_mended():
        fault, evidence, _ = worked(letter)
        return fault, evidence, capstone.current()[letter].script

    def nothing_returned():
        fault, _, mended = worked(letter)
        return fault, lambda run: None, mended

    return (
        Mistake("a guess", guess,
                "A name alone is a guess: hand over the number that shows it as well."),
        Mistake("name only", name_only,
                "Return three things, in this order: the fault, the function that computes your "
                "evidence, and the mended script."),
        Mistake("not mended", not_mended,
                "The script that you hand back is still the case's, letter by letter: `.replace` "
                "found nothing. Copy the old line from the script, with its spaces."),
        Mistake("evidence returns nothing", nothing_returned,
                "Your evidence returns None. Its body is still to be written, or a `return` is "
                "missing."),
    )


def _case(letter: str, solution: Callable) -> Exercise:
    small = letter.lower()
    return Exercise(
        id=f"cap-case-{small}",
        chapter="13",
        title=f"Case {letter}",
        solution=solution,
        cases=list,
        hints=HINTS,
        mistakes=_mistakes(letter),
        stub=STUB.format(small=small, letter=letter),
        judge=_judged(letter),
        worked=lambda: capstone.worked_text(letter),
    )


EXERCISES = tuple(_case(letter, solution) for letter, solution in zip(
    capstone.LETTERS, (case_a, case_b, case_c, case_d, case_e), strict=True))

QUESTIONS = (
    Question(
        "cap-q-alike", "13",
        "Training accuracy is high, held-out accuracy too, and both losses are far above zero. "
        "First suspicion?",
        ("the loss itself: what it sums over", "overfitting: too few examples",
         "a test set that is too small"), 0,
        "If the answers are right and the loss is large, look at how the loss is computed: a "
        "softmax over the wrong axis, or one too many.",
    ),
    Question(
        "cap-q-better", "13",
        "After a change of the data code the held-out accuracy jumps up by seven points. What now?",
        ("keep it: higher is better", "look for rows in both parts", "train it for longer"), 1,
        "A result that is too good is a symptom. Rows that are trained on and measured on look "
        "like progress.",
    ),
    Question(
        "cap-q-repeat", "13",
        "The same network on the same rows gives another loss at each measurement. Which line is "
        "missing?",
        ("optimizer.zero_grad()", "net.eval()", "torch.no_grad()"), 1,
        "In training mode dropout draws anew each time. `no_grad` saves memory, it does not "
        "change the mode.",
    ),
    Question(
        "cap-q-map", "13",
        "Labels were shuffled against the images. After a short training the map of chapter 03 "
        "points to …",
        ("bias or optimisation", "overfitting or mismatch", "fine: both losses small"), 0,
        "Noise is learned by heart only slowly, so the training loss is still large. The map names "
        "a place to look at; the fault is in the data.",
    ),
    Question(
        "cap-q-evidence", "13",
        "Which number is evidence for one certain fault?",
        ("a training loss far above zero", "a held-out accuracy below 80 %",
         "a number no other fault gives"), 2,
        "Many faults make a loss large or an accuracy low. Evidence lies apart from healthy runs "
        "and from runs with every other fault.",
    ),
    Question(
        "cap-q-floor", "13",
        "Cross-entropy is fed probabilities instead of scores, with 10 classes. The loss of "
        "perfect answers is …",
        ("zero, as it should be", "about 1.46", "about 2.30, ln 10"), 1,
        "The inner softmax gives 1 and nine zeros, the outer one e/(e + 9): −ln of that is about "
        "1.46. The loss stops there.",
    ),
    Question(
        "cap-q-limit", "13",
        "η is 1.5 times 2/λmax where a net stands. Does its loss have to grow?",
        ("yes, after a few steps", "no, λmax may shrink", "yes, but in Adam only"), 1,
        "With cross-entropy on rows that can be told apart the curvature falls with the loss. A "
        "value above the limit is a suspicion; a smaller rate is the test.",
    ),
    Question(
        "cap-q-curve", "13",
        "Held-out rows leaked into the training rows. What does the training curve show?",
        ("a jump at the start", "a floor above zero", "nothing unusual"), 2,
        "The leaked rows are training rows like any others. Only a search for rows that are in "
        "both parts finds them.",
    ),
)
