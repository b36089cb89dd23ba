"""Settings: every one once, as data, read from flags, the environment, a file, then defaults.

``FOOTFALL_PORT=8001``, ``footfall serve --port 8001`` and ``port = 8001`` in ``footfall.toml`` say
the same. A flag wins over the environment, the environment over the file. A name that is not a
setting, or a value that is not allowed, is a :class:`ConfigError` that names it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from footfall.errors import ConfigError

PREFIX = "FOOTFALL_"
STORE_SCHEMES = ("sqlite", "cassandra", "memory")

#: How mail is sent, by scheme, and the port unless one is named.
SMTP_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks(tuple[Network, ...]):
    """Networks of one setting. Their hash, which takes long, is made once: they are keys of what is remembered."""

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self))

    def __hash__(self) -> int:
        return self._hash


class SmtpServer(NamedTuple):
    """Where mail is sent by.

    :param scheme: one of :data:`SMTP_PORTS`.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Setting(NamedTuple):
    """One setting: its name without the prefix, default, parser and what it is for."""

    name: str
    default: str
    parse: Callable[[str], Any]
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name

    @property
    def key(self) -> str:
        """Its key in footfall.toml, and its attribute in :class:`Config`."""
        return self.name.lower()

    @property
    def flag(self) -> str:
        """The command-line flag that sets it."""
        return "--" + self.key.replace("_", "-")


