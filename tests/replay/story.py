"""What an attack story is, and the agent that plays the victim.

A story has servers that really act, a policy for each, a person's honest task and an attack. It is played three times, in both protocol eras:
without a gate, where the attack has to succeed (else the story would prove nothing); behind the gate with every text detector off, where a
rule has to stop it; and behind the gate with the text detectors on. In each the honest task has to work.
"""
import textwrap

from world import World

DETECTORS = """
inspect:
  arguments: {secrets: deny, personal_data: flag}
  results: {secrets: redact, poisoning: flag}
"""


class Answer:
    """What one call came back with. `by`: the rule or reason that refused it, or None."""

    def __init__(self, reply):
        self.text, self.error = reply.text, reply.error
        data = self.error.get("data") or {}
        self.by = (data.get("rule") or data.get("code") or self.error.get("message") or str(reply.status)) if self.error or reply.status >= 400 else None
        self.data = data


class Agent:
    """Does what it is told by whatever it reads, as a model that fell for it would. Nothing here resists: only the gate can."""

    def __init__(self, open_client):
        self._open = open_client                # server name -> harness.mcp.Client
        self._clients = {}
        self.refusals: list[str] = []

    def client(self, server: str):
        if server not in self._clients:
            self._clients[server] = self._open(server)
        return self._clients[server]

    def call(self, server: str, tool: str, **arguments) -> Answer:
        answer = Answer(self.client(server).call(tool, **arguments))
        if answer.by:
            self.refusals.append(answer.by)
        return answer

    def read(self, server: str, tool: str, **arguments) -> str:
        return self.call(server, tool, **arguments).text

    def tools(self, server: str) -> dict[str, dict]:
        return {tool["name"]: tool for tool in self.client(server).request("tools/list").result.get("tools", [])}

    def forget_sessions(self) -> None:
        """What an agent does that is told to start over: new connections, new MCP sessions."""
        for client in self._clients.values():
            client.close()
        self._clients = {}


class Person:
    """Somebody with the command line of the gate; without a gate there is nobody to ask."""

    def __init__(self, gate=None, grant: str | None = None):
        self.gate, self.token = gate, grant

    def waiting(self) -> str:
        return self.gate.json("approval", "ls")["items"][0]["id"]

    def approve(self, approval: str) -> None:
        self.gate.run("approval", "approve", approval, "--note", "looked at it")


class Story:
    """Override everything down to `succeeded`. A new object is made for every playing, so its attributes are the world's state."""
    name = ""
    stopped_by: set[str] = set()                # one of these refusals has to be seen, whatever else is refused
    settings: dict[str, str] = {}               # of the gate, as CALLGATE_...

    def servers(self) -> list[World]:
        raise NotImplementedError

    def policies(self) -> dict[str, str]:
        """server -> policy, without version and inspection"""
        raise NotImplementedError

    def before(self, person: Person) -> None:
        """What an operator did before: roles, approved tools."""

    def honest(self, agent: Agent, person: Person) -> bool:
        """The task the person gave. True when it worked."""
        raise NotImplementedError

    def attack(self, agent: Agent, person: Person) -> None:
        raise NotImplementedError

    def succeeded(self) -> bool:
        """Whether the attacker got what they wanted, as the servers saw it."""
        raise NotImplementedError


def document(policy: str, detectors: bool) -> str:
    return 'version: "1"\n' + textwrap.dedent(policy).strip() + "\n" + (DETECTORS if detectors else "")


def findings(records: list[dict]) -> list[str]:
    """The names of the rules that inspection found something by."""
    found = {one["rule"] for record in records for one in (record.get("detail") or {}).get("findings", [])}
    return sorted(found)
