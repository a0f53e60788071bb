"""check: what a change must pass before it lands; under three minutes when the tree is built."""
import concurrent.futures
import shlex
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


def clang_warnings(every: bool) -> int:
    """clang reads each changed file (or all) with warnings as errors; nothing is generated. A changed header means all files."""
    touched = changed.files("src/*", "cmake/*", "CMakeLists.txt")
    headers = any(path.suffix != ".cc" for path in touched)
    build.compile("clang", ["callgate_pch"])
    entries = build.sources("clang")
    if not every and not headers:
        names = {str(path) for path in touched}
        entries = [entry for entry in entries if entry["file"] in names]

    def look(entry: dict) -> str:
        words = shlex.split(entry["command"])
        words = words[next(at for at, word in enumerate(words) if "clang++" in word):]
        kept = [word for at, word in enumerate(words) if word not in ("-c", "-o") and words[at - 1] != "-o"]
        done = subprocess.run([*kept, "-fsyntax-only", "-Wno-unused-command-line-argument"], cwd=entry["directory"], text=True, capture_output=True)
        return done.stderr if done.returncode != 0 else ""

    entries = [entry for entry in entries if "cmake_pch" not in entry["file"]]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=build.jobs()) as pool:
        for text in pool.map(look, entries):
            if text:
                bad += 1
                sys.stderr.write(text[:3000] + "\n")
    shell.note(f"clang looked at {len(entries)} files")
    return bad


def fast_tests() -> int:
    """The unit tests and corpus replays; end to end and anomaly belong to ./dev test."""
    build.compile("dev")
    return len(test.run_cpp("dev").failures)


def main(args: list[str], _: str) -> int:
    every, no_tests = shell.take_flag(args, "--all"), shell.take_flag(args, "--no-tests")
    shell.no_more(args)
    setup.ensure("build", "lint")
    steps = [("style, arrows, sizes", tidy), ("the style check's own test", tidy_test), ("scripts parse", scripts), ("format", formatting),
             ("clang warnings", lambda: clang_warnings(every))]
    if not no_tests:
        steps.append(("unit tests", fast_tests))
    failed = []
    for title, step in steps:
        started = time.monotonic()
        bad = step()
        shell.say(f"{'ok  ' if not bad else 'FAIL'} {title}  {time.monotonic() - started:.1f} s")
        if bad:
            failed.append(title)
    shell.say("check: all good" if not failed else f"check: failed: {', '.join(failed)}")
    return 1 if failed else 0
