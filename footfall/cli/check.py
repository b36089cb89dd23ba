"""``footfall check``: what is wrong, and what to do about it."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import click

from footfall import accounts
from footfall.cli.settings import with_settings
from footfall.collect.networks import read_networks
from footfall.collect.watched import read_list
from footfall.config import SETTINGS, Config
from footfall.derive.places import open_places
from footfall.derive.spam import read_hosts
from footfall.errors import ConfigError, DeliveryError, FootfallError, UsageError
from footfall.mailing import smtp
from footfall.reports.recent import newest_view
from footfall.storage import Store
from footfall.stores import open_store

#: A clock before this is wrong: the program is newer.
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
LITTLE_DISK_BYTES = 500_000_000


class Finding(NamedTuple):
    """One thing looked at: whether it is right, what was seen, and the remedy if it is not."""

    right: bool
    what: str
    remedy: str = ""


@click.command()
@with_settings(*(setting.name for setting in SETTINGS))
def check(config: Config) -> None:
    """Look at settings, disk, store and clock; exit with 1 if something is wrong."""
    wrong = 0
    for finding in findings(config):
        wrong += not finding.right
        click.echo(f"{'ok   ' if finding.right else 'WRONG'} {finding.what}")
        if finding.remedy:
            click.echo(f"      → {finding.remedy}")
    if wrong:
        raise FootfallError(f"{wrong} wrong, see above")


def findings(config: Config) -> Iterator[Finding]:
    """Yield what is seen of the settings, the data folder, the clock, the store and the sites."""
    for setting in SETTINGS:
        source = config.sources.get(setting.key, "default")
        if source != "default":
            text = str(getattr(config, setting.key))
            shown = "…" if setting.name.endswith("PASSWORD") or ("://" in text and "@" in text) else text
            yield Finding(True, f"setting {setting.key} = {shown} ({source})")
    yield from _disk(config)
    yield from _places(config)
    yield from _lists(config)
    yield from _mail(config)
    now = datetime.now(UTC)
    yield Finding(now > RELEASED, f"clock: {now:%Y-%m-%d %H:%M:%S} UTC",
                  "" if now > RELEASED else "set the clock, best by NTP: every event's time comes from it")
    try:
        store = open_store(config=config)
    except FootfallError as error:
        yield Finding(False, f"store: {error}", "see FOOTFALL_STORE and docs/settings.md")
        return
    with store:
        yield from _store(store, now)


def _disk(config: Config) -> Iterator[Finding]:
    folder = config.data.absolute()
    if not folder.is_dir():
        yield Finding(True, f"data folder {folder}: not there yet; it is made when first needed")
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    yield Finding(not mode & 0o007, f"data folder {folder}: mode {mode:o}",
                  f"chmod o-rwx {folder}: others can read your readers' data" if mode & 0o007 else "")
    free = shutil.disk_usage(folder).free
    yield Finding(free > LITTLE_DISK_BYTES, f"disk: {free / 1e9:,.1f} GB free",
                  "" if free > LITTLE_DISK_BYTES else "make room: when the disk is full, hits are answered 503")


def _places(config: Config) -> Iterator[Finding]:
    if config.geoip is None:
        return
    try:
        open_places(config.geoip)
        yield Finding(True, f"places: {config.geoip} can be read")
    except UsageError as error:
        yield Finding(False, f"places: {error}", "until it can be read, events are stored without a place")


def _lists(config: Config) -> Iterator[Finding]:
    for name, path, read in (("networks of data centres", config.datacentres, read_networks),
                             ("spam referrers", config.spam_referrers, read_hosts)):
        if path is None:
            continue
        try:
            read_list(path, read)
            yield Finding(True, f"{name}: {path} can be read")
        except UsageError as error:
            yield Finding(False, f"{name}: {error}", "until it can be read, no hit is kept apart by it")


def _mail(config: Config) -> Iterator[Finding]:
    if config.smtp_url is None:
        return
    try:
        yield Finding(True, f"mail: {smtp.probe(config)} answers")
    except (ConfigError, DeliveryError) as error:
        yield Finding(False, f"mail: {error}", "until then no report and no alert is sent by mail")
    if not config.public_url:
        yield Finding(False, "mail: FOOTFALL_PUBLIC_URL is not set",
                      "set it: without it a report has no link that ends it, and many servers take it for spam")


def _store(store: Store, now: datetime) -> Iterator[Finding]:
    try:
        store.probe()
        yield Finding(True, "store: a write and its removal succeeded")
        sites = accounts.all_accounts(store)
        yield Finding(bool(sites), f"sites: {len(sites)}", "" if sites else "add one: footfall site add ID")
        for site in sites:
            yield _newest(store, site.id, now)
    except FootfallError as error:
        yield Finding(False, f"store: {error}", "mend the store; hits are answered 503 until then")


def _newest(store: Store, account: str, now: datetime) -> Finding:
    newest = newest_view(store, account)
    if newest is None:
        return Finding(True, f"site {account}: no page-view yet")
    ahead = newest > now + timedelta(minutes=5)
    return Finding(not ahead, f"site {account}: newest page-view {newest:%Y-%m-%d %H:%M:%S} UTC",
                   "it lies in the future: the clock is, or was, wrong" if ahead else "")
