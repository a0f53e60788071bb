"""The first start: one link, one owner, once."""
import base64
import hashlib
import http.client
import json
import re
import urllib.parse

from harness.gate import Gate
from harness.suite import GateCase


class Setup(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate = cls.keep(Gate(cls.folder))

    def ask(self, method, path, body=None):
        where = urllib.parse.urlsplit(self.gate.url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=5)
        headers = {"Origin": self.gate.url, "Content-Type": "application/json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def test_the_page_runs_its_own_script_and_nothing_else(self):     # T-64
        answer, page = self.ask("GET", "/setup")
        self.assertEqual(200, answer.status)
        policy = answer.getheader("Content-Security-Policy")
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for tag in ("script", "style"):
            text = re.search(f"<{tag}>(.*?)</{tag}>", page, re.S).group(1)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", policy)
        self.assertNotIn("http://", page)
        self.assertNotIn("https://", page)

    def test_the_link_makes_one_owner_and_then_never_works_again(self):     # T-73
        code = re.search(r"/setup#(\S+)", self.gate.child.tail()).group(1)
        answer, body = self.ask("POST", "/api/v1/setup", {"code": "wrong", "name": "eve"})
        self.assertGreaterEqual(answer.status, 400)
        answer, body = self.ask("POST", "/api/v1/setup", {"code": code, "name": "ada"})
        self.assertEqual(201, answer.status, body)
        token = json.loads(body)["token"]
        answer, body = self.ask("POST", "/api/v1/setup", {"code": code, "name": "eve"})
        self.assertGreaterEqual(answer.status, 400, body)
        journal = json.dumps(self.gate.records())
        self.assertNotIn(token, journal)
        self.assertNotIn(code, journal)
