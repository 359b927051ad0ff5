#!/ci-builder/python/bin/python3 -IS
"""The command line in the builder image. Nothing outside of /ci-builder is looked at."""

import sys

sys.path.append("/ci-builder/packages")

from ci_builder.cli.main import console

sys.exit(console())
