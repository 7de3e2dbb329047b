"""Which module may import which; read from the import statements, nothing is run.

notebooks → widgets, exercises → flat modules → seeding, device, paths, files, progress_bar. Flat
modules do not import each other, but for the exceptions listed in MAY_IMPORT.
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = "course_utils"
BASE = {"seeding", "device", "paths", "files", "progress_bar"}
TOP = {"widgets", "exercises"}
MAY_IMPORT = {                                  # flat module -> flat modules it may import
    "claims": {"cards"},
    "study": {"cards"},
    "glossary": {"cards"},
    "training": {"figures", "training_input"},  # training_input: what is wrong with fit's arguments
    "sweeps": {"training_input", "parameters", "figures", "heat_maps", "cards"},
    "heat_maps": {"figures"},
    "curvature": {"parameters"},                # parameters: a network as a function of one vector
    "surfaces": {"parameters", "figures"},
    "convolution_pictures": {"figures"},        # chapter 10: weight matrices, receptive fields
    "datasets": {"datafiles"},                  # datafiles: reading and checksums, without torch
    "texts": {"datasets"},                      # chapter 11: sentences as rows of word ids
    "sentence_pictures": {"figures"},           # chapter 11: attention weights, encodings
    "course_map": {"cards", "figures"},         # chapter 00: the map, and "is all in place here?"
    "self_check": {"cards", "datasets", "study"},
    "capstone": {"cards", "curvature", "datasets", "parameters"},  # chapter 13: cases and judge
    "start_pictures": {"figures"},              # chapter 00: its moving pictures
}
NEVER_AT_IMPORT = {"sklearn", "scipy", "joblib", "dask", "distributed", "ray"}
FOREIGN = {"tools", "tests", "benchmarks", "notebooks"}


def part_of(path: Path, package: Path) -> str:
    """'seeding' for course_utils/seeding.py, 'widgets' for every file in course_utils/widgets/."""
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def imported_parts(tree: ast.AST, depth: int) -> set[str]:
    """Parts of the package that a module imports anywhere in it.

    Args:
        depth: how many folders below the package the module lies (0: a flat module).
    """
    parts: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            parts |= {name[1] for name in names if name[0] == PACKAGE and len(name) > 1}
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".") if node.module else []
            if node.level == 0 and module[:1] == [PACKAGE]:
                module = module[1:]
            elif node.level != depth + 1:
                continue                        # another package, or a sibling in the same folder
            parts |= {module[0]} if module else {alias.name for alias in node.names}
    return parts


def top_level_packages(tree: ast.Module) -> set[str]:
    """Foreign packages imported when the module is imported (not inside its functions)."""
    found: set[str] = set()
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending += [child for child in ast.iter_child_nodes(node)
                        if isinstance(child, ast.stmt)]
    return found


def allowed(part: str, every: set[str]) -> set[str]:
    """What `part` may import."""
    flat = every - BASE - TOP - {"__init__"}
    if part == "__init__":
        return set()
    if part in BASE:
        return BASE
    if part in TOP:
        return BASE | flat | {part}
    return BASE | MAY_IMPORT.get(part, set()) | {part}


def complaints(package: Path) -> list[str]:
    """Every import of the package at `package` that points the wrong way, in words."""
    files = sorted(package.rglob("*.py"))
    if not files:
        return [f"there are no modules in {package}"]
    every = {part_of(path, package) for path in files}
    found = []
    for path in files:
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
        part, depth = part_of(path, package), len(path.relative_to(package).parts) - 1
        imported = imported_parts(tree, depth) & every
        found += [f"{name} must not import {other}"
                  for other in sorted(imported - allowed(part, every))]
        at_import = top_level_packages(tree)
        found += [f"{name} imports {other} when it is imported; import it where it is used"
                  for other in sorted(at_import & NEVER_AT_IMPORT)]
        found += [f"{name} must not import {other}" for other in sorted(at_import & FOREIGN)]
    return found
