"""The table of a benchmark run, the goals it is held against, and whether the machine was quiet enough to trust it."""
import os
import statistics

NOISE_MAX = 0.20            # spread of the direct runs above which ratios are not to be trusted
WAIT_MAX = 0.10             # share of the time in which nginx wanted its processor and others had it
# case, connections, bytes, mode, column, at least
GOALS = (
    ("callgate", 64, 1024, "closed", "ratio_rps_to_nginx", 1.1),
    ("callgate_audit_off", 64, 1024, "closed", "ratio_rps_to_nginx", 1.3),
)


def spread(values: list[float]) -> float:
    """Distance between the quartiles, as a share of the median."""
    if len(values) < 3:
        return 0.0
    quarters = statistics.quantiles(values, n=4)
    return (quarters[2] - quarters[0]) / statistics.median(values)


def noise_of(samples_of: dict, field) -> dict:
    blocks = [{"connections": shape.connections, "payload_bytes": shape.size,
               "direct_rps_spread": round(spread([sample.rps for sample in samples["direct"]]), 3),
               "nginx_rps_spread": round(spread([sample.rps for sample in samples["nginx"]]), 3)}
              for shape, samples in samples_of.items() if shape.mode == "closed"]
    worst = max((block["direct_rps_spread"] for block in blocks), default=0.0)
    typical = statistics.median(block["direct_rps_spread"] for block in blocks) if blocks else 0.0
    waits = [sample.wait for samples in samples_of.values() for sample in samples["nginx"]]
    wait = statistics.median(waits) if waits else 0.0
    shared = field.proxy_core == field.load_core
    return {"direct_spread_median": round(typical, 3), "direct_spread_worst": worst, "limit": NOISE_MAX, "nginx_wait_median": round(wait, 3),
            "wait_limit": WAIT_MAX, "too_noisy": typical > NOISE_MAX or wait > WAIT_MAX or shared,
            "one_processor": shared, "load_average": os.getloadavg()[0], "blocks": blocks}


def markdown(rows: list[dict], noise: dict, quick: bool) -> str:
    lines = []
    block = None
    for row in rows:
        key = (row["connections"], row["payload_bytes"], row["mode"])
        if key != block:
            block = key
            pace = "closed loop" if row["mode"] == "closed" else "open loop, 1,000 requests/s"
            lines += ["", f"**{key[0]} connections, {key[1]} bytes each way, {pace}**", "",
                      "| case | req/s | p50 µs | p99 µs | proxy CPU µs/req | req/s ÷ nginx | CPU ÷ nginx |", "|---|---|---|---|---|---|---|"]
        cpu = "–" if row["ratio_cpu_to_nginx"] is None else f"{row['ratio_cpu_to_nginx']:.2f}"
        spent = "–" if row["case"] == "direct" else f"{row['cpu_us_per_request']:.1f}"
        lines.append(f"| {row['case']} | {row['rps']:,.0f} | {row['p50_us']:.0f} | {row['p99_us']:.0f} | {spent} | {row['ratio_rps_to_nginx']:.2f} | {cpu} |")
    lines += ["", *added_latency(rows), *goals(rows), ""]
    verdict = ("**Too noisy to trust.** Run again on a quiet machine. " if noise["too_noisy"] else "Quiet enough. ")
    lines.append(f"{verdict}Spread of the direct runs between quartiles: median {noise['direct_spread_median']:.0%}, worst "
                 f"{noise['direct_spread_worst']:.0%} (limit {noise['limit']:.0%} on the median); nginx waited for its processor "
                 f"{noise['nginx_wait_median']:.0%} of the time (limit {noise['wait_limit']:.0%})."
                 + (" There is one processor only: proxy and load shared it." if noise["one_processor"] else ""))
    if quick:
        lines.append("Short run (--quick): fewer and shorter rounds, no rows with 10,000 rules, tools or grants.")
    return "\n".join(lines).lstrip("\n") + "\n"


def machine() -> str:
    def first(path: str, key: str) -> str:
        with open(path) as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")
    return f"{len(os.sched_getaffinity(0))} processors ({first('/proc/cpuinfo', 'model name')}), Linux {os.uname().release}"


def page(table: str, command: str) -> str:
    """docs/benchmarks.md as a whole."""
    return PAGE.format(command=command, machine=machine(), table=table)


PAGE = """# Benchmarks

Measured with `{command}` on {machine}. Run it yourself; only the ratios of one run mean something elsewhere.

## Method

- The upstream is a stub (`bench/backend.cc`: one epoll thread, fixed answers); the load is `bench/load.cc` (keep-alive, one request under way
  per connection). A request is a 2026-07-28 `tools/call` with a bearer token; request and answer have about the stated size each.
- The proxy under test is alone on one processor, load and stub share another. nginx: one worker, keep-alive both ways, no access log,
  nothing buffered on disk. It only forwards the bytes; it does none of the work below.
- Every round runs every variant once in random order; a ratio is the median over rounds of (variant ÷ nginx of the same round).
  Processor time comes from the kernel's schedstat of the proxy's threads, journal and index included. The index works in idle time
  (`SCHED_IDLE`): what it does not get done while its gate is loaded it does between the rounds, where no figure shows it.
- Open loop: requests are due at a steady pace whatever the answers do, and latency counts from the due moment.

| case | what is on |
|---|---|
| callgate | grant look-up, strict JSON both ways, policy of 20 rules on the called tool (16 deny_if, 2 require, 2 limits), durable limits, journal, index |
| callgate_audit_off | the same without journal and index (`--unsafe-no-audit`) |
| callgate_rules_N | the same policy plus rules on other tools, N in all (1: a single deny_if and no limit) |
| callgate_inspection | the same as callgate, and arguments and results looked through by every detector (secrets, personal data, poisoning, code) |
| callgate_tools_10000 | the server offers 10,000 tools |
| callgate_grants_10000 | 10,000 live grants |

## Results

{table}"""


def added_latency(rows: list[dict]) -> list[str]:
    opened = {row["case"]: row for row in rows if row["mode"] == "open"}
    if "direct" not in opened:
        return []
    base = opened["direct"]
    return [f"Added over direct at 1,000 requests/s: {name} p50 +{row['p50_us'] - base['p50_us']:.0f} µs, p99 +{row['p99_us'] - base['p99_us']:.0f} µs."
            for name, row in opened.items() if name != "direct"]


def goals(rows: list[dict]) -> list[str]:
    lines = []
    for case, connections, size, mode, column, least in GOALS:
        for row in rows:
            if (row["case"], row["connections"], row["payload_bytes"], row["mode"]) == (case, connections, size, mode):
                lines.append(f"Goal {case}, {connections} connections, {size} bytes: ≥ {least} × nginx, measured {row[column]:.2f}: "
                             f"{'reached' if row[column] >= least else 'missed'}.")
    return lines
