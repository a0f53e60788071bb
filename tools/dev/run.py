"""run: build the dev preset's binary and start it with the arguments that follow."""
import os
import sys

from dev import build, shell


def main(args: list[str], _: str) -> int:
    preset = "release" if shell.take_flag(args, "--release") else "dev"
    binary = build.compile(preset, ["callgate"]) / "callgate"
    sys.stdout.flush()
    os.execv(binary, [str(binary), *args])
