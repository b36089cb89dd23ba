"""Door to the store for a shell opened in a checkout: ``from storage import PageViews``."""

from footfall.errors import NotFoundException
from footfall.pageview import pack, row_key, unpack
from footfall.storage import ColumnFamily, Store
from footfall.stores import Events, Filtered, PageViews, Visitors, default_store, open_store
from footfall.timeuuid import convert_time_to_uuid, convert_uuid_to_time

__all__ = [
    "ColumnFamily",
    "Events",
    "Filtered",
    "NotFoundException",
    "PageViews",
    "Store",
    "Visitors",
    "convert_time_to_uuid",
    "convert_uuid_to_time",
    "default_store",
    "open_store",
    "pack",
    "row_key",
    "unpack",
]
