"""The audit log as the command and the pages see it."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from footfall import audit, cli


def test_what_is_noted_is_listed_the_newest_first(store):
    for number in range(3):
        audit.note(store, "user.add", by="anna", site="blog", detail=f"user {number}", client="192.0.2.0")
    entries = list(audit.entries(store))
    assert [entry.detail for entry in entries] == ["user 2", "user 1", "user 0"]
    assert entries[0][1:] == ("anna", "user.add", "blog", "user 2", "192.0.2.0")
    assert abs(entries[0].at - datetime.now(UTC)) < timedelta(minutes=1)
    assert len({entry.id for entry in entries}) == 3


def test_it_is_read_by_site_by_time_and_page_by_page_across_months(store):
    months = [datetime(2026, month, 28, 12, tzinfo=UTC) for month in (1, 2, 3)]
    for moment in months:
        for site in ("blog", "shop"):
            store.family("Audit").insert(f"{moment:%Y%m}", {f"{moment.isoformat(timespec='microseconds')}-{site}": {
                "by": "", "action": "x", "site": site, "detail": f"{moment:%m}", "client": ""}})
    def shown(**asked):
        return [(entry.detail, entry.site) for entry in audit.entries(store, **asked)]

    assert shown(site="blog") == [("03", "blog"), ("02", "blog"), ("01", "blog")]
    assert shown(site="blog", since=months[1]) == [("03", "blog"), ("02", "blog")]
    assert shown(since=months[2] + timedelta(microseconds=1)) == []
    pages, before = [], None
    while page := list(islice(audit.entries(store, before=before), 2)):
        pages.append([entry.detail for entry in page])
        before = page[-1].id
    assert pages == [["03", "03"], ["02", "02"], ["01", "01"]]


@pytest.mark.parametrize("text, kept", [
    ("x" * 2000, "x" * 499 + "…"),
    ("a\nb\tc\x1b[31m", "a\ufffdb\ufffdc\ufffd[31m"),
    ("ein Satz, é", "ein Satz, é"),
])
def test_texts_are_one_bounded_line(store, text, kept):
    audit.note(store, "x", by="anna", detail=text)
    assert next(audit.entries(store)).detail == kept


def test_the_command_lists_it(store, settings_of, capsys):
    audit.note(store, "user.add", by="anna", detail="ben, viewer of blog", client="192.0.2.0")
    audit.note(store, "site.set", by=audit.COMMAND_LINE, site="blog", detail="bots=count")
    arguments = ["--data", str(settings_of().data)]
    assert cli.main(["audit", "list", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        ["command line", "site.set", "blog", "-", "bots=count"],
        ["anna", "user.add", "-", "192.0.2.0", "ben, viewer of blog"]]
    for more, count in ((["--site", "blog"], 1), (["--limit", "1"], 1), (["--since", "2199-01-01"], 0)):
        assert cli.main(["audit", "list", *arguments, *more]) == 0
        assert capsys.readouterr().out.count("\n") == count
