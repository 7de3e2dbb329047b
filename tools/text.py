"""Print a chapter as text, without outputs (python course.py text 02)."""

from __future__ import annotations

import argparse
import sys

from tools import chapters, percent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py text", description=__doc__)
    parser.add_argument("chapter", help="02, or a file name")
    try:
        path = chapters.choose([parser.parse_args(arguments).chapter])[0]
    except ValueError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    return percent.main(["to-text", str(path)])


if __name__ == "__main__":
    sys.exit(main())
