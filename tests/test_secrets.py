"""No secret is ever in what a server prints or logs: a real one, through logins, codes, links and tokens."""

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.request
from urllib.parse import urlencode

from footfall import totp
from tests.servers import Server, ask, footfall

PASSWORDS = ("correct horse battery", "a wrong password", "the second password", "open sesame link")


class Browser:
    """Keeps cookies, and shows what it gets."""

    def __init__(self, url):
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, path, **fields):
        body = urlencode(fields).encode() if fields else None
        asked = urllib.request.Request(self.url + path, body, {
            "Sec-Fetch-Site": "same-origin", "Referer": self.url + path})
        try:
            with self._opener.open(asked, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()

    def cookies(self):
        return [cookie.value for cookie in self.jar]


def shown_once(page):
    return re.search(r'role="status">.*?<pre class="copy">(.*?)</pre>', page, re.DOTALL)[1]


def code_of(secret):
    return totp.code(secret, int(time.time()) // totp.STEP_SECONDS)


def test_no_secret_is_printed_or_logged(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    log = tmp_path / "access.log"
    with Server(tmp_path, access_log=log) as server:
        first = re.search(r"enter the token\n\s*(\S{22})\n", server.printed())[1]
        greeted = server.printed()
        anna, nobody = Browser(server.url), Browser(server.url)
        anna.open("/welcome", token="not the token", name="anna", password=PASSWORDS[0], again=PASSWORDS[0])
        assert "anna" in anna.open("/welcome", token=first, name="anna", password=PASSWORDS[0], again=PASSWORDS[0])
        assert "Wrong name" in nobody.open("/login", name="anna", password=PASSWORDS[1])
        assert "Wrong name" in nobody.open("/login", name=PASSWORDS[1], password=PASSWORDS[1])
        page = anna.open("/account/codes/begin", go="on")
        secret = re.search(r'Secret:</p>\s*<pre class="copy">(.*?)</pre>', page)[1]
        recovery = shown_once(anna.open("/account/codes/confirm", code=code_of(secret))).split()
        nobody.open("/login", name="anna", password=PASSWORDS[0])
        assert "Wrong code" in nobody.open("/login/code", code="not a code")
        assert "Log out" in nobody.open("/login/code", code=recovery[0])
        anna.open("/account/password", old=PASSWORDS[0], password=PASSWORDS[2], again=PASSWORDS[2])
        made = shown_once(anna.open("/users/add", name="ben", role="viewer", site="*"))
        links = [shown_once(anna.open("/sites/blog/settings/sharing/add", **fields)).removeprefix(server.url)
                 for fields in ({"name": "open"}, {"name": "closed", "password": PASSWORDS[3]})]
        visitor = Browser(server.url)
        assert "blog" in visitor.open(links[0])
        visitor.open(links[0] + "/nothing")
        visitor.open(links[0] + "/nothing", a="post")
        assert "Wrong password" in visitor.open(links[1] + "/unlock", password=PASSWORDS[1])
        assert "blog" in visitor.open(links[1] + "/unlock", password=PASSWORDS[3])
        token = footfall(tmp_path, "token", "add", "--site", "blog").stdout.split()[-1]
        for each in (token, "ff_" + "x" * 43):
            ask(f"{server.url}/api/v1/events", "POST", json.dumps([{"url": "http://a.example/"}]),
                **{"Authorization": f"Bearer {each}", "Content-Type": "application/json"})
        audited = footfall(tmp_path, "audit", "list").stdout
        keys = [link.rpartition("/")[2] for link in links]
        secrets = [*PASSWORDS, secret, *recovery, made, *keys, token, *anna.cookies(), *nobody.cookies(),
                   *visitor.cookies()]
        printed = server.stop()
    assert printed.startswith(greeted)
    for text in (printed, log.read_text(), audited):
        assert [each for each in secrets if each in text or urlencode({"": each})[1:] in text] == []
    assert (printed.count(first), first in log.read_text() + audited) == (1, False)
    assert log.read_text().count("/share/-") >= 6
    assert {line.split("\t")[2] for line in audited.splitlines()} >= {
        "user.add", "login", "login.refused", "totp.on", "user.password", "share.add", "token.add"}
