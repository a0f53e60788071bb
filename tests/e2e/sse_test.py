"""HTTP+SSE (2024-11-05), with the published SDK's own transports on both sides."""
import json
import os
import subprocess
import threading
import time

import interop_test as interop
from dev import pypi
from harness import claude
from harness.gate import REFUNDS_POLICY, CommandFailed, Gate
from harness.mcp import LEGACY, MODERN
from harness.processes import Child
from harness.suite import GateCase
from harness.upstreams import Refunds, npm

SMALL = {"charge_id": "ch_105", "amount": 50, "currency": "usd"}
LARGE = {"charge_id": "ch_105", "amount": 5000, "currency": "usd"}
REFUSAL = "Refund blocked: Amount exceeds developer limit."
ASKING_POLICY = """\
version: "1"
hide: [delete_customer]
tools:
  list_charges: {}
  refund_payment: {}
methods:
  elicitation/create: allow
"""


class OldRefunds:
    """The same server over the two endpoints of 2024-11-05."""

    def __init__(self, folder, name="old", token="", endpoint="", port=0):
        self.record = folder / f"{name}.jsonl"
        env = dict(os.environ) | {"LOG": str(self.record), "TOKEN": token, "ENDPOINT": endpoint, "PORT": str(port)}
        self.child = Child([npm.node(), claude.PACKAGES / "sse_server.mjs"], env=env, log=folder / f"{name}.log",
                           ready=lambda line: int(line.split()[1]) if line.startswith("listening ") else None)
        self.url = f"http://127.0.0.1:{self.child.value}/sse"

    def requests(self):
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

    def calls(self):
        return [one["body"]["params"] for one in self.requests() if (one.get("body") or {}).get("method") == "tools/call"]

    def stop(self):
        self.child.stop()


