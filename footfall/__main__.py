"""``python -m footfall`` is the ``footfall`` command."""

import sys

from footfall.cli import main

sys.exit(main())
