"""One leg of the conformance runs: what stands where, which suite drives it, and how what it says becomes numbers.

A leg counts scenarios, not checks: a dead server passes many checks. Required scenarios are read from the suite's own frozen lists.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from conformance.bearer import Bearer
from harness.gate import CommandFailed, Gate, binary
from harness.processes import ROOT, Child

sys.path.append(str(ROOT / "tools"))

from dev import npm  # noqa: E402

HERE = ROOT / "tests" / "conformance"
SUITE = HERE / "node_modules" / "@modelcontextprotocol" / "conformance"
STABLE = HERE / "node_modules" / "conformance-0.1"
POLICY = 'version: "1"\ndefault: allow\nmethods: {elicitation/create: allow, sampling/createMessage: allow, roots/list: allow}\n'
REVISIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
CROSS_ERA_TOOLS = 5


@dataclasses.dataclass(frozen=True)
class Leg:
    """kind: server | client | cross. revision: what the suite speaks; for client legs what the mock server speaks. upstream: the fixture's era."""
    kind: str
    revision: str
    upstream: str = "both"
    transport: str = "http"
    client: str = ""                 # cross and client legs: the client's era

    @property
    def key(self) -> str:
        if self.kind == "cross":
            return f"cross/{self.client}-client/{self.upstream}-upstream/{self.transport}"
        if self.kind == "client":
            return f"client/{self.revision}" + (f"/{self.client}-client" if self.bridged else "")
        return f"server/{self.revision}/{self.upstream}-upstream/{self.transport}"

    @property
    def era(self) -> str:
        return "modern" if self.revision == REVISIONS["modern"] else "legacy"

    @property
    def bridged(self) -> bool:
        if self.kind == "cross":
            return self.client != self.upstream
        if self.kind == "client":
            return self.client not in ("", self.era)
        return self.upstream not in ("both", self.era)


@dataclasses.dataclass
class Score:
    passed: list[str] = dataclasses.field(default_factory=list)
    failed: dict[str, list[str]] = dataclasses.field(default_factory=dict)     # required scenario: why
    warnings: list[str] = dataclasses.field(default_factory=list)
    extra: dict[str, str] = dataclasses.field(default_factory=dict)            # scenario that is not scored: checks passed/all
    seconds: float = 0.0

    @property
    def required(self) -> int:
        return len(self.passed) + len(self.failed)


def legs() -> list[Leg]:
    found = []
    for transport in ("http", "stdio"):
        found += [Leg("server", revision, "both", transport) for revision in (*REVISIONS.values(), "0.1.16")]
        found += [Leg("server", REVISIONS["legacy"], "legacy", transport), Leg("server", REVISIONS["modern"], "modern", transport)]
        found += [Leg("server", REVISIONS["legacy"], "modern", transport), Leg("server", REVISIONS["modern"], "legacy", transport)]
        found += [Leg("cross", "", upstream, transport, client) for client in REVISIONS for upstream in REVISIONS]
    found += [Leg("client", revision, client=client) for revision in REVISIONS.values() for client in REVISIONS]
    return found


def install() -> None:
    npm.install(HERE)


