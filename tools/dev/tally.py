"""Counts tests from every kind of runner and prints the closing line that .ci/run and people read."""
import dataclasses
import re

from dev import shell

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)
    skips: list[str] = dataclasses.field(default_factory=list)      # "name: reason"

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def close(self) -> int:
        for skip in self.skips:
            shell.say(f"SKIPPED {skip}")
        for failure in self.failures:
            shell.say(f"FAILED  {failure}")
        if self.passed + len(self.failures) == 0 and not self.skips:
            self.failures.append("nothing ran")
            shell.say("FAILED  nothing ran")
        shell.say(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped")
        return 1 if self.failures else 0


def from_gtest(name: str, report: dict, exit_code: int) -> Tally:
    tally = Tally()
    for suite in report.get("testsuites", []):
        for test in suite.get("testsuite", []):
            title = f"{name}: {suite['name']}.{test['name']}"
            if test.get("result") == "SKIPPED":
                tally.skips.append(f"{title}: {skip_reason(test)}")
            elif test.get("status") == "NOTRUN":
                if test["name"].startswith("DISABLED_"):
                    tally.skips.append(f"{title}: disabled in the source")
            elif test.get("failures"):
                tally.failures.append(title)
            else:
                tally.passed += 1
    if exit_code != 0 and not tally.failures:
        tally.failures.append(f"{name}: ended with {exit_code} (see the output above)")
    return tally


def skip_reason(test: dict) -> str:
    for part in test.get("skipped", []):
        return " ".join(part.get("message", "").split("\n", 1)[-1].split()) or "no reason given"
    return "no reason given"


def from_output(name: str, text: str, exit_code: int) -> Tally:
    """For runners of other kinds: their own closing line when they print one, else one test by exit code."""
    found = CLOSING.findall(text)
    tally = Tally()
    if found:
        passed, failed, skipped = (int(number or 0) for number in found[-1])
        tally.passed = passed
        named = re.findall(r"^FAIL\s+(\S+)", text, re.MULTILINE)
        tally.failures = [f"{name}: {one}" for one in named] if len(named) == failed else [f"{name}: {failed} of its tests, named above"] * failed
        reasons = re.findall(r"^SKIPPED\s+(.*)$", text, re.MULTILINE)[:skipped]
        tally.skips = [f"{name}: {reason}" for reason in reasons]
        tally.skips += [f"{name}: no reason given"] * (skipped - len(reasons))
    elif exit_code == 0:
        tally.passed = 1
    if exit_code != 0 and not tally.failures:
        tally.failures.append(f"{name}: ended with {exit_code}")
    return tally
