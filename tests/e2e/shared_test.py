"""The shared endpoint /mcp: one client, in either era, uses several servers at once, in either era."""
from harness.gate import REFUNDS_POLICY, Gate
from harness.mcp import LEGACY, MODERN, Client
from harness.suite import GateCase
from harness.upstreams import Refunds


class Shared(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.older = cls.keep(Refunds(cls.folder, era="legacy"))
        cls.newer = cls.keep(Refunds(cls.folder, era="modern"))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        cls.gate.add_server("older", cls.older.url, "--policy", "refunds")
        cls.gate.add_server("newer", cls.newer.url, "--policy", "refunds")
        cls.token = cls.gate.mint("both", server="*")

    def client(self, era):
        return Client(f"{self.gate.url}/mcp", token=self.token, era=era)

    def test_a_client_of_either_era_sees_and_calls_both(self):
        for era in (LEGACY, MODERN):
            with self.subTest(era):
                client = self.client(era)
                tools = client.tools()
                self.assertIn("older__refund_payment", tools)
                self.assertIn("newer__refund_payment", tools)
                self.assertFalse([name for name in tools if "delete_customer" in name], "a hidden tool is listed")
                before = len(self.older.calls()), len(self.newer.calls())
                for server in ("older", "newer"):
                    reply = client.call(f"{server}__refund_payment", charge_id="ch_105", amount=5, currency="usd")
                    self.assertEqual(200, reply.status, reply.body[:300])
                    self.assertNotIn(b'"error"', reply.body)
                self.assertEqual((before[0] + 1, before[1] + 1), (len(self.older.calls()), len(self.newer.calls())))

    def test_the_policy_of_the_server_decides(self):
        for era in (LEGACY, MODERN):
            with self.subTest(era):
                before = len(self.newer.calls())
                reply = self.client(era).call("newer__refund_payment", charge_id="ch_105", amount=5000, currency="usd")
                self.assertIn(b"Refund blocked: Amount exceeds developer limit.", reply.body)
                self.assertEqual(before, len(self.newer.calls()))
                record = self.gate.records(tool="refund_payment", effect="deny")[-1]
                self.assertEqual("newer", record["server"])


class Search(GateCase):
    """With `shared.search_above`, two tools stand for many."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.older = cls.keep(Refunds(cls.folder, era="legacy"))
        cls.newer = cls.keep(Refunds(cls.folder, era="modern"))
        cls.gate = cls.keep(Gate(cls.folder, env={"CALLGATE_SHARED_SEARCH_ABOVE": "3"}))
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        cls.gate.add_server("older", cls.older.url, "--policy", "refunds")
        cls.gate.add_server("newer", cls.newer.url, "--policy", "refunds")
        cls.token = cls.gate.mint("both", server="*")

    def test_what_is_found_can_be_called_and_nothing_else(self):  # T-30
        for era in (LEGACY, MODERN):
            with self.subTest(era):
                client = Client(f"{self.gate.url}/mcp", token=self.token, era=era)
                self.assertEqual({"search_tools", "call_tool"}, set(client.tools()))
                found = client.call("search_tools", query="refund a payment").body
                self.assertIn(b"older__refund_payment", found)
                self.assertIn(b"newer__refund_payment", found)
                self.assertNotIn(b"delete_customer", found)
                before = len(self.older.calls())
                reply = client.call("call_tool", name="older__refund_payment", arguments={"charge_id": "ch_105", "amount": 5, "currency": "usd"})
                self.assertNotIn(b'"error"', reply.body)
                self.assertEqual(before + 1, len(self.older.calls()))
                reply = client.call("call_tool", name="older__refund_payment", arguments={"charge_id": "ch_105", "amount": 5000, "currency": "usd"})
                self.assertIn(b"Refund blocked: Amount exceeds developer limit.", reply.body)
                reply = client.call("call_tool", name="older__delete_customer", arguments={})
                self.assertIn(b"Unknown tool", reply.body)
                self.assertEqual(before + 1, len(self.older.calls()))
