"""bench: one run measures direct, nginx and Callgate interleaved, and reports ratios. Absolute numbers move with the machine; ratios do not.

Each round runs every variant once, in random order; a ratio is the median over rounds of (variant / nginx of the same round).
The proxy under test is alone on one processor, load and backend share another. Processor time comes from the kernel's schedstat.
CALLGATE_BENCH_LOCK names a file that is locked (flock) during each round, for machines where others work who take it shared.
"""
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

from dev import bench_inspection, bench_streams, build, setup, shell
from dev.bench_report import markdown, noise_of, page
from dev.bench_servers import EVERYTHING, SIZES, Field, pinned

OPEN_RATE = 1000
CONNECTIONS = (1, 16, 64, 256)


@dataclasses.dataclass(frozen=True)
class Shape:
    """One block of the table."""
    connections: int
    size: int
    mode: str                 # closed | open
    variants: tuple[str, ...]


@dataclasses.dataclass
class Sample:
    rps: float
    p50_us: float
    p99_us: float
    cpu_us: float             # of the proxy, per request
    wait: float               # share of the time in which the proxy was ready to run and somebody else had its processor


def scheduled(pid: int) -> tuple[int, int]:
    """(ns on a processor, ns waiting for one) of all threads so far."""
    ran = waited = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            fields = path.read_text().split()
        except OSError:
            continue                      # a thread that just ended
        ran, waited = ran + int(fields[0]), waited + int(fields[1])
    return ran, waited


def measure(field: Field, name: str, shape: Shape, seconds: float) -> Sample:
    variant = field.variants[name]
    rate = OPEN_RATE if shape.mode == "open" else 0
    argv = [*pinned(field.load_core), field.binaries / "bench" / "bench_load", variant.port, shape.connections, seconds, rate,
            variant.requests[shape.size]]
    before = scheduled(variant.pid)
    done = subprocess.run([str(part) for part in argv], text=True, capture_output=True)
    after = scheduled(variant.pid)
    spent, waited = after[0] - before[0], after[1] - before[1]
    if done.returncode != 0:
        raise shell.Failed(f"the load on {name} ended with {done.returncode}: {done.stderr.strip()}")
    seen = json.loads(done.stdout)
    if seen["errors"] > 0.001 * max(1, seen["requests"]):
        raise shell.Failed(f"{name}: {seen['errors']} of {seen['requests']} requests failed: {done.stderr.strip()[:700]}")
    return Sample(seen["rps"], seen["p50_us"], seen["p99_us"], spent / 1000 / max(1, seen["requests"]), waited / 1e9 / seen["seconds"])


@contextlib.contextmanager
def quiet():
    """Alone on the machine, as far as the others ask for the lock too. Waits for a minute at most: the noise figures tell the rest."""
    path = os.environ.get("CALLGATE_BENCH_LOCK")
    if not path:
        yield
        return
    with open(path, "a") as lock:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        yield


def settle(field: Field, wait_s: float) -> None:
    """Until the gates rest. What their indexes owe of loaded rounds they do while few calls come, and it would count as what those cost."""
    pids = {variant.pid for name, variant in field.variants.items() if name.startswith("callgate")}
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        before = {pid: scheduled(pid)[0] for pid in pids}
        time.sleep(0.5)
        if all(scheduled(pid)[0] - ran < 0.02 * 0.5e9 for pid, ran in before.items()):
            return
    shell.note(f"the gates still work after {wait_s:.0f} s: the next figures include what they do for earlier ones")


def run_shape(field: Field, shape: Shape, rounds: int, seconds: float, random_: random.Random) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in shape.variants}
    for name in shape.variants:
        measure(field, name, shape, min(0.2, seconds))          # connections, caches and counters warm
    for _ in range(rounds):
        order = list(shape.variants)
        random_.shuffle(order)
        with quiet():
            for name in order:
                samples[name].append(measure(field, name, shape, seconds))
    return samples