def _store_url(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in STORE_SCHEMES:
        raise ValueError("unknown store; use sqlite://, cassandra:// or memory://")
    return text


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return the parser of a setting that is one of some words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return text

    return parse


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """Return the parser of a setting that is a number in a range, both ends included."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def networks(text: str) -> Networks:
    """Parse a setting that is a list of addresses or networks."""
    try:
        return Networks(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks with commas between them ({error})") from None


def _folder(text: str) -> Path:
    if not text:
        raise ValueError("must be a folder")
    return Path(text).expanduser()


def _optional_file(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _host(text: str) -> str:
    if text.startswith("unix:/"):
        return text
    if not text or any(char.isspace() or char in "/?#@" for char in text):
        raise ValueError("must be an address or host name to listen on, or unix:/path/of/a.sock")
    return text


def _path(text: str) -> str:
    if not re.fullmatch(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+", text):
        raise ValueError("must be a path such as /js/site.js, of letters, digits, dots, dashes and underscores")
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("must be an address such as https://stats.example.com, or empty")
    return text.rstrip("/")


def _smtp_url(text: str) -> SmtpServer | None:
    if not text:
        return None
    wrong = ValueError("must be smtp://HOST:PORT (with STARTTLS), smtps://HOST:PORT (TLS from the first byte), or "
                       "smtp+plain://HOST:PORT (without TLS)")
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if "@" in text:
        raise ValueError("must be without a login: put it into FOOTFALL_SMTP_USERNAME and FOOTFALL_SMTP_PASSWORD")
    if scheme not in SMTP_PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong
    return SmtpServer(scheme, host, port or SMTP_PORTS[scheme])


def mail_address(text: str) -> str:
    """Parse an address that mail is sent to.

    :raises ValueError: it is none.
    """
    if len(text) > 254 or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]+", text):
        raise ValueError("must be an address such as anna@example.com")
    return text


def _mail_from(text: str) -> str:
    if text:
        mail_address(parseaddr(text)[1])
    if not text.isprintable() or "," in text:
        raise ValueError("must be one address, such as Footfall <stats@example.com>")
    return text


SETTINGS = (
    Setting("DATA", "footfall-data", _folder, "Folder of the database and the key that signs sessions."),
    Setting("STORE", "sqlite:///footfall.db", _store_url,
            "Where events are kept: sqlite:///file (in the data folder), cassandra://host/keyspace or memory://."),
    Setting("HOST", "127.0.0.1", _host, "Address that `footfall serve` listens on, or unix:/path/of/a.sock."),
    Setting("PORT", "8000", whole_number(1, 65535), "Port that `footfall serve` listens on."),
    Setting("WORKERS", "1", whole_number(1, 64), "Worker processes of `footfall serve`."),
    Setting("ROLE", "all", one_of("collect", "web", "all"),
            "What `footfall serve` does: take hits (collect), show the owner's pages (web), or all of it."),
    Setting("ACCESS_LOG", "", _optional_file,
            "File to write a line to for each request; empty: none is written."),
    Setting("PUBLIC_URL", "", _public_url,
            "Address that readers' browsers reach footfall at, for the tag to paste; empty: the one asked for."),
    Setting("SCRIPT_PATH", "/a.js", _path, "Path of the tracker, beside /a.js; it stands in the tag to paste."),
    Setting("PIXEL_PATH", "/a.gif", _path, "Path of the pixel, beside /a.gif."),
    Setting("EVENT_PATH", "/e", _path, "Path that the tracker posts to, beside /e; it stands in the tag to paste."),
    Setting("TRUSTED_PROXIES", "127.0.0.0/8, ::1", networks,
            "Addresses whose X-Real-IP and X-Forwarded-For are believed; networks, commas between."),
    Setting("IP", "truncated", one_of("truncated", "full", "none"), "How much of a visitor's address is kept."),
    Setting("VISITORS", "daily", one_of("daily", "weekly", "monthly", "cookie", "none"),
            "How long a visitor is known again: by a hash whose salt is destroyed each day, week or month, by a "
            "cookie, or not at all."),
    Setting("GEOIP", "", _optional_file,
            "File in .mmdb format that tells the country, region and city of an address; empty: none is looked up."),
    Setting("RETENTION", "0", whole_number(0, 7300),
            "Days after which events are removed, where a site does not say otherwise; 0: never."),
    Setting("DATACENTRES", "", _optional_file,
            "File of the networks of data centres, one a line, whose hits are kept apart as bots'; empty: none are."),
    Setting("SPAM_REFERRERS", "", _optional_file,
            "File of hosts, one a line, whose referrers are kept apart as spam, beside those that footfall knows."),
    Setting("UNKNOWN_ACCOUNTS", "refuse", one_of("refuse", "accept"),
            "What becomes of hits for an account that `footfall site add` has not made."),
    Setting("OUTBOX_GRACE", "60", whole_number(1, 86_400),
            "Seconds that events stay in the outbox after the cluster acknowledged them: longer than its "
            "commitlog_sync_period."),
    Setting("API_RATE", "600", whole_number(0, 1_000_000),
            "Requests a minute that a token may make of the API, events aside; 0: any number."),
    Setting("CASSANDRA_USERNAME", "", str, "Login of a cassandra:// store that asks for one."),
    Setting("CASSANDRA_PASSWORD", "", str, "Password of that login; never shown."),
    Setting("CASSANDRA_CA", "", str, "File of the authority that signed a TLS Cassandra's certificate; empty: no TLS."),
    Setting("SMTP_URL", "", _smtp_url,
            "Server that mail is sent by: smtp://host:587 (STARTTLS), smtps://host:465, smtp+plain://host:25; empty: "
            "none is sent."),
    Setting("SMTP_USERNAME", "", str, "Login of that server, if it asks for one."),
    Setting("SMTP_PASSWORD", "", str, "Password of that login; never shown."),
    Setting("SMTP_CA", "", _optional_file,
            "File of the authority that signed its certificate; empty: one that the machine trusts."),
    Setting("MAIL_FROM", "", _mail_from, "Address that mail is sent from, such as stats@example.com."),
    Setting("WEBHOOK_ADDRESSES", "public", one_of("public", "any"),
            "Where a webhook may lead: to public addresses, or also to this machine and its networks."),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process; :data:`SETTINGS` says what each is for."""

    data: Path
    # A login may stand in it; neither it nor the password is to be seen in a traceback or a log.
    store: str = field(repr=False)
    host: str
    port: int
    workers: int
    role: str
    access_log: Path | None
    public_url: str
    script_path: str
    pixel_path: str
    event_path: str
    trusted_proxies: tuple[Network, ...]
    ip: str
    visitors: str
    geoip: Path | None
    retention: int
    datacentres: Path | None
    spam_referrers: Path | None
    unknown_accounts: str
    outbox_grace: int
    api_rate: int
    cassandra_username: str
    cassandra_password: str = field(repr=False)
    cassandra_ca: str
    smtp_url: SmtpServer | None
    smtp_username: str
    smtp_password: str = field(repr=False)
    smtp_ca: Path | None
    mail_from: str
    webhook_addresses: str
    sources: Mapping[str, str]
    #: What was given for each setting that was given, as text.
    texts: Mapping[str, str] = field(repr=False)

    @property
    def collects(self) -> bool:
        """Whether the server takes hits, and sees to what is stored."""
        return self.role != "web"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that give another process the same settings."""
        return {BY_KEY[key].variable: text for key, text in self.texts.items()}

    @property
    def facts(self) -> Path:
        """The folder of the facts that are kept, see :mod:`footfall.reports.cache`."""
        return self.data / "cache"

    @property
    def store_url(self) -> str:
        """The store's URL with an SQLite file's place made absolute: relative ones lie in the data folder."""
        scheme, _, rest = self.store.partition(":///")
        if scheme != "sqlite":
            return self.store
        return f"sqlite:///{(self.data / rest).absolute()}"


def load(flags: Mapping[str, str | None] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings from flags, environment, file and defaults, the first that names one winning.

    :param flags: values by key; ``None`` stands for a flag that was not given. ``config`` names the file.
    :param environ: ``os.environ`` unless a test brings its own; ``FOOTFALL_CONFIG`` names the file.
    :raises ConfigError: a setting is unknown or has a bad value, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    chosen: dict[str, tuple[str, str]] = {}
    path = given.pop("config", None) or environ.get(PREFIX + "CONFIG")
    for key, value in _read_file(Path(path) if path else None).items():
        chosen[key] = (value, "footfall.toml" if path is None else path)
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable != PREFIX + "CONFIG":
            key = variable.removeprefix(PREFIX).lower()
            if key not in BY_KEY or variable != BY_KEY[key].variable:
                raise ConfigError(f"{variable}: unknown setting; {_suggest()}")
            chosen[key] = (environ[variable], variable)
    for key, value in given.items():
        chosen[key] = (value, BY_KEY[key].flag)
    values = {}
    for setting in SETTINGS:
        text, source = chosen.get(setting.key, (setting.default, "default"))
        try:
            values[setting.key] = setting.parse(text)
        except ValueError as error:
            # Who wrote a login into the address of a mail server is told so, without the login.
            is_secret = setting.name.endswith("PASSWORD") or (setting.name == "SMTP_URL" and "@" in text)
            shown = "…" if is_secret else repr(text)
            where = setting.variable if source == "default" else source
            where = where if setting.key in where.lower() or where.startswith("--") else f"{where}: {setting.key}"
            raise ConfigError(f"{where}={shown}: {error}") from None
    return Config(**values, sources={key: source for key, (_, source) in chosen.items()},
                  texts={key: text for key, (text, _) in chosen.items()})


def _suggest() -> str:
    return "the settings are " + ", ".join(setting.variable for setting in SETTINGS)


def _read_file(path: Path | None) -> dict[str, str]:
    """Return the settings of ``path``, or of ``footfall.toml`` beside us where there is one."""
    wanted = path or Path("footfall.toml")
    try:
        table = tomllib.loads(wanted.read_text("utf-8"))
    except FileNotFoundError:
        if path is None:
            return {}
        raise ConfigError(f"{path}: no such file; leave --config and FOOTFALL_CONFIG out to do without one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{wanted}: cannot be read as TOML: {error}") from None
    values = {}
    for key, value in table.items():
        if key not in BY_KEY:
            raise ConfigError(f"{wanted}: {key}: unknown setting; the settings are {', '.join(BY_KEY)}")
        if not isinstance(value, str | int | list) or isinstance(value, bool):
            raise ConfigError(f"{wanted}: {key}={value!r}: must be a string or a whole number")
        values[key] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    # A path written in a file is meant from that file, wherever the command is given.
    if "data" in values:
        values["data"] = str(wanted.absolute().parent / Path(values["data"]).expanduser())
    return values
