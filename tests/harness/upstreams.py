"""Upstreams to put behind the gate: the refunds server (Node, official SDK) and the hostile one (tests/toys/hostile.py)."""
import json
import os
import pathlib
import sys

from harness.processes import ROOT, Child

sys.path.append(str(ROOT / "tools"))
sys.path.append(str(ROOT / "tests" / "toys"))

from dev import npm  # noqa: E402
from hostile import Hostile  # noqa: E402,F401

REFUNDS = ROOT / "tests" / "toys" / "refunds"


def install_refunds() -> None:
    npm.install(REFUNDS)


class Refunds:
    """era: both | legacy | modern. Every request it received is in `requests()`; `calls()` are the tools/call ones."""

    def __init__(self, folder: pathlib.Path, era: str = "both", token: str = ""):
        install_refunds()
        self.record = folder / f"refunds-{era}.jsonl"
        env = dict(os.environ) | {"PORT": "0", "ERA": era, "LOG": str(self.record), "TOKEN": token}
        self.child = Child([npm.node(), REFUNDS / "server.mjs"], env=env, log=folder / f"refunds-{era}.log",
                           ready=lambda line: int(line.split()[1]) if line.startswith("listening ") else None)
        self.port = self.child.value
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def requests(self) -> list[dict]:
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def calls(self, tool: str | None = None) -> list[dict]:
        """The params of each tools/call that arrived."""
        found = [r["body"]["params"] for r in self.requests() if isinstance(r.get("body"), dict) and r["body"].get("method") == "tools/call"]
        return [params for params in found if tool is None or params["name"] == tool]

    def stop(self) -> None:
        self.child.stop()
