"""The arrows between modules point one way."""

import ast

import pytest

from tools import chapters, layers

GOOD = {
    "__init__.py": "", "paths.py": "import os", "seeding.py": "import torch",
    "cards.py": "from . import paths", "claims.py": "from .cards import Card",
    "training.py": "from course_utils.figures import COLORS", "figures.py": "",
    "study.py": "from course_utils import cards, paths",
    "widgets/__init__.py": "from .slider import Slider", "widgets/slider.py":
    "from ..figures import COLORS\nfrom .. import seeding\ndef f():\n    import scipy",
}


def package(tmp_path, **spoiled):
    root = tmp_path / "course_utils"
    files = GOOD | {name.replace("__", "/") + ".py": text for name, text in spoiled.items()}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_the_course_keeps_its_layers():
    assert layers.complaints(chapters.ROOT / "course_utils") == []


def test_imports_along_the_arrows_pass(tmp_path):
    assert layers.complaints(package(tmp_path)) == []


@pytest.mark.parametrize(("module", "text", "message"), [
    ("paths", "from .figures import COLORS", "paths.py must not import figures"),
    ("seeding", "import course_utils.claims", "seeding.py must not import claims"),
    ("figures", "from .training import fit", "figures.py must not import training"),
    ("cards", "from . import claims", "cards.py must not import claims"),
    ("cards", "def f():\n    from course_utils.study import predict", "must not import study"),
    ("figures", "from .widgets import Slider", "figures.py must not import widgets"),
    ("widgets__slider", "from ..exercises.engine import check", "must not import exercises"),
    ("exercises__engine", "from course_utils import widgets", "must not import widgets"),
    ("figures", "try:\n    import sklearn\nexcept ImportError:\n    pass", "imports sklearn when"),
    ("widgets__slider", "from scipy import stats", "widgets/slider.py imports scipy when"),
    ("figures", "from tools import canonical", "figures.py must not import tools"),
])
def test_an_import_against_the_arrows_is_refused(tmp_path, module, text, message):
    found = layers.complaints(package(tmp_path, **{"exercises__engine": ""} | {module: text}))

    assert len(found) == 1 and message in found[0]


def test_the_package_itself_imports_none_of_its_modules(tmp_path):
    root = package(tmp_path)
    (root / "__init__.py").write_text("from . import paths", encoding="utf-8")

    assert layers.complaints(root) == ["__init__.py must not import paths"]


def test_no_modules_is_a_complaint(tmp_path):
    assert layers.complaints(tmp_path) == [f"there are no modules in {tmp_path}"]


def test_every_exception_to_the_rule_is_in_use():
    root, used = chapters.ROOT / "course_utils", {}
    for path in root.rglob("*.py"):
        tree, depth = ast.parse(path.read_text(encoding="utf-8")), len(path.relative_to(root).parts)
        used.setdefault(layers.part_of(path, root), set()).update(
            layers.imported_parts(tree, depth - 1))
    for module, others in layers.MAY_IMPORT.items():
        unused = others - used.get(module, set())
        assert not unused, f"{module} does not import {unused} any more"
