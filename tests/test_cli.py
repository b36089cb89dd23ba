"""The command as its user meets it: what it prints, and how it ends."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from footfall import cli, second_factor, sessions, totp
from footfall.stores import open_store
from tests.conftest import ROOT
from tests.servers import Follower
from tests.waiting import until

LINE = '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET {} HTTP/1.1" {} 1 "{}" "{}"\n'


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A data folder of the test's own; the current one has no footfall.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTFALL_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def blog(run, tmp_path):
    """The site blog with 3 pages viewed, 5 views in all, and a line of each other kind."""
    assert run("site", "add", "blog")[0] == 0
    google = "https://www.google.com/search?q=page+views"
    lines = [("/", 200, google, "Mozilla/5.0 (X11; Linux x86_64)"), ("/", 304, "https://a.example/x", "Mobi"),
             ("/post", 200, "-", "-"), ("/post", 200, "-", "-"), ("/x.html", 200, "-", "-"), ("/a.css", 200, "-", "-"),
             ("/missing", 404, "-", "-"), ("/feed", 200, "-", "-")]
    log = tmp_path / "access.log"
    log.write_text("".join(LINE.format(*line) for line in lines) + "what \x1b[31mis this\n")
    return log


def test_a_site_is_added_listed_and_removed(run):
    assert run("site", "add", "blog", "--url", "https://blog.example.com/")[1].count(
        '<script async src="http://127.0.0.1:8000/a.js" data-id="blog"></script>') == 1
    assert run("site", "list")[1].startswith("blog\thttps://blog.example.com\t")
    assert run("site", "remove", "blog") == (0, "Removed blog; its events are kept.\n", "")
    assert run("site", "list") == (0, "", "")


def test_removing_a_site_with_its_events_leaves_other_sites_alone(run, blog, data):
    run("site", "add", "my.blog")
    for site in ("blog", "my.blog"):
        run("import", "log", str(blog), "--site", site)
    assert run("site", "remove", "blog", "--with-events", "--yes")[1] == "Removed blog and 1 rows of events.\n"
    with open_store() as store:
        assert list(store.family("PageViews").row_keys()) == ["20150517.my.blog"]


def test_an_import_says_what_it_took_and_what_not(run, blog):
    code, out, _ = run("import", "log", str(blog), "--site", "blog")
    assert code == 0
    for line in ("9 lines read", "5 page-views taken", "1 skipped: asset", "1 skipped: feed", "1 skipped: status",
                 "1 skipped: malformed", r"  b'what \x1b[31mis this'"):
        assert line in out
    again = run("import", "log", str(blog), str(blog), "--site", "blog")[1]
    assert "0 page-views taken" in again
    assert "10 skipped: there already (imported before)" in again


def test_an_imports_origin_is_the_sites_url_or_what_is_given(run, blog):
    run("site", "add", "other", "--url", "https://other.example.com")
    run("import", "log", str(blog), "--site", "other")
    assert "https://other.example.com/post" in run("stats", "other", "--by", "url")[1]
    run("import", "log", str(blog), "--site", "blog", "--origin", "https://blog.example.com")
    assert "https://blog.example.com/post" in run("stats", "blog", "--by", "url")[1]


def test_the_rules_shown_are_taken_as_rules(run, blog, tmp_path):
    shown = run("import", "log", "--show-rules")[1]
    (tmp_path / "rules.toml").write_text(shown.replace("200, 304", "404"))
    assert "1 page-views taken" in run("import", "log", str(blog), "--site", "blog", "--rules", "rules.toml")[1]


def test_the_shell_has_the_data_at_hand(run, blog):
    run("import", "log", str(blog), "--site", "blog")
    question = 'map_reduce("blog", date(2015, 5, 17), date(2015, 5, 18), *views_by_url, {})["/post"]'
    assert run("shell", "-c", question) == (0, "2\n", "")
    question = 'query("blog", "views", date(2015, 5, 17), date(2015, 5, 18), by="url", limit=1)'
    assert run("shell", "-c", question) == (0, "url  views\n/        2\n(1 of 3 rows)\n", "")
    assert run("shell", "-c", 'len(list(PageViews.xget("20150517.blog")))')[1] == "5\n"
    assert run("shell", "-c", 'for key in PageViews.row_keys():\n    print(key)')[1] == "20150517.blog\n"


def test_the_command_does_not_import_what_looks_at_the_environment_then():
    """The server says where its processes count before prometheus_client is imported; later it is not asked again."""
    look = "import sys, footfall.cli.serve; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True)


def test_the_store_is_made_and_told_of(run):
    assert "footfall.db: made" in run("store", "init")[1]
    assert run("store", "init")[1] == "Nothing was missing.\n"
    told = json.loads(run("store", "info", "--json")[1])
    assert told["families"]["PageViews"] == {"rows": 0, "columns": 0}
    assert "PageViews" in run("store", "info")[1]


def test_users_are_added_with_a_password_shown_once(run):
    out = run("user", "add", "owner")[1]
    assert re.fullmatch(r"Added owner\. Its password, shown only now: \S{16,}\n", out)
    assert run("user", "add", "second", "--if-none") == (0, "", "")
    assert run("user", "list")[1].startswith("owner\t")
    assert out.split()[-1] not in run("user", "list")[1]
    assert run("user", "password", "owner")[1].startswith("Changed owner's password.")
    run("user", "add", "second")
    assert run("user", "remove", "owner")[1] == "Removed owner.\n"


def test_roles_are_given_shown_and_taken_and_noted(run):
    run("site", "add", "blog")
    run("user", "add", "owner")
    run("user", "add", "anna", "--role", "editor", "--site", "blog")
    assert run("user", "role", "anna", "viewer") == (0, "anna is now viewer of every site, editor of blog.\n", "")
    assert [line.split("\t")[2:] for line in run("user", "list")[1].splitlines()] == [
        ["viewer of every site, editor of blog", "-"], ["owner of every site", "-"]]
    run("user", "role", "anna", "none", "--site", "blog")
    assert run("user", "role", "anna", "none")[1] == "anna is now without a role.\n"
    noted = [line.split("\t")[1:] for line in run("audit", "list")[1].splitlines()]
    assert [(entry[1], entry[2], entry[4]) for entry in noted] == [
        ("user.role", "-", "anna, now without a role"),
        ("user.role", "blog", "anna, now viewer of every site"),
        ("user.role", "-", "anna, now viewer of every site, editor of blog"),
        ("user.add", "blog", "anna, editor of blog"),
        ("user.add", "-", "owner, owner of every site"),
        ("site.add", "blog", "-")]
    assert {entry[0] for entry in noted} == {"command line"}


def test_reports_and_alerts_are_noted_as_the_command_lines(run):
    run("site", "add", "blog")
    for command, more in (("mail", ()), ("alert", ("--when", "silence"))):
        run(command, "add", "--site", "blog", "--to", "anna@example.com", *more)
        made = run(command, "list")[1].split("\t")[0]
        run(command, "remove", "--site", "blog", made)
    noted = [line.split("\t")[1:4] for line in run("audit", "list")[1].splitlines()]
    assert noted == [["command line", action, "blog"]
                     for action in ("alert.remove", "alert.add", "mail.remove", "mail.add", "site.add")]


def test_sessions_are_listed_and_ended_and_codes_turned_off(run):
    run("user", "add", "owner")
    with open_store() as store:
        for agent in ("Firefox", "Chrome"):
            sessions.begin(store, "owner", agent, "192.0.2.0")
        second_factor.begin(store, "owner")
        confirmed = totp.code(second_factor.pending(store, "owner"), int(time.time()) // totp.STEP_SECONDS)
        assert second_factor.confirm(store, "owner", confirmed)
    listed = [line.split("\t") for line in run("user", "sessions", "owner")[1].splitlines()]
    assert {(each[3], each[4]) for each in listed} == {("192.0.2.0", "Firefox"), ("192.0.2.0", "Chrome")}
    assert run("user", "logout", "owner", "--session", listed[0][0])[1] == "Ended the session of owner.\n"
    assert run("user", "sessions", "owner")[1].split("\t")[0] == listed[1][0]
    assert run("user", "logout", "owner")[1] == "Ended all sessions of owner.\n"
    assert run("user", "sessions", "owner")[1] == ""
    assert run("user", "totp", "owner")[1] == "owner logs in by password and code; 10 recovery codes are left.\n"
    assert run("user", "list")[1].endswith("\tcode\n")
    assert run("user", "totp", "owner", "--off")[1] == "owner logs in by the password alone now.\n"
    assert "logs in by the password alone; the account page" in run("user", "totp", "owner")[1]


def test_a_token_is_shown_once_listed_by_its_id_and_goes_with_its_site(run):
    run("site", "add", "blog")
    out = run("token", "add", "--site", "blog", "--name", "the shop", "--expires", "30")[1]
    found = re.fullmatch(r"Added token (\w{12}) for blog\. The token itself, shown only now: (ff_[\w-]{43})\n", out)
    listed = run("token", "list")[1]
    assert re.fullmatch(rf"{found[1]}\tblog\tevents\tthe shop\t\S+\+00:00\t\S+\+00:00\n", listed)
    assert found[2] not in listed
    assert run("token", "remove", found[1]) == (0, f"Removed token {found[1]} of blog.\n", "")
    run("token", "add", "--site", "blog")
    assert run("token", "list")[1].endswith("\t-\n")
    run("site", "remove", "blog")
    assert run("token", "list") == (0, "", "")


def test_a_share_link_is_shown_once_listed_and_removed(run, monkeypatch):
    run("site", "add", "blog")
    out = run("share", "add", "blog", "--name", "for Ben", "--expires", "30", "--embed")[1]
    found = re.fullmatch(r"Added link (\w{12}) to blog\. The link itself, shown only now: "
                         r"http://127\.0\.0\.1:8000/share/([\w-]{22})\n", out)
    monkeypatch.setattr("sys.stdin", io.StringIO("open sesame\n"))
    run("share", "add", "blog", "--password-stdin")
    listed = run("share", "list", "blog")[1]
    kinds = [re.sub(r"\S+\+00:00", "then", line.partition("\t")[2]) for line in listed.splitlines()]
    assert sorted(kinds) == ["-\tthen\t-\tpassword", "for Ben\tthen\tthen\tembed"]
    assert found[2] not in listed
    assert run("share", "remove", "blog", found[1]) == (0, f"Removed link {found[1]} of blog.\n", "")
    assert run("share", "list", "blog")[1].count("\n") == 1
    assert run("audit", "list", "--site", "blog")[1].count("\tshare.") == 3


def test_check_finds_nothing_wrong_with_what_works(run, blog, data):
    run("import", "log", str(blog), "--site", "blog")
    code, out, _ = run("check")
    assert code == 0, out
    assert "WRONG" not in out
    assert "newest page-view 2015-05-17 10:05:03 UTC" in out


@pytest.mark.parametrize("break_, wrong", [
    (lambda data: data.chmod(0o755), "chmod o-rwx"),
    (lambda data: (data / "footfall.db").write_bytes(b"x" * 4096), "not a database"),
])
def test_check_says_what_is_wrong_and_what_to_do(run, blog, data, break_, wrong):
    break_(data)
    code, out, err = run("check")
    assert code == 1
    assert "WRONG" in out
    assert wrong in out
    assert err == "footfall: 1 wrong, see above\n"


@pytest.mark.parametrize("arguments, code, message", [
    (("site", "add", "a b"), 2, "account 'a b': must be"),
    (("site", "add", "x", "--url", "ftp://a"), 2, "url 'ftp://a': must be"),
    (("site", "remove", "nobody"), 2, "site 'nobody': unknown; the sites are none yet"),
    (("token", "add", "--site", "nobody"), 2, "site 'nobody': unknown"),
    (("token", "add", "--site", "x", "--expires", "0"), 2, "Invalid value for '--expires'"),
    (("token", "remove", "ff_secret"), 2, "token: unknown; `footfall token list` shows their ids: none yet"),
    (("stats", "nobody"), 2, "site 'nobody': unknown"),
    (("stats",), 2, "Missing argument 'SITE'"),
    (("import", "log", "missing.log", "--site", "blog", "--origin", "http://a"), 2, "missing.log: No such file"),
    (("import", "log", "x.log"), 2, "--site: is missing"),
    (("import", "log", "x.log", "--format", "gif"), 2, "Invalid value for '--format'"),
    (("import", "log", "x.log", "--format", "beacon", "--origin", "http://a"), 2, "--origin and --rules: are for"),
    (("import", "log", "missing.log", "--format", "beacon"), 2, "missing.log: No such file"),
    (("import", "log", "missing.log", "--format", "beacon", "--follow"), 2, "missing.log: No such file"),
    (("import", "log", "-", "--site", "blog", "--follow"), 2, "--follow: takes files, not standard input"),
    (("serve", "--port", "http"), 2, "--port='http': must be a whole number"),
    (("serve", "--store", "casandra://x"), 2, "--store='casandra://x': unknown store"),
    (("store", "info", "--store", "sqlite:////proc/nowhere/x.db"), 1, "/proc/nowhere/x.db: "),
    (("nonsense",), 2, "No such command 'nonsense'"),
    (("user", "remove", "nobody"), 2, "nobody"),
    (("share", "add", "nowhere"), 2, "site 'nowhere': unknown"),
    (("share", "remove", "blog", "x"), 2, "share 'x': unknown; blog has none yet"),
    (("user", "role", "nobody", "viewer"), 2, "user 'nobody': unknown"),
    (("user", "add", "anna", "--site", "nowhere"), 2, "site 'nowhere': unknown"),
    (("user", "add", "anna", "--role", "boss"), 2, "Invalid value for '--role'"),
    (("user", "sessions", "nobody"), 2, "user 'nobody': unknown"),
    (("user", "logout", "nobody"), 2, "user 'nobody': unknown"),
    (("user", "totp", "nobody", "--off"), 2, "user 'nobody': unknown"),
    (("audit", "list", "--since", "then"), 2, "--since='then': must be a day"),
])
def test_bad_input_gets_one_clear_line(run, arguments, code, message):
    got, _, err = run(*arguments)
    assert (got, err.count("\n"), err.startswith("footfall: ")) == (code, 1, True)
    assert message in err


def test_a_setting_in_the_environment_that_is_none_is_named(run, monkeypatch):
    monkeypatch.setenv("FOOTFALL_PROT", "1")
    assert run("site", "list") == (2, "", run("site", "list")[2])
    assert "FOOTFALL_PROT: unknown setting" in run("site", "list")[2]


def test_following_imports_what_is_appended_across_a_rotation_until_interrupted(blog, data, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "footfall", "import", "log", str(blog), "--site", "blog", "--follow"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with open_store() as store:
            views = store.family("PageViews")
            until(lambda: views.get_count("20150517.blog") == 5)
            blog.rename(tmp_path / "access.log.1")
            with (tmp_path / "access.log.1").open("a") as old:
                old.write(LINE.format("/late", 200, "-", "-"))
            blog.write_text(LINE.format("/new", 200, "-", "-"))
            until(lambda: views.get_count("20150517.blog") == 7)
            with blog.open("a") as new:
                new.write(LINE.format("/newer", 200, "-", "-"))
            until(lambda: views.get_count("20150517.blog") == 8)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=30)[0]
    finally:
        process.kill()
        process.wait()
    assert "12 lines read" in printed
    assert "8 page-views taken" in printed


def hit(number, site="blog"):
    return json.dumps({"time": 1767340800 + number, "id": f"{number:032x}", "address": "192.0.2.7", "method": "GET",
                       "status": "200", "uri": f"/a.gif?id={site}&url=http://a.example/{number}", "headers": {}}) + "\n"


def test_hits_of_many_sites_or_of_one_are_imported_from_what_nginx_wrote(run, tmp_path, monkeypatch):
    log = tmp_path / "footfall.log"
    log.write_text("".join([hit(1), hit(2), hit(3, "shop"), hit(4, "nobody"), "junk\n"]))
    for site in ("blog", "shop"):
        run("site", "add", site)
    code, out, _ = run("import", "log", str(log), "--format", "beacon", "--site", "shop")
    assert code == 0
    for line in ("1 page-views taken", "2 skipped: site", "1 skipped: id: unknown account\n", "1 skipped: malformed"):
        assert line in out
    assert "2 page-views taken" in run("import", "log", str(log), "--format", "beacon")[1]
    monkeypatch.setenv("FOOTFALL_UNKNOWN_ACCOUNTS", "accept")
    assert "1 page-views taken" in run("import", "log", str(log), "--format", "beacon")[1]


def test_a_hit_that_was_moved_is_not_imported_again(run, tmp_path):
    run("site", "add", "blog")
    log = tmp_path / "footfall.log"
    log.write_text(hit(1) + hit(2))
    _, out, _ = run("import", "log", str(log), "--format", "beacon")
    assert "2 page-views taken" in out
    assert "2 of these kept apart" in out
    run("filtered", "restore", "blog", "--yes")
    assert "2 skipped: there already" in run("import", "log", str(log), "--format", "beacon")[1]
    assert json.loads(run("stats", "blog", "--since", "2026-01-02", "--json")[1])["views"] == 2
    run("site", "set", "blog", "--bots", "count")
    assert "2 skipped: there already" in run("import", "log", str(log), "--format", "beacon")[1]
    run("site", "set", "blog", "--bots", "filter")
    run("filtered", "apply", "blog", "--restored")
    run("site", "set", "blog", "--bots", "count")
    assert "2 skipped: there already" in run("import", "log", str(log), "--format", "beacon")[1]


def test_several_logs_are_followed_at_once_and_gone_on_in(run, tmp_path):
    run("site", "add", "blog")
    run("site", "set", "blog", "--bots", "count")
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    with open_store() as store:
        views = store.family("PageViews")
        for round_ in (1, 2):
            for number, log in enumerate(logs):
                with log.open("a") as file:
                    file.write(hit(10 * round_ + number))
            with Follower(tmp_path / "data", *logs, "--format", "beacon") as follower:
                until(lambda expected=2 * round_: views.get_count("20260102.blog") == expected)
                said = follower.stop()
            assert "2 lines read" in said
            assert said.count("goes on behind byte") == 2 * (round_ - 1)


def test_a_port_in_use_is_told_in_one_line(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--port", str(port))
    assert (code, err) == (1, f"footfall: cannot listen on 127.0.0.1 port {port}: Address already in use; "
                              "choose others with --host and --port\n")
