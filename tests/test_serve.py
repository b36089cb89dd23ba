"""`footfall serve` as its owner runs it: a Unix socket, an access log that is rotated, the files of deploy/."""

import contextlib
import json
import re
import signal
import socket
import stat
import subprocess

import pytest

from footfall.stores import open_store
from tests.servers import ROOT, Nginx, Server, count_all, fetch, footfall
from tests.waiting import until

PAGE = "http://blog.example.com/"


def addresses(data):
    with open_store(f"sqlite:///{data}/footfall.db") as store:
        return [value["ip"] for _, row in store.family("PageViews").get_range() for value in row.values()]


@pytest.mark.needs("nginx")
def test_nginx_reaches_footfall_by_its_unix_socket_and_is_believed(tmp_path):
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog" / "index.html").write_text("<h1>A blog</h1>")
    footfall(tmp_path / "data", "site", "add", "blog")
    count_all(tmp_path / "data")
    path = tmp_path / "footfall.sock"
    with Server(tmp_path / "data", host=f"unix:{path}", ip="full") as server, Nginx(
            tmp_path / "nginx", tmp_path / "blog", f"unix:{path}") as nginx:
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
        assert fetch(f"http://127.0.0.1:{nginx.port}/a.gif?id=blog&url={PAGE}")[0] == 200
        assert fetch(f"http://127.0.0.1:{nginx.port}/a.js")[0] == 200
        printed = server.stop()
    assert server.process.returncode == 0
    assert f"serves unix:{path} and" in printed
    assert addresses(tmp_path / "data") == ["127.0.0.1"]
    assert not path.exists()


def test_a_unix_socket_in_a_folder_that_is_not_there_is_refused_in_a_line(tmp_path):
    said = footfall(tmp_path, "serve", "--host", f"unix:{tmp_path}/no/f.sock", check=False)
    assert said.returncode == 1
    assert said.stderr == (f"footfall: cannot listen on unix:{tmp_path}/no/f.sock: "
                           f"{tmp_path}/no must be a folder that we may write to\n")


def test_the_access_log_has_each_request_and_goes_on_after_it_was_rotated(tmp_path):
    log, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    footfall(tmp_path / "data", "site", "add", "blog")
    with Server(tmp_path / "data", access_log=log) as server:
        until(lambda: "GET /a.js" in log.read_text())
        log.write_text("")
        fetch(f"{server.url}/a.gif?id=blog&url={PAGE}", **{"User-Agent": 'A "quoted" agent', "X-Real-IP": "192.0.2.77"})
        fetch(f"{server.url}/login", **{"Referer": PAGE, "User-Agent": "a reader"})
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(b"GET /a.gif?id=blog HTTP/1.1\r\nHost: h\r\nUser-Agent: \x1b[2J\r\nConnection: close\r\n\r\n")
            assert sock.makefile("rb").read().startswith(b"HTTP/1.1 400")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(b"\x16\x03\x01\r\n\r\n")
            assert sock.makefile("rb").read().startswith(b"HTTP/1.1 400")
        lines = until(lambda: log.read_text().count("\n") == 4 and log.read_text().splitlines())
        log.rename(rotated)
        server.process.send_signal(signal.SIGUSR1)
        until(log.exists)
        fetch(f"{server.url}/health")
        until(lambda: "/health" in log.read_text())
        server.stop()
    assert rotated.read_text().splitlines() == lines
    form = re.compile(r'(\S+) - - \[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] "(.*?)" (\d+) \d+ "(.*?)" "(.*?)"')
    assert [form.fullmatch(line).groups() for line in lines] == [
        ("192.0.2.0", f"GET /a.gif?id=blog&url={PAGE} HTTP/1.1", "200", "-", r"A \x22quoted\x22 agent"),
        ("127.0.0.0", "GET /login HTTP/1.1", "200", PAGE, "a reader"),
        ("127.0.0.0", "GET /a.gif?id=blog HTTP/1.1", "400", "-", r"\x1B[2J"),
        ("127.0.0.0", "-", "400", "-", "-"),
    ]


def test_no_access_log_is_written_unless_one_is_named(tmp_path):
    footfall(tmp_path / "data", "site", "add", "blog")
    with Server(tmp_path / "data") as server:
        fetch(f"{server.url}/a.gif?id=blog&url={PAGE}")
        assert "GET /a.gif" not in server.stop()
    assert not list(tmp_path.rglob("*.log"))


@pytest.mark.needs("systemd-analyze")
def test_the_systemd_unit_is_one_and_leaves_the_service_few_rights(tmp_path):
    unit = (ROOT / "deploy" / "footfall.service").read_text()
    # Nothing is installed in /opt here; any program that exists will do to look at the rest.
    (tmp_path / "footfall.service").write_text(re.sub(r"/opt/footfall/bin/footfall", "/bin/true", unit))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "footfall.service"], capture_output=True,
                          text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "footfall.service" in line] == []
    told = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--json=short",
                           tmp_path / "footfall.service"], capture_output=True, text=True, check=True).stdout
    exposed = {each["json_field"] for each in json.loads(told) if each["set"] is False}
    assert not exposed & {"UserOrDynamicUser", "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp",
                          "PrivateDevices", "SystemCallFilter_raw_io", "CapabilityBoundingSet_CAP_SYS_ADMIN"}


@pytest.mark.needs("systemd-analyze", "strace")
def test_the_systemd_unit_allows_every_system_call_that_the_server_makes(tmp_path):
    footfall(tmp_path / "data", "site", "add", "blog")
    path, trace = tmp_path / "footfall.sock", tmp_path / "trace"
    with Server(tmp_path / "data", command=["strace", "-DD", "-f", "-o", str(trace)], host=f"unix:{path}") as server:
        for page in (f"/a.gif?id=blog&url={PAGE}", "/login", "/ready"):
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
                until(lambda sock=sock: sock.connect_ex(str(path)) == 0)
                sock.sendall(f"GET {page} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                assert sock.makefile("rb").read().startswith(b"HTTP/1.1 200")
        server.stop()
    until(lambda: trace.read_text().endswith("+++ exited with 0 +++\n"))
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    assert {"fdatasync", "chown"} <= made
    groups = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True,
                            check=True).stdout
    members = {}
    for name, body in re.findall(r"^(@\S+)\n((?: .*\n)+)", groups, re.MULTILINE):
        members[name] = {line.strip() for line in body.splitlines() if not line.strip().startswith("#")}

    def calls(name):
        return {call for member in members[name] for call in calls(member)} if name.startswith("@") else {name}

    allowed = set()
    unit = (ROOT / "deploy" / "footfall.service").read_text()
    for filtered in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        named = {call for name in filtered.removeprefix("~").split() for call in calls(name)}
        allowed = allowed - named if filtered.startswith("~") else allowed | named
    assert made - allowed == set()


def test_the_image_runs_as_a_user_without_rights_and_only_what_is_in_the_checkout_goes_into_it():
    lines = [line for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "USER footfall" in lines
    assert lines.index("USER footfall") < next(number for number, line in enumerate(lines) if line.startswith("CMD"))
    assert {".git", ".venv", "build", "footfall-data"} <= set(ignored)
