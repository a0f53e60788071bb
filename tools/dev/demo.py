"""demo: a refunds server behind Callgate, a policy, a grant, and what then happens to calls. With --check, nobody needs to watch."""
import json
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from dev import build, npm, setup, shell

sys.path.insert(0, str(shell.ROOT / "tests"))

from harness.gate import REFUNDS_POLICY, CommandFailed, Gate  # noqa: E402
from harness.mcp import META, MODERN  # noqa: E402
from harness.upstreams import Refunds, install_refunds  # noqa: E402

REFUSAL = "Refund blocked: Amount exceeds developer limit."


class Story:
    """Steps print one line each; the first that fails ends the story."""

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, watched: bool):
        self.folder, self.binary, self.watched = folder, binary, watched
        self.running: list = []
        self.started = time.monotonic()

    def stop(self) -> None:
        for thing in reversed(self.running):
            thing.stop()

    def wait(self) -> None:
        """Until somebody ends it, or one of its processes ends by itself."""
        while True:
            for thing in self.running:
                if not thing.child.alive():
                    raise shell.Failed(f"{pathlib.Path(thing.child.argv[0]).name} ended with {thing.child.process.returncode}:\n{thing.child.tail(1000)}")
            time.sleep(0.5)

    def done(self, text: str) -> None:
        shell.say(f"ok    {text}")

    def expect(self, good: bool, text: str, seen) -> None:
        if not good:
            shell.say(f"FAIL  {text}\n      saw: {seen if isinstance(seen, str) else json.dumps(seen)}")
            raise shell.Failed("the story broke at the step above")
        self.done(text)

    def aside(self, text: str) -> None:
        if self.watched:
            shell.say("\n" + text)

    # -- the steps

    def run(self) -> None:
        self.toy = Refunds(self.folder, token="upstream-secret")
        self.running.append(self.toy)
        self.done(f"a refunds MCP server (Node, official SDK) listens on 127.0.0.1:{self.toy.port} and wants its own credential")
        self.gate = Gate(self.folder, binary_path=self.binary, env={"REFUNDS_AUTHORIZATION": "Bearer upstream-secret"})
        self.running.append(self.gate)
        self.done(f"callgate listens on {self.gate.url}, data in {self.gate.data}")
        self.set_up()
        self.list_tools()
        self.refund(50, allowed=True)
        self.refund(5000, allowed=False)
        self.daily_limit()
        self.hidden_tool()
        self.no_grant()
        self.record()

    def set_up(self) -> None:
        self.gate.add_server("refunds", self.toy.url, "--header-env", "Authorization=REFUNDS_AUTHORIZATION")
        self.done("server `refunds` registered and probed; its credential is sealed in the vault")
        self.gate.put_policy("refunds", REFUNDS_POLICY)
        self.done(f"policy `refunds` applied from {REFUNDS_POLICY.relative_to(shell.ROOT)}, its own tests pass")
        self.token = self.gate.mint("demo-laptop", server="refunds", policy="refunds")
        self.done("grant `demo-laptop` minted for user ada")
        entry = next(entry for entry in self.gate.last_grant["setup"] if entry["client"] == "claude-code")
        self.url = entry["url"]
        self.expect(entry["text"].startswith("claude mcp add refunds --transport http "), "the line for Claude Code:", entry["text"])
        shell.say(f"\n  {entry['text']}\n")

    def curl(self, method: str, params: dict, show: str = "") -> dict:
        """One request as a person would type it; in a watched demo the line is printed first."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": {
            META + "protocolVersion": MODERN, META + "clientInfo": {"name": "curl", "version": "8"}, META + "clientCapabilities": {}}}})
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "MCP-Protocol-Version": MODERN, "Mcp-Method": method} | ({"Mcp-Name": params["name"]} if "name" in params else {})
        words = ["curl", "-sS", self.url, *[word for pair in headers.items() for word in ("-H", ": ".join(pair))], "-d", body]
        if show and self.watched:
            lines = [f"curl -sS {shlex.quote(self.url)}", *[f"-H {shlex.quote(': '.join(pair))}" for pair in headers.items()], f"-d {shlex.quote(body)}"]
            self.aside(f"{show}:\n\n  " + " \\\n    ".join(lines) + "\n")
        done = subprocess.run(words, text=True, capture_output=True, timeout=30)
        self.answered = done.stdout
        if show and self.watched:
            shell.say(f"  {done.stdout}\n")
        return answer_of(done.stdout)

    def list_tools(self) -> None:
        tools = sorted(tool["name"] for tool in self.curl("tools/list", {}).get("result", {}).get("tools", []))
        self.expect(tools == ["get_charge", "list_charges", "refund_payment"], "tools/list shows three tools; delete_customer is not among them", tools)

    def refund(self, amount: int, allowed: bool) -> None:
        before = len(self.toy.calls())
        answer = self.curl("tools/call", {"name": "refund_payment", "arguments": {"charge_id": "ch_105", "amount": amount, "currency": "usd"}},
                           show=f"A refund of {amount}, {'allowed' if allowed else 'refused'}")
        arrived = len(self.toy.calls()) - before
        if allowed:
            text = "".join(part.get("text", "") for part in answer.get("result", {}).get("content", []))
            self.expect(text.startswith(f"Refunded {amount} usd of ch_105.") and arrived == 1, f"a refund of {amount} is allowed: {text}", answer)
        else:
            error = answer.get("error", {})
            self.expect(error.get("code") == -32603 and error.get("message") == REFUSAL, f"a refund of {amount} is refused: -32603 {REFUSAL}", answer)
            self.expect(error.get("data", {}).get("rule") == "/tools/refund_payment/deny_if/0" and arrived == 0,
                        "the refusal names its rule, /tools/refund_payment/deny_if/0, and the server never saw the call", answer)

    def daily_limit(self) -> None:
        for _ in range(5):
            answer = self.quiet_refund(950)
            if "result" not in answer:
                self.expect(False, "five more refunds of 950 fit the daily budget", answer)
        self.done("five more refunds of 950 are allowed: 4800 of the day's 5000 are used")
        before = len(self.toy.calls())
        answer = self.quiet_refund(300)
        error = answer.get("error", {})
        self.expect(error.get("code") == -32603 and "daily_refunds" in json.dumps(error) and len(self.toy.calls()) == before,
                    f"a refund of 300 would pass the daily limit and is refused: {error.get('message', '')}", answer)
        self.expect("result" in self.quiet_refund(200), "a refund of 200 still fits: what was refused was not counted", self.answered)

    def quiet_refund(self, amount: int) -> dict:
        return self.curl("tools/call", {"name": "refund_payment", "arguments": {"charge_id": "ch_106", "amount": amount, "currency": "usd"}})

    def hidden_tool(self) -> None:
        answer = self.curl("tools/call", {"name": "delete_customer", "arguments": {"customer": "cus_1"}})
        self.expect("error" in answer and not self.toy.calls("delete_customer"), "calling the hidden delete_customer is refused as well", answer)

    def no_grant(self) -> None:
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", self.url, "-H", "Content-Type: application/json", "-d", "{}"],
                              text=True, capture_output=True, timeout=30)
        self.expect(done.stdout == "401", "without a grant there is no way in: HTTP 401", done.stdout)

    def record(self) -> None:
        rows = self.gate.records(method="tools/call")
        allowed = sum(row["effect"] == "allow" for row in rows)
        denied = sum(row["effect"] == "deny" for row in rows)
        self.expect((allowed, denied) == (7, 3), f"the audit journal holds all of it: {allowed} calls allowed, {denied} refused", [allowed, denied])
        secrets = self.token in json.dumps(rows) or "upstream-secret" in json.dumps(rows)
        self.expect(not secrets, "neither the grant's token nor the server's credential is in it", "a secret")
        if self.watched:
            self.aside("callgate audit tail:\n")
            shell.say(self.gate.run("audit", "tail").stdout)
        told = self.gate.verify_audit().strip().splitlines()
        self.done(f"callgate audit verify: {told[0] if told else 'the chain is whole'}")


def answer_of(text: str) -> dict:
    """The JSON-RPC answer in a JSON body or in an event stream."""
    data = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    try:
        return json.loads(data[-1] if data else text)
    except ValueError:
        return {"not JSON": text}


def main(args: list[str], _: str) -> int:
    check = shell.take_flag(args, "--check")
    preset = shell.take_value(args, "--preset", "release")
    shell.no_more(args)
    setup.ensure("build", "node", "test")
    install_refunds()                         # what needs the network comes first: minutes of compiling are not in vain
    npm.node()
    shell.note("building; the first time takes some minutes")
    binary = build.compile(preset, ["callgate"], quiet=True) / "callgate"
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # ends like Ctrl-C: the processes stop and the folder goes
    with tempfile.TemporaryDirectory(prefix="callgate-demo-") as folder:
        story = Story(pathlib.Path(folder), binary, watched=not check)
        try:
            story.run()
            shell.say(f"\nThe story holds; {time.monotonic() - story.started:.1f} s." if check else
                      f"\nAll of it runs until Ctrl-C. More to try: {binary} audit query --data {story.gate.data}")
            if not check:
                story.wait()
        except KeyboardInterrupt:
            shell.say("")
        except (RuntimeError, subprocess.SubprocessError, OSError) as broken:
            raise shell.Failed(str(broken)) from None
        except CommandFailed as broken:
            shell.say(f"FAIL  {broken}")
            raise shell.Failed("the story broke at the command above") from None
        finally:
            story.stop()
    return 0
