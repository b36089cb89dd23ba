"""Reports by mail: what they say, when they are due, by which server they go, and that each goes once."""

import multiprocessing
import os
import re
import signal
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from footfall import accounts, definitions, goals, timeuuid
from footfall.errors import ConfigError, DeliveryError, DeliveryRefused, DeliveryUnsure, UsageError
from footfall.mailing import deliveries, letters, periods, smtp, subscriptions, unsubscribing
from footfall.mailing.deliveries import Delivery, once
from footfall.mailing.destinations import destination
from footfall.mailing.herald import Herald
from footfall.pageview import row_key
from footfall.reports.asking import query
from footfall.reports.cache import open_cache
from tests.mailboxes import PASSWORD, USER, mail_server
from tests.servers import Server, footfall
from tests.waiting import until

#: A Wednesday.
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LONG_AGO = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mail_server(tmp_path_factory.mktemp("smtp")) as found:
        yield found


@pytest.fixture
def box(server):
    box = server[0]
    box.letters.clear()
    box.answers.clear()
    box.before_data = lambda: None
    return box


@pytest.fixture
def config(server, box, settings_of):
    return settings_of(**server[1], public_url="https://stats.example.com")


@pytest.fixture
def herald(config, store):
    return Herald(config, open_cache(config, store))


@pytest.fixture
def blog(store):
    """The site blog with a goal, and views of two weeks: those of the last one from Germany, some signing up."""
    accounts.add(store, "blog")
    goals.add_goal(store, "blog", "Signup <b>", {"event": "signup"})
    view(store, "blog", NOW - timedelta(days=10), visitor=9, url="https://blog.example.com/old")
    for number in range(3):
        at = NOW - timedelta(days=5) + timedelta(minutes=number)
        view(store, "blog", at, visitor=number + 1, url="https://blog.example.com/<script>", country="DE",
             referrer="https://news.example.org/")
    happen(store, "blog", NOW - timedelta(days=5) + timedelta(minutes=5), visitor=1, event="signup",
           url="https://blog.example.com/<script>")
    return accounts.find(store, "blog")


def view(store, site, at, family="PageViews", **fields):
    fields = {"url": "https://blog.example.com/", "title": "", "referrer": "", "user_agent": "", "language": "",
              **fields, "visitor": fields["visitor"].to_bytes(8)}
    store.family(family).insert(row_key(site, at.astimezone(UTC).date()), {
        timeuuid.make(timeuuid.ticks_at(at), hash((fields["visitor"], at)) & (1 << 62) - 1): fields})


def happen(store, site, at, **fields):
    view(store, site, at, "Events", **fields)


def subscribe(store, site="blog", to="anna@example.com", every="week", created=LONG_AGO, **more):
    made = subscriptions.add(store, site, destination(to, **more), every)
    kept = definitions.find(store, site, "mail", made.id)._replace(created=created)
    definitions.write(store, kept)
    return subscriptions.find(store, site, made.id)


def parts(message):
    return {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}


def test_a_report_goes_over_tls_with_a_login_and_the_headers_that_programs_count_on(box, herald, store, blog):
    made = subscribe(store)
    (attempt,) = herald.send_due(blog, NOW)
    assert (attempt.sent, attempt.problem) == (True, "")
    ((sender, to, message, is_encrypted),) = box.letters
    assert (sender, to, is_encrypted, box.logins > 0) == ("stats@example.com", ["anna@example.com"], True, True)
    assert message["From"] == "Footfall <stats@example.com>"
    assert message["Subject"] == "blog: 3 visitors last week (+200%)"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall("<(.*)>", message["List-Unsubscribe"])
    assert link == f"https://stats.example.com/mail/unsubscribe/{unsubscribing.token(store, 'blog', made.id)}"
    assert re.fullmatch(r"<footfall\.[0-9a-f]{32}@example\.com>", message["Message-ID"])
    assert message["Date"].datetime <= datetime.now(UTC)
    found = parts(message)
    assert list(found) == ["text/plain", "text/html"]
    for text in found.values():
        assert link in text
        assert "news.example.org" in text
    assert "2026-11-16 to 2026-11-22 (UTC)" in found["text/plain"]
    assert "<script>" in found["text/plain"]
    assert "&lt;script&gt;" in found["text/html"]
    assert "<script" not in found["text/html"]
    assert "Signup &lt;b&gt;" in found["text/html"]
    assert not re.search(r"<(img|link|script|style)|url\(|src=", found["text/html"])
    # Whoever reads it in a terminal, too.
    assert re.search(r"^ +1  Signup <b>  33\.3%", found["text/plain"], re.MULTILINE)


