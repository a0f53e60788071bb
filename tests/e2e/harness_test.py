"""The harness itself, without a gate: a test that cannot fail proves nothing, so neither may the tools it stands on."""
import http.client

from harness.mcp import MODERN, Client, events
from harness.suite import GateCase
from harness.upstreams import Hostile


class Harness(GateCase):
    needs_gate = False

    def test_the_client_reads_json_and_event_streams_in_both_eras(self):
        with Hostile() as upstream:
            for era in ("2025-11-25", MODERN):
                client = Client(upstream.url, era=era)
                self.assertIn("echo", client.tools())
                self.assertEqual('{"a": 1}', client.call("echo", a=1).text)
                progress = client.call("progress", steps=2)
                self.assertEqual(3, len(progress.messages))
                self.assertEqual("done", progress.text)
            self.assertEqual(["echo", "progress"] * 2, [call["name"] for call in upstream.calls()])

    def test_the_hostile_upstream_resets_and_cuts(self):
        with Hostile() as upstream:
            for tool in ("reset", "half", "close_at_once", "stream_cut"):
                with self.subTest(tool), self.assertRaises((OSError, http.client.HTTPException)):
                    Client(upstream.url, era=MODERN).call(tool)

    def test_raw_bytes_arrive_as_written(self):
        with Hostile() as upstream:
            Client(upstream.url).raw(b"POST /x HTTP/1.1\r\nX-Odd:  two  \r\nContent-Length: 2\r\n\r\n{}", timeout_s=0.3)
            self.assertEqual(b"{}", upstream.requests[0].body)
            self.assertEqual("POST /x HTTP/1.1", upstream.requests[0].line)

    def test_events_joins_data_lines(self):
        self.assertEqual(["a\nb", "c"], events(b": hi\n\ndata: a\ndata:b\n\nevent: x\r\ndata: c\r\n\r\n"))
