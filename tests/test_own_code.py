"""Whose line an error comes from: the learner's, not a library's, not the course's."""

import json

from course_utils import stored
from course_utils.own_code import own_frame


def error_of(call):
    try:
        call()
    except Exception as error:
        return error


def test_a_library_s_lines_are_passed_over():
    frame = own_frame(error_of(lambda: json.loads("{")))

    assert frame.filename == __file__ and 'json.loads("{")' in frame.line


def test_the_course_s_own_lines_are_passed_over():
    frame = own_frame(error_of(lambda: stored.stored("no-such-result", dict, {})))

    assert frame.filename == __file__ and "no-such-result" in frame.line


def test_of_several_lines_it_is_the_innermost():
    def inner():
        raise ValueError

    def outer():
        inner()

    assert own_frame(error_of(outer)).name == "inner"


def test_an_error_that_no_line_of_theirs_led_to_has_none():
    assert own_frame(ValueError()) is None