def test_numbers_in_the_mail_are_those_of_the_engine(config, herald, store, blog):
    told = herald.report(blog, "week", subscriptions.SECTIONS, NOW)
    (row,) = query("blog", [each.metric for each in told.figures], date(2026, 11, 16), date(2026, 11, 23),
                   compare=[date(2026, 11, 9), date(2026, 11, 16)], cache=open_cache(config, store))
    assert {each.metric: each.now for each in told.figures} == {name: row[name] for name in row if name != "compared"}
    assert {each.metric: each.before for each in told.figures} == row["compared"]
    assert [line.number for line in told.course.lines] == [0, 0, 0, 0, 3, 0, 0]
    assert told.course.lines[4].label == "Fri 20"
    assert {table.title: [tuple(line)[:2] for line in table.lines] for table in told.tables} == {
        "Pages": [("/<script>", 3)], "Sources": [("news.example.org", 3)], "Countries": [("DE", 3)]}
    ((name, conversions, rate),) = told.goals
    assert (name, conversions, rate.now) == ("Signup <b>", 1, 1 / 3)


def test_of_a_log_that_tells_no_visitor_views_are_told(herald, store):
    accounts.add(store, "log")
    at = NOW - timedelta(days=5)
    store.family("PageViews").insert(row_key("log", at.date()), {
        timeuuid.make(timeuuid.ticks_at(at), 1): {"url": "https://log.example.com/"}})
    told = herald.report(accounts.find(store, "log"), "week", ("pages",), NOW)
    assert told.subject == "log: 1 view last week"


@pytest.mark.parametrize("every, now, zone, name, since, until", [
    ("week", "2026-11-25T12:00", "UTC", "2026-W47", "2026-11-16", "2026-11-23"),
    ("week", "2026-11-23T05:59", "UTC", "2026-W46", "2026-11-09", "2026-11-16"),
    ("week", "2026-11-23T06:00", "UTC", "2026-W47", "2026-11-16", "2026-11-23"),
    ("week", "2026-11-23T05:00", "Europe/Berlin", "2026-W47", "2026-11-16", "2026-11-23"),
    ("week", "2026-01-05T12:00", "UTC", "2026-W01", "2025-12-29", "2026-01-05"),
    ("month", "2026-03-31T12:00", "UTC", "2026-02", "2026-02-01", "2026-03-01"),
    ("month", "2026-03-01T05:00", "UTC", "2026-01", "2026-01-01", "2026-02-01"),
    ("month", "2026-01-01T06:00", "UTC", "2025-12", "2025-12-01", "2026-01-01"),
])
def test_the_last_period_is_the_last_that_is_over_since_six_in_the_morning(every, now, zone, name, since, until):
    found = periods.last(every, datetime.fromisoformat(now).replace(tzinfo=UTC), ZoneInfo(zone))
    assert (found.name, str(found.since), str(found.until)) == (name, since, until)
    assert found.before().until == found.since


@pytest.mark.parametrize("day, hours", [(date(2026, 3, 29), 167), (date(2026, 10, 25), 169)])
def test_a_week_in_which_clocks_are_set_has_its_hour_less_or_more(herald, store, day, hours):
    accounts.add(store, "blog")
    site = accounts.configure(store, "blog", {"timezone": "Europe/Berlin"})
    monday = datetime.combine(day - timedelta(days=6), datetime.min.time(), ZoneInfo("Europe/Berlin")).astimezone(UTC)
    for hour in range(-1, hours + 1):
        view(store, "blog", monday + timedelta(hours=hour), visitor=1)
    told = herald.report(site, "week", (), datetime.combine(day + timedelta(days=2), datetime.min.time(), UTC))
    assert {each.metric: each.now for each in told.figures}["views"] == hours
    assert told.course.lines[-1].label.startswith("Sun ")


def test_a_report_is_sent_once_whatever_the_clock_does_and_only_of_what_ended_after_it_was_wanted(
        box, herald, store, blog):
    subscribe(store)
    for now in (NOW, NOW + timedelta(days=1), NOW - timedelta(days=2), NOW - timedelta(minutes=1)):
        list(herald.send_due(blog, now))
    assert len(box.letters) == 1
    list(herald.send_due(blog, NOW + timedelta(weeks=5)))
    assert len(box.letters) == 2
    subscribe(store, to="late@example.com", created="2026-11-24T00:00:00+00:00")
    list(herald.send_due(blog, NOW))
    assert [to for _, to, _, _ in box.letters].count(["late@example.com"]) == 0
    list(herald.send_due(blog, NOW + timedelta(weeks=1)))
    assert [to for _, to, _, _ in box.letters].count(["late@example.com"]) == 1


