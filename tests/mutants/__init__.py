"""Answers of learners: wrong ones that every check must reject, and right ones it must accept.

One module a chapter, ch02.py, with two tables, exercise id -> {what it does: the answer}. They are
written from the exercise's text alone, without a look at its check. What a bank lists as a typical
mistake is not repeated here; test_exercises.py tries those.

    WRONG = {"reg-mse": {"the sum, not the mean": lambda ..., ...}}
    RIGHT = {"reg-mse": {"with a loop over the days": ...}}
"""
