"""``python -m ci_builder.cli``: the command line without an installed script."""

from __future__ import annotations

import sys

from ci_builder.cli.main import console

if __name__ == "__main__":
    sys.exit(console())
