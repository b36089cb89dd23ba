"""Streams of events written as text, for examples that are worked out by hand.

A line is an event: its time (of :data:`DAY`, unless a date stands before it), its visitor (``-`` for none), the name
of the event if it is no page-view, its page, and more fields::

    10:00 ann / ref=https://www.google.com/ country=DE
    10:07 ann signup /pricing prop.plan="pro"
    2026-01-06 00:00:00.0000001 - /
"""

import json
import re
from datetime import date, datetime, time

from footfall.pageview import event_key
from footfall.reports.plain import event_of
from footfall.timeuuid import make, ticks_at

#: A Monday.
DAY = date(2026, 1, 5)
SITE = "https://blog.example.com"
_FIELDS = {"ref": "referrer", "agent": "user_agent"}
_LINE = re.compile(r"(?:(?P<day>\d{4}-\d\d-\d\d) )?(?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<ticks>\d{7}))? "
                   r"(?P<visitor>\S+) (?:(?P<event>[^/\s]\S*) )?(?P<page>/\S*)(?P<more>.*)")


def columns(text):
    """Return the names and fields of the events of a text, as they are stored."""
    return [_column(number, line.strip()) for number, line in enumerate(text.strip().splitlines())]


def stream(text):
    """Return the events of a text, read as from a store."""
    return [event_of(name, fields) for name, fields in columns(text)]


def fill(store, text, account="blog"):
    """Put the events of a text into a store."""
    for name, fields in columns(text):
        family = store.family("Events" if "event" in fields else "PageViews")
        family.insert(event_key(account, name), {name: fields})


def _column(number, line):
    found = _LINE.fullmatch(line)
    day = date.fromisoformat(found["day"]) if found["day"] else DAY
    moment = datetime.combine(day, time.fromisoformat(found["clock"]))
    fields = {"url": SITE + found["page"], "title": "", "ip": "", "referrer": "", "user_agent": "", "language": ""}
    if found["visitor"] != "-":
        fields["visitor"] = found["visitor"].encode().ljust(8)
    if found["event"]:
        fields["event"] = found["event"]
    low_bits = number
    for each in found["more"].split():
        key, _, text = each.partition("=")
        value = json.loads(text) if text[0] in '"0123456789tfn' else text
        if key.startswith("prop."):
            fields.setdefault("props", {})[key.removeprefix("prop.")] = value
        elif key == "low":
            low_bits = value
        else:
            fields[_FIELDS.get(key, key)] = value
    return make(ticks_at(moment) + int(found["ticks"] or 0), low_bits), fields
