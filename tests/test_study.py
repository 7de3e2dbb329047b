"""Predictions and progress: what is asked, kept, told and never lost."""

import json
import multiprocessing
import os
import re
import time

import numpy as np
import pytest
import torch

from course_utils import study
from course_utils.study import (
    compare,
    export_progress,
    import_progress,
    predict,
    progress,
    record,
    recorded,
    reset_progress,
)
from course_utils.study._predictions import how_near, parse_number, shown
from course_utils.study._store import Store, read_entries, write_entries

ID = "reg-overfit"


@pytest.fixture(autouse=True)
def learner(monkeypatch, tmp_path):
    """Somebody is there to click, with a folder of their own and a fresh kernel."""
    folder = tmp_path / "study"
    monkeypatch.setenv("COURSE_STUDY_DIR", str(folder))
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    monkeypatch.setattr(study, "_asked", {})
    monkeypatch.setattr(study, "_stores", {})
    return folder


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """A study folder that cannot be made, on any system and for any user."""
    (tmp_path / "a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path / "a file" / "study"))


def parts(live):
    """(buttons, text fields, words) of a displayed widget."""
    buttons, fields, words, pending = [], [], [], [live.widget]
    while pending:
        widget = pending.pop(0)
        pending = list(getattr(widget, "children", ())) + pending
        name = type(widget).__name__
        if name == "Button":
            buttons.append(widget)
        elif name == "Text":
            fields.append(widget)
        elif name == "HTML" and "<style" not in widget.value:
            words.append(re.sub(r"<[^>]+>", "", widget.value))
    return buttons, fields, " ".join(words)


def choose(live, index):
    parts(live)[0][index].click()


def restart_kernel(monkeypatch):
    monkeypatch.setattr(study, "_asked", {})
    monkeypatch.setattr(study, "_stores", {})


# ---- headless -------------------------------------------------------------------------------


def test_headless_runs_leave_one_fixed_line_and_touch_no_disk(nobody, learner):
    shown = [predict(ID, "What?", choices=["up", "down"]), compare(ID, "up"), progress(),
             export_progress(learner / "x.json"), import_progress(learner / "y.json"),
             reset_progress(confirm=True)]
    record("exercise", "torch-mse", "passed")

    lines = [one._repr_mimebundle_()[0]["text/plain"] for one in shown]
    assert lines == [f"predict {ID}", f"compare {ID}", "progress", "progress: export",
                     "progress: import", "progress: reset"]
    assert all("widget-view" not in key for one in shown for key in one._repr_mimebundle_()[0])
    assert recorded("exercise", "torch-mse") is None
    assert not learner.exists()


def test_a_stored_prediction_cell_shows_the_question_to_who_reads_without_running(nobody):
    shown = predict(ID, "Which <one>?", choices=["rises", "falls"])._repr_mimebundle_()[0]
    assert "Which &lt;one&gt;?" in shown["text/html"] and "<li>falls</li>" in shown["text/html"]
    number = predict("a", number=True, unit="steps")._repr_mimebundle_()[0]["text/html"]
    assert "A number (steps)." in number


def test_the_measurement_in_a_stored_comparison_is_masked(nobody):
    html = compare("reg-x", 0.123456, unit="births per day").html
    assert '<span class="measured">0.1235 births per day</span>' in html


def test_stored_predictions_do_not_show_up_in_headless_comparisons(monkeypatch):
    choose(predict(ID, choices=["up", "down"]), 0)
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    assert "You predicted" not in compare(ID, "down").html


# ---- asking ---------------------------------------------------------------------------------


def test_what_is_displayed_is_a_widget_view_and_one_line():
    shown = predict(ID, choices=["up", "down"])
    data, _ = shown._repr_mimebundle_()
    assert data["text/plain"] == f"predict {ID}"
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == shown.widget.model_id and view["version_major"] == 2


@pytest.mark.parametrize(("arguments", "error"), [
    ({}, TypeError),
    ({"choices": ["a", "b"], "number": True}, TypeError),
    ({"choices": ["a", "b"], "unit": "steps"}, TypeError),
    ({"choices": ["a", 1]}, TypeError),
    ({"choices": ["a"]}, ValueError),
    ({"choices": ["a", "a"]}, ValueError),
    ({"choices": "ab"}, ValueError),
])
def test_a_question_without_a_clear_answer_is_refused(arguments, error):
    with pytest.raises(error, match=ID):
        predict(ID, **arguments)


def test_a_choice_is_kept_shown_and_can_be_changed(learner):
    live = predict(ID, "Which?", choices=["up", "down"])
    assert "No prediction kept yet" in parts(live)[2]

    choose(live, 0)
    choose(live, 1)

    buttons, _, words = parts(live)
    assert [button.description[0] for button in buttons] == ["○", "●"]
    assert "Kept: down." in words
    kept = json.loads((learner / "progress.json").read_text(encoding="utf-8"))
    assert kept["entries"]["prediction"][ID]["value"]["predicted"] == "down"


def test_a_number_is_kept_when_the_field_is_left_or_the_button_is_pressed():
    live = predict(ID, number=True, unit="steps")
    (button,), (field,), _ = parts(live)

    field.value = "1e3"
    assert recorded("prediction", ID) == {"predicted": 1000.0, "unit": "steps"}
    assert "Kept: 1000 steps." in parts(live)[2]

    button.click()
    field.value = "nine"
    assert "“nine” was not kept" in parts(live)[2]
    assert recorded("prediction", ID)["predicted"] == 1000.0


@pytest.mark.parametrize(("typed", "unit", "number"), [
    ("12", "", 12), (" 0.5 ", "", 0.5), ("−3", "", -3), ("1e-3", "", 1e-3),
    ("12 steps", "steps", 12), ("25%", "", 0.25), ("25 %", "%", 25), ("1_000", "", 1000),
    ("10 000", "", 10000),
])
def test_numbers_are_read_as_learners_write_them(typed, unit, number):
    assert parse_number(typed, unit) == pytest.approx(number)


@pytest.mark.parametrize("typed", ["1,000", "0,5", "nan", "inf", "1..2", "steps", "1e999"])
def test_ambiguous_numbers_are_refused_with_an_example(typed):
    with pytest.raises(ValueError, match="such as"):
        parse_number(typed)


def test_the_answer_is_there_again_after_a_restart(monkeypatch):
    choose(predict(ID, choices=["up", "down"]), 1)
    parts(predict("reg-n", number=True))[1][0].value = "7"

    restart_kernel(monkeypatch)

    buttons, _, words = parts(predict(ID, choices=["up", "down"]))
    assert buttons[1].description.startswith("●") and "Kept: down." in words
    assert parts(predict("reg-n", number=True))[1][0].value == "7"


def test_an_answer_that_is_no_longer_a_choice_is_shown_but_not_marked(monkeypatch):
    choose(predict(ID, choices=["up", "down"]), 1)
    restart_kernel(monkeypatch)
    buttons, _, words = parts(predict(ID, choices=["grows", "shrinks"]))
    assert {button.description[0] for button in buttons} == {"○"}
    assert "Kept: down." in words


# ---- comparing ------------------------------------------------------------------------------


def test_after_the_comparison_the_prediction_cannot_be_changed(monkeypatch):
    live = predict(ID, choices=["up", "down"])
    choose(live, 0)

    compare(ID, "down")

    assert all(button.disabled for button in parts(live)[0])
    assert "Measured since: down" in parts(live)[2]
    choose(live, 1)  # a click that was on its way
    assert recorded("prediction", ID)["predicted"] == "up"
    restart_kernel(monkeypatch)
    assert all(button.disabled for button in parts(predict(ID, choices=["up", "down"]))[0])


def test_running_the_prediction_cell_again_closes_its_earlier_view():
    first = predict(ID, choices=["up", "down"])
    second = predict(ID, choices=["up", "down"])
    assert all(button.disabled for button in parts(first)[0])
    assert not any(button.disabled for button in parts(second)[0])


def test_a_prediction_can_still_be_made_after_a_comparison_without_one():
    live = predict(ID, choices=["up", "down"])
    made = compare(ID, "down")
    assert made.word == "no prediction" and made.text == f"compare {ID}"
    choose(live, 1)
    assert compare(ID, "down").word == "as predicted"


@pytest.mark.parametrize("result", [3, 3.0, np.float32(3), torch.tensor(3.0), np.int64(3)])
def test_numbers_of_all_kinds_can_be_compared(result):
    parts(predict(ID, number=True))[1][0].value = "3"
    made = compare(ID, result)
    assert (made.sign, made.word) == ("✓", "exactly")
    assert recorded("prediction", ID)["measured"] == 3.0


@pytest.mark.parametrize(("predicted", "result", "sign", "words"), [
    (10, 10, "✓", "exactly"),
    (12, 10, "✓", "near: 20 % too high"),
    (9, 10, "✓", "near: 10 % too low"),
    (20, 10, "◐", "too high by a factor of 2"),
    (1, 1000, "✗", "too low by a factor of 1e+03"),
    (-20, -10, "◐", "too high by a factor of 2"),
    (1, 0, "✗", "1 away"),
    (2, -2, "✗", "4 away"),
    (0, 0, "✓", "exactly"),
    (1, float("nan"), "·", "not a finite number"),
    ("up", "up", "✓", "as predicted"),
    ("up", "down", "✗", "not as predicted"),
])
def test_how_near_a_prediction_came(predicted, result, sign, words):
    found = how_near(predicted, result)
    assert found[0] == sign and words in found[1]


@pytest.mark.parametrize(("unit", "predicted", "result", "sign", "words"), [
    ("%", 94, 96, "✓", "near: 2 too low"),
    ("%", 80, 96, "✗", "16 too low"),             # within the factor 1.25, and five times as wrong
    ("% of the starts", 90, 96, "◐", "6 too low"),
    ("%", 10, 5.6, "◐", "4.4 too high"),          # nearly twice as many wrong
    ("of 100", 120, 96, "✗", "24 too high"),
    ("of 40", 9, 10, "✓", "near: 1 too low"),
    ("share right", 0.85, 0.9, "✓", "near: 0.05 too low"),
    ("share right", 0.5, 0.48, "✓", "near: 0.02 too high"),
    ("share right", 0.0, 0.02, "◐", "0.02 too low"),
    ("%", 0.3, 0, "✓", "near: 0.3 too high"),
    ("times", 80, 96, "✓", "near: 17 % too low"),
])
def test_a_share_is_compared_by_its_distance(unit, predicted, result, sign, words):
    found = how_near(predicted, result, unit)
    assert found[0] == sign and words in found[1]


@pytest.mark.parametrize(("value", "text"), [
    (1000.0, "1000"), (0.123456, "0.1235"), (1.5e-7, "1.5e-07"), (-2.0, "-2"), ("up", "up"),
])
def test_numbers_are_shown_to_four_digits(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(("ask", "result", "error"), [
    ({"choices": ["up", "down"]}, "sideways", ValueError),
    ({"choices": ["up", "down"]}, 3.0, TypeError),
    ({"number": True}, "up", TypeError),
    ({"number": True}, True, TypeError),
    ({"number": True}, torch.tensor([1.0]), TypeError),
    ({"number": True}, None, TypeError),
])
@pytest.mark.parametrize("headless", ["0", "1"])
def test_a_measurement_that_does_not_answer_the_question_is_refused(
    monkeypatch, ask, result, error, headless
):
    monkeypatch.setenv("COURSE_HEADLESS", headless)  # so that authors notice, too
    predict(ID, **ask)
    with pytest.raises(error, match=ID):
        compare(ID, result)


def test_an_answer_to_an_earlier_version_of_the_question_is_not_compared(monkeypatch):
    choose(predict(ID, choices=["up", "down"]), 1)
    restart_kernel(monkeypatch)
    predict(ID, number=True)
    assert compare(ID, 3.0).word == "no prediction"


# ---- the file -------------------------------------------------------------------------------


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'score'.*exercise"):
        record("score", "x", 1)


def test_a_damaged_file_is_kept_aside_and_told_once(learner):
    learner.mkdir()
    (learner / "progress.json").write_text('{"version": 1, "entr', encoding="utf-8")

    live = predict(ID, choices=["up", "down"])
    choose(live, 0)

    (aside,) = learner.glob("progress.broken-*.json")
    assert aside.read_text(encoding="utf-8") == '{"version": 1, "entr'
    assert recorded("prediction", ID)["predicted"] == "up"
    assert "The progress file was damaged" in parts(live)[2]
    assert "The progress file was damaged" not in progress().html


@pytest.mark.parametrize("content", [
    "", "[]", '{"version": 2, "entries": {}}', '{"version": 1, "entries": []}', "\ufffd\x00",
    '{"version": 1, "entries": {"exercise": {"a": 3}}}',
    '{"version": 1, "entries": {"prediction": {"a": {"at": "2026", "value": 3}}}}',
    '{"version": 1, "entries": {"recall": {"a": {"at": "2026", "value": {}}}}}',
])
def test_whatever_the_file_holds_nothing_fails_and_nothing_is_overwritten(learner, content):
    learner.mkdir()
    (learner / "progress.json").write_text(content, encoding="utf-8")

    told = progress().html

    assert "was damaged" in told and "progress.broken" in told
    record("exercise", "torch-mse", "passed")
    assert [p.read_text(encoding="utf-8") for p in learner.glob("*broken*")] == [content]


def test_a_folder_that_cannot_be_written_keeps_progress_in_memory_and_says_so_once(refused):
    live = predict(ID, choices=["up", "down"])
    choose(live, 1)

    assert recorded("prediction", ID)["predicted"] == "down"
    assert "only until this kernel stops" in parts(live)[2]
    assert "only until this kernel stops" not in parts(predict("reg-b", number=True))[2]
    assert "Kept in memory" in progress().html


def test_a_full_disk_loses_nothing(monkeypatch, learner):
    record("exercise", "torch-mse", "passed")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("course_utils.study._store.write_entries", full)
    record("exercise", "torch-shape-bug", "passed")

    assert recorded("exercise", "torch-mse") == recorded("exercise", "torch-shape-bug") == "passed"
    assert "No space left" in study.notice()


def test_writing_never_leaves_half_a_file(monkeypatch, learner):
    record("exercise", "torch-mse", "passed")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)  # the process ends just before the end
    with pytest.raises(KeyboardInterrupt):
        record("exercise", "torch-shape-bug", "passed")

    assert list(read_entries(learner / "progress.json")["exercise"]) == ["torch-mse"]
    assert sorted(path.name for path in learner.iterdir()) == ["progress.json"]


def test_an_equal_value_is_not_written_again(learner, monkeypatch):
    record("exercise", "torch-mse", "passed")
    before = (learner / "progress.json").read_bytes()
    monkeypatch.setattr("course_utils.study._store.now", lambda: "2999")
    record("exercise", "torch-mse", "passed")
    assert (learner / "progress.json").read_bytes() == before


def write_many(folder, name):
    store = Store(folder)
    for index in range(25):
        store.put("exercise", f"{name}-{index}", "passed")


def test_two_kernels_at_once_do_not_lose_each_others_entries(learner):
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=write_many, args=(learner, name)) for name in "abc"]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(60)

    assert [kernel.exitcode for kernel in kernels] == [0, 0, 0]
    assert len(Store(learner).read()["exercise"]) == 3 * 25
    assert [path.name for path in learner.iterdir()] == ["progress.json"]


