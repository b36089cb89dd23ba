"""One-time codes by the clock, as in RFC 6238: six digits of HMAC-SHA-1, another every thirty seconds.

That is what every authenticator app does unasked. The codes are pure arithmetic; who has which secret, and that no code
counts twice, is :mod:`footfall.second_factor`.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
#: As long as the hash's own output, which RFC 4226 recommends.
SECRET_BYTES = 20
#: A code counts one step before and after its own: clocks differ, and people type slowly.
DRIFT = 1


def new_secret() -> str:
    """Return a secret in base 32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code(secret: str, step: int) -> str:
    """Return the code of a step.

    :param secret: in base 32.
    :param step: how many times :data:`STEP_SECONDS` have passed since 1970.
    """
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 0x0F
    number = int.from_bytes(mac[start:start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: str, given: str, now: float) -> int | None:
    """Return the step whose code was given, ``None`` if it is none of those that count.

    :param now: seconds since 1970.
    """
    present = int(now // STEP_SECONDS)
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        # All are compared, whichever it is, so that the time taken tells nothing.
        if hmac.compare_digest(code(secret, step).encode(), given.encode()):
            found = step
    return found


def uri(secret: str, name: str, issuer: str) -> str:
    """Return the address that an authenticator app takes the secret from, for a QR code.

    :param name: of the user.
    :param issuer: where the codes are asked for.
    """
    # A colon parts the two in the label, so neither may have one of its own; apps read "+" as it is.
    issuer = issuer.replace(":", " ")
    fields = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{quote(issuer)}:{quote(name)}?{urlencode(fields, quote_via=quote)}"
