"""What can go wrong, by what a caller can do about it.

::

    FootfallError
    ├── ConfigError            a setting is unknown or has a bad value: mend the setting
    ├── UsageError             a command or a call was given something it cannot take
    ├── BadHit                 a request that will never be stored; carries the HTTP status
    ├── Declined               a request of a reader who does not want to be counted
    ├── StoreError             the store cannot do this, now or later
    │   └── StoreUnavailable   the store did not answer: the same call may be tried again
    ├── DeliveryError          a report or alert was not taken: it may be sent again later
    │   ├── DeliveryRefused    it will not be taken later either
    │   └── DeliveryUnsure     whether it was taken, nobody can tell
    ├── SegmentError           a file of facts is damaged: build the day's facts anew
    └── NotFoundException      no such row or columns; the name is pycassa's
"""


class FootfallError(Exception):
    """Anything that footfall says to its user in one line."""


class ConfigError(FootfallError):
    """A setting is unknown or has a bad value; the message names it and what it may be."""


class UsageError(FootfallError):
    """A command or call was given a value it cannot take; the message says which."""


class BadHit(FootfallError):
    """A request that will never be stored.

    :param reason: what is wrong, as ``field: why``; sent back in the ``X-Footfall`` header.
    :param status: the HTTP status that says so.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BadHit) and self.args == other.args and self.status == other.status

    def __hash__(self) -> int:
        return hash((self.reason, self.status))


class Declined(FootfallError):
    """A request of a reader who does not want to be counted: nothing of it is stored.

    :param reason: what says so, ``dnt`` or ``gpc``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreError(FootfallError):
    """The store cannot do what was asked, and asking again will not help."""


class StoreUnavailable(StoreError):
    """The store did not answer in time; nothing is wrong with the call, which may be repeated."""


class DeliveryError(FootfallError):
    """A report or an alert was not taken by where it was sent, or was not sent at all; it may be sent again."""


class DeliveryRefused(DeliveryError):
    """It was refused for good; the message says by whom and why."""


class DeliveryUnsure(DeliveryError):
    """The connection ended before there was an answer: whether it was taken, nobody can tell."""


class SegmentError(FootfallError):
    """A file of facts is damaged, cut short or of another version; what it held can be built anew."""


class NotFoundException(FootfallError):
    """The row, or the columns asked of it, do not exist."""
