"""People who log in, for tests of the pages behind the login."""

import re

PASSWORD = "correct horse battery"
#: What browsers send with a form of our own pages.
OURS = {"Sec-Fetch-Site": "same-origin"}


def log_in(client, name="owner", password=PASSWORD, to="/login", **more):
    """Send the login's form."""
    return client.post(to, data={"name": name, "password": password}, **{"headers": OURS, **more})


def logged_in(app, name="owner", password=PASSWORD):
    """A client that is logged in."""
    client = app.test_client()
    assert log_in(client, name, password).status_code == 303
    return client


def post(client, path, **fields):
    """Send a form of one of our pages."""
    return client.post(path, data=fields, headers=OURS)


def shown(answer):
    """What an answer says to have gone wrong."""
    found = re.search(r'role="alert">(.*?)<', answer.text)
    return found[1] if found else None


def made(answer):
    """What an answer shows once: a password, a link, codes."""
    return re.search(r'role="status">.*?<pre class="copy">(.*?)</pre>', answer.text, re.DOTALL)[1]
