"""What Python's garbage collector is told in a process that serves. Any thread; it is of the whole process."""

import gc

GC_THRESHOLD = 50_000
"""Objects made before the collector looks at the young ones. An order makes dozens, none in cycles."""


def spare_the_collector() -> None:
    """What is in memory now is there to stay: the collector need not look at it again, and seldom at what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
