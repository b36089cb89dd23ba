"""Mails as they are sent: text and HTML in one, with the headers that programs and their readers count on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from footfall.collect.tracker import SHARE
from footfall.config import Config
from footfall.mailing import unsubscribing
from footfall.mailing.summary import Summary
from footfall.storage import Store

# Links in headers are long and must stay whole; what a server may take is 7 bits and 998 characters a line.
_POLICY = SMTP.clone(max_line_length=998, cte_type="7bit")


class Links(NamedTuple):
    """Where a mail leads to; empty where nobody said where footfall is reached.

    :param site: the site's page.
    :param unsubscribe: ends the report or the alert.
    """

    site: str = ""
    unsubscribe: str = ""


class Message(NamedTuple):
    """What is told: by mail as text and, if there is some, HTML, to a webhook as a map.

    :param kind: ``report`` or ``alert``.
    """

    kind: str
    subject: str
    text: str
    html: str
    told: Mapping[str, Any]


def links(config: Config, store: Store, site: str, definition_id: str = "") -> Links:
    """Return the links of a mail about a site.

    :param definition_id: of the report or the alert that it is sent for; empty for a preview.
    """
    if not config.public_url:
        return Links()
    ends = f"{config.public_url}{unsubscribing.PATH}{unsubscribing.token(store, site, definition_id)}"
    return Links(f"{config.public_url}/sites/{site}", ends if definition_id else "")


def report(summary: Summary, leads: Links) -> Message:
    """Return a report as it is sent; its HTML loads nothing."""
    text, page = (_template(name)(summary=summary, links=leads) for name in ("mail.txt", "mail.html"))
    # Where a column has nothing for a line there would be spaces at its end.
    lines = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    return Message("report", summary.subject, lines, page, summary.as_json())


def letter(message: Message, to: str, sender: str, key: str, leads: Links) -> EmailMessage:
    """Return a message as a mail.

    :param key: what tells it from every other message; sent again, it has the same Message-ID.
    """
    made = EmailMessage(_POLICY)
    name, address = parseaddr(sender)
    made["From"], made["To"], made["Subject"] = Address(name, addr_spec=address), to, message.subject
    made["Date"] = format_datetime(datetime.now(UTC))
    domain = address.rpartition("@")[2]
    made["Message-ID"] = f"<footfall.{blake2b(f'{to} {key}'.encode(), digest_size=16).hexdigest()}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    if leads.unsubscribe:
        made["List-Unsubscribe"] = f"<{leads.unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(message.text)
    if message.html:
        made.add_alternative(message.html, subtype="html")
    return made


def _template(name: str) -> Callable[..., str]:
    return _environment().get_template(name).render


@cache
def _environment() -> Environment:
    made = Environment(loader=FileSystemLoader(SHARE / "templates"), undefined=StrictUndefined, trim_blocks=True,
                       lstrip_blocks=True, autoescape=select_autoescape())
    made.filters.update(column=_column, number=_number, percent=_percent, bar=_bar)
    return made


def _column(text: str, width: int) -> str:
    return f"{text:<{width}}"


def _number(count: int) -> str:
    return f"{count:,}"


def _percent(share: float) -> int:
    return max(round(100 * share), 1)


def _bar(share: float) -> str:
    return "█" * round(24 * share)
