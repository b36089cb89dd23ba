"""Sending mail: one message, to one address, by the server that the settings name.

The server takes a message when it answers to its end, and then alone; so what is not to be sent twice is claimed just
before that, when it has agreed to sender and receiver.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING

from footfall.config import Config, SmtpServer
from footfall.errors import ConfigError, DeliveryError, DeliveryRefused, DeliveryUnsure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long each step may take: the connection, and every answer.
TIMEOUT_SECONDS = 20.0


def check(config: Config) -> SmtpServer:
    """Return the server that mail is sent by.

    :raises ConfigError: the settings name none, or no sender, or a login that it would be told in the clear.
    """
    if config.smtp_url is None:
        raise ConfigError("FOOTFALL_SMTP_URL: is not set; it names the server that mail is sent by")
    if not config.mail_from:
        raise ConfigError("FOOTFALL_MAIL_FROM: is not set; it is the address that mail is sent from")
    if config.smtp_username and config.smtp_url.scheme == "smtp+plain":
        raise ConfigError("FOOTFALL_SMTP_USERNAME: a login is not sent over smtp+plain://; use smtp:// or smtps://")
    return config.smtp_url


def send(config: Config, message: EmailMessage, *, claim: Callable[[], bool] = lambda: True) -> bool:
    """Send a message to the one address that it is to, and return whether it was sent.

    :param claim: is asked just before the message is handed over; nothing is sent if it says no.
    :raises ConfigError: as :func:`check`.
    :raises DeliveryError: it was not sent.
    :raises DeliveryRefused: the server takes none such.
    :raises DeliveryUnsure: it was handed over, and the connection ended before there was an answer.
    """
    server = check(config)
    sender, to = parseaddr(config.mail_from)[1], parseaddr(str(message["To"]))[1]
    with _connected(config, server) as smtp:
        # Who is refused as a sender mends the settings, and then everybody gets his mail all the same.
        _expect(smtp.mail(sender), f"{server}: sender {sender}", is_for_good=False)
        _expect(smtp.rcpt(to), f"{server}: {to}")
        if not claim():
            return False
        _hand_over(smtp, message, server)
        return True


def probe(config: Config) -> SmtpServer:
    """Return the server that mail is sent by, after a connection to it and the login.

    :raises ConfigError: as :func:`check`.
    :raises DeliveryError: it does not answer, or takes no login.
    """
    server = check(config)
    with _connected(config, server):
        return server


@contextmanager
def _connected(config: Config, server: SmtpServer) -> Iterator[smtplib.SMTP]:
    """Be connected to a server and logged in within this; what goes wrong there, too, is a :class:`DeliveryError`."""
    try:
        smtp = _connect(config, server)
        try:
            if config.smtp_username:
                smtp.login(config.smtp_username, config.smtp_password)
            yield smtp
            # What is sent is sent, whatever becomes of the farewell.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(f"{server}: the login is refused: {_words(error.smtp_error)}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryError(f"{server}: {error} smtps:// or smtp+plain:// may be what it speaks") from error
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(f"{server}: its certificate is not trusted: {error.verify_message}; FOOTFALL_SMTP_CA names "
                            "another authority") from error
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"{server}: {error or type(error).__name__}") from error


def _connect(config: Config, server: SmtpServer) -> smtplib.SMTP:
    # What we are called there: our own name would have to be looked up, which takes its time where there is none.
    name = parseaddr(config.mail_from)[1].partition("@")[2]
    trusted = ssl.create_default_context(cafile=str(config.smtp_ca) if config.smtp_ca else None)
    smtp = (smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_SECONDS, context=trusted)
            if server.scheme == "smtps" else
            smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_SECONDS))
    try:
        if server.scheme == "smtp":
            smtp.starttls(context=trusted)
        smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _hand_over(smtp: smtplib.SMTP, message: EmailMessage, server: SmtpServer) -> None:
    try:
        _expect(smtp.data(message.as_bytes()), str(server))
    except smtplib.SMTPDataError as error:
        _expect((error.smtp_code, error.smtp_error), str(server))
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryUnsure(f"{server}: the connection ended while the message was handed over: {error}") from error


def _expect(answer: tuple[int, bytes | str], what: str, *, is_for_good: bool = True) -> None:
    code, words = answer
    if code // 100 != 2:
        kind = DeliveryRefused if is_for_good and code // 100 == 5 else DeliveryError
        raise kind(f"{what}: {code} {_words(words)}")


def _words(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:300]