def test_what_the_server_does_not_take_now_is_sent_later_and_what_it_refuses_is_not(box, config, store, blog):
    made = subscribe(store)
    for answers, sent, state in (
        ({"MAIL": "550 not you"}, 0, None), ({"RCPT": "450 busy"}, 0, None), ({"DATA": "451 no room"}, 0, None),
        ({}, 1, "sent"), ({}, 1, "sent"),
    ):
        box.answers.clear()
        box.answers.update(answers)
        # Another herald does not know that it must wait.
        list(Herald(config, open_cache(config, store)).send_due(blog, NOW))
        record = deliveries.latest(store, "blog", made.id)
        assert (len(box.letters), record and record.state) == (sent, state)
    box.answers["RCPT"] = "550 no such user"
    other = subscribe(store, to="gone@example.com")
    for _ in range(2):
        list(Herald(config, open_cache(config, store)).send_due(blog, NOW))
    record = deliveries.latest(store, "blog", other.id)
    assert (record.state, "550 no such user" in record.why) == ("refused", True)


def test_after_a_failure_a_message_waits(box, herald, store, blog):
    subscribe(store)
    box.answers["RCPT"] = "450 busy"
    assert len(list(herald.send_due(blog, NOW))) == 1
    assert list(herald.send_due(blog, NOW)) == []


@pytest.mark.parametrize("change, error, message", [
    ({"smtp_url": ""}, ConfigError, "FOOTFALL_SMTP_URL: is not set"),
    ({"mail_from": ""}, ConfigError, "FOOTFALL_MAIL_FROM: is not set"),
    ({"smtp_url": "smtp+plain://localhost:25"}, ConfigError, r"a login is not sent over smtp\+plain"),
    ({"smtp_password": "wrong"}, DeliveryError, "the login is refused"),
    ({"smtp_ca": ""}, DeliveryError, "its certificate is not trusted: .*FOOTFALL_SMTP_CA"),
    ({"smtp_url": "smtp://127.0.0.1:{port}"}, DeliveryError, "its certificate is not trusted"),
    ({"smtp_url": "smtps://localhost:{port}"}, DeliveryError, "smtps://localhost:"),
    ({"smtp_url": "smtp://localhost:1"}, DeliveryError, "smtp://localhost:1: .*refused"),
])
def test_what_cannot_be_sent_is_told_and_the_password_never(server, box, settings_of, change, error, message):
    settings = {**server[1], **change}
    port = server[1]["smtp_url"].rpartition(":")[2]
    settings["smtp_url"] = settings["smtp_url"].replace("{port}", port)
    mail = EmailMessage()
    mail["To"] = "anna@example.com"
    with pytest.raises(error, match=message) as refused:
        smtp.send(settings_of(**settings), mail)
    assert PASSWORD not in f"{refused.value} {refused.value.__cause__}"
    assert box.letters == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp+plain"])
def test_the_other_ways_to_a_server(tmp_path, settings_of, scheme):
    with mail_server(tmp_path, scheme) as (box, settings):
        mail = EmailMessage()
        mail["To"] = "anna@example.com"
        assert smtp.send(settings_of(**settings), mail)
        assert len(box.letters) == 1


def test_who_offers_no_tls_gets_no_mail_unless_the_address_says_so(tmp_path, settings_of):
    with mail_server(tmp_path, "smtp+plain") as (box, settings):
        url = settings["smtp_url"].replace("smtp+plain", "smtp")
        with pytest.raises(DeliveryError, match=r"STARTTLS extension not supported.*smtp\+plain://"):
            smtp.probe(settings_of(**{**settings, "smtp_url": url}))
        assert box.letters == []


@pytest.mark.parametrize("kind", ["memory", "sqlite", "cassandra"])
def test_what_was_sent_is_known_in_every_store(empty):
    delivery = Delivery("blog", "a1", "2026-W48", "mail")
    with pytest.raises(DeliveryError), once(empty, delivery) as claim:
        assert claim()
        raise DeliveryError("not now")
    assert not deliveries.is_settled(empty, delivery)
    with once(empty, delivery) as claim, once(empty, delivery) as other:
        assert (claim(), other()) == (True, False)
    assert deliveries.latest(empty, "blog", "a1").state == "sent"
    with once(empty, delivery) as claim:
        assert not claim()


