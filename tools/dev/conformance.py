"""conformance: the public MCP suites through Callgate, beside the same suites without it, and a script that crosses the eras.

  --only WORD[,WORD]   legs whose key holds one of the words (see the table this prints)
  --json FILE          the figures; compared with tests/conformance/scores.json, and the command fails when one is lower
  --update             raises the committed scores to what this run reached; never lowers one
  --repeat N           runs every leg N times and keeps the worst, for what might be flaky
  --keep DIR           leaves logs and what the suites wrote there
  --preset NAME        which build to run (release); CALLGATE_BINARY names a binary instead
"""
import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from dev import build, setup, shell

sys.path.insert(0, str(shell.ROOT / "tests"))

from conformance import legs as suites  # noqa: E402

SCORES = shell.ROOT / "tests" / "conformance" / "scores.json"
SHOWN = 2            # failing checks printed for each scenario
MANY = 8             # failing scenarios printed for each leg


@dataclasses.dataclass
class Outcome:
    leg: suites.Leg
    score: suites.Score | None = None
    control: suites.Score | None = None


def control_of(leg: suites.Leg) -> suites.Leg | None:
    """The same without a gate; nothing can stand in for a bridge. A stdio upstream is the same fixture."""
    return None if leg.bridged else dataclasses.replace(leg, transport="http")


class Runner:
    """Runs legs two at a time, each in a folder of its own."""

    def __init__(self, folder: pathlib.Path, repeat: int = 1, quiet: bool = False):
        self.folder, self.repeat, self.quiet = folder, repeat, quiet
        self.numbers = itertools.count(1)

    def worst(self, leg: suites.Leg, through_gate: bool) -> suites.Score:
        worst = None
        for _ in range(self.repeat if through_gate else 1):
            name = f"{next(self.numbers):03}-{leg.key.replace('/', '_')}{'' if through_gate else '-control'}"
            try:
                score = suites.run(leg, through_gate, self.folder / name)
            except Exception as broken:                     # a leg that cannot stand is a leg that scores nothing
                score = suites.Score(failed={"(the leg itself)": [f"{type(broken).__name__}: {broken}"[-800:]]})
            if worst is None or len(score.passed) < len(worst.passed):
                worst = score
        return worst

    def run(self, chosen: list[suites.Leg]) -> list[Outcome]:
        outcomes = [Outcome(leg) for leg in chosen]
        with concurrent.futures.ThreadPoolExecutor(max_workers=build.jobs()) as pool:
            controls = {}
            for leg in chosen:
                control = control_of(leg)
                if control is not None and control not in controls:
                    controls[control] = pool.submit(self.worst, control, False)
            waiting = [(outcome, pool.submit(self.worst, outcome.leg, True)) for outcome in outcomes]
            for outcome, future in waiting:
                outcome.score = future.result()
                control = control_of(outcome.leg)
                if control is not None:
                    outcome.control = controls[control].result()
                if not self.quiet:
                    show(outcome)
        return outcomes


# -- figures

def show(outcome: Outcome) -> None:
    key = outcome.leg.key
    score, control = outcome.score, outcome.control
    good = not score.failed and not score.warnings
    beside = f"direct {len(control.passed)}/{control.required}" if control else "bridged"
    extra = "  ".join(f"{name} {numbers}" for name, numbers in score.extra.items())
    shell.say(f"{'ok  ' if good else 'LESS'} {key:<55} {len(score.passed):>2}/{score.required:<2} {len(score.warnings)} warnings   {beside:<14}"
              f" {score.seconds:6.1f} s  {extra}")
    lines = [f"{name}: {reason}" for name, reasons in list(score.failed.items())[:MANY] for reason in reasons[:SHOWN]]
    if len(score.failed) > MANY:
        lines.append(f"and {len(score.failed) - MANY} more: {' '.join(list(score.failed)[MANY:])}")
    lines += [f"warning  {warning}" for warning in score.warnings[:MANY]]
    lines += [f"CONTROL  {name}: {reasons[0]}" for name, reasons in (control.failed if control else {}).items()]
    for line in lines:
        shell.say(f"       {' '.join(line.split())[:320]}")


def figures(score: suites.Score | None) -> dict | None:
    if score is None:
        return None
    return {"required": score.required, "passed": len(score.passed), "warnings": len(score.warnings), "not_scored": score.extra, "failed": sorted(score.failed)}


