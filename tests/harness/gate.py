"""The gate under test: `callgate serve` in a data directory of its own, and its commands.

    gate = Gate(folder)
    gate.add_server("refunds", toy.url)
    gate.put_policy("refunds", text)
    client = gate.client(gate.mint("laptop", server="refunds", policy="refunds"), "refunds")
    reply = client.call("refund_payment", charge_id="ch_105", amount=5000)
"""
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import time

from harness.mcp import Client
from harness.processes import ROOT, Child

REFUNDS_POLICY = ROOT / "examples" / "policies" / "refunds.yaml"


def binary() -> pathlib.Path:
    return pathlib.Path(os.environ.get("CALLGATE_BINARY", ROOT / "build" / "dev" / "callgate"))


class CommandFailed(Exception):
    def __init__(self, argv, code, out, err):
        super().__init__(f"callgate {' '.join(argv)} ended with {code}\n{out}\n{err}")
        self.code, self.out, self.err = code, out, err


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: pathlib.Path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Gate:
    """prefix: words before the binary (taskset ...). env: settings as CALLGATE_...; the caller's own settings are left out."""

    def __init__(self, folder: pathlib.Path, *, serve_args=(), binary_path: pathlib.Path | None = None, env: dict | None = None, prefix=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.binary = binary_path or binary()
        self.serve_args = list(serve_args)
        self.prefix = list(prefix)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CALLGATE_")}
        self.env = inherited | {"HOME": str(folder)} | (env or {})
        self.starts = 0
        self.port = 0
        self.child: Child | None = None
        self.start()

    # -- the process

    def start(self, wait_s: float = 60) -> None:
        self.starts += 1
        ready = self.folder / f"ready-{self.starts}"
        argv = [*self.prefix, self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--ready-file", ready, *self.serve_args]
        self.child = Child(argv, env=self.env, cwd=self.folder, log=self.folder / f"gate-{self.starts}.log")
        end = time.monotonic() + wait_s
        while not (match := re.search(r":(\d+)/?\n$", ready.read_text()) if ready.exists() else None):
            if not self.child.alive() or time.monotonic() > end:
                self.child.stop()
                raise RuntimeError(f"callgate serve was not ready:\n{self.child.tail()}")
            time.sleep(0.01)
        self.port = int(match.group(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> int:
        return self.child.stop() if self.child else 0

    def kill9(self) -> None:
        self.child.kill9()

    def restart(self) -> None:
        self.stop()
        self.start()

    # -- its commands

    def run(self, *argv, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess:
        argv = [str(part) for part in argv]
        end = argv.index("--") if "--" in argv else len(argv)      # what stands behind it belongs to a command of somebody else's
        done = subprocess.run([str(self.binary), *argv[:end], "--data", str(self.data), *argv[end:]], env=self.env, cwd=self.folder, text=True,
                              capture_output=True, input=stdin, timeout=60)
        if check and done.returncode != 0:
            raise CommandFailed(argv, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *argv):
        return json.loads(self.run(argv[0], argv[1], "-o", "json", *argv[2:]).stdout)

    def add_server(self, name: str, url: str, *extra) -> None:
        self.run("server", "add", name, url, "--allow-private", *extra)

    def put_policy(self, name: str, document: str | pathlib.Path) -> None:
        """The text of a policy, or the path of a file that holds one."""
        if isinstance(document, str):
            path = self.folder / f"policy-{name}.yaml"
            path.write_text(document)
            document = path
        self.run("policy", "put", name, document)

    def mint(self, label: str, *extra, server: str, policy: str | None = None, user: str = "ada") -> str:
        """The grant's token; `last_grant` holds the whole answer."""
        argv = ["grant", "mint", label, "--user", user, "--server", server, *(("--policy", policy) if policy else ()), *extra]
        self.last_grant = self.json(*argv)
        return self.last_grant["token"]

    def api(self, method: str, path: str, body=None) -> tuple[int, dict]:
        """One REST request over the control socket."""
        connection = self._api = getattr(self, "_api", None) or UnixConnection(self.data / "callgate.sock")
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else {}

    def client(self, token: str, server: str, **options) -> Client:
        return Client(f"{self.url}/mcp/{server}/", token=token, **options)

    # -- what it recorded

    def records(self, **fields) -> list[dict]:
        """The journal's records, oldest first; only those whose fields have these values."""
        text = self.run("audit", "export", "--format", "jsonl").stdout
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [row for row in rows if all(row.get(name) == value for name, value in fields.items())]

    def verify_audit(self) -> str:
        """Raises when the chain does not verify."""
        return self.run("audit", "verify").stdout
