#!/usr/bin/env python3
"""The hostile server's attempts, one line each: run.py [WORD...] runs those whose name holds one of the words."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import suite  # noqa: E402

if __name__ == "__main__":
    sys.exit(suite.folder_main(__file__))
