"""What can be set for each site, every setting once, as data, like the settings of the server.

``footfall site set blog --retention-days 400`` sets one; an empty value takes the default again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from footfall.config import Setting, one_of, whole_number
from footfall.errors import UsageError

SITE_SETTINGS = (
    Setting("DNT", "honour", one_of("honour", "ignore"),
            "Whether a browser that sends Do Not Track or Global Privacy Control is counted all the same."),
    Setting("RETENTION_DAYS", "0", whole_number(0, 7300),
            "Days after which events are removed; 0 keeps them as long as FOOTFALL_RETENTION says."),
)
_BY_KEY = {setting.key: setting for setting in SITE_SETTINGS}


def parsed(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of every setting of a site.

    :param given: what was set, as text, by key.
    :raises UsageError: a key is no setting, or a value not one that it can have.
    """
    if unknown := given.keys() - _BY_KEY.keys():
        raise UsageError(f"{', '.join(sorted(unknown))}: unknown setting of a site; there are {', '.join(_BY_KEY)}")
    values = {}
    for setting in SITE_SETTINGS:
        text = given.get(setting.key, setting.default)
        try:
            values[setting.key] = setting.parse(text)
        except ValueError as error:
            raise UsageError(f"{setting.flag}={text!r}: {error}") from None
    return values
