"""``python -m sdc_lib`` is the command ``sdc``."""

import sys

from sdc_lib.commands.app import main

if __name__ == "__main__":
    sys.exit(main())
