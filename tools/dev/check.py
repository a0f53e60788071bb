"""check: what a change must pass before it lands; under three minutes when the tree is built."""
import subprocess
import sys
import time

from dev import build, changed, fmt, setup, shell, test


def tidy() -> int:
    return shell.run([sys.executable, "-B", "tools/tidy.py"], check=False).returncode


def tidy_test() -> int:
    return shell.run([sys.executable, "-B", "tools/tidy_test.py"], check=False, quiet=True).returncode


def scripts() -> int:
    """Every Python and JavaScript file parses."""
    bad = 0
    for path in [*changed.tracked("*.py"), shell.ROOT / "dev"]:
        try:
            compile(path.read_text(), str(path), "exec")
        except SyntaxError as error:
            bad += 1
            shell.say(f"{path.relative_to(shell.ROOT)}: {error}")
    node = setup.which("node")
    for path in changed.tracked("*.mjs") if node else []:
        bad += subprocess.run([node, "--check", path], cwd=shell.ROOT).returncode != 0
    return bad


def formatting() -> int:
    wrong = fmt.differing(changed.tracked(*fmt.PATTERNS))
    for path in wrong:
        shell.say(f"{path.relative_to(shell.ROOT)}: not formatted; ./dev fmt --all")
    return len(wrong)


def fast_tests() -> int:
    """The unit tests and corpus replays; end to end and anomaly belong to ./dev test. In this build warnings are errors."""
    build.compile("dev")
    return len(test.run_cpp("dev").failures)


def main(args: list[str], _: str) -> int:
    no_tests = shell.take_flag(args, "--no-tests")
    shell.no_more(args)
    setup.ensure("build", "clang", "lint")
    steps = [("style, arrows, sizes", tidy), ("the style check's own test", tidy_test), ("scripts parse", scripts), ("format", formatting)]
    if not no_tests:
        steps.append(("warnings of clang, unit tests", fast_tests))
    failed = []
    for title, step in steps:
        started = time.monotonic()
        bad = step()
        shell.say(f"{'ok  ' if not bad else 'FAIL'} {title}  {time.monotonic() - started:.1f} s")
        if bad:
            failed.append(title)
    shell.say("check: all good" if not failed else f"check: failed: {', '.join(failed)}")
    return 1 if failed else 0
