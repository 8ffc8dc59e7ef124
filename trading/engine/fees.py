"""Fees: the one module that rounds, and says in which direction.

An order keeps ``fee_ppm_sum``, the exact sum of rate (parts per million) times quote atoms over its fills. What it has
been charged in all is that sum rounded up to a whole atom; a fill is charged the difference that it makes. So the total
fee of an order does not depend on how its quantity was cut into fills. A rebate is a fee below zero, and rounded up too.
The part of a fee that is there only by rounding up is told apart: fees are earned, a residue of rounding is not.
"""

from typing import Final

PPM: Final = 1_000_000
ROUND_UP: Final = PPM - 1


class Rates:
    """What an account pays in a market, in parts per million of the quote amount; a maker's below zero is a rebate.

    ``hold_ppm``: what a resting order may cost as a maker at the most; a rebate may not be given, so it is not counted on.
    """

    __slots__ = ("gives_rebate", "higher_ppm", "hold_ppm", "maker_ppm", "taker_ppm")

    def __init__(self, maker_ppm: int, taker_ppm: int) -> None:
        self.maker_ppm = maker_ppm
        self.taker_ppm = taker_ppm
        self.gives_rebate = maker_ppm < 0
        self.hold_ppm = max(maker_ppm, 0)
        self.higher_ppm = max(maker_ppm, taker_ppm)


def fee_atoms(sum_before: int, sum_after: int) -> int:
    """Fee in quote atoms for what took ``fee_ppm_sum`` from one value to the other. The totals are rounded up."""
    return (sum_after + ROUND_UP) // PPM - (sum_before + ROUND_UP) // PPM


def rounding_atoms(taker_before: int, taker_after: int, maker_before: int, maker_after: int) -> int:
    """How much of both fees of a trade is there only because the totals are rounded up, not down: -2 to 2."""
    return (
        (1 if taker_after % PPM else 0)
        - (1 if taker_before % PPM else 0)
        + (1 if maker_after % PPM else 0)
        - (1 if maker_before % PPM else 0)
    )


def cost_atoms(value_atoms: int, rate_ppm: int, fee_ppm_sum: int) -> int:
    """Quote atoms that a buy of this value costs: the value, and the fee that it would add.

    A fill at the order's own price takes exactly the difference between the cost before and the cost after it.
    """
    added = (fee_ppm_sum + rate_ppm * value_atoms + ROUND_UP) // PPM
    return value_atoms + added - ((fee_ppm_sum + ROUND_UP) // PPM if fee_ppm_sum else 0)


def affordable_lots(budget_left_atoms: int, fee_ppm_sum: int, taker_ppm: int, lot_quote_atoms: int) -> int:
    """The largest number of lots, each ``lot_quote_atoms``, that a budget still buys, fee included. Rounded down.

    ``budget_left_atoms`` is the budget less the quote atoms of the fills so far; their fees are in ``fee_ppm_sum``.
    With n lots of value v the fee in all is ceil((sum + ppm·n·v) / 10^6), which must not exceed left - n·v. A whole
    number is not below a ceiling exactly if it is not below what was rounded up, hence
    n·v·(10^6 + ppm) <= left·10^6 - sum.
    """
    return (budget_left_atoms * PPM - fee_ppm_sum) // (lot_quote_atoms * (PPM + taker_ppm))
