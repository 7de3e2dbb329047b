"""Exercises with checks, hints and worked answers, and recall questions; one bank per chapter."""

from .engine import check, hint, solution, use
from .recall import recall

__all__ = ["check", "hint", "recall", "solution", "use"]
