"""What users install: the wheel, in an environment of its own, with pages and tracker inside."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.browsers import browsers
from tests.servers import fetch, free_port, wait_until_answers

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # By way of the source archive, so that what both hold is enough.
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True,
                   capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_pages_tracker_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"footfall/static/a.js", "footfall/templates/base.html", "footfall/py.typed", "footfall/cli/__init__.py",
            "footfall/stores/cassandra.py"} <= names
    assert not [name for name in names if name.split("/")[0] not in ("footfall",) and ".dist-info/" not in name]
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("footfall/**/*.py")}
    assert packages <= {str(Path(name).parent) for name in names}


def test_the_wheel_installs_and_serves_without_the_checkout(wheel, tmp_path):
    home = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel], check=True)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FOOTFALL_", "PYTHON"))}
    environment |= {"FOOTFALL_DATA": str(tmp_path / "data"), "FOOTFALL_PORT": str(port)}
    footfall = home / "bin" / "footfall"
    subprocess.run([footfall, "site", "add", "blog"], env=environment, cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen([footfall, "serve"], env=environment, cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert wait_until_answers(f"http://127.0.0.1:{port}/a.js", process)[0] == 200
        hit = f"http://127.0.0.1:{port}/a.gif?id=blog&url=http://blog.example.com/"
        assert fetch(hit, **{"User-Agent": next(agent for agent, _ in browsers())})[0] == 200
        assert fetch(f"http://127.0.0.1:{port}/login")[0] == 200
    finally:
        process.terminate()
        process.communicate(timeout=30)
    counted = subprocess.run([footfall, "stats", "blog", "--csv", "--by", "url", "--metric", "views"], env=environment,
                             cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert counted == "dimension,value,views\nurl,http://blog.example.com/,1\n"
