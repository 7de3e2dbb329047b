"""Addresses on the web that follow from one setting, `repository` in pyproject.toml."""

from __future__ import annotations

import re

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
BRANCH = "main"


def source(repository: str, path: str) -> str | None:
    """Where the file `path` of the repository is read; None if there is no such place yet."""
    if not GITHUB.fullmatch(repository):
        return None
    return f"{repository.removesuffix('/').removesuffix('.git')}/blob/{BRANCH}/{path}"


def colab(repository: str, path: str) -> str | None:
    """Where Colab opens the notebook `path`; None if the repository is not on GitHub."""
    found = GITHUB.fullmatch(repository)
    if not found:
        return None
    return f"https://colab.research.google.com/github/{found[1]}/blob/{BRANCH}/{path}"
