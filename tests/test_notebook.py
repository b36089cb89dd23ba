"""The example notebook answers what it says, cell by cell, and is one that Jupyter opens."""

import json

import pytest

from footfall import recipes, stores
from tests.notebook import PATH, answers, fill


@pytest.fixture
def notebook():
    return json.loads(PATH.read_text())


def test_every_cell_gives_the_answer_that_stands_below_it(notebook, monkeypatch):
    monkeypatch.setattr(stores, "_default", {})
    # A cell makes a recipe, which is known from then on.
    monkeypatch.setattr(recipes, "RECIPES", dict(recipes.RECIPES))
    monkeypatch.setattr(recipes, "__test__", dict(recipes.__test__))
    with stores.default_store() as store:
        fill(store)
        run = list(answers(notebook))
    assert len(run) >= 6
    for cell, count, outputs in run:
        assert (cell["execution_count"], cell["outputs"]) == (count, outputs), "python -m tests.notebook writes it anew"


def test_it_is_a_notebook_of_format_4(notebook):
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    common = {"cell_type", "id", "metadata", "source"}
    for cell in notebook["cells"]:
        assert set(cell) == common | ({"execution_count", "outputs"} if cell["cell_type"] == "code" else set())
        assert cell["cell_type"] in ("code", "markdown")