def test_a_lock_left_by_a_dead_kernel_does_not_block(learner):
    learner.mkdir()
    lock = learner / "progress.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))

    record("exercise", "torch-mse", "passed")

    assert recorded("exercise", "torch-mse") == "passed" and not lock.exists()


def test_without_a_folder_of_its_own_progress_is_kept_among_the_users_data(monkeypatch):
    monkeypatch.delenv("COURSE_STUDY_DIR")
    path = study.store().path  # only named, not made
    assert path.name == "progress.json" and path.parent.name == "machine-learning-measured"


# ---- progress -------------------------------------------------------------------------------


def rows_of(card):
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
            for row in re.findall(r"<tr>(<td.*?)</tr>", card.html)]


def test_progress_counts_by_chapter(monkeypatch):
    there = {"exercise": {"torch-mse": "01", "torch-seed": "01", "reg-count": "02"}}
    monkeypatch.setattr(study, "_totals", [lambda: there])
    record("exercise", "torch-mse", "passed")
    record("mission", "reg-line/1", True)
    record("mission", "reg-line/best", {"loss": 1.0})        # a kept result is no mission done
    record("recall", "torch-q-dim", {"right": True})
    record("recall", "torch-q-eval", {"right": False})
    parts(predict("reg-a", number=True))[1][0].value = "10"
    parts(predict("reg-b", number=True))[1][0].value = "10"
    parts(predict("reg-c", number=True))[1][0].value = "10"
    compare("reg-a", 11)
    compare("reg-b", 1000)

    made = progress()

    assert rows_of(made)[:2] == [["01", "1 of 2", "–", "–", "1 of 2"],
                                 ["02", "0 of 1", "1 of 2, 1 to compare", "1", "–"]]
    assert ["reg-b", "10", "1000", "✗ too low by a factor of 100"] in rows_of(made)
    assert made.text == "progress"


