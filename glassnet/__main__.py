"""``python -m glassnet``: the command line."""

import sys

from glassnet.cli.main import main

# The lab's worker process loads this module too, under another name.
if __name__ == "__main__":
    sys.exit(main())
