"""`manage.py doctor [--json]`, also `python -m exchange.doctor`. Exit code 0 if nothing is wrong, 1 if something is; warnings
change nothing."""

import argparse
import collections
import dataclasses
import json
import os
import sys

from .examination import examine


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="manage.py doctor", description="Look at settings, database and machine, and say what is wrong."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange.settings.demo")
    findings = []
    for finding in examine():
        findings.append(finding)
        if not chosen.json:
            print(finding.line, flush=True)
    counts = collections.Counter(finding.severity for finding in findings)
    if chosen.json:
        told = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"wrong": counts["wrong"], "warnings": counts["warning"], "findings": told}, indent=1))
    else:
        print(f"{counts['wrong'] or 'Nothing'} wrong, {counts['warning']} warnings, {counts['ok']} as they should be.")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
