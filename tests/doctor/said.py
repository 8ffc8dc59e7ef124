"""What the doctor said, and asking it as an operator does."""

import json
from collections.abc import Iterable

from exchange.doctor.findings import Finding
from tests.fixtures import manage


def examined(url: str, /, **environment: str) -> tuple[int, list[Finding]]:
    """The exit code and the findings of `manage.py doctor --json`."""
    ended = manage("doctor", "--json", check=False, url=url, **environment)
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout)
    findings = [Finding(**finding) for finding in told["findings"]]
    assert told["wrong"] == sum(finding.severity == "wrong" for finding in findings)
    assert told["warnings"] == sum(finding.severity == "warning" for finding in findings)
    return ended.returncode, findings


def only(findings: Iterable[Finding], severity: str = "wrong") -> Finding:
    """The one of this severity."""
    found = [finding for finding in findings if finding.severity == severity]
    assert len(found) == 1, found
    assert found[0].setting and found[0].says and found[0].fix, "it names setting and fix"
    return found[0]


def settings_of(findings: Iterable[Finding], severity: str = "wrong") -> set[str]:
    return {finding.setting for finding in findings if finding.severity == severity}
