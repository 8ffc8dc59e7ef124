"""What is said of one thing: that it is right, that it might be better, or that it is wrong, and then by which setting."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``setting``: a variable of the environment, or a setting of PostgreSQL, Redis or Django; empty where none is to blame.

    ``says`` and ``fix`` are sentences; what is right needs no ``fix``.
    """

    severity: Severity
    says: str
    setting: str = ""
    fix: str = ""

    @property
    def line(self) -> str:
        setting = f"{self.setting}: " if self.setting else ""
        return f"{self.severity:<8}{setting}{self.says}{' ' + self.fix if self.fix else ''}"


Findings: TypeAlias = Iterator[Finding]


def ok(says: str) -> Finding:
    return Finding(severity="ok", says=says)


def warning(setting: str, says: str, fix: str) -> Finding:
    return Finding(severity="warning", setting=setting, says=says, fix=fix)


def wrong(setting: str, says: str, fix: str) -> Finding:
    return Finding(severity="wrong", setting=setting, says=says, fix=fix)


def worse(is_wrong: bool, setting: str, says: str, fix: str) -> Finding:
    """What is wrong where money is real, and may be so in a demo."""
    return (wrong if is_wrong else warning)(setting, says, fix)
