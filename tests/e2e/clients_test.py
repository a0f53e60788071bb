"""Real clients through the gate: Claude Code, the official TypeScript SDK of both generations, the MCP Inspector; both eras.
A first class runs the same clients straight at the toy, so that a failure below points at the gate and not at the harness."""
import json
import subprocess
import unittest

from harness import claude
from harness.gate import REFUNDS_POLICY, Gate
from harness.suite import GateCase
from harness.upstreams import Refunds, npm

REFUSAL = "Refund blocked: Amount exceeds developer limit."
SMALL = {"charge_id": "ch_105", "amount": 50, "currency": "usd"}
LARGE = {"charge_id": "ch_105", "amount": 5000, "currency": "usd"}
VISIBLE = ["get_charge", "list_charges", "refund_payment"]
INSPECTOR = claude.PACKAGES / "node_modules" / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
ERAS = {"legacy": "2025-11-25", "modern": "2026-07-28"}


def sdk(generation: str, url: str, token: str, calls: list) -> dict:
    argv = [npm.node(), "sdk_client.mjs", generation, url, token, json.dumps(calls)]
    done = subprocess.run(argv, cwd=claude.PACKAGES, text=True, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"sdk {generation} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout)


def inspector(era: str, url: str, token: str, *words: str) -> subprocess.CompletedProcess:
    argv = [npm.node(), INSPECTOR, "--cli", url, "--transport", "http", "--protocol-era", era,
            *(("--header", f"Authorization: Bearer {token}") if token else ()), "--method", *words]
    return subprocess.run([str(part) for part in argv], cwd=claude.PACKAGES, text=True, capture_output=True, timeout=60)


def script(*calls: tuple[str, dict]) -> list[dict]:
    return [{"tool": f"mcp__gate__{tool}", "input": arguments} for tool, arguments in calls] + [{"text": "Finished."}]


class Clients(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = claude.install_clients()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        if claude.native_binary() is None and "claude" in self.id().lower():
            self.skipTest("npm has no Claude Code for this machine's architecture")


class Direct(Clients):
    needs_gate = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder))

    def test_claude_code_speaks_both_eras_to_the_toy(self):
        for era, modern in (("modern", True), ("legacy", False)):
            with self.subTest(era):
                seen = claude.run(self.folder / era, self.toy.url, script(("refund_payment", SMALL)), modern=modern)
                self.assertEqual(0, seen.code, seen.errors)
                self.assertIn("delete_customer", seen.offered)
                self.assertTrue(seen.tool_results[0][1].startswith("Refunded 50 usd of ch_105."), seen.tool_results)
                self.assertEqual(ERAS[era], self.toy.requests()[-1]["headers"].get("mcp-protocol-version"))

    def test_the_sdk_speaks_both_eras_to_the_toy(self):
        self.assertEqual("2026-07-28", sdk("v2", self.toy.url, "", [["refund_payment", SMALL]])["version"])
        self.assertEqual(4, len(sdk("v1", self.toy.url, "", [])["tools"]))

    def test_the_inspector_speaks_both_eras_to_the_toy(self):
        for era in ERAS:
            with self.subTest(era):
                done = inspector(era, self.toy.url, "", "tools/list")
                self.assertIn("delete_customer", done.stdout, done.stderr)
                self.assertEqual(ERAS[era], self.toy.requests()[-1]["headers"].get("mcp-protocol-version"))


