"""Where the process begins: a no-op build is answered before anything heavy is imported."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; returns the exit code (INTERFACE: docs/commands.md)."""
    from envbuild.cli.quick import answer

    text = answer(sys.argv[1:], os.environ)
    if text is not None:
        sys.stdout.write(text)
        return 0
    from envbuild.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
