"""Door to footfall.analysis for a shell opened in a checkout: ``from analysis import map_reduce``."""

from footfall.analysis import Query, map_reduce, prep_query, visitor

__all__ = ["Query", "map_reduce", "prep_query", "visitor"]
