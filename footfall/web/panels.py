"""The panels of a site's page, as data: in which groups, which dimension each shows, and what of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from footfall.reports.dimensions import PROP
from footfall.web.names import titled

#: Rows of a panel.
ROWS = 9
#: What is told of where visits came from, or began and ended: their later views came from the site itself.
OF_VISITS = ("visits", "bounce_rate")


class Panel(NamedTuple):
    """A list of the values of a dimension.

    :param metrics: the first one orders it, and is what its bars and shares are of. Visits, since they add up from day
        to day: to tell visitors apart would take longer than all the rest of the page.
    :param link: what a value leads to beside its filter: ``page`` of the site; ``host``; or nothing.
    :param rare: it is reached by a menu, not by a tab of its own.
    """

    dimension: str
    metrics: tuple[str, str] = ("visits", "views")
    link: str = ""
    rare: bool = False

    @property
    def title(self) -> str:
        """Its tab."""
        return titled(self.dimension)


class Group(NamedTuple):
    """Panels in one place, of which one is shown.

    :param key: what the field of a URL that chooses one is called, after ``tab.``.
    """

    key: str
    title: str
    panels: Sequence[Panel]

    @property
    def field(self) -> str:
        """The field of a URL that chooses one of the panels."""
        return f"tab.{self.key}"

    def chosen(self, dimension: str | None) -> Panel:
        """Return the panel of a dimension; the first if none of them is that."""
        return next((panel for panel in self.panels if panel.dimension == dimension), self.panels[0])


GROUPS: Sequence[Group] = (
    Group("pages", "Pages", (
        Panel("page", link="page"),
        Panel("entry_page", OF_VISITS, link="page"),
        Panel("exit_page", OF_VISITS, link="page"),
        Panel("title", rare=True),
        Panel("host", link="host", rare=True),
    )),
    Group("sources", "Sources", (
        Panel("channel", OF_VISITS),
        Panel("source", OF_VISITS),
        Panel("referrer", OF_VISITS, link="host"),
        Panel("search_term", OF_VISITS, rare=True),
        *(Panel(f"utm_{tag}", OF_VISITS, rare=True) for tag in ("campaign", "source", "medium", "content", "term")),
    )),
    Group("places", "Places", (Panel("country"), Panel("region"), Panel("city"))),
    Group("technology", "Technology", (
        Panel("browser"),
        Panel("os"),
        Panel("device"),
        Panel("browser_version", rare=True),
        Panel("screen", rare=True),
        Panel("language", rare=True),
    )),
    Group("events", "Events", (Panel("event", ("events", "visits")),)),
)


def of_event(group: Group, properties: Sequence[str]) -> Group:
    """Return the group of events with a panel for each property of the event that is looked at."""
    more = (Panel(f"{PROP}{name}", ("events", "visits")) for name in properties)
    return group._replace(panels=(*group.panels, *more))
