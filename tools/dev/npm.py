"""npm packages for tests and demo: installed from the committed lock files, once per lock file."""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

from dev import setup, shell

NODE_MIN = (22, 19, 0)       # what the newest of our test clients asks for
RUNTIME = shell.ROOT / "tests" / "toys" / "node"      # a Node from npm, for machines whose own is older


def node_version(node: str = "node") -> tuple[int, ...] | None:
    try:
        text = subprocess.run([node, "--version"], text=True, capture_output=True).stdout
    except OSError:
        return None
    match = re.match(r"v(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else None


def install(folder: pathlib.Path) -> None:
    """npm ci, skipped while the lock file is the one installed last. Raises Failed when npm cannot."""
    setup.ensure("node")
    stamp = folder / "node_modules" / ".callgate-lock"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shell.note(f"npm ci in {folder.relative_to(shell.ROOT)}")
    done = shell.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, quiet=True, check=False, timeout=900)
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-8000:])
        raise shell.Failed(f"npm could not install what {folder.relative_to(shell.ROOT)}/package-lock.json names (no network, or a proxy npm is not told of?)")
    stamp.write_text(wanted)


def node() -> str:
    """A node new enough for every client and toy: the machine's own, else the one npm brings."""
    chosen = os.environ.get("CALLGATE_NODE")
    if chosen:
        return chosen
    own = setup.which("node")
    version = node_version(own) if own else None
    if version and version >= NODE_MIN:
        return own
    install(RUNTIME)
    for binary in RUNTIME.glob("node_modules/node-linux-*/bin/node"):
        return str(binary)
    raise shell.Failed("npm has no Node for this machine; install Node 22.19 or newer and set CALLGATE_NODE")
