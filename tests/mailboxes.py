"""A real mail server for tests: on loopback, with a certificate and a login of its own, and a box of what it took."""

import contextlib
import email.policy
import ssl

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers import free_port

USER, PASSWORD = "stats", "not-to-be-seen"
SENDER = "Footfall <stats@example.com>"


class Mailbox:
    """What a server took, and what it is to answer.

    :param answers: by the command that is answered, ``MAIL``, ``RCPT`` or ``DATA``, what is said instead of 250.
    """

    def __init__(self):
        self.letters = []
        self.answers = {}
        self.before_data = lambda: None
        self.logins = 0

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.before_data()
        if "DATA" in self.answers:
            return self.answers["DATA"]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, message, session.ssl is not None))
        return "250 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins += right
        return AuthResult(success=right, handled=False)

    @property
    def subjects(self):
        return [message["Subject"] for _, _, message, _ in self.letters]


@contextlib.contextmanager
def mail_server(folder, scheme="smtp"):
    """A running server, as its box and the settings that send mail by it.

    :param scheme: of the address: ``smtp`` (STARTTLS and a login are asked for), ``smtps`` or ``smtp+plain``.
    """
    box, port, options = Mailbox(), free_port(), {}
    settings = {"smtp_url": f"{scheme}://localhost:{port}", "mail_from": SENDER}
    if scheme != "smtp+plain":
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        settings["smtp_ca"] = str(folder / "ca.pem")
        options = {"ssl_context": context}
    if scheme == "smtp":
        options = {"tls_context": context, "require_starttls": True, "authenticator": box.authenticate,
                   "auth_required": True}
        settings |= {"smtp_username": USER, "smtp_password": PASSWORD}
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield box, settings
    finally:
        controller.stop()