class SseCase(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = claude.install_clients()
        if reason:
            cls.skipTest(cls, reason)
        cls.old = cls.keep(OldRefunds(cls.folder, token="vault-token"))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        cls.gate.put_policy("asking", ASKING_POLICY)
        cls.gate.add_server("old", cls.old.url, "--policy", "refunds", "--header", "Authorization: Bearer vault-token")


class Servers(SseCase):
    """A server that only speaks HTTP+SSE, behind the gate."""

    def test_the_probe_finds_out(self):
        shown = self.gate.json("server", "show", "old")
        self.assertEqual(("sse", True, False), (shown["transport"], shown["speaks_legacy"], shown["speaks_modern"]))

    def test_clients_of_both_eras_reach_it(self):
        for era in (LEGACY, MODERN):
            with self.subTest(era):
                client = self.gate.client(self.gate.mint(f"c-{era}", server="old"), "old", era=era)
                tools = client.tools()
                self.assertIn("refund_payment", tools)
                self.assertNotIn("delete_customer", tools)
                before = len(self.old.calls())
                self.assertIn(b"Refunded 50 usd of ch_105", client.call("refund_payment", **SMALL).body)
                self.assertIn(REFUSAL.encode(), client.call("refund_payment", **LARGE).body)
                self.assertIn(b"Unknown tool", client.call("delete_customer", customer="cus_1").body)
                self.assertEqual(before + 1, len(self.old.calls()))
        self.assertTrue(self.gate.records(tool="refund_payment", effect="allow", server="old"))
        self.assertTrue(all(one["headers"]["authorization"] == "Bearer vault-token" for one in self.old.requests()))

    def test_the_sdks_clients_reach_it(self):
        token = self.gate.mint("sdk", server="old")
        for generation in ("v1", "v2"):
            argv = [npm.node(), "sdk_client.mjs", generation, f"{self.gate.url}/mcp/old/", token,
                    json.dumps([["refund_payment", SMALL], ["refund_payment", LARGE]])]
            done = subprocess.run(argv, cwd=claude.PACKAGES, text=True, capture_output=True, timeout=60)
            self.assertEqual(0, done.returncode, done.stderr)
            seen = json.loads(done.stdout)
            self.assertEqual("Refunded 50 usd of ch_105.", seen["calls"][0]["text"])
            self.assertIn(REFUSAL, json.dumps(seen["calls"][1]))

    def test_an_endpoint_of_another_origin_is_refused(self):                                # T-65
        away = self.keep(OldRefunds(self.folder, "away", endpoint="http://127.0.0.1:1/messages"))
        with self.assertRaises(CommandFailed) as refused:
            self.gate.add_server("away", away.url)
        self.assertIn("another origin", refused.exception.out + refused.exception.err)
        self.gate.add_server("away", away.url, "--transport", "sse", "--no-probe", "--policy", "refunds")
        reply = self.gate.client(self.gate.mint("away", server="away"), "away", era=LEGACY).request("initialize", {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
        self.assertIn(b"upstream.endpoint", reply.body)
        self.assertFalse([one for one in away.requests() if one["http"].startswith("POST /messages")])

    def test_a_server_that_ends_fails_its_calls_and_comes_back(self):
        brittle = OldRefunds(self.folder, "brittle")
        self.gate.add_server("brittle", brittle.url, "--policy", "refunds")
        client = self.gate.client(self.gate.mint("again", server="brittle"), "brittle", era=LEGACY)
        client.tools()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(client.call("get_charge", charge_id="ch_slow")))
        asking.start()
        end = time.monotonic() + 20
        while not brittle.calls() and time.monotonic() < end:
            time.sleep(0.02)
        brittle.child.kill9()
        asking.join(30)
        self.assertIn(b"upstream.reset", answers[0].body)
        self.assertEqual(1, len(brittle.calls()))
        brittle = self.keep(OldRefunds(self.folder, "brittle", port=brittle.child.value))
        self.assertIn(b"Refunded 50", client.call("refund_payment", **SMALL).body)      # the same session, greeted again
        self.assertEqual(["get_charge", "refund_payment"], [one["name"] for one in brittle.calls()])


class Python(SseCase):
    """The first generation of the official Python SDK, which still has HTTP+SSE on both sides."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        interop.installed(lambda: pypi.environment(interop.HERE / "requirements-v1.txt"))
        cls.python = cls.keep(Child([pypi.environment(interop.HERE / "requirements-v1.txt"), interop.HERE / "python_sse_server.py"],
                                    log=cls.folder / "python.log",
                                    ready=lambda line: int(line.split()[1]) if line.startswith("listening ") else None))
        cls.gate.add_server("python", f"http://127.0.0.1:{cls.python.value}/sse", "--policy", "asking")

    def check(self, seen):
        self.assertEqual("Refunded 50 usd of ch_105.", seen["calls"][0]["text"], seen)
        self.assertIn("accept blue", seen["calls"][1].get("text", ""), seen)
        self.assertIn("Unknown tool", json.dumps(seen["calls"][2]))

    def test_its_server_serves_clients_of_every_transport_and_era(self):
        token = self.gate.mint("python", server="python")
        story = [["refund_payment", SMALL], ["list_charges", {}], ["delete_customer", {"customer": "c"}]]
        for generation, era, path in (("v1", "legacy", "/mcp/python/"), ("v2", "modern", "/mcp/python/"), ("v1", "sse", "/sse/python")):
            with self.subTest((generation, era)):
                if generation == "v2":
                    interop.installed(lambda: pypi.environment(interop.HERE / "requirements-v2.txt"))
                self.check(interop.python_sdk(generation, era, self.gate.url + path, token, story))

    def test_its_client_reaches_the_other_sdks_server(self):
        seen = interop.python_sdk("v1", "sse", f"{self.gate.url}/sse/old", self.gate.mint("p", server="old"),
                                  [["refund_payment", SMALL], ["refund_payment", LARGE], ["delete_customer", {"customer": "c"}]])
        self.assertEqual("Refunded 50 usd of ch_105.", seen["calls"][0]["text"], seen)
        self.assertIn(REFUSAL, json.dumps(seen["calls"][1]))
        self.assertIn("Unknown tool", json.dumps(seen["calls"][2]))


class Clients(SseCase):
    """A client that only speaks HTTP+SSE, in front of servers of every kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.older = cls.keep(Refunds(cls.folder, era="legacy"))
        cls.newer = cls.keep(Refunds(cls.folder, era="modern"))
        cls.gate.add_server("older", cls.older.url, "--policy", "refunds")
        cls.gate.add_server("newer", cls.newer.url, "--policy", "refunds")

    def argv(self, path, token, calls, *more):
        return [npm.node(), "sse_client.mjs", f"{self.gate.url}{path}", token, json.dumps(calls), *more]

    def run_client(self, path, token, calls):
        done = subprocess.run(self.argv(path, token, calls), cwd=claude.PACKAGES, text=True, capture_output=True, timeout=60)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_it_reaches_servers_of_every_transport_and_era(self):
        for server, upstream in (("old", self.old), ("older", self.older), ("newer", self.newer)):
            with self.subTest(server):
                before = len(upstream.calls())
                seen = self.run_client(f"/sse/{server}", self.gate.mint(f"x-{server}", server=server),
                                       [["refund_payment", SMALL], ["refund_payment", LARGE], ["delete_customer", {"customer": "cus_1"}]])
                self.assertEqual(["get_charge", "list_charges", "refund_payment"], seen["tools"])
                self.assertTrue(seen["calls"][0]["text"].startswith("Refunded 50 usd of ch_105."), seen)
                self.assertIn(REFUSAL, json.dumps(seen["calls"][1]))
                self.assertIn("Unknown tool: delete_customer", json.dumps(seen["calls"][2]))
                self.assertEqual(before + 1, len(upstream.calls()))
                self.assertTrue(self.gate.records(tool="refund_payment", effect="allow", server=server, client="sdk-sse 1"))
                self.assertTrue(self.gate.records(tool="refund_payment", effect="deny", server=server, client="sdk-sse 1"))

    def test_questions_and_progress_pass_both_ways(self):
        token = self.gate.mint("asked", server="old", policy="asking")
        seen = self.run_client("/sse/old", token, [["list_charges", {}]])
        self.assertEqual("charges in eur", seen["calls"][0].get("text"), seen)
        self.assertEqual(3, seen["progress"])
        self.assertTrue(self.gate.records(method="elicitation/create", effect="allow"))

    def test_the_shared_endpoint_serves_all(self):
        seen = self.run_client("/sse", self.gate.mint("all", server="*"), [["newer__refund_payment", SMALL], ["old__refund_payment", LARGE]])
        self.assertIn("old__refund_payment", seen["tools"])
        self.assertTrue(seen["calls"][0]["text"].startswith("Refunded 50 usd of ch_105."), seen)
        self.assertIn(REFUSAL, json.dumps(seen["calls"][1]))

    def test_claude_code_uses_it(self):
        if claude.native_binary() is None:
            self.skipTest("npm has no Claude Code for this machine's architecture")
        script = [{"tool": f"mcp__gate__{tool}", "input": arguments}
                  for tool, arguments in (("refund_payment", SMALL), ("refund_payment", LARGE))] + [{"text": "Finished."}]
        seen = claude.run(self.folder / "claude", f"{self.gate.url}/sse/newer", script, token=self.gate.mint("cc", server="newer"), transport="sse")
        self.assertEqual(0, seen.code, seen.errors)
        self.assertNotIn("delete_customer", seen.offered)
        self.assertTrue(seen.tool_results[0][1].startswith("Refunded 50 usd of ch_105."), seen.tool_results)
        self.assertIn(REFUSAL, seen.tool_results[1][1])

    def test_revocation_ends_the_stream(self):                                                  # T-61
        token = self.gate.mint("revoked", server="old")
        child = subprocess.Popen(self.argv("/sse/old", token, [["refund_payment", SMALL]], "stay"), cwd=claude.PACKAGES, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(child.kill)
        self.assertEqual("ready\n", child.stdout.readline())
        self.gate.run("grant", "revoke", self.gate.last_grant["id"] if "id" in self.gate.last_grant else self.gate.last_grant["grant"]["id"], "--yes")
        seen = json.loads(child.stdout.readline())
        child.communicate(timeout=30)
        self.assertLess(seen["ended"], 3_000)
