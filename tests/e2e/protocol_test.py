"""The gate as rude clients see it: nothing refused reaches the upstream, and every refusal leaves a record."""
import json
import socket
import time
import urllib.parse

from harness.gate import REFUNDS_POLICY, Gate
from harness.mcp import LEGACY, MODERN
from harness.processes import eventually
from harness.suite import GateCase
from harness.upstreams import Refunds

SMALL = {"charge_id": "ch_105", "amount": 5, "currency": "usd"}


class Protocol(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder))
        cls.gate = cls.keep(Gate(cls.folder, env={"CALLGATE_TIMEOUTS_HEAD": "2s"}))
        cls.gate.add_server("refunds", cls.toy.url)
        cls.gate.put_policy("refunds", REFUNDS_POLICY)
        cls.token = cls.gate.mint("rude", server="refunds", policy="refunds")

    def setUp(self):
        self.before = len(self.toy.requests())

    def client(self, era=MODERN, token=None):
        return self.gate.client(self.token if token is None else token, "refunds", era=era)

    def arrived(self) -> int:
        return len(self.toy.requests()) - self.before

    def refused(self, reply, *statuses):
        self.assertIn(reply.status, statuses, reply.body[:300])
        self.assertEqual(0, self.arrived(), "a refused request reached the upstream")

    def raw_status(self, data: bytes) -> int:
        """0: closed without an answer."""
        answer = self.client().raw(data, timeout_s=3)
        return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0

    def head(self, *lines: str, path="/mcp/refunds/", method="POST") -> bytes:
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")

    # -- who

    def test_no_credential_or_a_wrong_one_is_401_and_recorded(self):     # T-63
        for token in ("", "nonsense", self.token[:-1] + ("A" if self.token[-1] != "A" else "B"), self.token.swapcase()):
            with self.subTest(token[:6]):
                self.refused(self.client(token=token).request("tools/list"), 401)
        self.assertGreaterEqual(len([row for row in self.gate.records() if row["kind"] == "refusal"]), 4)
        self.assertNotIn(self.token, json.dumps(self.gate.records()))

    def test_a_credential_in_the_url_is_refused(self):     # T-63
        client = self.client(token="")
        path = client.url.path + "?" + urllib.parse.urlencode({"access_token": self.token})
        self.refused(client.http("POST", b"{}", path=path), 400, 401)
        self.assertNotIn(self.token, json.dumps(self.gate.records()))

    def test_two_authorization_headers_are_refused(self):     # T-66
        line = f"Authorization: Bearer {self.token}"
        self.assertEqual(401, self.raw_status(self.head("Host: 127.0.0.1", line, line, "Content-Type: application/json", "Content-Length: 2") + b"{}"))

    def test_a_revoked_grant_is_refused_on_the_next_call_of_an_open_session(self):     # T-61
        token = self.gate.mint("short-lived", server="refunds", policy="refunds")
        client = self.client(era=LEGACY, token=token)
        self.assertIn("refund_payment", client.tools())
        self.gate.run("grant", "revoke", self.gate.last_grant["grant"]["id"], "--yes")
        self.assertEqual(401, client.request("tools/list").status)

    def test_a_revoked_grant_loses_its_open_stream_within_a_second(self):     # T-61
        token = self.gate.mint("streaming", server="refunds", policy="refunds")
        client = self.client(era=LEGACY, token=token)
        client.open()
        lines = [f"Authorization: Bearer {token}", f"Mcp-Session-Id: {client.session}", f"MCP-Protocol-Version: {LEGACY}", "Accept: text/event-stream"]
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=5) as sock:
            sock.sendall(self.head("Host: 127.0.0.1", *lines, method="GET"))
            first = sock.recv(4096)
            self.assertTrue(first.startswith(b"HTTP/1.1 200"), first[:200])
            self.gate.run("grant", "revoke", self.gate.last_grant["grant"]["id"], "--yes")
            revoked = time.monotonic()
            sock.settimeout(3)
            while sock.recv(4096):
                pass
            self.assertLess(time.monotonic() - revoked, 1.5)

    # -- sessions (T-60)

    def test_a_session_of_another_grant_does_not_exist(self):     # T-60
        mine = self.client(era=LEGACY)
        mine.open()
        other = self.client(era=LEGACY, token=self.gate.mint("other", server="refunds", policy="refunds"))
        other.session, other.opened = mine.session, True
        self.before = len(self.toy.requests())
        self.refused(other.call("get_charge", charge_id="ch_101"), 404)
        self.assertEqual(200, mine.call("get_charge", charge_id="ch_101").status, "its owner still has it")

    def test_session_ids_are_long_and_never_the_upstreams(self):     # T-60
        ids = set()
        for _ in range(5):
            client = self.client(era=LEGACY)
            client.open()
            ids.add(client.session)
        self.assertEqual(5, len(ids))
        self.assertTrue(all(len(one) >= 22 for one in ids))
        theirs = {request["headers"].get("mcp-session-id") for request in self.toy.requests()} - {None}
        self.assertEqual(set(), ids & theirs)

    def test_a_call_without_initialize_is_refused_in_the_2025_era(self):     # T-60
        client = self.client(era=LEGACY)
        client.opened = True
        self.refused(client.call("get_charge", charge_id="ch_101"), 400, 404)

    def test_a_deleted_session_is_gone(self):     # T-60
        client = self.client(era=LEGACY)
        client.open()
        self.assertIn(client.http("DELETE").status, (200, 202, 204))
        self.before = len(self.toy.requests())
        reply = client.call("get_charge", charge_id="ch_101")
        self.assertEqual(404, reply.status)

    # -- paths (T-62)

    def test_path_tricks_lead_nowhere(self):     # T-62
        for path in ("/mcp/refunds/../refunds/", "/mcp/%72efunds/", "/mcp//refunds/", "/mcp/refunds/x", "/mcp/REFUNDS/", "/mcp/refunds%2f", "/mcp/./refunds/",
                     "/mcp/refunds;x/", "//mcp/refunds/", "/mcp/refunds/%2e%2e/refunds/", "/MCP/refunds/", "/mcp/refunds%00/"):
            with self.subTest(path):
                data = json.dumps(self.client().message("tools/list", {})).encode()
                status = self.raw_status(self.head("Host: 127.0.0.1", f"Authorization: Bearer {self.token}", "Content-Type: application/json",
                                                   "Accept: application/json, text/event-stream", f"MCP-Protocol-Version: {MODERN}",
                                                   "Mcp-Method: tools/list", f"Content-Length: {len(data)}", "Connection: close", path=path) + data)
                self.assertIn(status, (400, 401, 404, 0))
        self.assertEqual(0, self.arrived())

    def test_the_server_is_found_by_slug_and_by_id_with_and_without_a_slash(self):
        entry = next(server for server in self.gate.json("server", "ls")["items"] if server["slug"] == "refunds")
        for path in ("/mcp/refunds", "/mcp/refunds/", f"/mcp/{entry['id']}", f"/mcp/{entry['id']}/"):
            with self.subTest(path):
                client = self.client()
                client.url = client.url._replace(path=path)
                self.assertIn("refund_payment", client.tools())

    def test_a_grant_of_one_server_says_nothing_about_another(self):     # T-62
        self.gate.add_server("payroll", self.toy.url)
        self.before = len(self.toy.requests())
        other = self.gate.client(self.token, "payroll", era=MODERN)
        nowhere = self.gate.client(self.token, "no-such-server", era=MODERN)
        for tool in ("get_charge", "no_such_tool"):
            theirs, unknown = other.call(tool, charge_id="ch_101"), nowhere.call(tool, charge_id="ch_101")
            self.refused(theirs, 403, 404)
            self.assertEqual((unknown.status, unknown.error.get("code")), (theirs.status, theirs.error.get("code")))
            self.assertEqual(unknown.error.get("message", "").replace("no-such-server", "*"), theirs.error.get("message", "").replace("payroll", "*"))

    # -- bytes (T-64, T-66)

    def test_foreign_hosts_and_origins_are_refused(self):     # T-64
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{self.gate.port}"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            with self.subTest(str(headers)):
                self.refused(self.client().request("tools/list", headers=headers), 400, 403, 421)

    def test_two_readings_of_one_request_are_refused(self):     # T-66
        auth = f"Authorization: Bearer {self.token}"
        usual = ["Host: 127.0.0.1", auth, "Content-Type: application/json"]
        cases = {
            "length and chunked": ["Content-Length: 4", "Transfer-Encoding: chunked"],
            "two lengths": ["Content-Length: 2", "Content-Length: 3"],
            "length list": ["Content-Length: 2, 2"],
            "unknown coding": ["Transfer-Encoding: xchunked"],
            "coding list": ["Transfer-Encoding: gzip, chunked"],
            "space before colon": ["Content-Length : 2"],
            "folded": ["X-A: b", " c", "Content-Length: 2"],
            "negative": ["Content-Length: -2"],
            "plus": ["Content-Length: +2"],
        }
        for name, lines in cases.items():
            with self.subTest(name):
                self.assertIn(self.raw_status(self.head(*usual, *lines) + b"{}\r\n0\r\n\r\n"), (400, 411, 413, 501, 0))
        bare = self.head(*usual, "Content-Length: 2").replace(b"\r\n", b"\n") + b"{}"
        self.assertIn(self.raw_status(bare), (400, 0))
        self.assertEqual(0, self.arrived())

    def test_headers_that_disagree_with_the_body_are_refused(self):     # T-66
        for headers in ({"Mcp-Method": "tools/list"}, {"Mcp-Name": "get_charge"}, {"MCP-Protocol-Version": LEGACY}):
            with self.subTest(str(headers)):
                self.refused(self.client().request("tools/call", {"name": "refund_payment", "arguments": SMALL}, headers=headers), 400)

    def test_batches_and_broken_json_are_refused_and_recorded(self):
        client = self.client(era=LEGACY)
        client.open()
        call = client.message("tools/call", {"name": "refund_payment", "arguments": SMALL})
        self.before = len(self.toy.requests())
        rows = len(self.gate.records())
        bodies = [json.dumps([call, call]).encode(), b"[]", b"", b"{", b'{"jsonrpc":"2.0"}', b"\xff\xfe{}", b'\xef\xbb\xbf' + json.dumps(call).encode(),
                  json.dumps(call).encode() + b" {}", json.dumps(call).encode().replace(b'"amount": 5', b'"amount": 5, "amount": 5000'),
                  json.dumps(call).encode().replace(b'"amount": 5', b'"amount": 5, "Amount": 5000')]
        for body in bodies:
            with self.subTest(body[:60]):
                self.refused(client.http("POST", body), 400)
        self.assertGreaterEqual(len(self.gate.records()) - rows, len(bodies))

    def test_unknown_methods_are_refused_and_recorded(self):
        for era in (LEGACY, MODERN):
            client = self.client(era=era)
            if era == LEGACY:
                client.open()
            self.before = len(self.toy.requests())
            reply = client.request("tools/invent")
            self.assertEqual(-32601, reply.error.get("code"), reply.body)
            self.assertEqual(0, self.arrived())
        self.assertEqual(2, len([row for row in self.gate.records(method="tools/invent") if row["effect"] == "deny"]))

    def test_a_slow_head_is_cut_off_and_others_are_served_meanwhile(self):
        socks = [socket.create_connection(("127.0.0.1", self.gate.port)) for _ in range(50)]
        for sock in socks:
            sock.sendall(b"POST /mcp/refunds/ HTTP/1.1\r\nHost: 127")
        self.assertIn("refund_payment", self.client().tools())
        for sock in socks:
            sock.settimeout(15)
            while sock.recv(4096):
                pass
            sock.close()

    # -- what the upstream is told

    def test_only_our_own_header_lines_reach_the_upstream(self):     # T-66
        extra = {"X-Forwarded-For": "1.2.3.4", "Cookie": "a=b", "X-Api-Key": "k", "Proxy-Authorization": "x", "Forwarded": "for=1.2.3.4", "Via": "1.1 x",
                 "User-Agent": "evil/1"}
        self.assertEqual(200, self.client().request("tools/call", {"name": "refund_payment", "arguments": SMALL}, headers=extra).status)
        seen = self.toy.requests()[-1]["headers"]
        for name in ("x-forwarded-for", "cookie", "x-api-key", "proxy-authorization", "forwarded", "authorization", "via"):
            self.assertNotIn(name, seen)

    def test_the_upstream_gets_canonical_bytes_of_what_was_judged(self):
        client = self.client()
        message = client.message("tools/call", {"name": "refund_payment", "arguments": dict(SMALL, amount="@")})
        body = json.dumps(message, indent=3).replace('"@"', "5.0").replace("refund_payment", "refund\\u005fpayment").encode()
        reply = client.http("POST", body, {"Mcp-Method": "tools/call", "Mcp-Name": "refund_payment"})
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual("refund_payment", self.toy.calls()[-1]["name"])

    def test_a_record_shows_the_decision_the_client_was_given(self):
        reply = self.client().call("refund_payment", charge_id="ch_105", amount=5000, currency="usd")
        decision = reply.error["data"]["decision_id"]
        row = eventually(lambda: next((row for row in self.gate.records() if row.get("decision") == decision), None), "the record")
        self.assertEqual(("deny", "/tools/refund_payment/deny_if/0", "refund_payment"), (row["effect"], row["rule"], row["tool"]))
