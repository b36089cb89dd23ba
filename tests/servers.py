"""Real servers for tests: `footfall serve` and nginx as processes, on loopback ports of their own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.waiting import until

ROOT = Path(__file__).parent.parent


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def footfall(data, *arguments, check=True, stdin=None, **settings):
    """Run a footfall command to its end; returns what subprocess.run does, output as text."""
    command = [sys.executable, "-W", "error", "-m", "footfall", *arguments]
    done = subprocess.run(command, env=_environment(data, settings), input=stdin, capture_output=True, text=True,
                          timeout=120, check=False)
    if check and done.returncode:
        raise AssertionError(f"footfall {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def count_all(data, site="blog", **settings):
    """Have a site count every hit, whatever program sends it and how fast: for tests whose clients are no browsers."""
    footfall(data, "site", "set", site, "--bots", "count", "--rate", "0", **settings)


def start(data, *arguments, **settings):
    """Start a footfall command; returns its process, output and errors as one text."""
    return subprocess.Popen([sys.executable, "-W", "error", "-m", "footfall", *map(str, arguments)], text=True,
                            env=_environment(data, settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def fetch(url, **headers):
    """GET a URL; returns (status, headers, body) of whatever answer comes, redirects not followed."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def ask(url, method="GET", body=None, **headers):
    """Send any request; returns (status, headers, body) of whatever answer comes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def log_in(url, name, password):
    """Log in at a server; returns the session's cookie, to be sent with what is asked for."""
    status, headers, _ = ask(f"{url}/login", "POST", urlencode({"name": name, "password": password}),
                             **{"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"})
    assert status == 303
    return headers["Set-Cookie"].partition(";")[0]


def wait_until_answers(url, process, seconds=30, printed=None):
    """Wait until something answers at ``url``, or fail with what the process printed.

    :param printed: returns that, if it is not in the process's pipe.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fetch(url)
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                text = printed() if printed else process.communicate()[0]
                raise AssertionError(f"{url} does not answer:\n{text}") from None
        time.sleep(0.05)


class Server:
    """`footfall serve` in a process; as a context manager it is ended, workers and all, when that is left.

    :param command: what runs it, such as ``("strace", "-D")``.
    """

    def __init__(self, data, command=(), **settings):
        self.data = data
        self.command = command
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        environment = _environment(self.data, {**self.settings, "port": self.port})
        # A file, because nobody reads while it runs: it would stand still when a pipe is full.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the server has ended
        self.process = subprocess.Popen([*self.command, sys.executable, "-m", "footfall", "serve"], env=environment,
                                        stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True)
        host = str(self.settings.get("host", ""))
        if host.startswith("unix:"):
            until(lambda: self.process.poll() is not None or Path(host.removeprefix("unix:")).is_socket())
        else:
            wait_until_answers(f"{self.url}/a.js", self.process, printed=self.printed)

    def printed(self):
        """All it has printed."""
        # Not by reading: it would move the place where the server writes on.
        return os.pread(self._output.fileno(), os.fstat(self._output.fileno()).st_size, 0).decode()

    def children(self):
        """The command lines of the master's children by process id: its workers, its forwarder, its herald."""
        master = Path("/proc") / str(self.process.pid)
        pids = (master / "task" / master.name / "children").read_text().split()
        lines = {}
        for pid in pids:
            # One may end between being listed and being looked at.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                lines[int(pid)] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return lines

    def workers(self):
        """The process ids of its workers."""
        return [pid for pid, line in self.children().items() if line.endswith(" serve ")]

    def forwarders(self):
        """The process ids of its forwarder: one, or none while there is none."""
        return [pid for pid, line in self.children().items() if " outbox forward " in line]

    def kill(self):
        """End the master and every worker at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._output.close()

    def kill_master(self):
        """End the master alone; its children are nobody's then."""
        self.process.kill()
        self.process.wait(30)
        self._output.close()

    def stop(self):
        """Ask it to end; returns all it printed."""
        self.process.terminate()
        self.process.wait(30)
        with contextlib.closing(self._output):
            return self.printed()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.kill()


class Nginx:
    """nginx with a file of deploy/ itself, its ports, folders and upstream made a test's own.

    :param root: the folder of the blog's pages.
    :param upstream: footfall's port on loopback, or its Unix socket as ``unix:/path``.
    :param pages: the port of the server that shows the pages, if it is another.
    :param conf: the file's name.
    :param log: where hits are written, if the file has them written.
    """

    def __init__(self, home, root, upstream, conf="nginx.conf", log=None, pages=None):
        self.port = free_port()
        site = (ROOT / "deploy" / conf).read_text()
        upstream = upstream if isinstance(upstream, str) else f"127.0.0.1:{upstream}"
        of_pages = "footfall_pages {\n    server 127.0.0.1:"
        for ours, tests in (*([(f"{of_pages}8000", f"{of_pages}{pages}")] if pages else ()),
                            ("listen 80;", f"listen 127.0.0.1:{self.port};"), ("/var/www/blog", str(root)),
                            ("127.0.0.1:8000", upstream),
                            *([(" /var/log/nginx/footfall.log ", f" {log} ")] if log else ())):
            assert ours in site
            site = site.replace(ours, tests)
        home.mkdir()
        temporary = "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # Started by root, its workers would be nobody, who may not read a test's folders.
        user = "user root;\n" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(
            f"{user}daemon off;\npid {home}/pid;\nerror_log stderr;\nworker_processes 2;\n"
            f"events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{temporary}"
            f"types {{ text/html html; }}\n{site}\n}}\n")
        self.process = subprocess.Popen(["nginx", "-c", f"{home}/nginx.conf", "-p", str(home)], text=True,
                                        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"},
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_until_answers(f"http://127.0.0.1:{self.port}/", self.process)

    def reopen_logs(self):
        """Have it write to new files, as logrotate does after it renamed the old ones."""
        self.process.send_signal(signal.SIGUSR1)

    def has_open(self, path):
        """Tell whether the master or a worker still has a file open."""
        master = Path("/proc") / str(self.process.pid)
        workers = (master / "task" / master.name / "children").read_text().split()
        return any(fd.resolve() == path for pid in (master.name, *workers) for fd in Path(f"/proc/{pid}/fd").iterdir())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.communicate(timeout=30)


class Follower:
    """`footfall import log --follow` in a process; as a context manager it is killed when that is left."""

    def __init__(self, data, *arguments, **settings):
        self.process = start(data, "import", "log", *arguments, "--follow", **settings)

    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()

    def stop(self):
        """Ask it to end; returns all it printed."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[0]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.returncode is None:
            self.kill()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def _environment(data, settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    return {**kept, "PYTHONPATH": str(ROOT) + ":" + os.environ.get("PYTHONPATH", ""), "FOOTFALL_DATA": str(data),
            **{f"FOOTFALL_{name.upper()}": str(value) for name, value in settings.items()}}
