"""eval: what the detectors find and miss on labelled cases, per set and class: ./dev eval DIR [--json FILE] [--misses SET] [--preset NAME]

DIR holds one folder per set with JSON Lines (tool_risk/cases.jsonl ...); nothing of it is kept in the project. Ends with 1 when a threshold
below is missed, or when a set with thresholds is not there.
"""
import dataclasses
import json
import pathlib
import sys

from dev import build, shell

USAGE = "usage: ./dev eval DIR [--json FILE] [--misses SET] [--preset NAME]"
MEASURES = ("precision", "recall", "false_positive_rate", "auc")


@dataclasses.dataclass(frozen=True)
class Threshold:
    set: str
    cls: str                  # a class as `evaluate` names it
    measure: str              # one of MEASURES, or `bypasses`: positives that were let through
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float | None) -> bool:
        if value is None:
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def text(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


def both(name: str, cls: str, **limits: float) -> list[Threshold]:
    """recall=.., precision=.., fpr=.. of one class."""
    names = {"recall": ("recall", True), "precision": ("precision", True), "fpr": ("false_positive_rate", False), "auc": ("auc", True),
             "bypasses": ("bypasses", False)}
    made = []
    for key, limit in limits.items():
        measure, least = names[key]
        made.append(Threshold(name, cls, measure, **{"at_least" if least else "at_most": limit}))
    return made


# What the product promises. One table: a reviewer reads it here.
THRESHOLDS = [
    *both("tool_risk/cases", "all", recall=0.98, precision=0.80),
    *both("tool_descriptions/cases", "published", recall=0.60),
    *both("tool_descriptions/cases", "origin real", fpr=0.01),
    *both("tool_descriptions/cases", "composed_unicode_tags", recall=1.0),
    *both("tool_descriptions/cases", "composed_zero_width_split", recall=1.0),
    *both("tool_descriptions/rugpull_pairs", "detected", recall=1.0),
    *both("tool_descriptions/rugpull_pairs", "ranked dangerous", auc=0.95),
    *both("tool_output_injection/cases", "without security_doc", recall=0.50, fpr=0.02),
    *both("secrets/cases", "all", precision=0.97, recall=0.90),
    *both("secrets/cases", "encoded_derived", recall=0.90),
    *both("secrets/cases", "lookalike", fpr=0.0),
    *both("sql_readonly/cases", "tricky", bypasses=0),
    *both("sql_readonly/cases", "all", bypasses=0, fpr=0.03),
    *both("shell_commands/cases", "all", recall=0.90, fpr=0.03),
    *both("paths/cases", "decidable from the text", recall=0.99, fpr=0.01),
]


@dataclasses.dataclass
class Row:
    set: str
    cls: str
    positive: int
    found: int
    negative: int
    alarms: int
    auc: float | None = None

    @property
    def recall(self) -> float | None:
        return self.found / self.positive if self.positive else None

    @property
    def precision(self) -> float | None:
        return self.found / (self.found + self.alarms) if self.found + self.alarms else None

    @property
    def false_positive_rate(self) -> float | None:
        return self.alarms / self.negative if self.negative else None

    @property
    def bypasses(self) -> int:
        return self.positive - self.found

    def as_json(self) -> dict:
        made = {"positive": self.positive, "found": self.found, "negative": self.negative, "alarms": self.alarms}
        return made | {measure: round(value, 4) for measure in MEASURES if (value := getattr(self, measure)) is not None}


def parse(lines: list[str]) -> list[Row]:
    rows = []
    for line in lines:
        if line.startswith("{"):
            entry = json.loads(line)
            entry["cls"] = entry.pop("class")
            rows.append(Row(**entry))
    return rows


def judge(rows: list[Row]) -> list[dict]:
    """Every threshold with what was measured; only where the sets are there at all."""
    by = {(row.set, row.cls): row for row in rows}
    judged = []
    for threshold in THRESHOLDS:
        row = by.get((threshold.set, threshold.cls))
        value = getattr(row, threshold.measure) if row else None
        judged.append({"set": threshold.set, "class": threshold.cls, "measure": threshold.measure, "wanted": threshold.text(),
                       "measured": None if value is None else round(value, 4), "holds": threshold.holds(value)})
    return judged


def figure(value: float | None) -> str:
    return f"{value:8.3f}" if value is not None else f"{'-':>8}"


def table(rows: list[Row]) -> None:
    last = None
    for row in rows:
        if row.set != last:
            shell.say(f"\n{row.set:<46} {'found':>12} {'alarms':>12} {'precis.':>8} {'recall':>8} {'false+':>8} {'AUC':>8}")
            last = row.set
        shell.say(f"  {row.cls[:44]:<44} {row.found:>6}/{row.positive:<5} {row.alarms:>6}/{row.negative:<5} {figure(row.precision)} "
                  f"{figure(row.recall)} {figure(row.false_positive_rate)} {figure(row.auc)}")


def verdict(judged: list[dict]) -> bool:
    shell.say(f"\n{'threshold':<74} {'wanted':>9} {'measured':>9}")
    for entry in judged:
        measured = "missing" if entry["measured"] is None else f"{entry['measured']:.4f}"
        mark = "ok  " if entry["holds"] else "MISS"
        shell.say(f"  {mark} {entry['set']:<33} {entry['class'][:24]:<24} {entry['measure'][:12]:<9} {entry['wanted']:>9} {measured:>9}")
    held = sum(entry["holds"] for entry in judged)
    shell.say(f"\n{held} of {len(judged)} thresholds hold")
    return held == len(judged)


def main(args: list[str], name: str) -> int:
    report, misses = shell.take_value(args, "--json"), shell.take_value(args, "--misses")
    preset = shell.take_value(args, "--preset", "release")
    if len(args) != 1 or args[0] in ("-h", "--help"):
        print(f"{USAGE}\n\n{__doc__}", file=sys.stderr)
        return 2
    folder = pathlib.Path(args[0])
    if not folder.is_dir():
        raise shell.Failed(f"`{args[0]}` is no folder; it should hold one folder per set, as tool_risk/cases.jsonl")
    program = build.compile(preset, ["evaluate"], quiet=True) / "bench" / "evaluate"
    lines = shell.output([program, folder, *(["--misses", misses] if misses else [])]).splitlines()
    for line in lines:
        if not line.startswith("{"):
            shell.say(line)
    rows = parse(lines)
    if not rows:
        raise shell.Failed(f"`{args[0]}` holds no set that is known here")
    judged = judge(rows)
    table(rows)
    for path in sorted(folder.glob("*/*.jsonl")):
        if not any(row.set == f"{path.parent.name}/{path.stem}" for row in rows):
            shell.say(f"\n{path.parent.name}/{path.stem}: there is no detector for this set")
    held = verdict(judged)
    if report:
        sets: dict = {}
        for row in rows:
            sets.setdefault(row.set, {})[row.cls] = row.as_json()
        pathlib.Path(report).write_text(json.dumps({"sets": sets, "thresholds": judged, "ok": held}, indent=1) + "\n")
    return 0 if held else 1