def test_what_belongs_to_no_known_chapter_is_still_shown(monkeypatch):
    monkeypatch.setattr(study, "_totals", [])
    record("mission", "zzz/1", True)
    assert rows_of(progress()) == [["other", "–", "–", "1", "–"]]


def test_exported_progress_can_be_imported_elsewhere(monkeypatch, tmp_path):
    record("exercise", "torch-mse", "passed")
    choose(predict(ID, choices=["up", "down"]), 1)
    assert "2 entries written" in export_progress(tmp_path / "mine.json").html

    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path / "elsewhere"))
    record("exercise", "torch-shape-bug", "passed")
    assert "2 of 2 entries were new" in import_progress(tmp_path / "mine.json").html

    assert set(study.store().read()["exercise"]) == {"torch-mse", "torch-shape-bug"}
    assert recorded("prediction", ID)["predicted"] == "down"


def test_of_two_entries_the_newer_one_stays(tmp_path):
    def entries(value, at):
        return {"exercise": {"torch-mse": {"value": value, "at": at}}}

    write_entries(tmp_path / "old.json", entries("old", "2026-01-01T00:00:00.000+00:00"))
    write_entries(tmp_path / "new.json", entries("new", "2999-01-01T00:00:00.000+00:00"))
    record("exercise", "torch-mse", "now")

    import_progress(tmp_path / "old.json")
    assert recorded("exercise", "torch-mse") == "now"
    import_progress(tmp_path / "new.json")
    assert recorded("exercise", "torch-mse") == "new"


def test_a_file_that_is_no_progress_file_is_not_imported(tmp_path):
    record("exercise", "torch-mse", "passed")
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.json was not imported"):
        import_progress(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError):
        import_progress(tmp_path / "missing.json")
    assert recorded("exercise", "torch-mse") == "passed"


def test_reset_asks_once_and_keeps_a_copy(learner):
    record("exercise", "torch-mse", "passed")

    assert "reset_progress(confirm=True)" in reset_progress().html
    assert recorded("exercise", "torch-mse") == "passed"

    reset_progress(confirm=True)
    assert recorded("exercise", "torch-mse") is None
    (copy,) = learner.glob("progress.before-reset-*.json")
    assert "torch-mse" in read_entries(copy)["exercise"]
