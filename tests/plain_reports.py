"""Every report again, event by event, as docs/metrics.md says it and as slowly: what the engine is held against."""

import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from footfall.reports.building import days_around
from footfall.reports.day import day_of
from footfall.reports.facts import TABLES, Fact, fact_of

SECOND = 10_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REPORTS = ("engagement", "vitals")
TIMES = ("hour", "day", "week", "month")
PLACES = {name: (table, index) for table, names in TABLES.items() for index, name in enumerate(names)}
PER_EVENT = ("kind", "page", "url", "props")


class Event:
    def __init__(self, ticks, fields):
        self.ticks = ticks
        self.fact = fact_of(fields)
        self.visit = None

    @property
    def name(self):
        return self.fact.kind[0]

    def value(self, dim, *, of_visit=False):
        """Its value of a dimension; with ``of_visit`` what its visit's first event tells, where that is what counts."""
        if dim in ("entry_page", "exit_page"):
            if self.visit is None:
                return None
            return self.visit.events[0 if dim == "entry_page" else -1].value("page")
        if dim.startswith("prop:"):
            found = json.loads(self.fact.props[0] or "{}").get(dim[5:])
            return found if found is None or isinstance(found, str) else json.dumps(found)
        table, index = PLACES[dim]
        if of_visit and table not in PER_EVENT and self.visit is not None:
            return self.visit.events[0].value(dim)
        return self.fact[Fact._fields.index(table)][index]


class Visit:
    def __init__(self):
        self.events = []

    @property
    def ticks(self):
        return self.events[0].ticks

    @property
    def views(self):
        return sum(event.name is None for event in self.events)

    @property
    def is_bounce(self):
        return self.views == 1 and all(event.name in (None, "404", *REPORTS) for event in self.events)

    def chosen(self, form):
        return [event for event in self.events if satisfies(form, event, of_visit=True)]


class Plain:
    """Reports on events in order: pairs of ticks and fields."""

    def __init__(self, events):
        self.events = [Event(ticks, fields) for ticks, fields in events]
        self.visits = []
        last = {}
        for event in self.events:
            who = event.fact.visitor
            if not who:
                continue
            if who not in last or event.ticks - last[who].ticks > 1800 * SECOND:
                event.visit = Visit()
                self.visits.append(event.visit)
            else:
                event.visit = last[who].visit
            event.visit.events.append(event)
            last[who] = event

    def query(self, metrics, since, until, by=(), where=None, tz=UTC, goal=None):
        """Rows by group: ``{values: {metric: number}}``, in no order."""
        events = [event for event in self.events if since <= event.ticks < until and satisfies(where, event)]
        visits = [visit for visit in self.visits if since <= visit.ticks < until and visit.chosen(where)]
        groups = defaultdict(lambda: defaultdict(int))
        who = defaultdict(set)
        needed = {count for metric in metrics for count in COUNTS[metric]}

        def add(count, key, number=1):
            if count in needed and None not in key and number:
                groups[key][count] += number

        for event in events:
            key = tuple(bucket(dim, event.ticks, tz) if dim in TIMES else event.value(dim) for dim in by)
            add("views", key, event.name is None)
            add("events", key, event.name not in (None, *REPORTS))
            add("engaged_time", key, event.fact.engaged)
            if event.fact.visitor and event.fact.visitor not in who[key]:
                who[key].add(event.fact.visitor)
                add("visitors", key)
        for visit in visits:
            def key_at(event, visit=visit):
                return tuple(bucket(dim, visit.ticks, tz) if dim in TIMES else event.value(dim, of_visit=True)
                             for dim in by)

            for key in {key_at(event) for event in visit.chosen(where)}:
                add("visits", key)
                add("bounces", key, visit.is_bounce)
                add("duration", key, visit.events[-1].ticks - visit.ticks)
                add("views_of_visits", key, visit.views)
                add("conversions", key, goal is not None and bool(visit.chosen(goal)))
            add("entries", key_at(visit.events[0]))
            add("exits", key_at(visit.events[-1]))
        if not by:
            groups[()] = groups[()]  # the one row is there whatever it holds
        if len(by) == 1 and by[0] in TIMES and since < until:
            for value in buckets(by[0], since, until, tz):
                groups.setdefault((value,), defaultdict(int))
        return {key: {metric: METRICS[metric](counts) for metric in metrics} for key, counts in groups.items()}

    def ordered(self, rows, by, metrics, order=None):
        """The rows as a list in order."""
        if order is None:
            order = [(by[0], "asc")] if by and by[0] in TIMES else [(metrics[0], "desc")]
        found = sorted(rows.items(), key=lambda row: tuple(map(_comparable, row[0])))
        for name, direction in reversed(order):
            if name in by:
                found.sort(key=lambda row, name=name: _comparable(row[0][by.index(name)]), reverse=direction == "desc")
            else:
                number = [row for row in found if row[1][name] is not None]
                number.sort(key=lambda row, name=name: row[1][name], reverse=direction == "desc")
                found = number + [row for row in found if row[1][name] is None]
        return [(values, tuple(numbers.values())) for values, numbers in found]

    def funnel(self, steps, since, until, within="visit", where=None):
        """How many visits, or visitors, reach each step: tries every choice of events."""
        counts = [0] * len(steps)
        if within == "visit":
            ways = [visit.events for visit in self.visits if since <= visit.ticks < until and visit.chosen(where)]
        else:
            here = [event for event in self.events if since <= event.ticks < until and event.fact.visitor]
            those = {event.fact.visitor for event in here if satisfies(where, event)}
            ways = [[event for event in here if event.fact.visitor == who] for who in those]
        for events in ways:
            for number in range(len(steps)):
                counts[number] += _reaches(steps[:number + 1], events, within)
        return counts

    def retention(self, since, until, period, tz):
        """By period of first coming: how many came again in each later period."""
        first = {}
        periods = {value: number for number, value in enumerate(buckets(period, since, until, tz))}
        for event in self.events:
            if event.fact.visitor:
                first.setdefault(event.fact.visitor, event.ticks)
        came = defaultdict(set)
        for event in self.events:
            if event.fact.visitor and since <= first[event.fact.visitor] and since <= event.ticks < until:
                cohort = periods[bucket(period, first[event.fact.visitor], tz)]
                came[cohort, periods[bucket(period, event.ticks, tz)]].add(event.fact.visitor)
        return [(value, [len(came[number, later]) for later in range(number, len(periods))])
                for value, number in periods.items()]

    def paths(self, pattern, since, until, where=None):
        """Counts of the pages before and after the views of a page."""
        before, after = defaultdict(int), defaultdict(int)
        for visit in self.visits:
            if not (since <= visit.ticks < until and visit.chosen(where)):
                continue
            pages = [event.value("page") for event in visit.events if event.name is None]
            for number, page in enumerate(pages):
                if matches(pattern, page):
                    before[pages[number - 1] if number else None] += 1
                    after[pages[number + 1] if number + 1 < len(pages) else None] += 1
        return before, after


