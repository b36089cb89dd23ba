"""A small real Cassandra on loopback, for the tests that want the true one.

The jars come from Maven Central, once, into a cache folder; nothing but Java 17 and, the first time,
Maven is needed. Node *n* listens on 127.0.0.*n*, all on the same free ports::

    with Cluster(tmp_path, nodes=3) as cluster:
        connect(cluster.contact_points, cluster.port)
        cluster.kill(2)

Nodes are children of the process that started them, and end with the thread that did (``setpriv
--pdeathsig``, which unlike a ``preexec_fn`` is safe beside threads).
"""

import fcntl
import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

VERSION = "5.0.8"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall-tests"
START_SECONDS = 240
STOP_SECONDS = 30

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>footfall</groupId><artifactId>tests</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>"""
_LOGBACK = """<configuration><appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder>
<pattern>%-5level %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="OUT"/></root></configuration>"""
# What Cassandra reaches into on Java 17, from its own jvm17-server.options.
_EXPORTS = ("java.base/jdk.internal.misc", "java.base/java.lang.ref",
            "java.management.rmi/com.sun.jmx.remote.internal.rmi",
            "java.management/com.sun.jmx.remote.security", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server",
            "java.sql/java.sql", "jdk.unsupported/sun.misc")
_OPENS = ("java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect",
          "java.base/java.nio", "java.base/java.util", "java.base/jdk.internal.loader", "java.base/jdk.internal.math",
          "java.base/jdk.internal.module", "java.base/jdk.internal.ref", "java.base/jdk.internal.reflect",
          "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch", "jdk.management/com.sun.management.internal")


class Cluster:
    """Cassandra nodes whose whole state lies in one folder; a context manager that starts and stops them.

    :param home: the folder; data in it is used again.
    :param nodes: how many, 1 to 3.
    :param settings: more of cassandra.yaml, as ``{"authenticator": "PasswordAuthenticator"}``.
    :param jvm: more flags of Java.
    """

    def __init__(self, home: Path, nodes: int = 1, settings: Mapping[str, Any] | None = None,
                 jvm: Sequence[str] = ()) -> None:
        self.home = home
        self.contact_points = [f"127.0.0.{number}" for number in range(1, nodes + 1)]
        self.port, self.storage_port = _free_ports(self.contact_points)
        self.settings = dict(settings or {})
        self.jvm = tuple(jvm)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the nodes that do not run, and wait until they answer and see each other."""
        self._start([number for number in self._numbers() if number not in self._processes])

    def stop(self) -> None:
        """End every node: cleanly if it can, by force if it takes too long."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for number in list(self._processes):
            try:
                self._processes[number].wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._processes[number].kill()
            self._processes.pop(number).wait()

    def kill(self, node: int) -> None:
        """End a node at once, as a crash would."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def restart(self, node: int) -> None:
        """Start a node on the data it had; one that runs is killed first."""
        if node in self._processes:
            self.kill(node)
        self._start([node])

    def pause(self, node: int) -> None:
        """Make a node hang: its sockets stay open and nothing answers."""
        self._processes[node].send_signal(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """Let a paused node go on."""
        self._processes[node].send_signal(signal.SIGCONT)

    def log(self, node: int) -> Path:
        """The file that a node writes its log to."""
        return self.home / f"node{node}" / "system.log"

    def _numbers(self) -> Iterable[int]:
        return range(1, len(self.contact_points) + 1)

    def _start(self, numbers: Sequence[int]) -> None:
        marks = {number: self.log(number).stat().st_size if self.log(number).exists() else 0
                 for number in self._numbers()}
        deadline = time.monotonic() + START_SECONDS
        try:
            for number in numbers:
                self._processes[number] = self._spawn(number, deadline)
            while not self._ready(numbers, marks):
                for number in numbers:
                    if self._processes[number].poll() is not None or time.monotonic() > deadline:
                        log = self.log(number).read_text(errors="replace")
                        raise RuntimeError(f"node {number} did not start, {self.log(number)} ends:\n{log[-3000:]}")
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def _ready(self, started: Sequence[int], marks: Mapping[int, int]) -> bool:
        # The port is opened last of all, so whoever takes a connection also answers; a TLS one as well.
        return all(_listens(self._host(number), self.port) for number in started) and all(
            self._saw_up(one, other, marks[one]) for one in self._processes for other in self._processes
            if one != other and (one in started or other in started))

    def _saw_up(self, node: int, peer: int, mark: int) -> bool:
        with self.log(node).open("rb") as log:
            log.seek(mark)
            return re.search(rb"/%s:\d+ is now UP" % re.escape(self._host(peer).encode()), log.read()) is not None

    def _host(self, node: int) -> str:
        return self.contact_points[node - 1]

    def _spawn(self, node: int, deadline: float) -> subprocess.Popen[bytes]:
        folder, jars = self.log(node).parent, _jars()
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        (folder / "logback.xml").write_text(_LOGBACK)
        # Every JSON text is a YAML one.
        (folder / "cassandra.yaml").write_text(json.dumps(self._yaml(node), indent=1))
        for port in (self.port, self.storage_port):
            # The ports of a killed node are held for a moment; without the wait every second restart fails.
            while not _is_free(self._host(node), port) and time.monotonic() < deadline:
                time.sleep(0.1)
        command = [
            "setpriv", "--pdeathsig", "KILL", "java", *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS), f"-javaagent:{next(jars.glob('jamm-*.jar'))}",
            "-Djdk.attach.allowAttachSelf=true", "-Xms64M", "-Xmx768M", "-Xss512k", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-XX:+PerfDisableSharedMem",
            "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={folder / 'tmp'}",
            "-Dio.netty.tryReflectionSetAccessible=true", f"-Dcassandra.config=file://{folder / 'cassandra.yaml'}",
            f"-Dlogback.configurationFile=file://{folder / 'logback.xml'}", f"-Dcassandra.storagedir={folder}",
            f"-Dcassandra.logdir={folder}", "-Dcassandra-foreground=yes", "-Dcassandra.libjemalloc=-",
            "-Dcassandra.ring_delay_ms=2000", "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.superuser_setup_delay_ms=0", *self.jvm, "-cp", f"{jars}/*",
            "org.apache.cassandra.service.CassandraDaemon"]
        with self.log(node).open("ab") as log:
            return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _yaml(self, node: int) -> dict[str, Any]:
        folder, host, count = self.log(node).parent, self._host(node), len(self.contact_points)
        return {
            # Set tokens and every node a seed: only so can all start at the same time.
            "cluster_name": "footfall tests", "auto_bootstrap": False, "num_tokens": 1,
            "initial_token": str(-2**63 + (node - 1) * (2**64 // count)),
            "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                               "parameters": [{"seeds": ",".join(self.contact_points)}]}],
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner", "endpoint_snitch": "SimpleSnitch",
            "listen_address": host, "rpc_address": host, "storage_port": self.storage_port,
            "native_transport_port": self.port, "commitlog_sync": "batch", "commitlog_segment_size": "8MiB",
            "memtable_allocation_type": "heap_buffers", "memtable_heap_space": "64MiB", "concurrent_reads": 8,
            "concurrent_writes": 8, "concurrent_compactors": 1, "key_cache_size": "8MiB", "auto_snapshot": False,
            "data_file_directories": [str(folder / "data")],
            **{f"{name}_directory": str(folder / name) for name in ("commitlog", "saved_caches", "hints", "cdc_raw")},
            **self.settings}


def _jars() -> Path:
    """Return the folder of the jars, after downloading them if it is the first time."""
    jars = CACHE / f"cassandra-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                (Path(folder) / "pom.xml").write_text(_POM)
                command = ["mvn", "-B", "-ntp", _PLUGIN, "-DincludeScope=runtime", "-DoutputDirectory=jars"]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise RuntimeError(f"mvn could not fetch Cassandra {VERSION}:\n{done.stdout[-2000:]}{done.stderr}")
                (Path(folder) / "jars").rename(jars)
    return jars


def _free_ports(hosts: Sequence[str]) -> tuple[int, int]:
    # Below the range that the kernel hands out by itself, so that no outgoing connection takes one meanwhile.
    tried = (random.randrange(20_000, 32_000) for _ in range(1000))
    free = (port for port in tried if all(_is_free(host, port) for host in hosts))
    first = next(free)
    return first, next(port for port in free if port != first)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    return True


def _listens(host: str, port: int) -> bool:
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex((host, port)) == 0
