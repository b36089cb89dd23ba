"""Everything that a user can set, ask or meet stands in the docs."""

import re
import tomllib
from datetime import date, datetime
from pathlib import Path

import click
import pytest

from footfall import metrics, recipes, stores
from footfall.app import create_app
from footfall.cli import cli
from footfall.cli.shell import namespace
from footfall.config import SETTINGS
from footfall.pageview import FIELDS
from footfall.reports.dimensions import DIMENSIONS
from footfall.site_settings import SITE_SETTINGS
from footfall.storage import FAMILIES
from footfall.transfer import legacy
from footfall.transfer.accesslog import RULES, SKIP_REASONS
from footfall.web.rules import SHARED

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def page(name):
    return (DOCS / name).read_text()


def commands(group=cli, path=("footfall",)):
    for name in group.list_commands(ctx := click.Context(group)):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_default(setting):
    row = re.search(rf"^\| `{setting.variable}` \| (.*?) \|", page("settings.md"), re.MULTILINE)
    assert row, f"{setting.variable} has no row in docs/settings.md"
    assert row[1] == (f"`{setting.default}`" if setting.default else "empty")


@pytest.mark.parametrize("setting", SITE_SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_of_a_site_is_documented_with_its_default(setting):
    row = re.search(rf"^\| `{setting.key}` \| (.*?) \|", page("settings.md"), re.MULTILINE)
    assert row, f"{setting.key} has no row in docs/settings.md"
    assert row[1] == (f"`{setting.default}`" if setting.default else "empty")


@pytest.mark.parametrize("name, command", list(commands()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_is_documented_and_so_are_its_own_options(name, command):
    assert f"`{name}`" in page("cli.md")
    assert command.help
    common = {setting.flag for setting in (*SETTINGS, *SITE_SETTINGS)} | {"--config"}
    everything = " ".join(path.read_text() for path in DOCS.glob("*.md"))
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert option.help, f"{name} {option.opts}"
        assert option.opts[-1] in common or option.opts[-1] in everything or option.opts[0] in everything, option.opts


def test_every_route_is_documented(settings_of):
    everything = " ".join(path.read_text() for path in DOCS.glob("*.md"))
    for rule in create_app(settings_of()).url_map.iter_rules():
        # What is shared are pages that are there for users too.
        if rule.endpoint != "static" and not rule.endpoint.startswith(SHARED):
            assert f"`{rule.rule}" in everything or f" {rule.rule}" in everything, rule.rule


def test_every_metric_is_documented():
    for metric in vars(metrics).values():
        if isinstance(metric, metrics.Counter):
            assert f"`{metric._name}_total`" in page("collection.md")
        elif isinstance(metric, metrics.Histogram | metrics.Gauge):
            assert f"`{metric._name}`" in page("collection.md")
    assert all(f"`{name}`" in page("collection.md") for name, _ in metrics.OUTBOX.values())


def test_every_recipe_dimension_family_and_rule_is_documented():
    assert all(f"`{name}`" in page("analysis.md") for name in recipes.RECIPES)
    assert all(f"`{name}`" in page("metrics.md") for name in DIMENSIONS)
    assert all(f"`{name}`" in page("storage.md") for name in FAMILIES)
    assert all(f"`{name}`" in page("import.md") for name in vars(RULES))
    assert all(f"`{reason}`" in page("import.md") for reason in (*SKIP_REASONS, *legacy.REASONS, *legacy.NOTES))


def test_every_link_between_the_docs_leads_somewhere():
    for path in (*DOCS.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("examples/*/README.md")):
        prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", prose):
            assert target.startswith("https://") or (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_library_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name in [*project["dependencies"], *extras["cassandra"], *extras["parallel"], *extras["dask"]]:
        assert re.split(r"[>=\[]", name)[0] in page("libraries.md")


@pytest.mark.parametrize("name", ["storage.md", "analysis.md"])
def test_every_line_of_python_in_the_docs_runs(name, monkeypatch, capsys):
    monkeypatch.setattr(stores, "_default", {})
    monkeypatch.setattr(recipes, "RECIPES", dict(recipes.RECIPES))
    monkeypatch.setattr(recipes, "__test__", dict(recipes.__test__))
    names = namespace()
    stored = dict.fromkeys(FIELDS, "") | {"url": "http://blog.example.com/"}
    names["PageViews"].insert("20260102.blog", {names["convert_time_to_uuid"](datetime(2026, 1, 2, 7)): stored})
    names |= {"start": date(2026, 1, 1), "end": date(2026, 1, 3)}
    blocks = re.findall(r"^```python\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, name, "exec"), names)
    assert "http://blog.example.com/" in capsys.readouterr().out
    stores.default_store().close()
