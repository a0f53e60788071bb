"""A server that misbehaves: the client gets one honest answer, the record says what happened, and the gate goes on serving."""
import http.client
import json

from harness.gate import Gate
from harness.mcp import LEGACY, MODERN
from harness.suite import GateCase
from harness.upstreams import Hostile

POLICY = """
version: "1"
default: allow
tools:
  slow:
    limits: [{counter: slow_calls, window: day, max: 1, scope: grant}]
"""
FAULTS = ("reset", "half", "close_at_once", "redirect", "not_json", "wrong_id", "duplicate_keys", "status_500", "length_and_chunked", "two_lengths",
          "bad_chunk", "huge_head", "endless_head", "stream_cut", "empty", "deep")


class UpstreamFaults(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.keep(Hostile())
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("bad", cls.upstream.url, "--header", "Authorization: Bearer upstream-secret", "--call-timeout", "2s")
        cls.gate.put_policy("bad", POLICY)
        cls.token = cls.gate.mint("client", server="bad", policy="bad")

    def setUp(self):
        self.upstream.release.clear()

    def client(self, era=MODERN):
        return self.gate.client(self.token, "bad", era=era)

    def record_of(self, tool: str) -> dict:
        return [row for row in self.gate.records(method="tools/call") if row.get("tool") == tool][-1]

    def test_every_fault_is_an_error_to_the_client_and_is_recorded(self):
        for tool in FAULTS:
            for era in (MODERN, LEGACY):
                with self.subTest(f"{tool} {era}"):
                    before = len(self.upstream.calls(tool))
                    client = self.client(era)
                    try:
                        reply = client.call(tool)
                        self.assertNotIn("result", reply.last, f"a fault came through as a result: {reply.body[:300]}")
                        self.assertNotIn(b"secret", reply.body)
                        self.assertNotIn(b"169.254", reply.body)
                    except (OSError, http.client.HTTPException):
                        pass                              # a stream that had begun is cut: that is honest too
                    self.assertEqual(1, len(self.upstream.calls(tool)) - before, "a tools/call is sent once, whatever happens")
                    self.assertNotIn(self.record_of(tool).get("outcome"), ("result", "tool_error"))
        self.assertEqual('{"a": 1}', self.client().call("echo", a=1).text, "the gate goes on")

    def test_progress_is_relayed_before_the_result(self):
        for era in (MODERN, LEGACY):
            with self.subTest(era):
                reply = self.client(era).request("tools/call", {"name": "progress", "arguments": {"steps": 3}, "_meta": {"progressToken": "p1"}})
                self.assertEqual(["notifications/progress"] * 3, [message.get("method") for message in reply.messages[:3]], reply.body)
                self.assertEqual("done", reply.text)

    def test_thousands_of_events_arrive_in_order(self):
        reply = self.client().call("many_events", count=3000)
        data = [message["params"]["data"].split()[0] for message in reply.messages if "params" in message]
        self.assertEqual([str(number) for number in range(3000)], data)

    def test_a_slow_server_is_given_up_on_and_the_call_stays_counted(self):
        self.assertIn("error", self.client().call("slow", seconds=8).last)
        self.assertEqual("upstream.timeout", self.record_of("slow")["reason"])
        again = self.client().call("slow", seconds=8)
        self.assertIn("slow_calls", json.dumps(again.error), "a call that may have had an effect keeps its count")

    def test_compressed_answers_are_not_asked_for(self):
        self.client().call("echo")
        self.assertIn(self.upstream.requests[-1].header("Accept-Encoding"), (None, "identity"))
        reply = self.client().call("gzip")
        self.assertTrue("error" in reply.last or reply.text == "zipped", reply.body[:200])

    def test_a_giant_answer_is_bounded(self):
        try:
            reply = self.client().call("giant_stream", bytes=64 << 20)
            self.assertIn("error", reply.last)
        except (OSError, http.client.HTTPException):
            pass
        self.assertEqual("{}", self.client().call("echo").text)

    def test_a_servers_401_is_not_the_clients(self):
        reply = self.client().call("status_401")
        self.assertNotEqual(401, reply.status)
        self.assertNotIn("www-authenticate", reply.headers)
        self.assertIn("error", reply.last)

    def test_a_servers_request_to_the_client_is_not_relayed_in_the_2026_era(self):
        reply = self.client().call("ask_sampling")
        self.assertNotIn("sampling/createMessage", [message.get("method") for message in reply.messages])

    def test_a_client_that_leaves_is_recorded(self):
        client = self.gate.client(self.token, "bad", era=MODERN, timeout_s=0.5)
        with self.assertRaises(OSError):
            client.call("stream_silent", seconds=1)
        self.upstream.release.set()
        self.assertEqual('{"b": 2}', self.client().call("echo", b=2).text)

    def test_the_servers_credential_is_in_no_record(self):
        self.client().call("echo_secret")
        self.assertIn("Bearer upstream-secret", [request.header("Authorization") for request in self.upstream.requests])
        self.assertNotIn("upstream-secret", json.dumps(self.gate.records()))
