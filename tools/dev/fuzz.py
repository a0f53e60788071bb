"""fuzz: clang's libFuzzer over the *_fuzz.cc targets; seeds in tests/fuzz/<target>/, finds below build/fuzz/."""
import os

from dev import build, setup, shell


def known_targets() -> list[str]:
    return sorted(file.stem for file in (shell.ROOT / "src").rglob("*_fuzz.cc"))


def main(args: list[str], _: str) -> int:
    seconds = int(shell.take_value(args, "--seconds", "60"))
    known = known_targets()
    chosen = args or known
    for name in chosen:
        if name not in known:
            raise shell.Failed(f"no fuzz target `{name}`; there are {', '.join(known) or 'none'}")
    setup.ensure("build", "fuzz")
    where = build.compile("fuzz", chosen)
    env = os.environ | {"ASAN_OPTIONS": "allocator_may_return_null=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    bad = []
    for name in chosen:
        corpus = where / "corpus" / name
        finds = where / "finds" / name
        corpus.mkdir(parents=True, exist_ok=True)
        finds.mkdir(parents=True, exist_ok=True)
        seeds = shell.ROOT / "tests" / "fuzz" / name
        shell.note(f"{name}, {seconds} s")
        done = shell.run([where / name, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                          "-verbosity=0", f"-artifact_prefix={finds}/", corpus, *([seeds] if seeds.is_dir() else [])], env=env, check=False)
        shell.say(f"{'ok  ' if done.returncode == 0 else 'FIND'} {name}")
        if done.returncode != 0:
            bad.append(name)
            shell.say(f"     inputs in {finds.relative_to(shell.ROOT) if finds.is_relative_to(shell.ROOT) else finds}; "
                      f"copy the smallest to tests/fuzz/{name}/ with a fitting name, then mend")
    shell.say(f"{len(chosen) - len(bad)} targets without a finding, {len(bad)} with")
    return 1 if bad else 0
