"""`streamly`, and `python -m entrypoints.cli`: Ctrl-C ends it without a word also while the program is being loaded."""

import sys

from entrypoints.cli.endings import INTERRUPTED


def main() -> None:
    try:
        from entrypoints.cli.main import main as commands  # noqa: PLC0415 - it takes a second, in which Ctrl-C may come
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    commands()


if __name__ == "__main__":
    main()
