"""Goals, funnels and annotations as they are defined: kept as they were written, or refused with the reason."""

from datetime import date

import pytest

from footfall import accounts, cli, goals
from footfall.errors import UsageError
from footfall.goals import MOST, Annotation, Funnel, Goal

PAGE, EVENT = {"page": "/docs/*"}, {"event": "paid", "props": {"plan": "pro", "seats": 3}}
FILTER = ["and", ["is", "source", "Google"], ["matches", "page", "/blog/*"]]


@pytest.fixture
def blog(store):
    accounts.add(store, "blog")
    accounts.add(store, "shop")
    return store


def test_goals_are_kept_by_name_changed_and_removed(blog):
    paid = goals.add_goal(blog, "blog", "  Paid   for pro ", EVENT, "anna")
    docs = goals.add_goal(blog, "blog", "docs", PAGE)
    assert (paid, docs) == (Goal(paid.id, "Paid for pro", EVENT), Goal(docs.id, "docs", PAGE))
    assert goals.goals(blog, "blog") == [docs, paid]
    assert goals.goals(blog, "shop") == []
    changed = goals.change_goal(blog, "blog", paid.id, "Paid for pro", {"event": "paid"})
    assert goals.find_goal(blog, "blog", paid.id) == changed == Goal(paid.id, "Paid for pro", {"event": "paid"})
    assert goals.remove_goal(blog, "blog", docs.id) == docs
    assert goals.goals(blog, "blog") == [changed]


def test_funnels_are_kept_by_name_changed_and_removed(blog):
    made = goals.add_funnel(blog, "blog", "Checkout", (PAGE, EVENT, FILTER), 86_400)
    assert made == Funnel(made.id, "Checkout", [PAGE, EVENT, FILTER], 86_400)
    other = goals.add_funnel(blog, "blog", "A first", [PAGE])
    assert other.within == "visit"
    assert goals.funnels(blog, "blog") == [other, made]
    changed = goals.change_funnel(blog, "blog", made.id, "Bought", [FILTER])
    assert goals.find_funnel(blog, "blog", made.id) == changed == Funnel(made.id, "Bought", [FILTER], "visit")
    assert goals.remove_funnel(blog, "blog", other.id) == other
    assert goals.funnels(blog, "blog") == [changed]


def test_annotations_are_kept_by_day_changed_and_removed(blog):
    later = goals.add_annotation(blog, "blog", date(2026, 2, 1), "New\nfront page", "anna")
    first = goals.add_annotation(blog, "blog", "2026-01-31", "Talk")
    assert goals.annotations(blog, "blog") == [first, later]
    assert later == Annotation(later.id, date(2026, 2, 1), "New front page", "anna")
    changed = goals.change_annotation(blog, "blog", later.id, "2026-01-01", "Moved")
    assert goals.find_annotation(blog, "blog", later.id) == changed
    assert changed == Annotation(later.id, date(2026, 1, 1), "Moved", "anna")
    assert goals.remove_annotation(blog, "blog", first.id) == first
    assert goals.annotations(blog, "blog") == [changed]


