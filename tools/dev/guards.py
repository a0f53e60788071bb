"""guards: takes out one guard after another, in a copy of the tree, and sees the test fail that is there for it.

Entries are in tests/guards/. The copy and its build are below build/guards/; the tree itself is read and never written. Files in the copy
are put back after each entry, and again at the start of a run that follows an interrupted one.
"""
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from dev import build, changed, setup, shell, test
from dev import guard_entries as entries

LIMIT = 120                            # seconds for one test; --limit on a machine that has much else to do
TREE = shell.BUILD / "guards" / "tree"
BUILT = TREE / "build" / "dev"


class Run:
    """What came of one run of one test program."""

    def __init__(self, ending: str, passed: set[str], failed: set[str], text: str):
        self.ending = ending               # "" (ran to its end), "crash", "late"
        self.passed, self.failed, self.text = passed, failed, text


# -- the copy

@contextlib.contextmanager
def alone():
    """Two runs in one copy would take out each other's guards."""
    TREE.mkdir(parents=True, exist_ok=True)
    with open(TREE.parent / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise shell.Failed(f"another run is under way in {TREE.parent}: wait for it") from None
        yield


def copy_tree() -> None:
    """Makes the copy what the tree is: new and different files are written, what is gone is removed; nothing else is touched."""
    wanted = {path.relative_to(shell.ROOT): path for path in changed.tracked()}
    for name, path in wanted.items():
        target, data = TREE / name, path.read_bytes()
        if target.is_file() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(path.stat().st_mode)
    for folder in ("src", "tests", "tools", "cmake", "bench"):
        for path in (TREE / folder).rglob("*"):
            if path.is_file() and path.relative_to(TREE) not in wanted and "node_modules" not in path.parts:
                path.unlink()
    modules = shell.ROOT / "tests" / "e2e" / "node_modules"
    if modules.exists() and not (TREE / "tests" / "e2e" / "node_modules").exists():
        (TREE / "tests" / "e2e" / "node_modules").symlink_to(modules.resolve())
    if not (BUILT / "build.ninja").exists():
        shell.note("cmake --preset dev, in the copy")
        shell.run(["cmake", "--preset", "dev", "-S", TREE, "-B", BUILT], cwd=TREE, quiet=True)


def compile(targets: list[str]) -> str:
    """Empty when it builds, else the compiler's words."""
    done = subprocess.run(["ninja", "-C", str(BUILT), "--quiet", f"-j{build.jobs()}", *targets], cwd=TREE, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return "" if done.returncode == 0 else done.stdout or "ninja failed"


def target(program: str) -> str:
    return {"case": "case_runner", "e2e": "callgate"}.get(program, program)


# -- running

def run(program: str, filter_: str, limit: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="callgate-guards-") as folder:
        report = pathlib.Path(folder, "report.json")
        if program == "case":
            command = [BUILT / "tests" / "cases" / "case_runner", TREE / "tests" / "cases" / f"{filter_}.case"]
        elif program == "e2e":
            command = [sys.executable, "-B", TREE / "tests" / "e2e" / "run.py", filter_]
        else:
            command = [BUILT / program, f"--gtest_filter={filter_}", f"--gtest_output=json:{report}"]
        env = test.environment("dev") | {"TMPDIR": folder, "CALLGATE_BINARY": str(BUILT / "callgate")}
        try:
            done = subprocess.run([str(word) for word in command], cwd=TREE, env=env, text=True, errors="replace", timeout=limit,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired as late:
            return Run("late", set(), running((late.stdout or b"").decode("utf-8", "replace")), "")
        if not program.endswith("_test"):
            return by_exit(program, filter_, done.returncode, done.stdout)
        if not report.exists():
            return Run("crash", set(), running(done.stdout), done.stdout)
        passed, failed = by_report(json.loads(report.read_text()))
        return Run("crash" if done.returncode != 0 and not failed else "", passed, failed, done.stdout)


def by_report(report: dict) -> tuple[set[str], set[str]]:
    passed, failed = set(), set()
    for suite in report.get("testsuites", []):
        for one in suite.get("testsuite", []):
            if one.get("failures"):
                failed.add(f"{suite['name']}.{one['name']}")
            elif one.get("status") == "RUN" and one.get("result") == "COMPLETED":
                passed.add(f"{suite['name']}.{one['name']}")
    return passed, failed


def by_exit(program: str, filter_: str, code: int, text: str) -> Run:
    """A case is one test. Of end-to-end tests the lines say what passed and what did not."""
    if program == "case":
        return Run("crash" if code < 0 else "", set() if code else {filter_}, {filter_} if code else set(), text)
    named = {verdict: set(re.findall(rf"^{verdict}\s+\S*?(test_\w+)", text, re.MULTILINE)) for verdict in ("ok", "FAIL")}
    return Run("", named["ok"], named["FAIL"], text)


def running(text: str) -> set[str]:
    """The test that had begun when the program was cut short."""
    return set(re.findall(r"^\[ RUN      \] (\S+)", text, re.MULTILINE)[-1:])


def carriers(tests: entries.Tests, guard: entries.Guard, failed: set[str]) -> set[str]:
    """Those of the failed tests that carry one of the entry's ids."""
    named = tests.named(*guard.test)
    return {name for name in failed for known, ids in named.items() if entries.fits(known, name) and ids & set(guard.ids)}


# -- the proof

def baseline(chosen: list[entries.Guard], limit: int) -> None:
    """Every named test passes as long as nothing is removed; whatever fails now would prove nothing later."""
    programs = list(dict.fromkeys(guard.test[0] for guard in chosen))
    for program in programs:
        shell.note(f"building {target(program)}, nothing removed")
        if words := compile([target(program)]):
            raise shell.Failed(f"the tree does not build as it is\n{words[-4000:]}")
    named = list(dict.fromkeys(guard.test for guard in chosen))
    with concurrent.futures.ThreadPoolExecutor(max_workers=build.jobs()) as pool:
        for (program, filter_), result in zip(named, pool.map(lambda one: run(*one, limit), named)):
            if result.ending or result.failed or not result.passed:
                why = entries.ENDINGS.get(result.ending) or ("fails" if result.failed else "runs no test")
                raise shell.Failed(f"`{program} {filter_}` {why} before anything is removed\n{result.text[-4000:]}")
    shell.note(f"{len(named)} tests pass with every guard in its place")


def without(guard: entries.Guard, tests: entries.Tests, limit: int) -> tuple[str, str]:
    """Verdict and what the line says behind the title."""
    before = {cut.file: (TREE / cut.file).read_text() for cut in guard.cuts}
    after = dict(before)
    for cut in guard.cuts:
        after[cut.file] = cut.apply(after[cut.file])
    try:
        write(after)
        if words := compile([target(guard.test[0])]):
            errors = re.findall(r"^.*error: .*$", words, re.MULTILINE)
            return "DOES NOT BUILD", (errors or [words[-300:]])[0]
        return verdict(guard, tests, run(*guard.test, limit))
    finally:
        write(before)


def write(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (TREE / name).write_text(text)


def verdict(guard: entries.Guard, tests: entries.Tests, result: Run) -> tuple[str, str]:
    if not result.ending and not result.failed:
        return "SURVIVED", f"{guard.tested_by} passes without it"
    if result.ending and result.ending != guard.ends:
        return "CUT SHORT", f"{guard.tested_by} {entries.ENDINGS[result.ending]} without it: let it fail, or say `ends: {result.ending}`"
    if not carriers(tests, guard, result.failed):
        return "SURVIVED", f"{', '.join(sorted(result.failed))} fails without it, but carries no {' or '.join(guard.ids)}"
    return "ok", f"{guard.tested_by} {entries.ENDINGS.get(result.ending, 'fails')} without it"


def prove(chosen: list[entries.Guard], limit: int) -> int:
    setup.ensure("build", "clang", *(["node", "test"] if any(guard.test[0] == "e2e" for guard in chosen) else []))
    copy_tree()
    tests = entries.Tests(shell.ROOT)
    chosen = sorted(chosen, key=lambda guard: (target(guard.test[0]), guard.cuts[0].file))      # one file after another: few rebuilds
    baseline(chosen, limit)
    count = {}
    for number, guard in enumerate(chosen, 1):
        started = time.monotonic()
        word, detail = without(guard, tests, limit)
        count[word] = count.get(word, 0) + 1
        shell.say(f"{word} {guard.title}: {detail} ({time.monotonic() - started:.0f} s)")
        if number % 10 == 0:
            shell.note(f"{number} of {len(chosen)}")
    good, survived = count.pop("ok", 0), count.pop("SURVIVED", 0)
    rest = "".join(f", {number} {word.lower()}" for word, number in sorted(count.items()))
    shell.say(f"{good} guards missed when removed, {survived} survived{rest}")
    return 0 if good == len(chosen) else 1


def choose(guards: list[entries.Guard], words: list[str]) -> list[entries.Guard]:
    """By id, by file, or by the file's bare name."""
    chosen = []
    for word in words:
        found = [guard for guard in guards if word in guard.ids or word in (guard.where[0], pathlib.Path(guard.where[0]).stem)]
        if not found:
            raise shell.Failed(f"no guard belongs to `{word}`; ./dev guards --list shows all")
        chosen += [guard for guard in found if guard not in chosen]
    return chosen if words else guards


def main(args: list[str], _: str) -> int:
    only_list = shell.take_flag(args, "--list")
    limit = int(shell.take_value(args, "--limit", str(LIMIT)))
    words = [os.path.relpath(arg, shell.ROOT) if os.path.exists(arg) else arg for arg in args]
    chosen = choose(entries.load(shell.ROOT)[0], words)
    if only_list:
        for guard in chosen:
            shell.say(f"{', '.join(guard.ids):<11} {guard.words}\n{'':<11} {', '.join(cut.file for cut in guard.cuts)}: {' '.join(guard.test)}")
        shell.say(f"{len(chosen)} guards")
        return 0
    wanted = {guard.where for guard in chosen}
    problems = [problem for problem in entries.check(shell.ROOT) if not words or (problem.path, problem.line) in wanted]
    for problem in problems:
        shell.say(f"{problem.path}:{problem.line}: {problem.text}")
    if problems:
        raise shell.Failed("the entries named above do not fit the tree")
    with alone():
        return prove(chosen, limit)