@pytest.mark.parametrize("raised, state", [
    (DeliveryError, None), (DeliveryRefused, "refused"), (DeliveryUnsure, "handed over"),
    (KeyboardInterrupt, "handed over"),
])
def test_what_is_known_of_a_message_after_each_end(store, raised, state):
    delivery = Delivery("blog", "a1", "2026-W48", "mail")
    with pytest.raises(raised), once(store, delivery) as claim:
        assert claim()
        raise raised("why")
    record = deliveries.latest(store, "blog", "a1")
    assert (record and record.state) == state
    assert deliveries.is_settled(store, delivery) == (state is not None)


@pytest.mark.ours
def test_a_process_that_is_killed_as_it_hands_over_sends_nothing_again(box, config, store, blog):
    """The process ends by kill -9 when the server has the message and has not answered yet."""
    made = subscribe(store)
    sender = multiprocessing.get_context("spawn").Process(target=_send_due, args=(config, NOW))
    box.before_data = lambda: os.kill(sender.pid, signal.SIGKILL)
    sender.start()
    sender.join(60)
    assert sender.exitcode == -signal.SIGKILL
    box.before_data = lambda: None
    assert deliveries.latest(store, "blog", made.id).state == "handed over"
    taken = len(box.letters)
    assert list(Herald(config, open_cache(config, store)).send_due(blog, NOW)) == []
    assert (taken, len(box.letters)) in ((1, 1), (0, 0))


@pytest.mark.ours
def test_a_process_that_is_killed_before_sends_again(box, config, store, blog):
    subscribe(store)
    with pytest.raises(KeyboardInterrupt), once(store, Delivery("blog", "x", "y", "mail")):
        raise KeyboardInterrupt
    box.answers["RCPT"] = "450 busy"
    sender = multiprocessing.get_context("spawn").Process(target=_send_due, args=(config, NOW))
    sender.start()
    sender.join(60)
    box.answers.clear()
    list(Herald(config, open_cache(config, store)).send_due(blog, NOW))
    assert len(box.letters) == 1


