"""``python -m osteoplan``."""

import sys

from osteoplan.cli import main

sys.exit(main())
