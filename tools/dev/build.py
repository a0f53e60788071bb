"""build: configure a preset once, then ninja. Prints nothing but warnings and errors.

The preset `tuned` is built twice in its folder: first so that it notes what a load runs through, then by these notes (tools/dev/training.py).
"""
import os
import pathlib
import re
import subprocess
import sys

from dev import setup, shell

PRESETS = ("dev", "release", "tuned", "tsan", "fuzz")
STEP = re.compile(r"(\d+)/(\d+) ")        # by NINJA_STATUS
TRAINED = ["callgate", "bench_backend", "bench_load"]
GROUPS = {"dev": ("build", "clang"), "fuzz": ("build", "clang", "fuzz")}


def jobs() -> int:
    """As many as there are processors, but no more than memory carries: the largest take 1.2 GB each."""
    pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return max(1, min(len(os.sched_getaffinity(0)), int(pages * size / 1.2e9) or 1))


def directory(preset: str) -> pathlib.Path:
    return shell.BUILD / preset


def configure(preset: str) -> pathlib.Path:
    setup.ensure(*GROUPS.get(preset, ("build",)))
    where = directory(preset)
    made, presets = where / "build.ninja", shell.ROOT / "CMakePresets.json"
    if not made.exists() or made.stat().st_mtime < presets.stat().st_mtime:    # another compiler needs a folder begun anew
        shell.note(f"cmake --preset {preset}")
        shell.run(["cmake", "--preset", preset, "-B", where, "--fresh"], quiet=True)
        (where / "trained").unlink(missing_ok=True)
    return where


def targets(preset: str) -> set[str]:
    where = configure(preset)
    shell.run(["ninja", "-C", where, "build.ninja"], quiet=True)      # picks up new files and folders
    lines = shell.output(["ninja", "-C", where, "-t", "targets", "all"]).splitlines()
    names = {line.split(":")[0] for line in lines}
    return {name for name in names if "/" not in name and "." not in name and not name.startswith("cmake_")}


def compile(preset: str, names: list[str] = (), quiet: bool = False) -> pathlib.Path:
    """quiet: warnings are shown only when the build fails."""
    where = configure(preset)
    if preset == "tuned":
        names = list(names) or TRAINED    # no test runs in it
        if not (where / "trained").exists():
            train(where)
    ninja(preset, names, quiet)
    return where


def ninja(preset: str, names: list[str], quiet: bool) -> None:
    shell.note(f"ninja {preset} {' '.join(names)}".rstrip())
    cached = {} if preset != "tuned" else {"CCACHE_DISABLE": "1"}    # the notes lie beside the objects, where a cache does not look
    steps(["ninja", "-C", str(directory(preset)), f"-j{jobs()}", *names], quiet, os.environ | cached | {"NINJA_STATUS": "%f/%t "})


def steps(argv: list[str], quiet: bool, env: dict) -> None:
    """Says on a terminal how far it is, and else nothing; passes on what compilers say, with `quiet` only after a failure."""
    shown, said = sys.stderr.isatty(), []
    with subprocess.Popen(argv, cwd=shell.ROOT, env=env, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as ninja:
        for line in ninja.stdout:
            if at := STEP.match(line):
                if shown:
                    sys.stderr.write(f"-- {at[1]} of {at[2]}\r")
                    sys.stderr.flush()
            elif not line.startswith(("ninja: Entering directory", "ninja: no work to do")):
                said.append(line)
                if not quiet:
                    sys.stdout.write(line)
                    sys.stdout.flush()
    if shown:
        sys.stderr.write(" " * 24 + "\r")
    if ninja.returncode != 0:
        sys.stderr.write("".join(said)[-8000:] if quiet else "")
        raise shell.Failed(f"`{' '.join(argv[:4])}` ended with {ninja.returncode}")


def train(where: pathlib.Path) -> None:
    """Once for a folder; afterwards changed files are compiled by the notes of what they were. Remove the folder to have them made anew."""
    from dev import training

    for note in where.rglob("*.gcda"):
        note.unlink()
    shell.run(["cmake", "--preset", "tuned", "-B", where, "-DCALLGATE_PROFILE=make"], quiet=True)
    ninja("tuned", TRAINED, quiet=True)
    training.run(where)
    shell.run(["cmake", "--preset", "tuned", "-B", where, "-DCALLGATE_PROFILE=use"], quiet=True)
    (where / "trained").touch()


def main(args: list[str], _: str) -> int:
    preset = args.pop(0) if args and args[0] in PRESETS else "dev"
    names = []
    if args:
        known = targets(preset)
        for name in args:
            found = [target for target in (name, f"{name}_test") if target in known]
            if not found:
                raise shell.Failed(f"preset `{preset}` has no room or target `{name}`")
            names += found
    compile(preset, names)
    return 0