def node(*words, env=None, timeout: float) -> subprocess.CompletedProcess:
    argv = [npm.node(), *words]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CALLGATE_", "MCP_CONFORMANCE_"))}
    try:
        return subprocess.run([str(word) for word in argv], cwd=HERE, env=inherited | (env or {}), text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(argv, 124, (late.stdout or b"").decode(errors="replace"), f"took longer than {timeout:.0f} s")


# -- what stands in front of the suite

class Fixture:
    def __init__(self, folder: pathlib.Path, era: str):
        env = dict(os.environ) | {"PORT": "0", "ERA": era, "LOG": str(folder / "fixture.jsonl")}
        self.child = Child([npm.node(), HERE / "fixture.mjs"], env=env, log=folder / "fixture.log",
                           ready=lambda line: int(line.split()[1]) if line.startswith("listening ") else None)
        self.url = f"http://127.0.0.1:{self.child.value}/mcp"

    def stop(self) -> None:
        self.child.stop()


@contextlib.contextmanager
def standing(leg: Leg, folder: pathlib.Path, through_gate: bool):
    """Yields (URL, token): a fixture, and a gate in front of it when asked."""
    with contextlib.ExitStack() as stack:
        def keep(thing):
            stack.callback(thing.stop)
            return thing

        if leg.transport == "http":
            url = keep(Fixture(folder, leg.upstream)).url
        if not through_gate:
            yield url, ""
            return
        gate = keep(Gate(folder, binary_path=binary()))
        if leg.transport == "http":
            gate.add_server("fixture", url)
        else:
            add_stdio(gate, leg)
        gate.put_policy("open", POLICY)
        token = gate.mint("suite", server="fixture", policy="open")
        yield f"{gate.url}/mcp/fixture/", token


def add_stdio(gate: Gate, leg: Leg) -> None:
    """The fixture as a confined command that may read this tree's tests (its packages, and the Node they brought) and nothing else."""
    try:
        shared = ["--shared"] if leg.revision == "0.1.16" else []      # it leaves every session open, and each would keep its process
        gate.run("server", "add", "fixture", "--read", ROOT / "tests", *shared, "--", npm.node(), HERE / "fixture.mjs", "--stdio", "--era", leg.upstream)
    except CommandFailed as failed:
        raise RuntimeError(f"the stdio fixture cannot be added:\n{failed.out}{failed.err}") from None


# -- driving a suite and reading what it says

def requirements(revision: str, role: str) -> list[str]:
    """The frozen list of a revision. The file is plain enough to be read by line."""
    names, inside = [], False
    for line in (SUITE / "requirements" / f"{revision}.yaml").read_text().splitlines():
        if re.match(r"\w+:", line):
            inside = line.startswith(f"{role}:")
        elif inside and (match := re.match(r"\s*-\s*([\w/.-]+)\s*$", line)):
            names.append(match.group(1))
    return names


def checks_of(folder: pathlib.Path) -> dict[str, list[dict]]:
    """Scenario: its checks, from the files the suite wrote."""
    found = {}
    for file in sorted(folder.rglob("checks.json")):
        name = re.sub(r"-\d{4}-\d\d-\d\dT[\d-]+Z$", "", file.parent.name).removeprefix("server-")
        parent = file.parent.parent
        found[name if parent == folder else f"{parent.name}/{name}"] = json.loads(file.read_text())
    return found


def why(checks: list[dict]) -> list[str]:
    return [f"{check['id']}: {check.get('errorMessage') or check['description']}"[:400] for check in checks if check["status"] == "FAILURE"]


def run_server(leg: Leg, url: str, folder: pathlib.Path) -> Score:
    out = folder / "out"
    if leg.revision == "0.1.16":
        done = node(STABLE / "dist" / "index.js", "server", "--url", url, "--suite", "all", "-o", out, timeout=200)
    else:
        done = node(SUITE / "dist" / "index.js", "server", "--url", url, "--requirements", leg.revision, "-o", out, timeout=200)
    (folder / "suite.log").write_text(done.stdout + done.stderr)
    verdicts = {name: mark == "✓" for mark, name in re.findall(r"^([✓✗]) ([\w/.-]+): \d+ passed", done.stdout, re.M)}
    checks = checks_of(out)
    required = stable_names() if leg.revision == "0.1.16" else requirements(leg.revision, "server")
    score = Score()
    for name in required:
        if verdicts.get(name):
            score.passed.append(name)
        else:
            score.failed[name] = why(checks.get(name, [])) or [f"no verdict; the suite said: {done.stderr.strip()[-300:] or 'nothing'}"]
        score.warnings += [f"{name}: {check['id']}: {check.get('errorMessage', '')}"[:400]
                           for check in checks.get(name, []) if check["status"] == "WARNING"]
    for name in verdicts:
        if name not in required and not name.startswith("tasks-"):
            counted = [check["status"] for check in checks.get(name, []) if check["status"] in ("SUCCESS", "FAILURE", "WARNING")]
            score.extra[name] = f"{counted.count('SUCCESS')}/{len(counted)}"
            score.warnings += [f"{name}: {check['id']} (not scored)" for check in checks.get(name, []) if check["status"] == "WARNING"]
    return score


def stable_names() -> list[str]:
    listing = node(STABLE / "dist" / "index.js", "list", "--server", timeout=60).stdout
    return re.findall(r"^\s+- ([\w/.-]+)", listing, re.M)


def run_cross(leg: Leg, url: str, token: str) -> Score:
    done = node("cross_era.mjs", leg.client, url, token, timeout=120)
    score = Score()
    seen = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else {}
    for tool, problem in seen.items():
        if problem is None:
            score.passed.append(tool)
        else:
            score.failed[tool] = [str(problem)[:400]]
    if len(seen) != CROSS_ERA_TOOLS:
        score.failed["script"] = [done.stderr.strip()[-400:]]
    return score


CLIENT_EXTRA = ("json-schema-2020-12-preservation",)


def run_client(leg: Leg, through_gate: bool, folder: pathlib.Path) -> Score:
    score = Score()
    required = [name for name in requirements(leg.revision, "client") if not name.startswith("auth/")]
    env = {"CLIENT_ERA": leg.client or leg.era} | ({"CALLGATE_BINARY": str(binary())} if through_gate else {})
    for name in (*required, *CLIENT_EXTRA):
        out = folder / name
        done = node("--require", "./loopback.cjs", SUITE / "dist" / "index.js", "client", "--command", f"{npm.node()} driver.mjs", "--scenario", name,
                    "--spec-version", leg.revision, "--timeout", "40000", "-o", out, env=env, timeout=120)
        (folder / f"{name}.log").write_text(done.stdout + done.stderr)
        found = [check for checks in checks_of(out).values() for check in checks]
        counted = [check["status"] for check in found if check["status"] in ("SUCCESS", "FAILURE", "WARNING")]
        if name not in required:
            score.extra[name] = f"{counted.count('SUCCESS')}/{len(counted)}"
        elif done.returncode == 0 and counted:
            score.passed.append(name)
        else:
            said = re.search(r"^(\w*Error: .*)$", done.stdout + done.stderr, re.M)
            score.failed[name] = why(found) or [f"the client ended with an error: {said.group(1)[:400] if said else done.stderr.strip()[-300:]}"]
        score.warnings += [f"{name}: {check['id']}: {check.get('errorMessage', '')}"[:400] for check in found if check["status"] == "WARNING"]
    return score


def run(leg: Leg, through_gate: bool, folder: pathlib.Path) -> Score:
    """One leg in a folder of its own, which then holds the logs and what the suite wrote."""
    started = time.monotonic()
    folder.mkdir(parents=True)
    if leg.kind == "client":
        score = run_client(leg, through_gate, folder)
    else:
        with standing(leg, folder, through_gate) as (url, token), contextlib.ExitStack() as stack:
            if leg.kind == "cross":
                score = run_cross(leg, url, token)
            else:
                if through_gate:
                    bearer = Bearer(int(re.search(r":(\d+)/", url).group(1)), token)
                    stack.callback(bearer.stop)
                    url = re.sub(r":\d+/", f":{bearer.port}/", url, count=1)
                score = run_server(leg, url, folder)
    score.seconds = round(time.monotonic() - started, 1)
    return score
