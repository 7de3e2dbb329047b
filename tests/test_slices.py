"""What a cell needs of the cells before it, and nothing else."""

import ast

import pytest

from tools import slices


def kept(target, **cells):
    """Source of the statements that the cell `target` needs, by cell."""
    cells = {id: "\n".join(lines) if isinstance(lines, list) else lines
             for id, lines in cells.items()}
    return {id: [ast.unparse(node) for node in nodes]
            for id, nodes in slices.needed(cells, [target]).items()}


def test_only_what_it_reads_is_kept_and_of_that_the_last_value():
    assert kept("show", a=["x = 1", "y = 2"], b="x = 3", show="x + 1") == {
        "b": ["x = 3"], "show": ["x + 1"]}


def test_what_a_needed_statement_needs_is_needed():
    assert kept("show", a="x = 1", b="y = x", c="z = 0", show="y") == {
        "a": ["x = 1"], "b": ["y = x"], "show": ["y"]}


def test_a_function_reads_its_globals_when_the_cell_runs_and_its_locals_never():
    function = "def f(x):\n    k = 2\n    return k * scale * x"
    found = kept("show", a=["scale = 1", "k = 5"], b=function, c="scale = 2", show="f(3)")

    assert found["c"] == ["scale = 2"] and "a" not in found


def test_a_lambda_and_a_comprehension():
    found = kept("show", a=["x = 1", "y = [1]", "z = 2"],
                 show=["f = lambda x: x + z", "[y for x in y]"])

    assert found["a"] == ["y = [1]", "z = 2"]


@pytest.mark.parametrize("change", ["x[0] = 2", "x.append(2)", "x += [2]", "fit(x, 3)",
                                    "for i in range(3):\n    x.append(i)"])
def test_what_changes_a_value_in_place_is_kept(change):
    found = kept("show", a=["fit = print", "x = [1]"], b=change, show="x")

    assert found["b"] == [change] and "x = [1]" in found["a"]


def test_a_function_that_trains_changes_what_it_is_given():
    train = "def learn(net):\n    net.optimizer.step()"

    assert "c" in kept("show", a="net = object()", b=train, c="losses = learn(net)", show="net")
    assert "c" not in kept("show", a="net = object()", b="def look(net):\n    return net",
                           c="losses = look(net)", show="net")


def test_what_binds_a_name_only_perhaps_does_not_hide_the_value_before():
    found = kept("show", a="x = 1", b="if x > 2:\n    x = 3", show="x")

    assert list(found) == ["a", "b", "show"]


def test_the_variable_of_a_loop_is_its_own():
    assert "a" not in kept("show", a="k = 1", show="for k in range(3):\n    print(k)")


def test_an_import_is_taken_by_the_name_that_it_gives():
    found = kept("show", a=["import os", "import numpy as np"], show="np.pi")

    assert found["a"] == ["import numpy as np"]


def test_a_name_that_nothing_binds_is_an_error_that_names_it():
    with pytest.raises(NameError, match="'show' reads 'missing'"):
        kept("show", a="x = 1", show="missing + x")


def test_a_cell_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="nowhere"):
        slices.needed({"a": "x = 1"}, ["nowhere"])


# --- What depends on a cell ----------------------------------------------------------------

def test_what_reads_a_name_of_a_cell_depends_on_it_directly_or_through_others():
    cells = {"a": "x = 1", "b": "y = x", "c": "z = 2", "d": "print(y)", "e": "print(z)"}

    assert slices.depending(cells, ["a"]) == ["a", "b", "d"]
    assert slices.depending(cells, ["c", "b"]) == ["b", "c", "d", "e"]


def test_a_name_that_is_given_anew_depends_no_longer():
    assert slices.depending({"a": "x = 1", "b": "x = 2", "c": "print(x)"}, ["a"]) == ["a"]


def test_a_function_from_before_depends_where_it_is_called_after():
    cells = {"define": "def f():\n    return x", "early": "x = 0\nf()", "answer": "x = 1",
             "call": "f()"}

    assert slices.depending(cells, ["answer"]) == ["answer", "call"]


def test_a_name_that_only_a_later_cell_gives_is_no_error_here():
    cells = {"define": "def f():\n    return later", "answer": "x = 1", "late": "later = x",
             "empty": "# nothing yet", "call": "f()"}

    assert slices.depending(cells, ["answer"]) == ["answer", "late", "call"]