@pytest.mark.parametrize("add, arguments, reason", [
    (goals.add_goal, ("nowhere", "x", PAGE), "site 'nowhere': unknown; the sites are blog, shop"),
    (goals.add_goal, ("blog", " ", PAGE), "name ' ': must be text of 1 to 64 characters"),
    (goals.add_goal, ("blog", "x" * 65, PAGE), "must be text of 1 to 64 characters"),
    (goals.add_goal, ("blog", "a\x00b", PAGE), "must be text of 1 to 64 characters"),
    (goals.add_goal, ("blog", None, PAGE), "name None: must be text"),
    (goals.add_goal, ("blog", "x", {"page": 7}), "goal {'page': 7}: must be {'page': PATTERN}, {'event': NAME"),
    (goals.add_goal, ("blog", "x", {"event": "paid", "props": {"plan": {}}}), "value {} of 'prop:plan': must be text"),
    (goals.add_goal, ("blog", "x", FILTER), "must be {'page': PATTERN} or {'event': NAME"),
    (goals.add_goal, ("blog", "x", {"page": "/" * 4096}), "goal: 4108 characters as JSON; write at most 4096"),
    (goals.add_funnel, ("blog", "x", []), "steps []: must be a list of one to 20 goals or filters"),
    (goals.add_funnel, ("blog", "x", [PAGE, ["is", "colour", "red"]]), "dimension 'colour': unknown"),
    (goals.add_funnel, ("blog", "x", [PAGE, {"pages": "/"}]), "step 2 {'pages': '/'}: must be"),
    (goals.add_funnel, ("blog", "x", [PAGE], "week"), "within 'week': must be 'visit'"),
    (goals.add_funnel, ("blog", "x", [PAGE], -1), "within -1: must be 'visit'"),
    (goals.add_annotation, ("blog", "2026-02-30", "x"), "day '2026-02-30': must be a day such as 2026-01-31"),
    (goals.add_annotation, ("blog", "20260201", "x"), "day '20260201': must be a day"),
    (goals.add_annotation, ("blog", 7, "x"), "day 7: must be a day"),
    (goals.add_annotation, ("blog", "2026-02-01", "x" * 501), "must be text of 1 to 500 characters"),
])
def test_what_cannot_be_is_refused_with_the_reason(blog, add, arguments, reason):
    with pytest.raises(UsageError) as refused:
        add(blog, *arguments)
    assert reason in str(refused.value)
    assert [*goals.goals(blog, "blog"), *goals.funnels(blog, "blog"), *goals.annotations(blog, "blog")] == []


def test_no_two_have_the_same_name_and_a_site_has_so_many(blog):
    made = goals.add_goal(blog, "blog", "Paid", PAGE)
    goals.add_funnel(blog, "blog", "Paid", [PAGE])
    goals.add_goal(blog, "shop", "Paid", PAGE)
    with pytest.raises(UsageError, match=f"name 'Paid': goal {made.id} has it; take another"):
        goals.add_goal(blog, "blog", "Paid", EVENT)
    goals.change_goal(blog, "blog", made.id, "Paid", EVENT)
    for number in range(MOST - 1):
        goals.add_goal(blog, "blog", f"goal {number}", PAGE)
    with pytest.raises(UsageError, match="goal: blog has 100 already; remove one first"):
        goals.add_goal(blog, "blog", "one more", PAGE)


def test_the_command_adds_lists_and_removes_them(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(list(arguments))
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "") if code == 0 else printed.out == ""
        return printed.out + printed.err

    run("site", "add", "blog")
    for arguments, shown in (
        (("goal", "add", "blog", "Docs", "/docs/*"), "Docs\t/docs/*"),
        (("goal", "add", "blog", "Paid", "paid"), "Paid\tpaid"),
        (("goal", "add", "blog", "Pro", '{"event": "paid", "props": {"plan": "pro"}}'),
         'Pro\t{"event": "paid", "props": {"plan": "pro"}}'),
        (("funnel", "add", "blog", "Buy", "/a", "paid", "--within", "60"), "Buy\t60\t/a > paid"),
        (("funnel", "add", "blog", "Read", '["is", "page", "/"]'), 'Read\tvisit\t["is", "page", "/"]'),
        (("annotation", "add", "blog", "2026-01-31", "New front page"), "2026-01-31\tNew front page\t-"),
    ):
        added = run(*arguments)
        made = added.split()[2]
        assert added.startswith(f"Added {arguments[0]} {made} of blog")
        assert f"{made}\t{shown}\n" in run(arguments[0], "list", "blog")
        assert run(arguments[0], "remove", "blog", made).startswith(f"Removed {arguments[0]} {made} of blog")
        assert run(arguments[0], "list", "blog") == ""
    assert run("audit", "list").count("command line\tgoal.add\tblog") == 3
    for arguments, reason in (
        (("goal", "add", "blog", "x", "{"), "GOAL='{': must be JSON"),
        (("goal", "remove", "blog", "x"), "goal 'x': unknown; blog has none yet"),
        (("goal", "list", "shop"), "site 'shop': unknown"),
        (("funnel", "add", "blog", "x", "/", "--within", "soon"), "--within='soon': must be seconds, or visit"),
    ):
        assert reason in run(*arguments)
