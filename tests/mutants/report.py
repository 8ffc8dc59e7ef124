"""What came of the mutants, as Markdown: a line for each file, and what survived with its change."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

FOUND = ("killed", "timeout", "suspicious", "segfault")
"""Verdicts of a mutant that the tests have noticed."""
NOT_ASKED = ("not checked", "skipped")


def write_report(name: str, work: Path, to: Path) -> str:
    """Writes the table and the survivors; returns the table."""
    verdicts = _verdicts(work)
    table = "\n".join(
        [f"| {name} | mutants | found | survived | no test | score |", "|---|--:|--:|--:|--:|--:|", *_rows(verdicts)]
    )
    survivors = [mutant for found in verdicts.values() for mutant, verdict in found.items() if verdict == "survived"]
    untested = [mutant for found in verdicts.values() for mutant, verdict in found.items() if verdict == "no tests"]
    parts = [table, *(_change(mutant, work) for mutant in survivors)]
    if untested:
        parts.append("No test reaches:\n\n" + "\n".join(f"- `{mutant}`" for mutant in untested))
    to.write_text("\n\n".join(parts) + "\n")
    return f"\n{table}\n\nThe survivors with their changes are in {to}"


def _verdicts(work: Path) -> dict[str, dict[str, str]]:
    """By file, then by mutant; a mutant that was not asked about is left out."""
    verdicts: dict[str, dict[str, str]] = {}
    for meta in sorted((work / "mutants").rglob("*.py.meta")):
        path = str(meta.relative_to(work / "mutants")).removesuffix(".meta")
        by_mutant = json.loads(meta.read_text())["exit_code_by_key"]
        known = {mutant: status_by_exit_code[code] for mutant, code in by_mutant.items()}
        if asked := {mutant: verdict for mutant, verdict in known.items() if verdict not in NOT_ASKED}:
            verdicts[path] = asked
    return verdicts


def _rows(verdicts: dict[str, dict[str, str]]) -> list[str]:
    whole: Counter[str] = Counter()
    rows = []
    for path, by_mutant in verdicts.items():
        counts = Counter(by_mutant.values())
        whole += counts
        rows.append(_row(f"`{path}`", counts))
    return [*rows, _row("all", whole)]


def _row(title: str, counts: Counter[str]) -> str:
    found, mutants = sum(counts[verdict] for verdict in FOUND), counts.total()
    score = f"{100 * found / mutants:.1f} %" if mutants else ""
    return f"| {title} | {mutants} | {found} | {counts['survived']} | {counts['no tests']} | {score} |"


def _change(mutant: str, work: Path) -> str:
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("mutmut")), "show", mutant],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"```diff\n{shown.stdout.strip()}\n```"