def report(outcomes: list[Outcome]) -> dict:
    rows, cells = [], []
    for outcome in outcomes:
        leg = outcome.leg
        row = {"key": leg.key, "leg": leg.kind, "suite": "0.1.16" if leg.revision == "0.1.16" else "0.2.0-alpha.12",
               "revision": "2025-11-25" if leg.revision == "0.1.16" else leg.revision, "transport": leg.transport,
               "upstream": leg.upstream, "client_era": leg.client or leg.era, "bridged": leg.bridged}
        if leg.kind == "cross":
            row = {"key": leg.key, "client_era": leg.client, "upstream_era": leg.upstream, "transport": leg.transport, "bridged": leg.bridged}
        row |= figures(outcome.score)
        row["control"] = figures(outcome.control)
        (cells if leg.kind == "cross" else rows).append(row)
    return {"legs": rows, "cross_era": cells}


def read_scores() -> dict:
    return json.loads(SCORES.read_text()) if SCORES.exists() else {}


def entry_of(score: suites.Score) -> dict:
    return {"required": score.required, "passed": len(score.passed), "warnings": len(score.warnings), "not_scored": score.extra}


def below(outcome: Outcome, committed: dict) -> list[str]:
    """What is lower than the committed scores, or broken without us."""
    key = outcome.leg.key
    problems = []
    if outcome.control is not None and outcome.control.failed:
        problems.append(f"{key}: the control itself loses {', '.join(outcome.control.failed)}")
    wanted = committed.get(key)
    if wanted is None:
        return problems
    score = outcome.score
    if len(score.passed) < wanted["passed"]:
        problems.append(f"{key}: {len(score.passed)} passed, {wanted['passed']} are committed; lost: {', '.join(score.failed)}")
    if score.required != wanted["required"]:
        problems.append(f"{key}: {score.required} are required, the committed scores say {wanted['required']}: reconcile them with the pinned suites")
    if len(score.warnings) > wanted["warnings"] and len(score.passed) <= wanted["passed"]:
        problems.append(f"{key}: {len(score.warnings)} warnings, {wanted['warnings']} are committed")
    for name, numbers in wanted["not_scored"].items():
        seen = score.extra.get(name, "0/0")
        if int(seen.split("/")[0]) < int(numbers.split("/")[0]):
            problems.append(f"{key}: {name} {seen}, {numbers} is committed")
    return problems


def raise_scores(outcomes: list[Outcome], committed: dict) -> None:
    for outcome in outcomes:
        if outcome.control is not None and outcome.control.failed:
            continue
        old, new = committed.get(outcome.leg.key), entry_of(outcome.score)
        if old is None or (new["passed"], -new["warnings"]) >= (old["passed"], -old["warnings"]):
            committed[outcome.leg.key] = new
    SCORES.write_text(json.dumps(dict(sorted(committed.items())), indent=2) + "\n")


def pick(words: str) -> list[suites.Leg]:
    chosen = [leg for leg in suites.legs() if not words or any(word in leg.key for word in words.split(","))]
    if not chosen:
        raise shell.Failed(f"no leg holds `{words}`; there are\n  " + "\n  ".join(leg.key for leg in suites.legs()))
    return chosen


def main(args: list[str], _: str) -> int:
    json_file, only = shell.take_value(args, "--json"), shell.take_value(args, "--only", "")
    keep, repeat = shell.take_value(args, "--keep"), int(shell.take_value(args, "--repeat", "1"))
    preset, update = shell.take_value(args, "--preset", "release"), shell.take_flag(args, "--update")
    shell.no_more(args)
    chosen = pick(only)
    setup.ensure("node", "test")
    if "CALLGATE_BINARY" not in os.environ:
        os.environ["CALLGATE_BINARY"] = str(build.compile(preset, ["callgate"], quiet=True) / "callgate")
    suites.install()
    started = time.monotonic()
    folder = pathlib.Path(keep or tempfile.mkdtemp(prefix="callgate-conformance-")).resolve()
    try:
        outcomes = Runner(folder, max(1, repeat)).run(chosen)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if json_file:
        pathlib.Path(json_file).write_text(json.dumps(report(outcomes), indent=2) + "\n")
    committed = read_scores()
    problems = [problem for outcome in outcomes for problem in below(outcome, committed)]
    for problem in problems:
        shell.say(f"LOWER {problem}")
    if update:
        raise_scores(outcomes, committed)
    ran = [outcome.score for outcome in outcomes]
    passed, required = sum(len(score.passed) for score in ran), sum(score.required for score in ran)
    shell.say(f"{passed} of {required} required scenarios pass in {len(ran)} legs; {time.monotonic() - started:.0f} s")
    return 1 if problems else 0
