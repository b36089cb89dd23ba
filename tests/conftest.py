"""What tests need of the machine, and the fixtures many of them share.

``@pytest.mark.needs("java", "mvn")`` names tools. Where one is missing the test is skipped and the run's
end says which tool would bring it back; under ``FOOTFALL_REQUIRE=all`` it fails instead.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from footfall import config, stores, users
from footfall.stores import open_store

pytest_plugins = ["tests.live.fixtures"]

ROOT = Path(__file__).parent.parent
BLOG_LOG = ROOT.parent / "shared" / "data" / "blog-access.log"

#: Makes clients of the API; apart, because it wants other versions of what the tests use.
CLIENT = ROOT / "build" / "client" / "bin" / "openapi-python-client"

#: Every tool, whether it is here, and what brings it. A file beside the checkout is nobody's duty to have.
TOOLS = {
    "java": (lambda: shutil.which("java"), "apt-get install openjdk-17-jre-headless"),
    "mvn": (lambda: shutil.which("mvn"), "apt-get install maven"),
    "chromium": (lambda: shutil.which("chromium"), "apt-get install chromium"),
    "npm": (lambda: shutil.which("npm"), "apt-get install npm"),
    "strace": (lambda: shutil.which("strace"), "apt-get install strace"),
    "nginx": (lambda: shutil.which("nginx") or shutil.which("/usr/sbin/nginx"), "apt-get install nginx-light"),
    "systemd-analyze": (lambda: shutil.which("systemd-analyze"), "apt-get install systemd"),
    "openapi-python-client": (CLIENT.exists, "make client"),
    "blog-log": (BLOG_LOG.exists, f"put an access log at {BLOG_LOG.relative_to(ROOT.parent)} beside the checkout"),
}
OPTIONAL = {"blog-log"}

REQUIRE_ALL = os.environ.pop("FOOTFALL_REQUIRE", "") == "all"
_skipped: dict[str, int] = {}

# These machines are slow and busy at times: a deadline would fail for that, not for the code.
settings.register_profile("footfall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("footfall")
# Other versions of libraries are tried by few examples as well as by many.
settings.register_profile("few", settings.get_profile("footfall"), max_examples=10)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(*tools): tools of the machine that the test cannot do without")
    config.addinivalue_line("markers", "ours: takes long and tries no library, but kills processes of ours or puts two "
                                       "ways of ours side by side; not in `make test-lowest`")
    config.addinivalue_line("markers", "cluster: wants the run's Cassandra, or one of its own; nobody need write it")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what has to do with Cassandra, half of all that the tests wait for: `make test` has two processes.

    A row that says ``"cassandra"`` needs the tools for it; nobody need say so.
    """
    for item in items:
        row = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "cassandra" in (value for value in row if isinstance(value, str)):
            item.add_marker(pytest.mark.needs("java", "mvn"))
        if "cassandra" in item.fixturenames or any("java" in mark.args for mark in item.iter_markers("needs")):
            item.add_marker("cluster")


def pytest_runtest_setup(item):
    for tool in (tool for mark in item.iter_markers("needs") for tool in mark.args):
        present, command = TOOLS[tool]
        if present():
            continue
        if REQUIRE_ALL and tool not in OPTIONAL:
            pytest.fail(f"{tool} is missing: {command}")
        _skipped[tool] = _skipped.get(tool, 0) + 1
        pytest.skip(f"needs {tool}: {command}")


def pytest_terminal_summary(terminalreporter):
    for tool, count in _skipped.items():
        terminalreporter.write_line(f"{count} tests skipped for want of {tool}: {TOOLS[tool][1]}")


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch, tmp_path):
    """Tests see no settings but their own, no footfall.toml, and no store that another opened."""
    for variable in [name for name in os.environ if name.startswith("FOOTFALL_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("FOOTFALL_DATA", str(tmp_path / "default-data"))
    opened = {}
    monkeypatch.setattr(stores, "_default", opened)
    yield
    for store in opened.values():
        store.close()


@pytest.fixture
def settings_of(tmp_path):
    """Makes the settings of a test, whose data folder is the test's own."""

    def make(**flags):
        return config.load({"data": str(tmp_path / "data"), **flags}, environ={})

    return make


@pytest.fixture
def store(settings_of):
    """An empty SQLite store, at the place that :func:`settings_of` names."""
    with open_store(config=settings_of()) as store:
        yield store


@pytest.fixture
def empty(request, tmp_path, kind):
    """An empty store of a kind: ``memory``, ``sqlite`` or ``cassandra``."""
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/empty.db"}.get(kind)
    # A keyspace of the test's own, whose name may have 48 letters.
    url = url or request.getfixturevalue("cassandra_url")(request.node.originalname[-48:])
    with open_store(url, config.load({}, environ={})) as store:
        store.init()
        yield store


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Hashes that cost next to nothing."""
    monkeypatch.setattr(users, "HASHING", "scrypt:1024:1:1")
    users._nobodys_hash.cache_clear()
    yield
    users._nobodys_hash.cache_clear()
