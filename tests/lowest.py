"""Print the lowest versions that pyproject.toml allows, for `make test-lowest` to install."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["cassandra"], *extras["parallel"], *extras["dask"],
                    *extras["sql"]]:
    print(requirement.replace(">=", "=="), end=" ")
