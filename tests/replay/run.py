#!/usr/bin/env python3
"""The attack stories, one line each: run.py [--json FILE] [WORD...] plays those whose name holds one of the words."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.gate import Gate, binary  # noqa: E402
from harness.mcp import LEGACY, MODERN, Client  # noqa: E402
from stories import STORIES  # noqa: E402
from story import Agent, Person, document, findings  # noqa: E402

WAYS = ("no gate", "rules alone", "rules and text detectors")


class Broken(Exception):
    """The playing did not go as it has to."""


def play_directly(kind, era: str) -> str:
    story = kind()
    worlds = {world.name: world for world in story.servers()}
    try:
        agent, nobody = Agent(lambda server: Client(worlds[server].url, era=era)), Person()
        if not story.honest(agent, nobody):
            raise Broken("the honest task does not work even without a gate")
        story.attack(agent, nobody)
        if not story.succeeded():
            raise Broken("the attack fails without a gate: the story proves nothing")
        return "succeeds"
    finally:
        for world in worlds.values():
            world.stop()


def play_gated(kind, era: str, detectors: bool, folder: pathlib.Path) -> str:
    story = kind()
    worlds = {world.name: world for world in story.servers()}
    gate = Gate(folder, env=story.settings)
    try:
        gate.run("user", "add", "ada")
        for name, policy in story.policies().items():
            gate.put_policy(name, document(policy, detectors))
            gate.add_server(name, worlds[name].url, "--policy", name, "--capture", "full")
        token = gate.mint("agent", server="*")
        person = Person(gate, token)
        story.before(person)
        agent = Agent(lambda server: gate.client(token, server, era=era))
        if not story.honest(agent, person):
            raise Broken(f"the honest task was refused: {agent.refusals}")
        agent.refusals.clear()
        story.attack(agent, person)
        if story.succeeded():
            raise Broken(f"the attack got through (refused on its way: {agent.refusals})")
        by = [rule for rule in agent.refusals if rule in story.stopped_by]
        if not by and not detectors:
            raise Broken(f"stopped, but not by {sorted(story.stopped_by)}: {agent.refusals}")
        gate.verify_audit()
        found = findings(gate.records())
        if found and not detectors:
            raise Broken(f"text detectors ran although they were off: {found}")
        return (by or agent.refusals or ["not offered"])[0] + (f" (found: {', '.join(found)})" if found else "")
    finally:
        gate.stop()
        for world in worlds.values():
            world.stop()


def play(kind, way: str, folder: pathlib.Path) -> str:
    told = {}
    for era in (LEGACY, MODERN):
        told[era] = play_directly(kind, era) if way == WAYS[0] else play_gated(kind, era, way == WAYS[2], folder / f"{WAYS.index(way)}-{era}")
    return told[LEGACY] if told[LEGACY] == told[MODERN] else f"{told[LEGACY]}; {MODERN}: {told[MODERN]}"


def play_all_ways(kind, folder: pathlib.Path) -> tuple[dict, dict]:
    """What happened and what went wrong, by way."""
    seen, wrong = {}, {}
    for way in WAYS:
        try:
            seen[way] = play(kind, way, folder / str(STORIES.index(kind)))
        except Exception as error:
            seen[way] = "FAIL"
            wrong[way] = str(error) if isinstance(error, Broken) else traceback.format_exc()
    return seen, wrong


def main(args: list[str]) -> int:
    report = args.pop(args.index("--json") + 1) if "--json" in args else None
    words = [word for word in args if word != "--json"]
    if not binary().exists():
        print(f"SKIPPED replay: {binary().name} is not built yet\n0 passed, 0 failed, 1 skipped")
        return 0
    chosen = [kind for kind in STORIES if not words or any(word in kind.name for word in words)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgate-replay-"))
    rows, passed, failed = [], 0, 0
    try:
        pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
        for kind, playing in [(kind, pool.submit(play_all_ways, kind, folder)) for kind in chosen]:
            seen, wrong = playing.result()
            print(f"{'FAIL' if wrong else 'ok  '} {kind.name:<32} " + " | ".join(f"{way}: {seen[way]}" for way in WAYS), flush=True)
            for way, text in wrong.items():
                print(f"     {way}: {text}", flush=True)
            passed += len(WAYS) - len(wrong)
            failed += len(wrong)
            rows.append({"story": kind.name} | {way: {"ok": way not in wrong, "outcome": seen[way]} for way in WAYS})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if report:
        pathlib.Path(report).write_text(json.dumps({"stories": rows}, indent=1) + "\n")
    print(f"{passed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
