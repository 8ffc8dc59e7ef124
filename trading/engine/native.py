"""The words of mypyc that the engine's sources use, and what stands for them where they are interpreted. Never compiled itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mypy_extensions import i64, mypyc_attr
else:
    i64 = int
    Class = TypeVar("Class")

    def mypyc_attr(**attributes: object) -> Callable[[Class], Class]:
        """Says of a native class how it is made; of any other nothing."""
        return lambda plain: plain


__all__ = ["i64", "mypyc_attr"]
