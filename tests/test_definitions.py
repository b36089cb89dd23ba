"""What owners define for a site, as the modules of each kind see it."""

import re

import pytest

from footfall import accounts, definitions
from footfall.errors import UsageError


def test_definitions_are_added_changed_listed_by_kind_and_removed(store):
    first = definitions.add(store, "blog", "goal", {"name": "Signup"}, "anna")
    other = definitions.add(store, "blog", "annotation", {"text": "moved"})
    definitions.add(store, "shop", "goal", {"name": "Bought"})
    assert re.fullmatch("[0-9a-f]{12}", first.id)
    assert definitions.all_of(store, "blog", "goal") == [first]
    assert (first.by, other.by) == ("anna", "")
    changed = definitions.change(store, "blog", "goal", first.id, {"name": "Sign-up"})
    assert changed == first._replace(fields={"name": "Sign-up"}) == definitions.find(store, "blog", "goal", first.id)
    assert definitions.remove(store, "blog", "goal", first.id) == changed
    assert definitions.all_of(store, "blog", "goal") == []
    assert definitions.all_of(store, "blog", "annotation") == [other]


def test_one_that_is_none_is_named_with_those_there_are(store):
    there = definitions.add(store, "blog", "goal", {})
    for change in (definitions.find, definitions.remove):
        with pytest.raises(UsageError, match=f"goal 'x': unknown; blog has {there.id}"):
            change(store, "blog", "goal", "x")


def test_they_go_with_their_site(store):
    for site in ("blog", "shop"):
        accounts.add(store, site)
        definitions.add(store, site, "goal", {})
    accounts.remove(store, "blog", with_events=False)
    assert definitions.all_of(store, "blog", "goal") == []
    assert len(definitions.all_of(store, "shop", "goal")) == 1
