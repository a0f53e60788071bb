"""A server in rootless podman, for real: an image made from this machine's own Python, run by a gate that is an ordinary user.
Skipped, and said so, where podman is missing or cannot run anything; nothing is fetched."""
import io
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest

from harness.gate import CommandFailed, Gate
from harness.suite import GateCase

SERVER = '''
import json, os, socket, sys
def looks():
    try:
        socket.create_connection(("1.1.1.1", 53), 2); network = "there"
    except OSError as error:
        network = "none"
    try:
        open("/written", "w"); root = "writable"
    except OSError:
        root = "read-only"
    caps = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")][0]
    return {"network": network, "root": root, "capabilities": int(caps, 16), "environment": sorted(os.environ), "uid": os.getuid(),
            "outside": os.path.exists(sys.argv[1]), "work": sorted(os.listdir(".")), "processes": len([p for p in os.listdir("/proc") if p.isdigit()])}
for line in sys.stdin:
    message = json.loads(line)
    method, result = message["method"], {}
    if method == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "boxed", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": json.dumps(looks())}]}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
'''
OPEN = "version: \"1\"\ndefault: allow\n"


def ordinary_user():
    """Who may run podman rootless: this user, or for root the first one with ranges of user ids."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for line in pathlib.Path("/etc/subuid").read_text().splitlines() if pathlib.Path("/etc/subuid").exists() else []:
        try:
            return pwd.getpwnam(line.split(":")[0])
        except KeyError:
            continue
    return None


def image_of_this_python() -> bytes:
    """A root with the interpreter, its library and what it is linked with."""
    program = os.path.realpath("/usr/bin/python3")
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    files = [program, *re.findall(r"(/\S+) \(0x", linked)]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        library = pathlib.Path(sysconfig.get_path("stdlib", vars={"installed_base": "/usr", "base": "/usr"}))
        wanted = lambda entry: None if re.search(r"/(test|dist-packages|idlelib|lib2to3|__pycache__|config-[^/]*)(/|$)", entry.name) else entry
        tar.add(library, filter=wanted)
        for path in sorted(set(files)):
            tar.add(os.path.realpath(path), arcname=path)
        for path, text in (("bin/boxed", f"#!{program} -I\n" + SERVER),):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
        for folder in ("tmp", "proc", "sys", "dev", "home", "etc", "run"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    return data.getvalue()


class Podman(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = ordinary_user()
        if not shutil.which("podman") or user is None:
            raise unittest.SkipTest("podman is not installed, or no ordinary user has ranges in /etc/subuid")
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="callgate-podman-", dir="/tmp"))
        (cls.home / "run").mkdir(mode=0o700)
        (cls.home / "work").mkdir()
        (cls.home / "work" / "note.txt").write_text("here")
        (cls.home / "secret.txt").write_text("outside")
        cls.prefix = []
        if os.geteuid() == 0:
            cls.prefix = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--init-groups"]
        cls.env = {"HOME": str(cls.home), "XDG_RUNTIME_DIR": str(cls.home / "run"), "USER": user.pw_name, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        cls.own(user)
        cls.addClassCleanup(lambda: (cls.podman("system", "reset", "--force", check=False), shutil.rmtree(cls.home, ignore_errors=True)))
        cls.podman("import", "-", "localhost/callgate-boxed:1", stdin=image_of_this_python())
        cls.find_runtime(user)
        digest = cls.podman("image", "inspect", "--format", "{{.Digest}}", "localhost/callgate-boxed:1").stdout.decode().strip()
        cls.image = f"localhost/callgate-boxed@{digest}"
        folder = cls.home / "gate"
        folder.mkdir()
        cls.own(user)
        cls.gate = cls.keep(Gate(folder, prefix=cls.prefix, env=cls.env | {"GATES_OWN": "not for servers"}))
        cls.gate.put_policy("open", OPEN)

    @classmethod
    def own(cls, user) -> None:
        for path in (cls.home, *cls.home.rglob("*")):
            if path.is_relative_to(cls.home / ".local"):
                continue
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)

    @classmethod
    def podman(cls, *words, stdin=None, check=True) -> subprocess.CompletedProcess:
        done = subprocess.run([*cls.prefix, "/usr/bin/podman", *words], env=cls.env, cwd=cls.home, input=stdin, capture_output=True, timeout=120)
        if check and done.returncode != 0:
            raise unittest.SkipTest(f"podman cannot be used here: podman {words[0]}: {done.stderr.decode()[-400:].strip()}")
        return done

    @classmethod
    def find_runtime(cls, user) -> None:
        """crun does not run in every kind of control groups; where it does not, another runtime that is installed may."""
        said = ""
        for runtime in ("", "runc"):
            if runtime:
                (cls.home / ".config" / "containers").mkdir(parents=True, exist_ok=True)
                (cls.home / ".config" / "containers" / "containers.conf").write_text(f'[engine]\nruntime = "{runtime}"\n')
                cls.own(user)
            program = os.path.realpath("/usr/bin/python3")
            done = cls.podman("run", "--rm", "--network", "none", "--userns", "keep-id", "localhost/callgate-boxed:1", program, "-c", "0", check=False)
            if done.returncode == 0:
                return
            said += (runtime or "as it is set up") + ": " + done.stderr.decode()[-300:].strip() + "; "
        raise unittest.SkipTest(f"podman cannot run a container here: {said}")

    def test_a_server_runs_in_its_image_and_sees_nothing_else(self):
        self.gate.run("server", "add", "boxed", "--podman", self.image, "--workspace", self.home / "work", "--env", "GIVEN=yes",
                      "--", "/bin/boxed", self.home / "secret.txt")
        token = self.gate.mint("boxed", server="boxed", policy="open")
        seen = json.loads(self.gate.client(token, "boxed").call("look").text)
        self.assertEqual(("none", "read-only", 0, False, ["note.txt"]),
                         tuple(seen[name] for name in ("network", "root", "capabilities", "outside", "work")))
        self.assertIn("GIVEN", seen["environment"])
        self.assertNotIn("GATES_OWN", seen["environment"])
        self.assertLess(seen["processes"], 5, "the processes of this machine are not seen")
        shown = self.gate.json("server", "show", "boxed")
        self.assertEqual(self.image, shown["image"])
        self.assertIsInstance(shown["weakened"], list)
        self.gate.run("server", "rm", "boxed", "--yes")
        for _ in range(100):
            left = self.podman("ps", "--quiet").stdout.split()
            if not left:
                break
        self.assertEqual([], left, "its container ends with it")

    def test_an_image_by_tag_is_refused_unless_told_otherwise(self):
        with self.assertRaises(CommandFailed) as refused:
            self.gate.run("server", "add", "tagged", "--podman", "localhost/callgate-boxed:1", "--no-probe", "--", "/bin/boxed")
        self.assertIn("not named by its digest", refused.exception.err)
        self.gate.run("server", "add", "tagged", "--podman", "localhost/callgate-boxed:1", "--unpinned", "--", "/bin/boxed", "x")


class Root(GateCase):
    """A gate that is root, or has no podman, says so instead of running the server some other way."""

    @unittest.skipUnless(os.geteuid() == 0 or not shutil.which("podman"), "this user could run podman")
    def test_podman_that_cannot_be_used_is_told(self):
        gate = self.keep(Gate(self.folder))
        image = "localhost/none@sha256:" + "a" * 64
        with self.assertRaises(CommandFailed) as refused:
            gate.run("server", "add", "boxed", "--podman", image, "--", "/bin/boxed")
        self.assertRegex(refused.exception.err, "podman is (not installed|only used rootless)")
        gate.run("server", "add", "boxed", "--podman", image, "--no-probe", "--", "/bin/boxed")
        self.assertIn("cannot be started", json.dumps(gate.json("server", "show", "boxed")))
        self.assertIn("asks for podman", gate.run("doctor", check=False).stdout)
