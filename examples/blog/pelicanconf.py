"""A blog of three posts and a front page, counted by footfall: `pelican content` in this folder builds it.

``FOOTFALL_TAG`` is the tag that `footfall site add` printed; without it the one for first-party use behind
deploy/nginx.conf is taken.
"""

import os

SITENAME = "A walk in three posts"
SITEURL = ""
AUTHOR = "The author"
TIMEZONE = "UTC"
DEFAULT_LANG = "en"
PATH = "content"
OUTPUT_PATH = "output"
THEME = "theme"
ARTICLE_PATHS = ["posts"]
ARTICLE_URL = ARTICLE_SAVE_AS = "posts/{slug}.html"

# No feeds, and only the pages that a reader opens.
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TRANSLATION_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
DIRECT_TEMPLATES = ["index"]
AUTHOR_SAVE_AS = CATEGORY_SAVE_AS = TAG_SAVE_AS = ""

FOOTFALL_TAG = os.environ.get("FOOTFALL_TAG", '<script async src="/a.js" data-id="blog"></script>')
