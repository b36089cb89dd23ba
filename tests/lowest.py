"""Print the lowest versions that pyproject.toml allows, for `make test-lowest` to install."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["cassandra"], *extras["parallel"]]:
    # An extra of a requirement would be in its quotes; the version is what counts.
    print(re.sub(r"\[.*\]", "", requirement).replace(">=", "=="), end=" ")