class Through(Clients):
    """One gate, the refunds server behind it, the example policy, a fresh grant for each client."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder, token="upstream-secret"))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("refunds", cls.toy.url, "--header", "Authorization: Bearer upstream-secret")
        cls.gate.put_policy("refunds", REFUNDS_POLICY)

    def setUp(self):
        super().setUp()
        self.token = self.gate.mint(self.id().rsplit(".", 1)[-1][:60], server="refunds", policy="refunds")
        self.url = f"{self.gate.url}/mcp/refunds/"
        self.before = len(self.toy.requests())

    def arrived(self) -> list[dict]:
        return self.toy.requests()[self.before:]

    def check_upstream(self, era: str):
        """What the toy saw: only the allowed call, in the client's era, with its own credentials and never the grant."""
        calls = [request for request in self.arrived() if (request.get("body") or {}).get("method") == "tools/call"]
        self.assertEqual([50], [call["body"]["params"]["arguments"]["amount"] for call in calls])
        self.assertEqual(ERAS[era], calls[0]["headers"].get("mcp-protocol-version"))
        for request in self.arrived():
            self.assertEqual("Bearer upstream-secret", request["headers"].get("authorization"))
            self.assertNotIn(self.token, json.dumps(request))

    def check_records(self, tool_calls: int):
        label = self.gate.last_grant["grant"]["label"]
        rows = [row for row in self.gate.records(method="tools/call") if row.get("grant_label") == label]
        self.assertEqual(tool_calls, len(rows), rows)
        self.assertNotIn(self.token, json.dumps(rows))
        self.assertNotIn("upstream-secret", json.dumps(rows))

    def claude(self, era: str):
        seen = claude.run(self.folder / f"claude-{era}", self.url, script(("refund_payment", SMALL), ("refund_payment", LARGE)),
                          token=self.token, modern=era == "modern")
        self.assertEqual(0, seen.code, seen.errors)
        self.assertEqual({"gate": "connected"}, seen.server_status)
        self.assertEqual(VISIBLE, sorted(seen.mcp_tools))
        self.assertEqual(VISIBLE, sorted(seen.offered))
        (first_error, first), (second_error, second) = seen.tool_results
        self.assertFalse(first_error, first)
        self.assertTrue(first.startswith("Refunded 50 usd of ch_105."), first)
        self.assertTrue(second_error)
        self.assertIn(REFUSAL, second)
        self.check_upstream(era)
        self.check_records(2)

    def test_claude_code_in_the_2025_era_sees_the_filtered_list_and_the_refusal(self):
        self.claude("legacy")

    def test_claude_code_in_the_2026_era_sees_the_filtered_list_and_the_refusal(self):
        self.claude("modern")

    def sdk(self, generation: str, era: str):
        seen = sdk(generation, self.url, self.token, [["refund_payment", SMALL], ["refund_payment", LARGE], ["delete_customer", {"customer": "cus_1"}]])
        self.assertEqual(VISIBLE, seen["tools"])
        allowed, refused, hidden = seen["calls"]
        self.assertTrue(allowed["text"].startswith("Refunded 50 usd of ch_105."), allowed)
        self.assertEqual(-32603, refused["code"])
        self.assertIn(REFUSAL, refused["message"])
        self.assertIn("/tools/refund_payment/deny_if/0", json.dumps(refused["data"]))
        self.assertIn("code", hidden, "a hidden tool cannot be called")
        self.check_upstream(era)
        self.check_records(3)

    def test_the_first_sdk_generation_sees_the_filtered_list_and_the_refusal(self):
        self.sdk("v1", "legacy")

    def test_the_second_sdk_generation_sees_the_filtered_list_and_the_refusal(self):
        self.sdk("v2", "modern")

    def inspector(self, era: str):
        listed = inspector(era, self.url, self.token, "tools/list")
        self.assertEqual(0, listed.returncode, listed.stderr)
        self.assertEqual(VISIBLE, sorted(tool["name"] for tool in json.loads(listed.stdout)["tools"]))
        pairs = [f"{name}={value}" for name, value in SMALL.items()]
        allowed = inspector(era, self.url, self.token, "tools/call", "--tool-name", "refund_payment", "--tool-arg", *pairs)
        self.assertIn("Refunded 50 usd of ch_105.", allowed.stdout, allowed.stderr)
        pairs = [f"{name}={value}" for name, value in LARGE.items()]
        refused = inspector(era, self.url, self.token, "tools/call", "--tool-name", "refund_payment", "--tool-arg", *pairs)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn(REFUSAL, refused.stdout + refused.stderr)
        self.check_upstream(era)
        self.check_records(2)

    def test_the_inspector_in_the_2025_era_sees_the_filtered_list_and_the_refusal(self):
        self.inspector("legacy")

    def test_the_inspector_in_the_2026_era_sees_the_filtered_list_and_the_refusal(self):
        self.inspector("modern")
