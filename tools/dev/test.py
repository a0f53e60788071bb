"""test: gtest binaries, fuzz corpus replays, the differential test, text cases, tool tests, end to end, anomaly."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from dev import build, setup, shell
from dev.tally import Tally, from_gtest, from_output

PYTHON_PARTS = {
    "e2e": ("tests/e2e/run.py", ("node", "test")),
    "anomaly": ("tests/anomaly/run.py", ("node", "test")),
    "replay": ("tests/replay/run.py", ("test",)),
    "sandbox": ("tests/sandbox/run.py", ("node", "test")),     # the room's unit tests are `sandbox_test`
}
SANITIZERS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
              "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}


def environment(preset: str) -> dict:
    env = dict(os.environ)
    for name, value in SANITIZERS.items():
        env.setdefault(name, value)
    env["CALLGATE_BINARY"] = str(build.directory(preset) / "callgate")
    return env


def registered(preset: str) -> list[tuple[str, list[str]]]:
    where = build.configure(preset)
    listing = json.loads(shell.output(["ctest", "--test-dir", where, "--show-only=json-v1"]))
    return [(test["name"], test["command"]) for test in listing["tests"] if "command" in test]


def run_program(name: str, command: list[str], preset: str, filter_: str | None) -> tuple[Tally, float]:
    started = time.monotonic()
    gtest = name.endswith("_test") and pathlib.Path(command[0]).name == name
    with tempfile.TemporaryDirectory(prefix="callgate-test-") as folder:
        report = pathlib.Path(folder, "report.xml")
        extra = [f"--gtest_output=xml:{report}", "--gtest_brief=1"] if gtest else []
        if gtest and filter_:
            extra.append(f"--gtest_filter={filter_}")
        env = environment(preset) | {"TMPDIR": folder}
        try:
            done = subprocess.run([*command, *extra], cwd=shell.ROOT, env=env, text=True, errors="replace",
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200)
            code, text = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, text = 124, f"{(late.stdout or b'')[-4000:]!r}\ntook longer than 20 minutes"
        except FileNotFoundError:
            code, text = 127, f"{command[0]} was not built"
        if gtest and report.exists():
            tally = from_gtest(name, report.read_text(errors="replace"), code)
        else:
            tally = from_output(name, text, code)
            if name != "cases":
                tally.passed = min(tally.passed, 1)      # a program of many comparisons is one test
        if tally.failures:
            sys.stderr.write(text[-20000:] + "\n")
    return tally, time.monotonic() - started


def run_cpp(preset: str, names: list[str] | None = None, filter_: str | None = None) -> Tally:
    """All registered programs, or those named; several at a time."""
    chosen = [(name, command) for name, command in registered(preset) if names is None or name in names]
    if any(name.endswith("_differential") for name, _ in chosen):
        setup.ensure("node")
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(max_workers=build.jobs()) as pool:
        waiting = {pool.submit(run_program, name, command, preset, filter_): name for name, command in chosen}
        for done in concurrent.futures.as_completed(waiting):
            tally, seconds = done.result()
            if filter_ is None or tally.passed or tally.failures:
                shell.say(f"{'ok  ' if not tally.failures else 'FAIL'} {waiting[done]:<28} {tally.passed:>5} passed  {seconds:6.1f} s")
            total.add(tally)
    return total


def run_script(name: str, argv: list[str], preset: str) -> Tally:
    """A part in another language. Its output is shown as it comes; its closing line is counted."""
    started = time.monotonic()
    shell.note(f"{name}")
    process = subprocess.Popen([str(a) for a in argv], cwd=shell.ROOT, env=environment(preset) | {"PYTHONUNBUFFERED": "1"},
                               text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if not line.startswith("SKIPPED") and " passed, " not in line:
            sys.stdout.write(line)
            sys.stdout.flush()
    tally = from_output(name, "".join(lines), process.wait())
    shell.say(f"{'ok  ' if not tally.failures else 'FAIL'} {name:<28} {tally.passed:>5} passed  {time.monotonic() - started:6.1f} s")
    return tally


def packages_of(part: str) -> tuple[str, ...]:
    """The groups a part needs. Podman is only used rootless, so it is no use to a root beside whom nobody has ranges of user ids."""
    ranges = pathlib.Path("/etc/subuid")
    rootless = part == "e2e" and (os.geteuid() != 0 or (ranges.exists() and ranges.read_text().strip()))
    return (*PYTHON_PARTS[part][1], *(("podman",) if rootless else ()))


def run_python(part: str, preset: str, extra: list[str]) -> Tally:
    path = PYTHON_PARTS[part][0]
    if not (shell.ROOT / path).exists():
        return Tally(skips=[f"{part}: {path} is not there"])
    setup.ensure(*packages_of(part))
    return run_script(part, [sys.executable, "-B", path, *extra], preset)


def run_tools(preset: str) -> Tally:
    total = Tally()
    for path in sorted((shell.ROOT / "tools").glob("*_test.py")):
        total.add(run_script(f"tools/{path.name}", [sys.executable, "-B", path], preset))
    return total


def run_cases(preset: str, words: list[str]) -> Tally:
    """Text cases whose path holds one of the words (all without words); a single one prints every answer."""
    runner = build.directory(preset) / "tests" / "cases" / "case_runner"
    cases = sorted((shell.ROOT / "tests" / "cases").glob("**/*.case"))
    chosen = [case for case in cases if not words or any(word in str(case.relative_to(shell.ROOT)) for word in words)]
    if not chosen:
        raise shell.Failed(f"no case holds `{' '.join(words)}` in its name")
    build.compile(preset, ["case_runner"])
    return run_script("cases", [runner, *(["-v"] if len(chosen) == 1 else []), *chosen], preset)


def everything(preset: str) -> Tally:
    # All at once and before the build: nobody should be asked for a password after it.
    setup.ensure(*dict.fromkeys([*build.GROUPS.get(preset, ("build",)), *(group for part in PYTHON_PARTS for group in packages_of(part))]))
    build.compile(preset)
    total = run_cpp(preset)
    total.add(run_tools(preset))
    for part in PYTHON_PARTS:
        if part != "differential":            # registered with the programs
            total.add(run_python(part, preset, []))
    return total


def one(preset: str, what: str, extra: list[str]) -> Tally:
    if what == "cpp":
        build.compile(preset)
        return run_cpp(preset)
    if what == "differential":
        build.compile(preset)
        return run_cpp(preset, [name for name, _ in registered(preset) if name.endswith("_differential")])
    if what in PYTHON_PARTS:
        setup.ensure(*build.GROUPS.get(preset, ("build",)), *packages_of(what))      # before the build
        build.compile(preset, {"sandbox": ["sandbox_run"], "replay": ["callgate"]}.get(what, []))
        return run_python(what, preset, extra)
    if what == "tools":
        return run_tools(preset)
    if what in ("case", "cases") or what.endswith(".case"):
        return run_cases(preset, [what.rsplit("/", 1)[-1]] if what.endswith(".case") else extra)
    known = build.targets(preset)
    room = shell.ROOT / "src" / what
    if room.is_dir():
        mine = [f"{file.stem}_replay" for file in room.rglob("*_fuzz.cc")] + [f"{what}_test"]
        mine = [name for name in mine if name in known]
        if not mine:
            raise shell.Failed(f"room `{what}` has no tests yet")
        build.compile(preset, mine)
        return run_cpp(preset, mine, extra[0] if extra else None)
    programs = [name for name, _ in registered(preset)]
    if what in programs:
        build.compile(preset, [what] if what in known else [])
        return run_cpp(preset, [what], extra[0] if extra else None)
    tests = [name for name in programs if name.endswith("_test")]      # a test's name, or a piece of one
    build.compile(preset, [name for name in tests if name in known])
    return run_cpp(preset, tests, what if any(sign in what for sign in ".*") else f"*{what}*")


def main(args: list[str], _: str) -> int:
    preset = shell.take_value(args, "--preset", "dev")
    if preset not in ("dev", "release", "tsan"):
        raise shell.Failed("tests run in the presets dev, release and tsan")
    tally = everything(preset) if not args else one(preset, args[0], args[1:])
    return tally.close()
