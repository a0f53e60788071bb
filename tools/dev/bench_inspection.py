"""bench --inspection: the detectors by themselves, all packs on: the prefilter, scans, one call, and texts made to cost much."""
import json
import pathlib

from dev import build, shell

PREFILTER_GB_PER_S = 1.0        # at least
SCAN_4_KIB_P99_US = 200.0       # at most
RATIO_MAX = 16.0                # eight times the text: linear is 8, and nobody is alone on a machine
SLOWEST_MB_PER_S = 1.0          # at least, of text made to cost: 2 MiB then hold a thread for two seconds at the very worst


def rows() -> list[dict]:
    program = build.compile("release", ["bench_inspection"], quiet=True) / "bench" / "bench_inspection"
    return [json.loads(line) for line in shell.output([program]).splitlines()]


def goals(found: list[dict]) -> list[dict]:
    hostile = [row for row in found if row["case"].startswith("hostile")]
    grown = [row for row in hostile if row["us_of_8_times"] > 2000]         # shorter ones are noise
    slowest = min(hostile, key=lambda row: row["mb_per_s"])
    steepest = max(grown or hostile, key=lambda row: row["ratio"])
    prefilter = min(row["gb_per_s"] for row in found if row["case"] == "prefilter")
    p99 = next(row["p99_us"] for row in found if row["case"] == "scan" and row["bytes"] == 4096)
    return [
        {"goal": f"prefilter, at least {PREFILTER_GB_PER_S:g} GB/s", "measured": prefilter, "holds": prefilter >= PREFILTER_GB_PER_S},
        {"goal": f"scan of 4 KiB, p99 at most {SCAN_4_KIB_P99_US:g} us", "measured": p99, "holds": p99 <= SCAN_4_KIB_P99_US},
        {"goal": f"eight times the text at most {RATIO_MAX:g} times the time ({steepest['case']}, {steepest['text']})",
         "measured": steepest["ratio"], "holds": steepest["ratio"] <= RATIO_MAX},
        {"goal": f"text made to cost, at least {SLOWEST_MB_PER_S:g} MB/s ({slowest['case']}, {slowest['text']})",
         "measured": slowest["mb_per_s"], "holds": slowest["mb_per_s"] >= SLOWEST_MB_PER_S},
    ]


def main(json_file: str | None) -> int:
    found = rows()
    for row in found:
        name = f"{row['case']}: {row['text']}" if "text" in row else row["case"]
        shell.say(f"{name[:46]:<46} {row['bytes']:>8} bytes  " +
                  ", ".join(f"{key} {value:,}" for key, value in row.items() if key not in ("case", "text", "bytes")))
    judged = goals(found)
    for goal in judged:
        shell.say(f"{'reached' if goal['holds'] else 'MISSED '} {goal['goal']}: {goal['measured']:g}")
    if json_file:
        pathlib.Path(json_file).write_text(json.dumps({"rows": found, "goals": judged}, indent=1) + "\n")
    return 0 if all(goal["holds"] for goal in judged) else 1
