"""What is sent to the API: a JSON object that is neither long nor deep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request

from footfall.errors import UsageError
from footfall.web.api.problems import Refused

MAX_BODY_BYTES = 256 << 10
#: Lists and objects within each other; filters may be 32 deep.
MAX_DEPTH = 64


def read() -> dict[str, Any]:
    """Return the object in the body of the request.

    :raises Refused: it is too long, or not said to be JSON.
    :raises UsageError: it is none.
    """
    if request.mimetype != "application/json":
        raise Refused("content-type: must be application/json", 415)
    body = request.stream.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise Refused(f"body: longer than {MAX_BODY_BYTES} bytes", 413)
    try:
        found: object = json.loads(body.decode(), parse_constant=_no_number)
        # Half of a surrogate pair is no character: it could not be stored, nor told again.
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise UsageError(f"body: deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        raise UsageError(f"body: not JSON in UTF-8: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise UsageError("body: must be an object")
    if _depth(found) > MAX_DEPTH:
        raise UsageError(f"body: deeper than {MAX_DEPTH}")
    return found


def only(form: Mapping[str, Any], allowed: tuple[str, ...], needed: tuple[str, ...] = ()) -> None:
    """See that an object has the fields it must have, and none that it may not have.

    :raises UsageError: it has others.
    """
    for name in form:
        if name not in allowed:
            raise UsageError(f"{name!r}: unknown field; use {', '.join(allowed)}")
    for name in needed:
        if name not in form:
            raise UsageError(f"{name}: missing; give {', '.join(needed)}")


def whole(name: str, given: object, least: int, most: int) -> int:
    """Return a number of a body, or of a query string, if it lies between two, both included.

    :raises UsageError: it does not.
    """
    number = int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10 else given
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
        raise UsageError(f"{name} {given!r}: must be a whole number from {least} to {most}")
    return number


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _depth(form: object) -> int:
    """Return how many lists and objects lie within each other; not by recursion, which a form could exhaust."""
    depth, level = 0, [form]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [part for each in level for part in (each.values() if isinstance(each, dict) else each)]
    return depth