def rows_of(shape: Shape, samples: dict[str, list[Sample]]) -> list[dict]:
    rows = []
    for name, own in samples.items():
        median = {key: statistics.median(getattr(sample, key) for sample in own) for key in ("rps", "p50_us", "p99_us", "cpu_us")}
        ratio = {}
        for key in ("rps", "cpu_us"):
            pairs = [(getattr(mine, key), getattr(nginx, key)) for mine, nginx in zip(own, samples["nginx"])]
            ratio[key] = statistics.median(mine / nginx for mine, nginx in pairs if nginx > 0)
        rows.append({"case": name, "connections": shape.connections, "payload_bytes": shape.size, "mode": shape.mode,
                     "rps": round(median["rps"], 1), "p50_us": median["p50_us"], "p99_us": median["p99_us"],
                     "cpu_us_per_request": round(median["cpu_us"], 2), "ratio_rps_to_nginx": round(ratio["rps"], 3),
                     "ratio_cpu_to_nginx": None if name == "direct" else round(ratio["cpu_us"], 3)})
    return rows


def plan(quick: bool, gates: list[str]) -> list[tuple[Shape, int, float]]:
    """(block, rounds, seconds of each measurement)."""
    few = tuple(name for name in ("callgate", "callgate_audit_off") if name in gates)
    everyone = ("direct", "nginx", *gates)
    base = ("direct", "nginx", *few)
    rounds, seconds = (9, 0.5) if quick else (11, 1.0)    # of the block that is held against the goals
    less = (3, 0.4) if quick else (7, 1.0)
    blocks = [(Shape(64, 1024, "closed", everyone), rounds, seconds)]
    blocks += [(Shape(count, 1024, "closed", base), *less) for count in CONNECTIONS if count != 64]
    blocks += [(Shape(64, size, "closed", base), *less) for size in SIZES if size != 1024]
    blocks += [(Shape(16, 1024, "open", base), *less)]
    return blocks


def start(field: Field, quick: bool) -> list[str]:
    """Brings up every variant; returns the names of the gates."""
    field.add_nginx()
    gate = field.gate("gate")
    gate.run("user", "add", "bench")
    field.add_gate("callgate", gate, rules=20)
    field.add_gate("callgate_inspection", gate, rules=20, sizes=(1024,), inspect=EVERYTHING)
    for rules in (1, 1000) if quick else (1, 1000, 10_000):
        field.add_gate(f"callgate_rules_{rules}", gate, rules=rules, sizes=(1024,))
    if not quick:
        field.add_gate("callgate_tools_10000", gate, rules=20, path="/t/10000/{size}", sizes=(1024,))
        crowd = field.gate("gate-crowd")
        crowd.run("user", "add", "bench")
        field.add_gate("callgate_grants_10000", crowd, rules=20, sizes=(1024,), grants=10_000)
    silent = field.gate("gate-no-audit", "--unsafe-no-audit")
    silent.run("user", "add", "bench")
    field.add_gate("callgate_audit_off", silent, rules=20)
    return [name for name in field.variants if name.startswith("callgate")]


def main(args: list[str], _: str) -> int:
    quick = shell.take_flag(args, "--quick")
    json_file, markdown_file = shell.take_value(args, "--json"), shell.take_value(args, "--markdown")
    if shell.take_flag(args, "--streams"):
        shell.no_more(args)
        return bench_streams.main(json_file)
    if shell.take_flag(args, "--inspection"):
        shell.no_more(args)
        return bench_inspection.main(json_file)
    seed = int(shell.take_value(args, "--seed", str(time.time_ns() & 0xffff)))
    shell.no_more(args)
    setup.ensure("build", "bench")
    where = build.compile("tuned", build.TRAINED, quiet=True)
    began = time.monotonic()
    rows, samples_of = [], {}
    with tempfile.TemporaryDirectory(prefix="callgate-bench-") as folder:
        field = None
        try:
            field = Field(pathlib.Path(folder), where)
            gates = start(field, quick)
            for shape, rounds, seconds in plan(quick, gates):
                shell.note(f"{shape.connections} connections, {shape.size} bytes, {shape.mode} loop: {rounds} rounds of {seconds} s")
                if shape.mode == "open":
                    settle(field, 20 if quick else 120)
                samples_of[shape] = run_shape(field, shape, rounds, seconds, random.Random(seed))
                rows += rows_of(shape, samples_of[shape])
            noise = noise_of(samples_of, field)
        finally:
            if field is not None:
                field.stop()
    table = markdown(rows, noise, quick)
    shell.say(table)
    shell.note(f"{time.monotonic() - began:.0f} s, seed {seed}")
    if json_file:
        pathlib.Path(json_file).write_text(json.dumps({"rows": rows, "noise": noise, "seed": seed}, indent=1) + "\n")
    if markdown_file:
        command = "./dev bench" + (" --quick" if quick else "")
        pathlib.Path(markdown_file).write_text(page(table, command))
    return 0
