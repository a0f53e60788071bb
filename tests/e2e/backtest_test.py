"""Back-tests over a real gate: calls are made, a draft is tried on them, and what comes out is what the gate would have done."""
import json

from harness.gate import REFUNDS_POLICY, Gate
from harness.suite import GateCase
from harness.upstreams import Refunds

STRICTER = """version: "1"
default: deny
tools:
  get_charge: {}
  refund_payment:
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 40}]
        on_deny: "Refund blocked: more than 40."
    limits:
      - {counter: small_refunds, window: day, max: 50, scope: grant, increment_from: args.amount}
"""


class Backtest(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder))
        cls.gate = cls.keep(Gate(cls.folder / "gate"))
        cls.gate.add_server("refunds", cls.toy.url)
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        cls.client = cls.gate.client(cls.gate.mint("laptop", server="refunds", policy="refunds"), "refunds")
        for amount in (30, 15, 50, 2000):
            cls.client.call("refund_payment", charge_id="ch_105", amount=amount, currency="usd")
        cls.client.call("list_charges")
        cls.draft = cls.folder / "stricter.yaml"
        cls.draft.write_text(STRICTER)

    def refused(self) -> dict:
        return next(row for row in self.gate.records(kind="call", tool="refund_payment", effect="deny") if row["arguments"]["amount"] == 2000)

    def test_a_refusal_is_told_in_words(self):
        record = self.refused()
        told = self.gate.run("audit", "why", record["decision"]).stdout
        self.assertIn("refused by /tools/refund_payment/deny_if/0 (line 15) of policy refunds, version 1", told)
        self.assertIn("denies when args.amount gt 1000; it saw 2000", told)
        self.assertIn("Refund blocked: Amount exceeds developer limit.", told)
        self.assertIn("now       deny by /tools/refund_payment/deny_if/0", told)
        self.assertEqual("policy.deny_if", self.gate.json("audit", "why", record["sequence"])["reason"])

    def test_who_can_call_a_tool(self):
        def laptop(tool, *more):
            items = self.gate.json("policy", "who", "refunds", tool, *more)["items"]
            return next(item for item in items if item["label"] == "laptop")

        self.assertEqual("depends", laptop("refund_payment")["verdict"])
        self.assertEqual("args.currency, args.amount", laptop("refund_payment")["depends_on"])
        self.assertEqual("deny", laptop("refund_payment", "--args", '{"amount": 5000, "currency": "usd"}')["verdict"])
        self.assertEqual("hidden", laptop("delete_customer")["verdict"])

    def test_a_refusal_becomes_a_test_where_the_record_holds_it_all(self):
        draft = self.folder / "tested.yaml"
        draft.write_text(REFUNDS_POLICY.read_text())
        refused = self.gate.run("policy", "test-from", self.refused()["sequence"], "--file", draft, "--write", check=False)
        self.assertEqual(8, refused.returncode, refused.stdout)       # charge_id is reduced
        self.assertIn("does not hold all of the arguments", refused.stderr)
        self.assertEqual(REFUNDS_POLICY.read_text(), draft.read_text())
        self.gate.run("server", "edit", "refunds", "--capture", "full")
        self.client.call("refund_payment", charge_id="ch_105", amount=1700, currency="usd")
        sequence = next(row["sequence"] for row in self.gate.records(kind="call", effect="deny") if row["arguments"].get("amount") == 1700)
        self.gate.run("policy", "test-from", sequence, "--file", draft, "--write")
        self.assertEqual(1, len(draft.read_text().splitlines()) - len(REFUNDS_POLICY.read_text().splitlines()))
        self.assertIn("5 passed, 0 failed", self.gate.run("policy", "test", draft).stderr)
        self.gate.run("server", "edit", "refunds", "--capture", "redacted")

    def test_a_rule_in_shadow_is_watched_and_then_promoted(self):
        self.gate.put_policy("watched", 'version: "1"   # watched\ndefault: allow\ntools:\n  get_charge:\n    deny_if:\n'
                             '      - conditions: [{path: args.charge_id, op: eq, value: ch_105}]\n        mode: shadow   # for a week\n')
        client = self.gate.client(self.gate.mint("watched", server="refunds", policy="watched"), "refunds")
        self.assertFalse(client.call("get_charge", charge_id="ch_105").error)
        self.assertIn("/tools/get_charge/deny_if/0", self.gate.run("policy", "shadow", "watched").stdout)
        self.gate.run("policy", "promote", "watched", "--rule", "/tools/get_charge/deny_if/0", "--reason", "quiet", "--yes")
        self.assertIn("mode: enforce   # for a week", self.gate.run("policy", "show", "watched").stdout)
        self.assertTrue(client.call("get_charge", charge_id="ch_105").error)

    def backtest(self, *more, check=True):
        done = self.gate.run("policy", "backtest", self.draft, "--policy", "refunds", "-o", "json", *more, check=check)
        return done.returncode, json.loads(done.stdout)

    def test_a_draft_says_what_it_would_change(self):
        code, told = self.backtest()
        self.assertEqual(0, code)
        total = told["run"]["report"]["total"]
        self.assertEqual(2, total["newly_denied"], told)      # 50 by the rule, list_charges by the default
        self.assertEqual(3, total["unchanged"])               # 30 and 15 pass, 2000 is refused, by a rule at the same place
        denied = {change["tool"]: change for change in told["changes"] if change["change"] == "newly_denied"}
        self.assertEqual("/tools/refund_payment/deny_if/0", denied["refund_payment"]["now"]["rule"])
        self.assertEqual("allow", denied["refund_payment"]["was"]["verdict"])
        self.assertEqual("/default", denied["list_charges"]["now"]["rule"])

    def test_a_pipeline_gets_an_exit_code(self):
        self.assertEqual(20, self.backtest("--fail-on", "newly-denied", check=False)[0])
        self.assertEqual(0, self.backtest("--fail-on", "newly-allowed")[0])

    def test_limits_are_counted_as_they_would_have_been(self):
        self.draft.write_text(STRICTER.replace("max: 50", "max: 40"))
        try:
            told = self.backtest("--change", "newly_denied")[1]
        finally:
            self.draft.write_text(STRICTER)
        limited = [change for change in told["changes"] if change["now"]["reason"] == "limits.exceeded"]
        self.assertEqual(1, len(limited), told)
        self.assertIn("30 of 40 would have been used, 15 more asked for", limited[0]["why"])

    def test_what_was_not_kept_is_not_guessed(self):
        draft = self.folder / "needs.yaml"
        draft.write_text('version: "1"\ndefault: allow\ntools: {refund_payment: {deny_if: '
                         '[{conditions: [{path: args.charge_id, op: eq, value: ch_105}]}]}}\n')
        told = self.gate.json("policy", "backtest", draft, "--policy", "refunds")
        self.assertEqual([{"why": "/tools/refund_payment/deny_if/0 needs args.charge_id", "calls": 4}], told["run"]["report"]["undecided"])
        shown = self.gate.run("policy", "backtest", draft, "--policy", "refunds").stdout
        self.assertIn("cannot be judged", shown)
        self.assertNotIn("ch_105", shown)
