"""The published SDKs at the shared endpoint: each lists and calls across two servers of either era, and sees the refusals of both."""
from e2e.interop_test import HERE, LARGE, REFUSAL, REVISIONS, SMALL, installed, python_sdk, typescript_sdk
from dev import pypi
from harness.gate import REFUNDS_POLICY, Gate
from harness.suite import GateCase
from harness.upstreams import Refunds

TOOLS = [f"{server}__{tool}" for server in ("newer", "older") for tool in ("get_charge", "list_charges", "refund_payment")]
STORY = [[f"{server}__refund_payment", amount] for server in ("older", "newer") for amount in (SMALL, LARGE)]


class SharedEndpoint(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toys = {name: cls.keep(Refunds(cls.folder, era=era)) for name, era in (("older", "legacy"), ("newer", "modern"))}
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        for name, toy in cls.toys.items():
            cls.gate.add_server(name, toy.url, "--policy", "refunds")
        cls.url = f"{cls.gate.url}/mcp"

    def check(self, label, use):
        before = {name: len(toy.calls()) for name, toy in self.toys.items()}
        seen = use(self.url, self.gate.mint(label, server="*"), STORY)
        self.assertEqual(TOOLS, sorted(seen["tools"]))
        for allowed, refused in (seen["calls"][:2], seen["calls"][2:]):
            self.assertTrue(allowed.get("text", "").startswith("Refunded 50 usd of ch_105."), allowed)
            self.assertIn(REFUSAL, refused.get("message") or refused.get("text", ""))
        for name, toy in self.toys.items():
            self.assertEqual([50], [call["arguments"]["amount"] for call in toy.calls()[before[name]:]], name)
        rows = [row for row in self.gate.records(method="tools/call") if row.get("grant_label") == label and row["server"] in self.toys]
        self.assertEqual([("newer", "allow"), ("newer", "deny"), ("older", "allow"), ("older", "deny")],
                         sorted((row["server"], row["effect"]) for row in rows))
        return seen

    def test_the_first_typescript_sdk(self):
        self.check("typescript-v1", lambda *story: typescript_sdk("v1", *story))

    def test_the_second_typescript_sdk(self):
        self.assertEqual("2026-07-28", self.check("typescript-v2", lambda *story: typescript_sdk("v2", *story))["version"])

    def test_the_python_sdks(self):
        for generation, era in (("v1", "legacy"), ("v2", "legacy"), ("v2", "modern")):
            with self.subTest(f"{generation} {era}"):
                installed(lambda: pypi.environment(HERE / f"requirements-{generation}.txt"))
                seen = self.check(f"python-{generation}-{era}", lambda *story: python_sdk(generation, era, *story))
                self.assertEqual(REVISIONS[era], seen["version"])
