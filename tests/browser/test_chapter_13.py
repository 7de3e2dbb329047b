"""Chapter 13 as a learner uses it: a case judged, mended and reported, a project run and kept."""

import re

from course_utils.capstone import draw_faults, worked_text
from tests.browser import keyboard
from tests.browser.lab import Widget

CASE, SCRIPT, PROJECT = "def evidence_a(run)", 'book["A"]', 'Playground("cap-project"'
GUESS = '''\
def evidence_a(run):
    return run.updates

def case_a():
    fault = FAULTS[0]
    mended = book["A"].script + "note = 1"
    return fault, evidence_a, mended

check("cap-case-a", case_a)'''


def test_a_case_is_solved_and_a_project_is_kept_and_tested_once(chapter, screenshot):
    notebook = chapter("13")
    assert notebook.tracebacks() == []
    case = notebook.cell(CASE)
    assert "not tried yet" in case.inner_text()
    screenshot("capstone-script", notebook.cell(SCRIPT).locator(".jp-OutputArea"))

    answer(notebook, GUESS)  # the first check trains scripts to compare with
    notebook.eventually(lambda: "does not show it" in case.inner_text(), seconds=240)
    screenshot("capstone-guess", case)
    draw_faults()  # as the notebook does: the course's seed
    answer(notebook, worked_text("A") + '\n\ncheck("cap-case-a", case_a)')
    notebook.eventually(lambda: "✓" in case.locator(".jp-OutputArea").inner_text(), seconds=240)
    screenshot("capstone-solved", case)
    notebook.run_cell("report()")
    report = notebook.cell("report()").locator(".jp-OutputArea")
    assert "1 of 5 cases" in report.inner_text() and "def evidence_a" in report.inner_text()
    screenshot("capstone-report", report)

    keep = notebook.cell("keep_result(board")
    test = notebook.cell("look_once(board")
    assert "nothing to keep yet" in keep.inner_text() and "not looked at yet" in test.inner_text()
    project = Widget(notebook, notebook.cell(PROJECT))
    before, words = project.picture, project.words
    project.choose("rule", "Adam")
    project.move("learning rate", "ArrowLeft", times=8)
    notebook.eventually(lambda: "rule=Adam" in project.field("settings"))
    project.press("Run")
    notebook.eventually(lambda: project.step > 50 and project.picture != before, seconds=60)
    screenshot("playground-project-running", project.output)
    notebook.eventually(lambda: project.step == 600, seconds=180)
    assert project.words != words and "baseline" in project.words
    settings = project.field("settings")
    screenshot("playground-project", project.output)

    notebook.run_cell("keep_result(board")
    kept = keep.locator(".jp-OutputArea").inner_text()
    assert settings in kept and re.search("baseline beaten|not beaten yet", kept)
    screenshot("capstone-kept", keep)
    notebook.run_cell("look_once(board")
    assert "looked at once" in test.inner_text()
    seen = accuracy(test)
    notebook.run_cell("look_once(board")
    assert "looked at before" in test.inner_text() and accuracy(test) == seen
    screenshot("capstone-test", test)

    screenshot("chapter-13")
    keyboard.operate(notebook, PROJECT, [
        "rule", "learning rate", "seed", "Run", "Step", "Reset", "settings"], screenshot)
    keyboard.assert_reachable(notebook, "13")
    assert notebook.tracebacks() == [] and notebook.errors == []


def answer(notebook, source) -> None:
    """Replace the text of case A's cell and run it."""
    notebook.cell(CASE).locator(".jp-InputArea-editor").click()
    notebook.page.keyboard.press("Control+A")
    notebook.page.keyboard.insert_text(source)
    notebook.page.keyboard.press("Control+Enter")


def accuracy(cell) -> str:
    return re.search(r"Test accuracy ([\d.]+%)", cell.inner_text()).group(1)
