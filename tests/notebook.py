"""Run examples/analysis.ipynb without Jupyter: ``python -m tests.notebook`` puts the answers into it.

The data is made up and always the same: a week of a blog, so that the answers are the same too.
"""

import ast
import contextlib
import io
import json
import os
import pprint
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from footfall.stores import default_store
from footfall.timeuuid import make, ticks_at

PATH = Path(__file__).parent.parent / "examples" / "analysis.ipynb"
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
PAGES = ("/", "/bread", "/soup", "/about", "/knives")
REFERRERS = ("", "", "https://www.google.com/", "https://duckduckgo.com/", "https://news.ycombinator.com/")


def fill(store):
    """Store the week: visits of a few pages, more of them by day than by night."""
    chance, number = random.Random(2026), 0
    for visit in range(150):
        moment = FIRST + timedelta(days=chance.randrange(7), hours=chance.triangular(0, 20, 14))
        before = chance.choice(REFERRERS)
        for page in chance.choices(PAGES, weights=(5, 4, 3, 1, 2), k=chance.randint(1, 4)):
            url = f"https://blog.example.com{page}"
            view = {"url": url, "title": page.strip("/").title() or "Home", "ip": "192.0.2.0", "referrer": before,
                    "user_agent": "", "language": "en", "visitor": bytes([visit % 60]) * 8}
            store.family("PageViews").insert(f"{moment:%Y%m%d}.blog", {make(ticks_at(moment), number): view})
            moment, before, number = moment + timedelta(seconds=chance.randint(5, 600)), url, number + 1


def answers(notebook):
    """Run the code cells from top to bottom on the settings' own store, and yield each with its outputs."""
    names = {"__name__": "__main__"}
    for count, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), 1):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(tree, f"cell {count}", "exec"), names)
            value = None if last is None else eval(compile(ast.Expression(last.value), f"cell {count}", "eval"), names)
        outputs = []
        if printed.getvalue():
            outputs.append({"name": "stdout", "output_type": "stream",
                            "text": printed.getvalue().splitlines(keepends=True)})
        if value is not None:
            outputs.append({"data": {"text/plain": pprint.pformat(value).splitlines(keepends=True)},
                            "execution_count": count, "metadata": {}, "output_type": "execute_result"})
        yield cell, count, outputs


def main():
    """Write the notebook anew, with the answers of today's code."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FOOTFALL_DATA"] = folder
        with default_store() as store:
            fill(store)
            notebook = json.loads(PATH.read_text())
            for cell, count, outputs in answers(notebook):
                cell |= {"execution_count": count, "outputs": outputs}
    PATH.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
