"""Reads the command line of ./dev and hands over to one module per command."""
import importlib
import sys

from dev import shell

# command: (module, one line of help)
COMMANDS = {
    "doctor": ("setup", "say what is missing on this machine and the one line that fixes it"),
    "setup": ("setup", "install what is missing: [GROUP...] [--check]"),
    "build": ("build", "compile: [dev|release|tuned|tsan|fuzz] [ROOM|TARGET...]"),
    "test": ("test", "everything, or one part: [ROOM|case|e2e|anomaly|sandbox|replay|differential|tools|NAME]"),
    "check": ("check", "what a change must pass: style, arrows, format, warnings, fast tests  [--no-tests]"),
    "demo": ("demo", "the whole story with a toy refunds server  [--check: no person, exit code says it]"),
    "run": ("run", "build and start `callgate` with the arguments that follow"),
    "bench": ("bench", "ratios against nginx: [--quick | --streams | --inspection] [--json FILE] [--markdown FILE] [--cases a,b]"),
    "conformance": ("conformance", "the MCP suites through the gate: [--json FILE] [--only WORD] [--update]"),
    "eval": ("eval", "what the detectors find on labelled cases: DIR [--json FILE] [--misses SET]"),
    "fuzz": ("fuzz", "libFuzzer: [TARGET...] [--seconds N]"),
    "guards": ("guards", "take out one guard after another and see its test fail: [T-nn|FILE...] [--list] [--limit SECONDS]"),
    "new": ("new", "start a thing from a template: room|part|test|fuzz|case|adr NAME"),
    "fmt": ("fmt", "format the C++ files that changed  [--all] [--check]"),
    "fresh": ("fresh", "the same on a bare Debian 12, from a clean clone: [demo|test|COMMAND...|-- PROGRAM...] [--user] [--keep]"),
    "times": ("times", "slowest files to compile  [PRESET]"),
}


def usage() -> str:
    lines = ["usage: ./dev COMMAND [ARGS]", ""]
    lines += [f"  {name:<11} {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("help", "-h", "--help"):
        print(usage())
        return 0 if argv else 2
    name, args = argv[0], argv[1:]
    if name not in COMMANDS:
        print(f"./dev: no command `{name}`\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return importlib.import_module(f"dev.{COMMANDS[name][0]}").main(args, name)
    except shell.Failed as failure:
        print(f"./dev {name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
