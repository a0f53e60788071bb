"""doctor and setup: what this machine lacks, by package name, and how to get it. Debian 12."""
import os
import pathlib
import re
import shutil
import subprocess

from dev import npm, shell

LIST = shell.ROOT / "tools" / "packages.txt"
WHEN_NAMED = ("bench",)       # Debian starts the nginx that it installs, on port 80: nobody gets that unasked


def groups() -> dict[str, list[tuple[str, str | None]]]:
    found: dict[str, list] = {}
    name = None
    for line in LIST.read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = []
        else:
            package, _, command = (part.strip() for part in line.partition("?"))
            found[name].append((package, command or None))
    return found


def which(command: str) -> str | None:
    return shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def installed_packages() -> set[str]:
    try:
        text = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"], text=True, capture_output=True).stdout
    except FileNotFoundError:
        raise shell.Failed("this machine has no dpkg; Callgate is built on Debian 12") from None
    return {line.split()[1] for line in text.splitlines() if line.startswith("ii ")}


def missing(wanted: list[str]) -> list[str]:
    have = installed_packages()
    lacks = []
    for group in wanted:
        for package, command in groups()[group]:
            present = package in have or (command is not None and which(command))
            if not present and package not in lacks:
                lacks.append(package)
    return lacks


def complaints(said: str) -> list[str]:
    """What apt-get complained of, every reason once: without a network it says the same for each of 150 packages."""
    reasons = {}
    for line in said.splitlines():
        if line.startswith(("E: ", "W: ", "dpkg: error")):
            reasons.setdefault(line.rsplit("  ", 1)[-1], line)
    return list(reasons.values())


def why_not(release: pathlib.Path = pathlib.Path("/etc/os-release")) -> str:
    """What most likely stands in the way of apt-get on this machine."""
    told = dict(line.partition("=")[::2] for line in release.read_text().splitlines()) if release.exists() else {}
    name, version = (told.get(key, "").strip('"') for key in ("ID", "VERSION_ID"))
    if (name, version) == ("debian", "12"):
        return "no network, or a proxy that apt is not told of?"
    return f"this is {name or 'an unknown system'} {version}".rstrip() + "; the packages are named as in Debian 12"


def apt(packages: list[str]) -> None:
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    prefix = []
    if os.geteuid() != 0:
        if not which("sudo"):
            raise shell.Failed("packages are missing and there is neither root nor sudo; as root run:\n  apt-get update && " + " ".join(install))
        prefix = ["sudo"]
    env = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    shell.note("apt-get update")
    updated = shell.run([*env, "apt-get", "update", "-qq"], quiet=True, check=False)      # a source that is not ours may fail
    shell.note("apt-get install " + " ".join(packages) + (" (some minutes)" if len(packages) > 10 else ""))
    done = shell.run([*env, *install, "-qq"], quiet=True, check=False)
    if done.returncode != 0:
        said = complaints(updated.stdout + done.stdout)
        raise shell.Failed("\n  ".join([f"packages could not be installed ({why_not()}); apt-get said:", *said[:8]]))


def ensure(*wanted: str) -> None:
    """Called by every command that needs packages: silent and quick when all are there."""
    lacks = missing(list(wanted))
    if lacks:
        apt(lacks)


def report(wanted: list[str]) -> int:
    bad = 0
    for group in wanted:
        lacks = missing([group])
        bad += len(lacks)
        shell.say(f"{'ok     ' if not lacks else 'MISSING'} {group:<6} {'' if not lacks else ' '.join(lacks)}")
    version = shell.output(["g++", "-dumpfullversion"], check=False).strip() if which("g++") else "none"
    good = re.match(r"1[2-9]\.", version) is not None
    shell.say(f"{'ok     ' if good else 'MISSING'} g++    {version} (12 or newer)")
    node = npm.node_version()
    shell.say(f"ok      node   {'.'.join(map(str, node)) if node else 'none'}"
              f"{'' if node and node >= npm.NODE_MIN else ' (npm fetches a newer one for the tests)'}")
    free = shutil.disk_usage(shell.ROOT).free >> 30
    shell.say(f"{'ok     ' if free >= 5 else 'LOW    '} disk   {free} GiB free, about 5 are needed")
    if bad:
        shell.say("\nfix: ./dev setup" + ("" if len(wanted) > 1 else f" {wanted[0]}"))
    return 1 if bad or not good else 0


def main(args: list[str], command: str) -> int:
    check = shell.take_flag(args, "--check") or command == "doctor"
    known = groups()
    for name in args:
        if name not in known:
            raise shell.Failed(f"no package group `{name}`; there are {', '.join(known)}")
    wanted = args or [name for name in known if name not in WHEN_NAMED]
    if check:
        return report(wanted)
    ensure(*wanted)
    hooks = shell.ROOT / "tools" / "hooks"
    if hooks.is_dir() and (shell.ROOT / ".git").exists():
        shell.run(["git", "config", "core.hooksPath", "tools/hooks"], check=False)
    return report(wanted)