def _reaches(steps, events, within):
    """Whether there is a choice of events, one for each step, in order."""
    def rest(number, at, start):
        if number == len(steps):
            return True
        return any(satisfies(steps[number], event, of_visit=within == "visit")
                   and (within == "visit" or not number or event.ticks - start <= within)
                   and rest(number + 1, place + 1, event.ticks if not number else start)
                   for place, event in enumerate(events) if place >= at)

    return rest(0, 0, 0)


def satisfies(form, event, *, of_visit=False):
    """Whether an event satisfies a filter."""
    if form is None:
        return True
    word, *rest = form
    if word == "and":
        return all(satisfies(part, event, of_visit=of_visit) for part in rest)
    if word == "or":
        return any(satisfies(part, event, of_visit=of_visit) for part in rest)
    if word == "not":
        return not satisfies(rest[0], event, of_visit=of_visit)
    if word == "visit":
        return event.visit is not None and bool(event.visit.chosen(rest[0]))
    value, wanted = event.value(rest[0], of_visit=of_visit), rest[1] if isinstance(rest[1], list) else [rest[1]]
    test = {"is": str.__eq__, "in": str.__eq__, "contains": lambda each, text: each.casefold() in text.casefold(),
            "matches": matches}[word.removesuffix("_not").removeprefix("not_")]
    found = value is not None and any(test(each, value) for each in wanted)
    return not found if "not" in word else found


def matches(pattern, text):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def buckets(dim, since, until, tz):
    """The hours, days … of a range, in order: no clock is set, and no hour begins, but at a quarter."""
    quarter = 900 * SECOND
    steps = (since, *range((since // quarter + 1) * quarter, until, quarter)) if since < until else ()
    return list(dict.fromkeys(bucket(dim, ticks, tz) for ticks in steps))


def bucket(dim, ticks, tz):
    clock = (EPOCH + timedelta(microseconds=ticks // 10)).astimezone(tz)
    if dim == "hour":
        return clock.replace(minute=0, second=0, microsecond=0, fold=0, tzinfo=timezone(clock.utcoffset()))
    day = clock.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[dim]


def _comparable(value):
    return value.astimezone(UTC) if isinstance(value, datetime) else value


COUNTS = {
    "views": ("views",), "events": ("events",), "visitors": ("visitors",), "engaged_time": ("engaged_time",),
    "visits": ("visits",), "bounce_rate": ("bounces", "visits"), "visit_duration": ("duration", "visits"),
    "views_per_visit": ("views_of_visits", "visits"), "entries": ("entries",), "exits": ("exits",),
    "conversion_rate": ("conversions", "visits"), "exit_rate": ("exits", "views"),
}


def _ratio(count, of):
    return lambda counts: counts[count] / counts[of] if counts[of] else None


METRICS = {name: (lambda counts, count=counted[0]: counts[count]) if len(counted) == 1 else _ratio(*counted)
           for name, counted in COUNTS.items()}
METRICS["visit_duration"] = lambda counts: counts["duration"] / counts["visits"] / SECOND if counts["visits"] else None


def ticks_at(text, tz="UTC"):
    """Ticks of an ISO time, on a zone's clock."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(tz))
    return (moment - EPOCH) // timedelta(microseconds=1) * 10


def days_of(events):
    """The days of events in order, as the engine takes them: a function of the first and the last day."""
    by_day = defaultdict(list)
    for ticks, fields in events:
        by_day[date.fromordinal(719163 + ticks // (86_400 * SECOND))].append((ticks, fact_of(fields)))
    days = {day: day_of(day, found) for day, found in by_day.items()}
    return lambda first, last: days_around(days.get, first, last)
