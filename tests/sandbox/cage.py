"""What the sandbox tests share: the hostile toy run in the sandbox, and the same attempt without one as control."""
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import suite
from harness.gate import binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOYS = ROOT / "tests" / "toys"
RUN = binary().parent / "tests" / "sandbox" / "sandbox_run"
PYTHON = "/usr/bin/python3"       # one that everybody may see, not one in somebody's home
SECRET = "sk-planted-f3b1c2d4e5"


class Held:
    """A running program and its output so far."""

    def __init__(self, process):
        self.process = process

    def line(self, wait=15.0) -> str:
        ready, _, _ = select.select([self.process.stdout], [], [], wait)
        return self.process.stdout.readline() if ready else ""

    def end(self, wait=15.0) -> tuple[str, str]:
        try:
            return self.process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError("did not end in time") from None

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Cage(suite.GateCase):
    needs_gate = False
    prefix: list[str] = []          # how the gate itself is started: as another user, for one
    program = RUN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not RUN.exists():
            raise AssertionError(f"{RUN} is not built")
        listed = subprocess.run([RUN, "--features"], text=True, stdout=subprocess.PIPE, check=True).stdout
        missing = [line[4:] for line in listed.splitlines() if line.startswith("no ") and "(required)" in line]
        if missing:
            raise unittest.SkipTest("; ".join(missing))
        cls.folder.chmod(0o755)
        cls.gate_home = cls.folder / "home"
        (cls.gate_home / ".aws").mkdir(parents=True)
        (cls.gate_home / ".aws" / "credentials").write_text(f"[default]\naws_secret_access_key = {SECRET}\n")
        cls.other = cls.folder / "projects" / "other"
        (cls.other / ".git").mkdir(parents=True)
        (cls.other / "main.py").write_text(f"# {SECRET}\n")
        cls.data = cls.folder / "data"
        cls.data.mkdir()
        (cls.data / "vault.key").write_text(SECRET)
        cls.work = cls.folder / "projects" / "mine"
        cls.work.mkdir()
        (cls.work / "notes.txt").write_text("mine\n")
        for path in [cls.folder, *cls.folder.rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
        cls.toys = cls.folder / "toys"          # copies: the tree may be in /root, where nobody else may look, and a confined server is somebody else
        cls.toys.mkdir()
        shutil.copy(TOYS / "hostile_stdio.py", cls.toys)
        for path in (cls.toys, *cls.toys.iterdir()):
            path.chmod(0o755)

    def env(self) -> dict:
        return {"PATH": os.environ["PATH"], "HOME": str(self.gate_home), "CALLGATE_MASTER_KEY": SECRET, "LANG": "C.UTF-8",
                "ASAN_OPTIONS": "detect_leaks=0", "NO_PROXY": "", "TMPDIR": "/tmp"}

    def launch(self, command, options=(), **extra) -> Held:
        where = ["--read-only", str(self.toys)] if "--bare" not in options else []
        options = [option for option in options if option != "--bare"]
        argv = [*self.prefix, str(self.program), *where, *options, "--", *[str(word) for word in command]]
        held = Held(subprocess.Popen(argv, env=self.env(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     errors="replace", **extra))
        self.addCleanup(held.stop)
        return held

    def words(self, attempt, given) -> list[str]:
        return [PYTHON, "-B", str(self.toys / "hostile_stdio.py"), attempt, *[f"{name}={value}" for name, value in given.items()]]

    def attempt(self, attempt, options=(), extra=None, **given) -> dict:
        """The attempt inside; `{}` when the server was killed before it could answer."""
        out, err = self.launch(self.words(attempt, given), options, **(extra or {})).end(60)
        self.said = err
        self.assertIn("sandbox: started", err)
        return json.loads(out.splitlines()[-1]) if out.strip() else {}

    def control(self, attempt, extra=None, **given) -> dict:
        """The same without a sandbox, in the gate's environment."""
        done = subprocess.run([*self.prefix, *self.words(attempt, given)], env=self.env(), text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **(extra or {}))
        return json.loads(done.stdout.splitlines()[-1])

    def assert_stopped(self, attempt, options=(), extra=None, control=True, **given):
        """The attempt fails inside, and the control shows that it is the sandbox that stops it."""
        inside = self.attempt(attempt, options, extra, **given)
        self.assertFalse(inside.get("got", False), f"{attempt} worked inside: {inside}")
        if control:
            outside = self.control(attempt, extra, **given)
            self.assertTrue(outside["got"], f"the control of {attempt} does not work, so nothing was shown: {outside}")
        return inside


class Listener:
    """A TCP listener that answers and remembers whether anybody came."""

    def __init__(self, address="127.0.0.1"):
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            with client:
                client.recv(64)
                client.sendall(b"welcome")

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Echo(Listener):
    """Gives back what it gets, to the end."""

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                while piece := client.recv(65536):
                    client.sendall(piece)


def until(condition, wait=10.0) -> bool:
    end = time.monotonic() + wait
    while time.monotonic() < end:
        if condition():
            return True
        select.select([], [], [], 0.02)
    return condition()


def processes_with(word: str) -> list[int]:
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if word.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return [pid for pid in found if pid != os.getpid()]


def kill_all(pids) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
