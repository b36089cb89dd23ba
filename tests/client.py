"""What test_openapi.py has the made client do, in the environment of what made it: ``client.py URL TOKEN``."""

import sys
from datetime import date

from made import AuthenticatedClient, models
from made.api.default import (
    add_annotation,
    add_goal,
    annotations,
    change_goal,
    events,
    export,
    funnel_query,
    goal,
    goals,
    live,
    paths,
    query,
    raw,
    remove_goal,
    retention,
    site,
    sites,
)

url, token = sys.argv[1:]
RANGE = {"since": "2026-01-05", "until": "2026-01-07"}

with AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True) as client:
    sent = [{"url": f"https://blog.example.com/{page}", "time": f"2026-01-05T10:0{minute}:00Z", "id": f"e{minute}",
             "visitor": "ann", "event": event} for minute, (page, event) in enumerate(
                 [("", None), ("pricing", None), ("pricing", "signup")])]
    stored = events.sync(client=client, body=models.EventBatch.from_dict({"events": [*sent, {"title": "no address"}]}))
    assert (stored.stored, stored.refused, stored.results[3].reason[:4]) == (3, 1, "url:"), stored

    assert [each.id for each in sites.sync(client=client).sites] == ["blog"]
    assert site.sync("blog", client=client).first_day == date(2026, 1, 5)
    missing = site.sync("nowhere", client=client)
    assert isinstance(missing, models.Problem), missing
    assert missing.status == 403

    asked = models.Query(metrics=["views", "visits"], by=["page"], where=["is_not", "page", "/x"], **RANGE)
    result = query.sync(client=client, body=asked)
    assert [row.to_dict() for row in result.rows] == [{"page": "/", "views": 1, "visits": 1},
                                                      {"page": "/pricing", "views": 1, "visits": 1}], result
    assert (result.count, result.query["site"]) == (2, "blog")
    wrong = query.sync(client=client, body=models.Query(metrics=["view"], **RANGE))
    assert wrong.detail.startswith("metric 'view': unknown"), wrong
    steps = funnel_query.sync(client=client, body=models.FunnelQuery(
        steps=[{"page": "/pricing"}, {"event": "signup"}], **RANGE)).steps
    assert [step.reached for step in steps] == [1, 1]
    assert retention.sync(client=client, body=models.RetentionQuery(**RANGE)).cohorts[0].counts == [1]
    around = paths.sync(client=client, body=models.PathsQuery(page="/pricing", **RANGE))
    assert (around.before[0].page, around.after[0].page) == ("/", None), around
    assert live.sync(client=client).visitors == 0

    made = add_goal.sync(client=client, body=models.NewGoal.from_dict({"name": "Sign-up", "form": {"event": "signup"}}))
    assert goal.sync(made.id, client=client) == made
    changed = change_goal.sync(made.id, client=client, body=models.ChangedGoal(name="Signed up"))
    assert (changed.name, changed.form) == ("Signed up", made.form)
    assert goals.sync(client=client).goals == [changed]
    assert remove_goal.sync_detailed(made.id, client=client).status_code == 204
    assert goals.sync(client=client).goals == []
    add_annotation.sync(client=client, body=models.NewAnnotation(day=date(2026, 1, 5), text="Begun"))
    assert [each.day for each in annotations.sync(client=client).annotations] == [date(2026, 1, 5)]

    first = raw.sync_detailed(client=client, limit=1)
    assert (first.content.count(b"\n"), 'rel="next"' in first.headers["Link"]) == (1, True), first
    assert export.sync_detailed(client=client).content.endswith(b"\n")

print("all done")
