"""The herald: looks every minute which reports are due and how it stands with the alerts, and sends what is to be sent.

What is due follows from the clock and from what was sent, both looked at anew each time: a herald that was away sends
the last report that is due, and one whose clock was set back sends nothing again. Of several that share a store one
takes each round; should two of them come to the same message all the same, it is sent once.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache as remembered
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from footfall import accounts, definitions, goals
from footfall.accounts import Account
from footfall.columns import TURNS_ROW
from footfall.config import Config
from footfall.definitions import Definition
from footfall.errors import ConfigError, DeliveryError, FootfallError, StoreError
from footfall.mailing import alerts, deliveries, letters, periods, subscriptions
from footfall.mailing.alerts import Alert, Verdict
from footfall.mailing.deliveries import Delivery
from footfall.mailing.destinations import Destination
from footfall.mailing.letters import Links, Message
from footfall.mailing.periods import Period
from footfall.mailing.posting import deliver
from footfall.mailing.subscriptions import Subscription
from footfall.mailing.summary import Summary, summary
from footfall.reports.asking import days_of
from footfall.reports.cache import FactsCache
from footfall.storage import Store

#: How often is looked, and how often whether we are to end.
ROUND_SECONDS = 60.0
LOOK_SECONDS = 0.5
#: After a failure a message waits so long, then twice as long, and so on up to an hour.
FIRST_WAIT, LONGEST_WAIT = 60.0, 3600.0
#: An alert that is over, and could not be told for so long, is nobody's concern any more.
GIVEN_UP = timedelta(days=1)
_TURN = "herald"

_log = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """What became of a message that was tried to send now."""

    delivery: Delivery
    sent: bool
    problem: str = ""


class Herald:
    """Sends what is to be sent.

    :param cache: of the facts of the store that reports, alerts and what was sent are in.
    """

    def __init__(self, config: Config, cache: FactsCache) -> None:
        self._config = config
        self._cache = cache
        self._store: Store = cache.store
        #: Of what failed: how long it waited, and when, by time.monotonic, it is tried again.
        self._waits: dict[Delivery, tuple[float, float]] = {}

    def run(self, stop: threading.Event, is_over: Callable[[], bool]) -> None:
        """Look until it is over, or until told to stop."""
        look_at = time.monotonic()
        while not stop.is_set() and not is_over():
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + ROUND_SECONDS
                try:
                    self._round()
                except StoreError as error:
                    _log.warning("nothing can be looked at, the next time is in a minute: %s", error)
            stop.wait(LOOK_SECONDS)

    def _round(self) -> None:
        sites = [site for site in accounts.all_accounts(self._store) if has_something(self._store, site.id)]
        mine = secrets.token_bytes(8)
        # It ends a little before the next round, so that the one who has it does not miss every second.
        ttl = int(ROUND_SECONDS) - 5
        if sites and self._store.claim("Accounts", TURNS_ROW, _TURN, mine, ttl=ttl) == mine:
            for site in sites:
                self._look_and_tell(site)

    def _look_and_tell(self, site: Account) -> None:
        try:
            for attempt in self.look(site, datetime.now(UTC)):
                if attempt.problem:
                    _log.warning("%s of %s: %s", attempt.delivery.what, attempt.delivery.site, attempt.problem)
        except StoreError:
            raise
        except FootfallError as error:
            # What is wrong with one site is no reason to leave the others alone.
            _log.warning("%s: %s", site.id, error)

    def look(self, site: Account, now: datetime) -> Iterator[Attempt]:
        """Send what is to be sent of a site, and yield each message that was tried.

        :param now: aware.
        :raises StoreUnavailable: the store did not answer.
        """
        # Alerts first: a report can wait for them.
        yield from self._see_to_alerts(site, now)
        yield from self.send_due(site, now)

    # ----- reports

    def send_due(self, site: Account, now: datetime) -> Iterator[Attempt]:
        """Send the reports of a site that are due, and yield each that was tried."""
        zone = ZoneInfo(site.settings["timezone"])
        # What several get is counted once.
        told = remembered(partial(self._summary, site))
        for each in subscriptions.subscriptions(self._store, site.id):
            period = periods.last(each.every, now, zone)
            if not periods.was_over(period, datetime.fromisoformat(each.created), zone):
                yield from self._send_report(each, period.name, partial(told, period, each.sections))

    def send_now(self, site: Account, subscription: Subscription, now: datetime) -> Iterator[Attempt]:
        """Send the report of the last period, whether it was sent or not, and yield each message."""
        period = periods.last(subscription.every, now, ZoneInfo(site.settings["timezone"]))
        told = partial(self._summary, site, period, subscription.sections)
        yield from self._send_report(subscription, f"now-{secrets.token_hex(6)}", told)

    def report(self, site: Account, every: str, sections: tuple[str, ...], now: datetime) -> Summary:
        """Return what the report of the last period says."""
        return self._summary(site, periods.last(every, now, ZoneInfo(site.settings["timezone"])), sections)

    def _send_report(self, to: Subscription, what: str, told: Callable[[], Summary]) -> Iterator[Attempt]:
        due = list(self._due(to.site, to.id, what, to.destination))
        if due:
            leads = letters.links(self._config, self._store, to.site, to.id)
            message = letters.report(told(), leads)
            for delivery in due:
                yield self._try(delivery, to.destination, message, leads)

    def _summary(self, site: Account, period: Period, sections: tuple[str, ...]) -> Summary:
        reached = [(each.name, each.form) for each in goals.goals(self._store, site.id)]
        return summary(days_of(self._cache, site.id), site.id, site.settings["timezone"], period, sections, reached)

    # ----- alerts

    def verdicts(self, site: Account, now: datetime) -> Iterator[tuple[Alert, Verdict]]:
        """Yield each alert of a site and how it stands with it."""
        days = days_of(self._cache, site.id)
        for each in alerts.alerts(self._store, site.id):
            yield each, alerts.verdict(each, days, now, site.settings["timezone"])

    def _see_to_alerts(self, site: Account, now: datetime) -> Iterator[Attempt]:
        alarms = {each.id: each for each in definitions.all_of(self._store, site.id, alerts.ALARM)}
        for alert, verdict in self.verdicts(site, now):
            alarm = self._alarm(alert, verdict, alarms.get(alert.id), now)
            if alarm is None:
                continue
            messages = {"began": alarm["told"]}
            if alarm["over"] and alert.when == "silence":
                messages["over"] = alarm["over_told"]
            is_told = True
            for which, told in messages.items():
                what = f"{alarm['since']}-{which}"
                yield from self._send_alert(alert, what, which, told, alarm)
                is_told = is_told and all(deliveries.is_settled(self._store, Delivery(site.id, alert.id, what, way))
                                          for way in alert.destination.ways)
            # It is armed again when everybody was told of this one.
            if alarm["over"] and (is_told or now - datetime.fromisoformat(alarm["over"]) > GIVEN_UP):
                definitions.remove(self._store, site.id, alerts.ALARM, alert.id)

    def _alarm(self, alert: Alert, verdict: Verdict, found: Definition | None, now: datetime) -> dict[str, str] | None:
        """Return what is known of an alert that is, or was, the case: since when, and, if it is, when it was over.

        :param found: what was known of it.
        """
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        if found is None:
            if not verdict.begins:
                return None
            found = definitions.claim(self._store, alert.site, alerts.ALARM, alert.id, {
                "since": at, "told": verdict.told, "over": "", "over_told": ""})
        elif verdict.ends and not found.fields["over"]:
            found = definitions.change(self._store, alert.site, alerts.ALARM, alert.id, {
                **found.fields, "over": at, "over_told": verdict.told})
        return dict(found.fields)

    def _send_alert(self, alert: Alert, what: str, which: str, told: str, alarm: dict[str, str]) -> Iterator[Attempt]:
        due = list(self._due(alert.site, alert.id, what, alert.destination))
        if due:
            leads = letters.links(self._config, self._store, alert.site, alert.id)
            message = alert_message(alert, which, told, alarm, leads)
            for delivery in due:
                yield self._try(delivery, alert.destination, message, leads)

    # ----- messages

    def _due(self, site: str, owner: str, what: str, destination: Destination) -> Iterator[Delivery]:
        """Yield the messages that were not sent yet and need not wait."""
        for way in destination.ways:
            delivery = Delivery(site, owner, what, way)
            _, at = self._waits.get(delivery, (0.0, 0.0))
            if time.monotonic() >= at and not deliveries.is_settled(self._store, delivery):
                yield delivery

    def _try(self, delivery: Delivery, destination: Destination, message: Message, leads: Links) -> Attempt:
        try:
            sent = deliver(self._config, self._store, delivery, destination, message, leads)
        except (ConfigError, DeliveryError) as error:
            waited, _ = self._waits.get(delivery, (0.0, 0.0))
            wait = min(2 * waited or FIRST_WAIT, LONGEST_WAIT)
            self._waits[delivery] = (wait, time.monotonic() + wait)
            return Attempt(delivery, False, str(error))
        self._waits.pop(delivery, None)
        return Attempt(delivery, sent)


def has_something(store: Store, site: str) -> bool:
    """Tell whether a site has a report or an alert, so that somebody must look."""
    return bool(definitions.all_of(store, site, subscriptions.KIND) or definitions.all_of(store, site, alerts.KIND))


def alert_message(alert: Alert, which: str, told: str, alarm: dict[str, str], leads: Links) -> Message:
    """Return what is told of an alert.

    :param which: ``began`` or ``over``.
    """
    subject = f"{alert.site}: {told}" if which == "began" else f"{alert.site}: over, {told}"
    text = f"{subject}\n\nThe alert: {alert}.\nSince {alarm['since']}"
    text += f", over at {alarm['over']}.\n" if which == "over" else ".\n"
    if leads.site:
        text += f"\n{leads.site}\n\nNo more of these: {leads.unsubscribe}\n"
    return Message("alert", subject, text, "", {
        "site": alert.site, "alert": alert.id, "when": alert.when, "state": which, "subject": subject,
        "since": alarm["since"], **({"over": alarm["over"]} if which == "over" else {})})
