"""fmt: clang-format over the C++ files that changed, or all; with --check says which would change."""
import concurrent.futures
import pathlib
import subprocess

from dev import build, changed, setup, shell

PATTERNS = ("src/*.cc", "src/*.h", "bench/*.cc", "bench/*.h", "tests/*.cc", "tests/*.h")


def differing(files: list[pathlib.Path]) -> list[pathlib.Path]:
    def differs(path: pathlib.Path) -> bool:
        done = subprocess.run(["clang-format-14", "--dry-run", "--Werror", str(path)], cwd=shell.ROOT, capture_output=True)
        return done.returncode != 0

    with concurrent.futures.ThreadPoolExecutor(max_workers=build.jobs()) as pool:
        return [path for path, bad in zip(files, pool.map(differs, files)) if bad]


def main(args: list[str], _: str) -> int:
    check, every = shell.take_flag(args, "--check"), shell.take_flag(args, "--all")
    setup.ensure("lint")
    files = [pathlib.Path(name).resolve() for name in args] or (changed.tracked(*PATTERNS) if every else changed.files(*PATTERNS))
    wrong = differing(files)
    if not check:
        for path in wrong:
            shell.run(["clang-format-14", "-i", path])
    for path in wrong:
        shell.say(f"{'not formatted' if check else 'formatted'}: {path.relative_to(shell.ROOT)}")
    shell.say(f"{len(files)} files looked at, {len(wrong)} {'differ' if check else 'formatted'}")
    return 1 if check and wrong else 0
