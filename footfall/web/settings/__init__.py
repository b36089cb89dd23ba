"""The settings pages of a site, under ``/sites/<site>/settings``: all that the command line can do to one, as forms.

Each module has the pages of one section; docs/administration.md is their guide.
"""

from footfall.web.settings import (
    adding,
    annotations,
    exports,
    filters,
    funnels,
    general,
    goals,
    imports,
    installation,
    privacy,
    tokens,
)
from footfall.web.settings.frame import EXTENSION, blueprint

__all__ = [
    "EXTENSION",
    "adding",
    "annotations",
    "blueprint",
    "exports",
    "filters",
    "funnels",
    "general",
    "goals",
    "imports",
    "installation",
    "privacy",
    "tokens",
]
