"""The tracker as it is built and served: current, small, frozen, at the paths of the settings, named by the tag."""

import base64
import gzip
import hashlib
import html
import json
import re
import subprocess

import pytest

from footfall.app import create_app
from footfall.collect.tracker import Paths, scripts, tag
from footfall.errors import ConfigError
from tests.conftest import ROOT

VERSION = json.loads((ROOT / "package.json").read_text())["version"]
PAGE = "http://blog.example.com/"


@pytest.fixture
def client_of(settings_of):
    """Makes the client of an app with some settings, which takes hits of any account."""

    def make(**flags):
        return create_app(settings_of(unknown_accounts="accept", **flags)).test_client()

    return make


@pytest.mark.needs("npm")
def test_what_is_committed_is_what_its_source_makes(tmp_path):
    subprocess.run(["make", "--silent", "tracker", f"STATIC={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    built = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.js")}
    assert len(built) == 6
    assert built == {path: (ROOT / "static" / path).read_bytes() for path in built}


@pytest.mark.needs("npm")
def test_another_script_cannot_take_the_place_of_a_frozen_one(tmp_path):
    (tmp_path / "frozen").mkdir()
    frozen = tmp_path / "frozen" / f"a.core.{VERSION}.js"
    frozen.write_text("// As it was.\n")
    done = subprocess.run(["make", "--silent", "tracker", f"STATIC={tmp_path}"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode
    assert "raise the version in package.json" in done.stderr
    assert frozen.read_text() == "// As it was.\n"


@pytest.mark.parametrize("build, most", [("", 2000), ("core", 1300), ("vitals", 600)])
def test_it_is_no_larger_than_promised(build, most):
    size = len(gzip.compress(scripts()[build].source, 9, mtime=0))
    assert size <= most
    told = (ROOT / "docs" / "tracker.md").read_text()
    assert f"{size:,} bytes" in told


@pytest.mark.parametrize("flags, path, build", [
    ({}, "/a.js", ""), ({}, "/a.core.js", "core"), ({}, f"/a.{VERSION}.js", VERSION),
    ({"script_path": "/js/site.js"}, "/js/site.js", ""), ({"script_path": "/js/site.js"}, "/a.js", ""),
    ({"script_path": "/js/site.js"}, f"/js/site.core.{VERSION}.js", f"core.{VERSION}"),
    ({"script_path": "/count"}, "/count", ""), ({"script_path": "/count"}, "/count.core.js", "core"),
])
def test_every_build_is_served_where_the_settings_say(client_of, flags, path, build):
    answer = client_of(**flags).get(path)
    assert (answer.status_code, answer.data) == (200, scripts()[build].source)
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    caching = "public, max-age=31536000, immutable" if VERSION in build else "public, max-age=3600"
    assert answer.headers["Cache-Control"] == caching


def test_it_is_sent_compressed_to_those_who_take_that(client_of):
    client = client_of()
    plain, packed = (client.get("/a.js", headers={"Accept-Encoding": accepted}) for accepted in ("br", "gzip, br"))
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) == int(packed.headers["Content-Length"]) <= 2000
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    # A browser that has it asks whether it is still the same, and each form has a name of its own.
    assert plain.headers["ETag"] != packed.headers["ETag"]
    again = client.get("/a.js", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/a.0.0.0.js", "/a.None.js", "/a.frozen.js"])
def test_a_build_that_is_none_is_not_found(client_of, path):
    assert client_of().get(path).status_code == 404


def test_hits_are_taken_at_both_paths(client_of):
    client = client_of(pixel_path="/i/1.gif", event_path="/log")
    for path in ("/a.gif", "/i/1.gif"):
        assert client.get(f"{path}?id=blog&url={PAGE}").status_code == 200
    for path in ("/e", "/log"):
        assert client.post(path, data=json.dumps({"id": "blog", "url": PAGE})).status_code == 204


@pytest.mark.parametrize("flags", [
    {"event_path": "/login"}, {"script_path": "/a.gif"}, {"pixel_path": "/static/style.css"},
    {"script_path": "/x", "pixel_path": "/x"}, {"event_path": "/a.js"}, {"script_path": "/a.core.js"},
])
def test_a_path_that_is_taken_is_refused(client_of, flags):
    with pytest.raises(ConfigError, match="is a page of footfall's own"):
        client_of(**flags)


@pytest.mark.parametrize("path", ["", "/", "a.js", "/a b", "/a/../b", "/./a", "//a", "/a?b", "/é", "/a/"])
def test_what_is_no_path_is_refused(settings_of, path):
    with pytest.raises(ConfigError, match="must be a path"):
        settings_of(event_path=path)


@pytest.mark.parametrize("paths, expected", [
    (Paths(), '<script async src="https://s.example.com/a.js" data-id="blog"></script>'),
    (Paths("/js/site.js", "/a.gif", "/e"),
     '<script async src="https://s.example.com/js/site.js" data-id="blog" data-api="../e"></script>'),
    (Paths("/js/site.js", "/a.gif", "/js/e"),
     '<script async src="https://s.example.com/js/site.js" data-id="blog"></script>'),
    (Paths("/a.js", "/a.gif", "/log"),
     '<script async src="https://s.example.com/a.js" data-id="blog" data-api="log"></script>'),
])
def test_the_tag_says_where_the_script_and_its_server_are(paths, expected):
    assert tag("https://s.example.com/", "blog", paths) == expected


@pytest.mark.parametrize("build, name", [("", VERSION), ("core", f"core.{VERSION}")])
def test_a_tag_with_integrity_names_the_bytes_that_are_served(client_of, build, name):
    written = html.unescape(tag("https://s.example.com", "blog", build=build, integrity=True))
    path, sha = re.search(r'src="https://s\.example\.com(\S+)" integrity="sha384-(\S+)" crossorigin="anonymous"',
                          written).groups()
    assert path == f"/a.{name}.js"
    assert base64.b64encode(hashlib.sha384(client_of().get(path).data).digest()).decode() == sha
