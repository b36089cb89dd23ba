"""What pyproject.toml cannot say: static/ and templates/ stand at the top and install into the package."""

from setuptools import setup

setup(
    packages=["footfall", "footfall.cli", "footfall.stores", "footfall.collect", "footfall.derive", "footfall.mailing",
              "footfall.reports", "footfall.reports.plain", "footfall.transfer", "footfall.transfer.demo",
              "footfall.transfer.formats", "footfall.web", "footfall.web.api", "footfall.web.settings",
              "footfall.static", "footfall.static.frozen", "footfall.templates"],
    package_dir={"footfall.static": "static", "footfall.templates": "templates"},
    package_data={"footfall": ["py.typed"], "footfall.static": ["*"], "footfall.static.frozen": ["*"],
                  "footfall.templates": ["*"]},
)
