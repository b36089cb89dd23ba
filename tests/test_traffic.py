"""However events come, late, twice, in pieces, by imports and detours, the numbers are those of what happened."""

import random
from datetime import timedelta

import pytest

from footfall.reports.plain import read, visitors_before
from footfall.reports.questions import QUESTIONS, filled
from footfall.reports.verify import Told, by_events
from tests.traffic import ACCOUNTS, deliver, traffic

pytestmark = pytest.mark.ours

SEEDS = range(3)


@pytest.mark.parametrize("kind, seed, order", [
    ("memory", 0, None),
    *((kind, seed, seed) for kind in ("memory", "sqlite") for seed in SEEDS),
    ("cassandra", 0, 0),
])
def test_however_events_come_the_numbers_are_those_of_what_happened(empty, kind, seed, order):
    happened = traffic(seed, visitors=15)
    for _ in deliver(empty, happened, order):
        pass
    since, until = happened.since + timedelta(days=1), happened.until - timedelta(days=1)
    for account in ACCOUNTS:
        expected = happened.counted(account)
        assert len(expected) > 50
        assert [event.name for event in read(empty, account)] == [event.name for event in expected]
        events = read(empty, account, since, until)
        random.Random(seed).shuffle(expected)
        for question in (filled(question, events) for question in QUESTIONS[::7]):
            seen = visitors_before(empty, account, since - timedelta(days=1))
            assert (by_events(question, Told(events, seen), since, until)
                    == by_events(question, Told(expected, set()), since, until)), str(question)


@pytest.mark.parametrize("seed", SEEDS)
def test_traffic_has_what_is_difficult(seed):
    happened = traffic(seed)
    moments = [(event.account, event.fields.get("visitor"), event.id.time) for event in happened.events]
    assert happened == traffic(seed)
    assert happened != traffic(seed + 1)
    assert len(set(moments)) < len(moments), "none of one instant"
    assert any(event.retry for event in happened.events), "none told by a retry alone"
    assert {event.retry for event in happened.repeats} == {True, False}
    assert any("visitor" not in event.fields for event in happened.events)
    assert any("props" in event.fields for event in happened.events)
    for account in ACCOUNTS:
        assert 0 < len(happened.counted(account)) < sum(event.account == account for event in happened.events)
