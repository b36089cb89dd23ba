"""The second factor: a code of an authenticator app, or a recovery code, beside the password.

In the family ``Users``: row ``totp`` has each user's secret; row ``recovery.<user>`` the hashes of its recovery codes,
each a column; row ``used.<user>``, for some minutes, what was used of late. A code counts once: for whoever claims it
first, of all processes and machines. A recovery code has 79 random bits, so that a plain hash is enough to keep it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from footfall import pageview, totp
from footfall.errors import NotFoundException
from footfall.storage import Store

FAMILY, ROW = "Users", "totp"
RECOVERY_CODES = 10
#: Without 0, 1, i, l and o, which are easily misread.
READABLE = "23456789abcdefghjkmnpqrstuvwxyz"
#: Longer than any code counts by the clock.
_USED_SECONDS = 10 * totp.STEP_SECONDS


def begin(store: Store, user: str) -> str:
    """Give a user a secret that counts when :func:`confirm` was shown a code of it, and return it."""
    secret = totp.new_secret()
    store.family(FAMILY).insert(ROW, {user: {"secret": secret, "confirmed": ""}})
    return secret


def pending(store: Store, user: str) -> str | None:
    """Return a secret that waits for its confirmation."""
    secret, confirmed = _state(store, user)
    return None if confirmed else secret


def confirm(store: Store, user: str, given: str, clock: Callable[[], float] = time.time) -> list[str] | None:
    """Turn the second factor on if a code is one of the secret that waits, and return the recovery codes.

    ``None`` if the code is wrong, or no secret waits.
    """
    secret = pending(store, user)
    step = secret and totp.step_of(secret, _plain(given), clock())
    if not secret or step is None or not _claim(store, user, str(step)):
        return None
    store.family(FAMILY).insert(ROW, {user: {"secret": secret, "confirmed": _now()}})
    return new_recovery_codes(store, user)


def new_recovery_codes(store: Store, user: str) -> list[str]:
    """Return new recovery codes for a user; those it had count no more."""
    codes = [readable(4) for _ in range(RECOVERY_CODES)]
    store.family(FAMILY).remove(_recovery(user))
    store.family(FAMILY).insert(_recovery(user), {_hash(user, each): {"created": _now()} for each in codes})
    return codes


def is_on(store: Store, user: str) -> bool:
    """Return whether a login of the user takes a code."""
    return bool(_state(store, user)[1])


def recovery_codes_left(store: Store, user: str) -> int:
    """Return how many recovery codes were not used yet."""
    return store.family(FAMILY).get_count(_recovery(user))


def check(store: Store, user: str, given: str, clock: Callable[[], float] = time.time) -> bool:
    """Return whether a code is right, and has not been used; from then on it has been.

    :param given: a code of the app or a recovery code, spaced as people type it.
    """
    secret, confirmed = _state(store, user)
    if not secret or not confirmed:
        return False
    given = _plain(given)
    if len(given) == totp.DIGITS:
        step = totp.step_of(secret, given, clock())
        return step is not None and _claim(store, user, str(step))
    hashed = _hash(user, given)
    family = store.family(FAMILY)
    if not family.get_count(_recovery(user), [hashed]) or not _claim(store, user, hashed):
        return False
    family.remove(_recovery(user), [hashed])
    return True


def turn_off(store: Store, user: str) -> None:
    """Forget a user's secret and recovery codes; does nothing if there are none."""
    store.family(FAMILY).remove(ROW, [user])
    store.family(FAMILY).remove(_recovery(user))


def readable(letters: int) -> str:
    """Return a random text that is easy to read out and to type: four groups of so many letters."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(letters)) for _ in range(4))


def _state(store: Store, user: str) -> tuple[str | None, str]:
    """Return a user's secret, and when it was confirmed."""
    try:
        fields = pageview.unpack(store.family(FAMILY).get(ROW, [user])[user])
    except NotFoundException:
        return None, ""
    return fields["secret"], fields["confirmed"]


def _claim(store: Store, user: str, what: str) -> bool:
    """Return whether we are the first to use something."""
    ours = pageview.pack({"by": secrets.token_hex(8)})
    return bytes(store.claim(FAMILY, f"used.{user}", what, ours, ttl=_USED_SECONDS)) == ours


def _plain(given: str) -> str:
    return "".join(given.split()).lower()


def _hash(user: str, recovery_code: str) -> str:
    return sha256(f"{user}:{recovery_code.replace('-', '')}".encode()).hexdigest()


def _recovery(user: str) -> str:
    return f"recovery.{user}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
