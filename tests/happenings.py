"""Events of a made-up site, as they are stored: for whoever tests what is counted."""

import random
from datetime import date, timedelta

import numpy as np
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.reports.day import day_of
from footfall.reports.facts import TABLES, fact_of
from footfall.reports.visits import GAP

DAY = date(2026, 1, 2)
MIDNIGHT = timeuuid.ticks_at(DAY)
DAY_TICKS = 86_400 * timeuuid.TICKS_PER_SECOND
#: Little, so that events meet in it: the first and the last minutes of a day, and what is a gap or just more.
MOMENTS = st.one_of(
    st.sampled_from([0, 1, GAP - 1, GAP, GAP + 1, 2 * GAP, 2 * GAP + 1, DAY_TICKS - GAP - 1, DAY_TICKS - GAP,
                     DAY_TICKS - GAP + 1, DAY_TICKS - 1]),
    st.integers(0, DAY_TICKS - 1))
VISITORS = st.sampled_from([None, *(number.to_bytes(8) for number in (1, 2, 3, 2 ** 63 + 5, 2 ** 64 - 1))])
_TEXTS = {
    "url": ["https://example.com/", "https://example.com/a?utm_source=News&utm_medium=email", "http://[", "", "/b",
            "https://www.example.com/#/route", "https://example.com/a?gclid=1#part"],
    "title": ["", "Home", "Größe"],
    "referrer": ["", "https://www.google.com/search?q=Two+Words", "https://example.com/", "https://news.example.org/x"],
    "user_agent": ["", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8"],
    "language": ["", "de", "en-US"],
    "screen": ["390x844"],
    "event": ["engagement", "vitals", "404", "outbound", "signup", ""],
    "country": ["DE", "FR", ""],
    "region": ["Hessen", ""],
    "city": ["Mainz", ""],
}
_STRANGE = st.sampled_from([None, 1, 1.5, True, [], ["x"], {}, {"a": 1}, b"\xff", "x" * 300])


def _often(usual, strange):
    return st.one_of(usual, usual, usual, usual, strange)


#: What an event can hold, what the collector would not write included.
FIELDS = st.fixed_dictionaries({}, optional={
    **{name: _often(st.sampled_from(texts), _STRANGE) for name, texts in _TEXTS.items()},
    "visitor": _often(VISITORS, st.sampled_from([b"", b"short", "12345678", 7, []])),
    "props": _often(st.sampled_from([{}, {"plan": "pro", "n": 2}, {"n": 2, "plan": "pro"}, {"ü": None}]), _STRANGE),
    "engaged": _often(st.sampled_from([0, 1, 255, 256, 70_000, 2 ** 31 - 1]),
                      st.sampled_from([-1, 2 ** 31, 1.5, True, "1"])),
    "scroll": _often(st.sampled_from([0, 50, 100]), _STRANGE),
})
#: Events of a day, in order: ticks since 1970, and fields.
EVENTS = st.lists(st.tuples(MOMENTS.map(lambda moment: MIDNIGHT + moment), FIELDS), max_size=40).map(
    lambda events: sorted(events, key=lambda event: event[0]))


def facts(events, day=DAY):
    """The facts of events as they are stored, by the definition."""
    return day_of(day, ((ticks, fact_of(fields)) for ticks, fields in events))


def busy_day(count, seed=7):
    """So many events of some hundred visitors, as a day of a site brings them."""
    chance = random.Random(seed)
    texts = {name: [text for text in values if text] for name, values in _TEXTS.items() if name != "event"}
    events = []
    for _ in range(count):
        fields = {name: chance.choice(values) for name, values in texts.items()}
        fields["visitor"] = chance.randrange(1, 1 + count // 3 + 1).to_bytes(8)
        if chance.random() < 0.1:
            fields["event"] = chance.choice(_TEXTS["event"])
        events.append((MIDNIGHT + chance.randrange(DAY_TICKS), fields))
    return sorted(events, key=lambda event: event[0])


def shown(facts):
    """What a day's facts say, whatever numbers stand for it: equal if two days say the same."""
    for name in TABLES:
        rows, used = facts.tables[name], np.unique(facts.codes[name])
        assert len(set(rows)) == len(rows), name
        assert used.tolist() == list(range(len(rows))), name
    visits = facts.visits
    return {
        "day": facts.day, "ticks": facts.ticks.tolist(), "engaged": facts.engaged.tolist(),
        "scroll": facts.scroll.tolist(), "visit": facts.visit.tolist(),
        **{name: [facts.tables[name][code] for code in facts.codes[name]] for name in TABLES},
        **{f"visits.{name}": getattr(visits, name).tolist() for name in visits.__dataclass_fields__},
    }


def later(events, days):
    """The same events, days later."""
    return [(ticks + days * DAY_TICKS, fields) for ticks, fields in events]


def day_after(days):
    return DAY + timedelta(days)