def test_of_processes_that_share_a_store_one_sends(box, config, store, blog):
    for number in range(5):
        subscribe(store, to=f"reader{number}@example.com")
    spawning = multiprocessing.get_context("spawn")
    senders = [spawning.Process(target=_send_due, args=(config, NOW)) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert [sender.exitcode for sender in senders] == [0, 0]
    assert sorted(to for _, (to,), _, _ in box.letters) == [f"reader{number}@example.com" for number in range(5)]


def _send_due(config, now):
    from footfall.stores import open_store

    with open_store(config=config) as store:
        list(Herald(config, open_cache(config, store)).send_due(accounts.find(store, "blog"), now))


@pytest.mark.parametrize("to, webhook, every, message", [
    ("", "", "week", "neither is given"),
    ("anna", "", "week", "to 'anna': must be an address"),
    ("anna@example.com\r\nBcc: all@example.com", "", "week", "must be an address"),
    ("", "ftp://example.com/", "week", "must begin with https"),
    ("anna@example.com", "", "day", "every 'day': must be week or month"),
])
def test_what_cannot_be_a_subscription_is_refused(store, to, webhook, every, message):
    accounts.add(store, "blog")
    with pytest.raises(UsageError, match=re.escape(message)):
        subscriptions.add(store, "blog", destination(to, webhook), every)


def test_nobody_gets_the_same_twice_and_records_go_with_the_subscription(store, blog):
    made = subscribe(store)
    with pytest.raises(UsageError, match=r"anna@example\.com gets the report of blog every week already"):
        subscribe(store)
    with once(store, Delivery("blog", made.id, "2026-W48", "mail")) as claim:
        claim()
    subscriptions.remove(store, "blog", made.id)
    assert subscriptions.subscriptions(store, "blog") == []
    assert deliveries.latest(store, "blog", made.id) is None


def test_a_link_ends_its_own_subscription_alone(store, blog):
    made = subscribe(store)
    other = subscribe(store, to="bert@example.com", webhook="https://hooks.example.com/")
    text = unsubscribing.token(store, "blog", made.id)
    assert unsubscribing.read(store, text) == ("blog", made.id)
    for wrong in (text[:-1], text + "A", "", ".", text.replace(made.id, other.id), f"blog.{made.id}."):
        assert unsubscribing.read(store, wrong) is None
    unsubscribing.end(store, "blog", made.id)
    assert [each.destination.to for each in subscriptions.subscriptions(store, "blog")] == ["bert@example.com"]
    unsubscribing.end(store, "blog", other.id)
    ((to, webhook, _),) = [each.destination for each in subscriptions.subscriptions(store, "blog")]
    assert (to, webhook) == ("", "https://hooks.example.com/")


def test_long_links_stay_whole_in_the_header(config, store):
    accounts.add(store, "a" * 64)
    leads = letters.links(config, store, "a" * 64, "0123456789ab")
    message = letters.Message("alert", "subject", "text", "", {})
    mail = letters.letter(message, "anna@example.com", "stats@example.com", "k", leads)
    assert f"List-Unsubscribe: <{leads.unsubscribe}>\r\n".encode() in mail.as_bytes()


@pytest.mark.parametrize("sender, header", [
    ("stats@example.com", b"From: stats@example.com"),
    ("Foot. fall <stats@example.com>", b'From: "Foot. fall" <stats@example.com>'),
    ("Büro <stats@example.com>", b"From: =?utf-8?q?B=C3=BCro?= <stats@example.com>"),
])
def test_a_sender_may_have_any_name(settings_of, sender, header):
    message = letters.Message("alert", "subject", "text", "", {})
    mail = letters.letter(message, "anna@example.com", settings_of(mail_from=sender).mail_from, "k", letters.Links())
    assert header + b"\r\n" in mail.as_bytes()


def test_the_command_adds_lists_previews_sends_and_removes(box, server, tmp_path):
    data = tmp_path / "data"
    settings = {**server[1], "public_url": "https://stats.example.com"}
    footfall(data, "site", "add", "blog")
    added = footfall(data, "mail", "add", "--site", "blog", "--to", "anna@example.com", "--every", "month",
                     "--section", "pages").stdout
    (made,) = re.findall("Added ([0-9a-f]{12}): the report of blog, every month, to anna@example.com", added)
    listed = footfall(data, "mail", "list").stdout
    assert listed.split("\t")[:5] == [made, "blog", "month", "anna@example.com", "pages"]
    page = tmp_path / "report.html"
    assert footfall(data, "mail", "preview", "--site", "blog", "--html", str(page)).stdout.startswith(
        "blog: 0 visitors last week")
    assert "<h1" in page.read_text()
    assert footfall(data, "mail", "send", **settings).stdout == ""
    assert footfall(data, "mail", "send", "--site", "blog", "--now", **settings).stdout == f"{made}\tblog\tmail\tsent\n"
    assert box.subjects == ["blog: 0 visitors last month (0%)"]
    failed = footfall(data, "mail", "send", "--now", check=False)
    assert (failed.returncode, "FOOTFALL_SMTP_URL: is not set" in failed.stdout) == (1, True)
    assert "sent 20" in footfall(data, "mail", "list").stdout
    footfall(data, "mail", "remove", "--site", "blog", made)
    assert footfall(data, "mail", "list").stdout == ""
    checked = footfall(data, "check", check=False, **settings).stdout
    assert (PASSWORD in checked, "smtp_password = …" in checked, USER in checked) == (False, True, True)
    assert f"ok    mail: {server[1]['smtp_url']} answers" in checked
    wrong = footfall(data, "check", check=False, **{**settings, "smtp_password": "wrong", "public_url": ""}).stdout
    assert re.search("WRONG mail: .*: the login is refused", wrong)
    assert "WRONG mail: FOOTFALL_PUBLIC_URL is not set" in wrong


def test_the_server_sends_what_is_due_and_its_herald_ends_with_it(box, server, settings_of, store, blog, tmp_path):
    subscribe(store)
    with Server(tmp_path / "data", **server[1]) as running:
        until(lambda: box.letters)
        (herald,) = [pid for pid, line in running.children().items() if " mail run " in line]
        os.kill(herald, signal.SIGKILL)
        until(lambda: [pid for pid, line in running.children().items() if " mail run " in line and pid != herald])
        printed = running.stop()
    assert len(box.letters) == 1
    assert PASSWORD not in printed


def test_a_server_that_only_takes_hits_and_one_with_nothing_to_tell_have_no_herald(server, tmp_path):
    for settings in ({"role": "collect", **server[1]}, {}):
        with Server(tmp_path, **settings) as running:
            assert not [line for line in running.children().values() if " mail run " in line]
            running.stop()
