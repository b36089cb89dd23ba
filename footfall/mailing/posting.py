"""One message on one of its ways: by mail or to a webhook, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from footfall.config import Config
from footfall.errors import DeliveryRefused
from footfall.mailing import letters, smtp, webhooks
from footfall.mailing.deliveries import Delivery, once
from footfall.mailing.destinations import Destination
from footfall.mailing.letters import Links, Message
from footfall.storage import Store


def deliver(config: Config, store: Store, delivery: Delivery, destination: Destination, message: Message,
            leads: Links) -> bool:
    """Send a message one way, unless it was sent, and return whether it was sent now.

    :param leads: links of a mail.
    :raises ConfigError: no mail can be sent with these settings.
    :raises DeliveryError: it was not taken; see :mod:`footfall.errors` for its kinds.
    """
    # Only now: prometheus_client must not be imported before the server told it where its processes count.
    from footfall import metrics

    result = "failed"
    try:
        with once(store, delivery) as claim:
            sent = _send(config, delivery, destination, message, leads, claim)
        result = "sent" if sent else "sent by another"
        return sent
    except DeliveryRefused:
        result = "refused"
        raise
    finally:
        metrics.MESSAGES.labels(delivery.way, result).inc()


def _send(config: Config, delivery: Delivery, destination: Destination, message: Message, leads: Links,
          claim: Callable[[], bool]) -> bool:
    if delivery.way == "mail":
        smtp.check(config)
        mail = letters.letter(message, destination.to, config.mail_from, f"{delivery.site} {delivery.id}", leads)
        return smtp.send(config, mail, claim=claim)
    if not claim():
        return False
    webhooks.post(destination.webhook, destination.secret, {
        "id": f"{delivery.site}.{delivery.id}", "type": message.kind,
        "sent_at": datetime.now(UTC).isoformat(timespec="seconds"), **message.told,
    }, anywhere=config.webhook_addresses == "any")
    return True
