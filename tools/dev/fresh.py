"""fresh: what a newcomer meets. The last commit, cloned on a Debian 12 that has git, python3 and nothing of this machine's.

  ./dev fresh [demo | test | any other ./dev command with its arguments]      without words: the demo
  ./dev fresh -- PROGRAM [ARGS]                                               any program, in the clone

  --user       as an ordinary user with sudo; else as root, without sudo
  --keep       leaves the file system in build/fresh/ for a look
  --minutes N  ends it after so long (180)

The base system is made once with debootstrap and kept in build/fresh/ for a month. Each run unpacks its own and has its own mounts, processes
and host name; it ends with pivot_root instead of chroot, for a program in a chroot may not make the user namespaces that sandboxes need.
The network is this machine's, and so is what a person's network asks for: name servers, package mirror, proxy, trusted authorities.
"""
import configparser
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from dev import front, setup, shell

SUITE = "bookworm"
INCLUDE = ("git", "python3")
PLACE = shell.BUILD / "fresh"
BASE_DAYS = 30
USER = "dev"
LOGIN = {False: ("root", "/root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
         True: (USER, f"/home/{USER}", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")}

# Carried over from this machine's environment and settings: how to reach the network, and never where to find files made here.
CARRIED = re.compile(r"(https?_proxy|no_proxy|all_proxy|ssl_cert_(file|dir)|(requests_ca|curl_ca)_bundle|git_ssl_cainfo|node_extra_ca_certs"
                     r"|pip_(cert|index_url|trusted_host|proxy|default_timeout)|npm_config_(registry|cafile|proxy|https_proxy|noproxy))", re.IGNORECASE)
APT_SETTINGS = re.compile(r'Acquire::(https?|Retries|Check-Valid-Until|Check-Date|ForceIPv[46])\b.* ".+";')
NPM_SETTINGS = ("registry", "cafile", "proxy", "https-proxy", "noproxy")
PIP_SETTINGS = ("index-url", "cert", "proxy", "trusted-host", "timeout")

# Runs as the first process of the new namespaces. $1 is the new root; what follows is the command.
INSIDE = r"""
set -eu
root=$1; shift
login=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [ -d /sys/fs/cgroup ]; then mount --rbind /sys/fs/cgroup sys/fs/cgroup; fi
mount -t tmpfs -o nosuid,mode=755 tmpfs dev
for name in null zero full random urandom tty; do : > dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
hostname fresh
mkdir .outside
pivot_root . .outside
cd /
umount -l /.outside
rmdir /.outside
export PATH="$login"
code=0
"$@" || code=$?
exit $code
"""


def mirrors(index_targets: str) -> list[str]:
    """Debian's own lines for sources.list, from what apt says of this machine (see targets())."""
    found = []
    for line in index_targets.splitlines():
        origin, uri, release, component = (line.split("|") + ["", "", ""])[:4]
        if origin == "Debian" and release.split("-")[0] == SUITE:
            found.append(f"deb {uri} {release} {component}")
    return list(dict.fromkeys(found))


def targets() -> str:
    return shell.output(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"], check=False)


def apt_settings(dump: str) -> list[str]:
    return [line for line in dump.splitlines() if APT_SETTINGS.fullmatch(line)]


def npm_settings(text: str) -> list[str]:
    """Only the named keys: a person's .npmrc may hold tokens, and those stay where they are."""
    pairs = [line.partition("=") for line in text.splitlines()]
    return [f"{key.strip()}={value.strip()}" for key, _, value in pairs if key.strip() in NPM_SETTINGS]


def pip_settings(text: str) -> list[str]:
    settings = configparser.RawConfigParser()
    settings.read_string(text)
    return [f"{key} = {value}" for section in ("global", "install") if settings.has_section(section)
            for key, value in settings.items(section) if key in PIP_SETTINGS]


def carried(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if CARRIED.fullmatch(name)}


def command_of(words: list[str]) -> list[str]:
    """What runs in the clone: a ./dev command, or with `--` any program."""
    if words[:1] == ["--"]:
        if not words[1:]:
            raise shell.Failed("`--` is followed by a program")
        return words[1:]
    words = words or ["demo"]
    if words[0] not in front.COMMANDS or words[0] == "fresh":
        raise shell.Failed(f"no command `{words[0]}` to run there; for any other program: ./dev fresh -- {' '.join(words)}")
    if words == ["demo"]:
        words = ["demo", "--check"]       # nobody is there to watch
    return ["./dev", *words]


# -- the base system

def base(include: tuple[str, ...]) -> pathlib.Path:
    kept = PLACE / f"base-{hashlib.sha256(' '.join((SUITE, *include)).encode()).hexdigest()[:12]}.tar"
    if kept.exists() and time.time() - kept.stat().st_mtime < BASE_DAYS * 86400:
        return kept
    lines = mirrors(targets())
    folder = PLACE / f"base-{os.getpid()}"
    shell.note(f"debootstrap {SUITE} with {' '.join(include)}; a minute or two, once a month")
    try:
        shell.run(["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(include)}", SUITE, folder,
                   *[line.split()[1] for line in lines if line.split()[2] == SUITE][:1]], quiet=True, timeout=1800)
        part = kept.with_suffix(".part")
        shell.run(["tar", "--numeric-owner", "-C", folder, "--exclude=./var/cache/apt/archives/*.deb", "-cf", part, "."])
        part.rename(kept)
    finally:
        remove(folder)
    return kept


def remove(folder: pathlib.Path) -> None:
    """Its mounts were seen by processes that have ended; --one-file-system in case one has not."""
    if folder.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)])


# -- one run's system

def furnish(root: pathlib.Path, as_user: bool) -> None:
    """The network a person would have set up, a host name, a login; and the last commit, as a server would hand it out."""
    etc = root / "etc"
    lines = mirrors(targets())
    if lines:
        (etc / "apt" / "sources.list").write_text("\n".join(lines) + "\n")
    (etc / "apt" / "apt.conf.d" / "90network").write_text("\n".join(apt_settings(shell.output(["apt-config", "dump"]))) + "\n")
    (etc / "resolv.conf").unlink(missing_ok=True)
    shutil.copyfile("/etc/resolv.conf", etc / "resolv.conf")
    (etc / "hostname").write_text("fresh\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 fresh\n::1 localhost ip6-localhost ip6-loopback\n")
    authorities = root / "usr" / "local" / "share" / "ca-certificates"       # read when ca-certificates is installed
    authorities.mkdir(parents=True, exist_ok=True)
    for certificate in pathlib.Path("/usr/local/share/ca-certificates").rglob("*.crt"):
        shutil.copyfile(certificate, authorities / certificate.name)
    settings = {"pip.conf": ["/etc/pip.conf", "~/.config/pip/pip.conf"], "npmrc": ["/etc/npmrc", "~/.npmrc"]}
    for name, places in settings.items():
        texts = [path.read_text() for path in (pathlib.Path(place).expanduser() for place in places) if path.is_file()]
        kept = [line for text in texts for line in (pip_settings if name == "pip.conf" else npm_settings)(text)]
        if kept:
            (etc / name).write_text("\n".join((["[global]"] if name == "pip.conf" else []) + kept) + "\n")

    who = LOGIN[as_user][0]
    if as_user:
        shell.run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", who])
        (etc / "sudoers.d" / who).write_text(f"{who} ALL=(ALL) NOPASSWD: ALL\n")
    served = root / "srv" / "callgate.git"
    shell.run(["git", "clone", "--quiet", "--bare", "--no-local", "--single-branch", shell.ROOT, served])
    shell.run(["chroot", root, "chown", "-R", f"{who}:", "/srv/callgate.git"])


def enter(root: pathlib.Path, as_user: bool, command: list[str], minutes: float) -> int:
    who, home, path = LOGIN[as_user]
    environment = {"HOME": home, "USER": who, "LOGNAME": who, "SHELL": "/bin/bash", "PATH": path, "TERM": os.environ.get("TERM", "dumb")}
    line = f"cd && git clone --quiet /srv/callgate.git callgate && cd callgate && exec {shlex.join(command)}"
    words = [*(["/usr/sbin/runuser", "-u", who, "--"] if as_user else []), "bash", "-c", line]
    namespaces = ["/usr/bin/unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    return shell.run([*namespaces, "sh", "-c", INSIDE, "fresh", root, *words], env=carried(dict(os.environ)) | environment,
                     check=False, timeout=minutes * 60).returncode


def main(args: list[str], _: str) -> int:
    at = args.index("--") if "--" in args else len(args)
    own, program = args[:at], args[at:]
    keep, as_user = shell.take_flag(own, "--keep"), shell.take_flag(own, "--user")
    minutes = float(shell.take_value(own, "--minutes", "180"))
    command = command_of([*own, *program])
    if os.geteuid() != 0:
        raise shell.Failed("a system of its own is mounted and entered by root: sudo ./dev fresh ...")
    setup.ensure("fresh")
    PLACE.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shell.output(["git", "status", "--porcelain"]).strip():
        shell.note("what is not committed does not take part")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # as an exception, so that what runs there ends and the folder goes
    for left in PLACE.glob("root-*"):
        if not pathlib.Path("/proc", left.name.removeprefix("root-")).exists():
            remove(left)
    packed = base((*INCLUDE, "sudo") if as_user else INCLUDE)
    root = PLACE / f"root-{os.getpid()}"
    root.mkdir()
    try:
        shell.run(["tar", "--numeric-owner", "-C", root, "-xf", packed])
        furnish(root, as_user)
        shell.note(f"{' '.join(command)}, as {LOGIN[as_user][0]} on a fresh Debian 12")
        started = time.monotonic()
        code = enter(root, as_user, command, minutes)
        shell.note(f"ended with {code} after {time.monotonic() - started:.0f} s")
        return code
    finally:
        if keep:
            shell.note(f"kept: {root.rename(PLACE / f'kept-{os.getpid()}')}")
        else:
            remove(root)
