"""The shared endpoint /mcp: one client, in either era, uses several servers at once, in either era."""
import http.client
import json
import queue
import threading
import unittest

from conformance import legs as suites
from dev import shell
from harness.gate import REFUNDS_POLICY, Gate
from harness.mcp import LEGACY, MODERN, Client
from harness.suite import GateCase
from harness.upstreams import Refunds


class Shared(GateCase):
    ENV: dict[str, str] = {}
    BEFORE: tuple[str, ...] = ()        # kinds of record before that of an allowed call

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.older = cls.keep(Refunds(cls.folder, era="legacy"))
        cls.newer = cls.keep(Refunds(cls.folder, era="modern"))
        cls.gate = cls.keep(Gate(cls.folder, env=cls.ENV))
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

    def test_a_call_is_recorded_once_whatever_the_eras(self):
        for era in (LEGACY, MODERN):
            for server in ("older", "newer"):
                with self.subTest(f"{era} to {server}"):
                    client = self.client(era)
                    client.tools()
                    before = len(self.gate.records(method="tools/call"))
                    client.call(f"{server}__refund_payment", charge_id="ch_105", amount=5, currency="usd")
                    client.call(f"{server}__refund_payment", charge_id="ch_105", amount=5000, currency="usd")
                    seen = [(record["kind"], record["server"], record["effect"]) for record in self.gate.records(method="tools/call")[before:]]
                    intended = [(kind, server, "allow") for kind in self.BEFORE]
                    self.assertEqual([*intended, ("call", server, "allow"), ("call", server, "deny")], seen)

    def test_the_policy_of_the_server_decides(self):
        for era in (LEGACY, MODERN):
            with self.subTest(era):
                before = len(self.newer.calls())
                reply = self.client(era).call("newer__refund_payment", charge_id="ch_105", amount=5000, currency="usd")
                self.assertIn(b"Refund blocked: Amount exceeds developer limit.", reply.body)
                self.assertEqual(before, len(self.newer.calls()))
                record = self.gate.records(tool="refund_payment", effect="deny")[-1]
                self.assertEqual("newer", record["server"])


class Strict(Shared):
    ENV = {"CALLGATE_AUDIT_COMMIT": "before_effect"}
    BEFORE = ("intent",)


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


class Stream:
    """An event stream that stays open, read on a thread; `next` gives one message after the other."""

    def __init__(self, client: Client, method: str, body: bytes | None = None, headers: dict | None = None):
        self.connection = http.client.HTTPConnection(client.url.hostname, client.url.port, timeout=60)
        self.connection.request(method, client.url.path, body, client.standard_headers() | (headers or {}))
        self.answer = self.connection.getresponse()
        self.messages = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                if line.startswith(b"data:") and line[5:].strip():
                    self.messages.put(json.loads(line[5:]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def next(self, method: str) -> dict:
        while True:
            message = self.messages.get(timeout=10)
            if message.get("method") == method:
                return message["params"]

    def stop(self):
        self.connection.close()


class Watching(GateCase):
    """Resource subscriptions: each at its own server, of either era, told under the client's own name for it."""
    URI = "test://watched-resource"
    TOUCH = "touch_watched_resource"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            suites.install()
        except shell.Failed as failure:
            raise unittest.SkipTest(f"the fixture cannot be installed: {failure}") from None
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("open", suites.POLICY)
        for name, era in (("older", "legacy"), ("newer", "modern")):
            folder = cls.folder / name
            folder.mkdir()
            cls.gate.add_server(name, cls.keep(suites.Fixture(folder, era)).url, "--policy", "open")
        cls.token = cls.gate.mint("both", server="*")

    def client(self, era):
        return Client(f"{self.gate.url}/mcp", token=self.token, era=era)

    def touched(self, client, stream):
        for server in ("older", "newer"):
            client.call(f"{server}__{self.TOUCH}")
            self.assertEqual(f"{server}+{self.URI}", stream.next("notifications/resources/updated")["uri"])

    def test_a_client_of_2026_hears_of_both(self):
        client = self.client(MODERN)
        uris = [f"{server}+{self.URI}" for server in ("older", "newer")]
        message = client.message("subscriptions/listen", {"notifications": {"resourceSubscriptions": [*uris, "nobody+test://x"]}}, "sub")
        stream = self.keep(Stream(client, "POST", json.dumps(message).encode(), {"Mcp-Method": "subscriptions/listen"}))
        self.assertEqual(sorted(uris), sorted(stream.next("notifications/subscriptions/acknowledged")["notifications"]["resourceSubscriptions"]))
        self.touched(client, stream)

    def test_a_client_of_2025_hears_of_both(self):
        client = self.client(LEGACY)
        client.open()
        stream = self.keep(Stream(client, "GET", headers={"Accept": "text/event-stream"}))
        for server in ("older", "newer"):
            self.assertEqual({}, client.request("resources/subscribe", {"uri": f"{server}+{self.URI}"}).result)
        for _ in range(50):                     # the streams below open beside the answer
            client.call(f"newer__{self.TOUCH}")
            try:
                self.assertEqual(f"newer+{self.URI}", stream.messages.get(timeout=0.2)["params"]["uri"])
                break
            except queue.Empty:
                continue
        while not stream.messages.empty():
            stream.messages.get()
        self.touched(client, stream)

    def test_subscriptions_that_replace_each_other_at_once_are_all_answered(self):
        client = self.client(LEGACY)
        client.open()
        self.keep(Stream(client, "GET", headers={"Accept": "text/event-stream"}))
        for turn in range(10):                  # each begins what the next one gives up, perhaps before it was begun
            waiting = []
            for number in range(8):
                connection = http.client.HTTPConnection(client.url.hostname, client.url.port, timeout=60)
                message = client.message("resources/subscribe", {"uri": f"newer+{self.URI}{turn}-{number}"}, f"{turn}-{number}")
                connection.request("POST", client.url.path, json.dumps(message).encode(), client.standard_headers())
                waiting.append(connection)
            for connection in waiting:
                self.assertEqual(200, connection.getresponse().status)
                connection.close()
