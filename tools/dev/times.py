"""times: which files take longest to compile, read from ninja's own log."""
from dev import build, shell


def main(args: list[str], _: str) -> int:
    preset = args.pop(0) if args else "dev"
    shell.no_more(args)
    log = build.directory(preset) / ".ninja_log"
    if not log.exists():
        raise shell.Failed(f"preset `{preset}` was not built yet")
    latest = {}
    for line in log.read_text().splitlines()[1:]:
        parts = line.split("\t")
        latest[parts[3]] = int(parts[1]) - int(parts[0])
    total = sum(latest.values())
    for name, took in sorted(latest.items(), key=lambda item: -item[1])[:25]:
        shell.say(f"{took / 1000:7.1f} s  {name.split('/CMakeFiles/')[-1]}")
    shell.say(f"{total / 1000:7.1f} s  all {len(latest)} steps, one after the other")
    return 0
