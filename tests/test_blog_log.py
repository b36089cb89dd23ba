"""A real blog's access log: what footfall imports is what a few lines of awk count."""

import json
import re
import subprocess

import pytest

from tests.conftest import BLOG_LOG
from tests.servers import footfall

pytestmark = pytest.mark.needs("blog-log")

# docs/import.md shows this: the fields of a combined line, and the default rules.
PAGES = r"""$6=="\"GET" && ($9==200||$9==304) && $7 !~ /[?&](feed|flav|format)=(rss|atom|rdf)/ {
  p=$7; sub(/[?#].*/, "", p)
  if (p ~ /\.[A-Za-z][A-Za-z0-9]*$/ && p !~ /\.(html?|xhtml|shtml|php|aspx?|jsp|cgi)$/) next
"""


def awk(program):
    done = subprocess.run(["awk", PAGES + program, str(BLOG_LOG)], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    data = tmp_path_factory.mktemp("blog-log")
    footfall(data, "site", "add", "blog")
    summary = footfall(data, "import", "log", str(BLOG_LOG), "--site", "blog").stdout
    assert "4,525 lines read" in summary
    return data


@pytest.fixture(scope="module")
def stats(data):
    dimensions = [argument for name in ("day", "url", "search_term", "referrer") for argument in ("--by", name)]
    told = json.loads(footfall(data, "stats", "blog", "--since", "2015-05-17", "--json", "--limit", "100000",
                               *dimensions).stdout)
    return told["views"], {name: {row["value"]: row["views"] for row in rows} for name, rows in told["by"].items()}


def test_as_many_views_are_taken_as_awk_counts(stats):
    assert [str(stats[0])] == awk("n++ } END { print n }")


def test_every_day_and_page_has_the_views_that_awk_counts(stats):
    days = dict(zip(*[iter(awk('n[substr($4,2,2)]++ } END { for (d in n) print d, n[d] }'))] * 2, strict=True))
    assert {day[-2:]: str(views) for day, views in stats[1]["day"].items()} == days
    pages = dict(zip(*[iter(awk("n[$7]++ } END { for (p in n) print p, n[p] }"))] * 2, strict=True))
    assert {url: str(views) for url, views in stats[1]["url"].items()} == pages


def test_every_referring_host_has_the_views_that_awk_counts(stats):
    hosts = awk(r"""split($11, u, "/"); h=tolower(u[3]); sub(/:.*/, "", h); sub(/^www\./, "", h); gsub(/"/, "", h)
                if (h != "") n[h]++ } END { for (h in n) print h, n[h] }""")
    assert {host: str(views) for host, views in stats[1]["referrer"].items()} == dict(
        zip(*[iter(hosts)] * 2, strict=True))


def test_search_queries_are_found(stats):
    assert stats[1]["search_term"]["xdotool"] >= 1


def test_a_log_tells_no_visitors_and_so_no_visits(data):
    told = json.loads(footfall(data, "stats", "blog", "--since", "2015-05-17", "--by", "page", "--json").stdout)
    assert [told[name] for name in ("visits", "visitors", "bounce_rate", "visit_duration")] == [0, 0, None, None]
    assert {(row["visits"], row["visitors"]) for row in told["by"]["page"]} == {(0, 0)}
    shown = footfall(data, "stats", "blog").stdout
    assert "No view tells whose it is" in shown
    assert not re.search("^ +(visits|visitors|bounce rate)", shown, re.MULTILINE)


def test_importing_it_again_adds_nothing(data):
    again = footfall(data, "import", "log", str(BLOG_LOG), "--site", "blog").stdout
    assert "0 page-views taken" in again
