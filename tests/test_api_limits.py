"""How often a token may ask."""

import pytest

from footfall import tokens
from footfall.web.api import limits
from footfall.web.api.limits import Buckets, Left
from tests.api import caller, is_problem

ASKED = "/live?site=blog"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def call(settings_of, store):
    return caller(settings_of(api_rate="3"), store, "read", "events")


@pytest.fixture
def clock(call):
    clock = call.client.application.extensions[limits.EXTENSION]._clock = Clock()
    return clock


def told(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("RateLimit")}


def test_each_answer_tells_what_is_left_and_the_one_too_many_when_to_come_again(call, clock):
    answers = [call("GET", ASKED) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [told(answer) for answer in answers] == [{
        "RateLimit-Policy": '"token";q=3;w=60', "RateLimit": f'"token";r={left};t={reset}',
        "RateLimit-Limit": "3", "RateLimit-Remaining": str(left), "RateLimit-Reset": str(reset)}
        for left, reset in ((2, 20), (1, 40), (0, 60), (0, 60))]
    assert is_problem(answers[3], 429, "more than 3 requests a minute")
    assert answers[3].headers["Retry-After"] == "20"
    clock.now += 19
    assert call("GET", ASKED).status_code == 429
    clock.now += 1
    assert [call("GET", ASKED).status_code for _ in range(2)] == [200, 429]


def test_what_is_refused_counts_too_and_another_token_has_a_bucket_of_its_own(call, clock, store):
    other, _ = tokens.add(store, "blog", scopes=["read"])
    assert [call("POST", "/query", {}).status_code for _ in range(4)] == [400, 400, 400, 429]
    assert call("GET", ASKED, token=other).status_code == 200


def test_who_shows_no_token_or_one_for_something_else_uses_up_nobodys(call, clock, store):
    sends, _ = tokens.add(store, "blog")
    for _ in range(5):
        assert call.client.get(f"/api/v1{ASKED}").status_code == 401
        refused = call("GET", ASKED, token=sends)
        assert (refused.status_code, told(refused)) == (403, {})
    assert call("GET", ASKED).headers["RateLimit-Remaining"] == "2"


def test_events_are_sent_without_a_limit(call, clock):
    for _ in range(10):
        answer = call("POST", "/events?site=blog", {"events": [{"url": "https://blog.example.com/"}]})
        assert (answer.json["stored"], told(answer)) == (1, {})


def test_without_a_rate_any_number_is_answered(settings_of, store):
    call = caller(settings_of(api_rate="0"), store, "read")
    answers = [call("GET", ASKED) for _ in range(20)]
    assert {(answer.status_code, len(told(answer))) for answer in answers} == {(200, 0)}


def test_a_bucket_never_holds_more_than_a_minutes_requests():
    clock = Clock()
    buckets = Buckets(60, clock)
    assert buckets.take("a") == Left(60, 59, 1)
    clock.now += 86_400
    assert [buckets.take("a").wait for _ in range(61)] == [0] * 60 + [1]
