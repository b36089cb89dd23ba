"""The ledger itself: what it must not let pass."""

from collections import Counter

import pytest

from tests.faults.ledger import Ledger

pytestmark = pytest.mark.ours

RETRY = {"Retry-After": "5", "X-Footfall": "cannot store now"}


@pytest.mark.parametrize("status, headers, stored, complaint", [
    (200, {}, 1, None),
    (204, {}, 1, None),
    (503, RETRY, 0, None),
    (None, {}, 0, None),
    (None, {}, 1, None),
    (200, {}, 0, "lost"),
    (200, {}, 2, "more than once"),
    (None, {}, 2, "more than once"),
    (503, RETRY, 1, "yet taken"),
    (503, RETRY | {"Retry-After": None}, 0, "503"),
    (503, RETRY | {"X-Footfall": None}, 0, "503"),
    (500, {}, 0, "500"),
    (404, {}, 0, "404"),
])
def test_a_view_that_was_answered_so_and_is_stored_so_often(status, headers, stored, complaint):
    ledger = Ledger()
    urls = ledger.new_urls(1)
    if status:
        ledger.write_down(urls, status, headers)
    found = Counter({url: stored for url in urls if stored})
    if complaint is None:
        ledger.verify(found)
    else:
        with pytest.raises(AssertionError, match=complaint):
            ledger.verify(found)


def test_a_view_that_nobody_sent():
    with pytest.raises(AssertionError, match="never sent"):
        Ledger().verify(Counter(["http://blog.example.com/000000"]))
