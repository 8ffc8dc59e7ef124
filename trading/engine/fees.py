"""Fees: the one module that rounds, and says in which direction.

An order keeps ``fee_ppm_sum``, the exact sum of rate (parts per million) times quote atoms over its fills. What it has
been charged in all is that sum rounded up to a whole atom; a fill is charged the difference that it makes. So the total
fee of an order does not depend on how its quantity was cut into fills.
The part of a fee that is there only by rounding up is told apart: fees are earned, a residue of rounding is not.
"""

PPM = 1_000_000
ROUND_UP = PPM - 1


def fee_atoms(sum_before: int, sum_after: int) -> int:
    """Fee in quote atoms for what took ``fee_ppm_sum`` from one value to the other. The totals are rounded up."""
    return (sum_after + ROUND_UP) // PPM - (sum_before + ROUND_UP) // PPM


def rounding_atoms(sum_before: int, sum_after: int) -> int:
    """How much of that fee is there only because the totals are rounded up, not down: -1, 0 or 1."""
    return (sum_after % PPM > 0) - (sum_before % PPM > 0)


def affordable_lots(budget_left_atoms: int, fee_ppm_sum: int, taker_ppm: int, lot_quote_atoms: int) -> int:
    """The largest number of lots, each ``lot_quote_atoms``, that a budget still buys, fee included. Rounded down.

    ``budget_left_atoms`` is the budget less the quote atoms of the fills so far; their fees are in ``fee_ppm_sum``.
    With n lots of value v the fee in all is ceil((sum + ppm·n·v) / 10^6), which must not exceed left - n·v. A whole
    number is not below a ceiling exactly if it is not below what was rounded up, hence
    n·v·(10^6 + ppm) <= left·10^6 - sum.
    """
    return (budget_left_atoms * PPM - fee_ppm_sum) // (lot_quote_atoms * (PPM + taker_ppm))
