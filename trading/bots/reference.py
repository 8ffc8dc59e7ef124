"""What the market makers think things are worth: a price path out of a seed.

The logarithm of an asset's value in US dollars is ``anchor + deviation``.

- *anchor* is where the value is drawn to: it moves slowly, and is itself drawn back to the asset's base value with a
  half-life of two days, so that it stays within some per cent of it for as long as the demo runs.
- *deviation* is an Ornstein-Uhlenbeck process around zero with a half-life of twenty minutes, driven by a shock that
  BTC and ETH share in part (correlation 0.75).
- *mood* multiplies the shocks of both by exp(mood), itself an Ornstein-Uhlenbeck process: calm and lively hours.
- *news* come as a Poisson process, once in ten minutes on average: a jump of the deviation, by 0.12 % (one standard
  deviation), of both assets in the same direction.

All three markets are ratios of two values, so they agree with each other at every step. The model is in floats; it only
says where quotes should be. Every price that is sent is made from it by exact rounding, in ``quoting``.

A path is a function of seed and starting values, one step per STEP_S of time: the same again for the same seed.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

STEP_S = 0.5
CORRELATION = 0.75
ANCHOR_HALF_LIFE_S = 2 * 86_400.0
ANCHOR_SIGMA = 4e-5
"""Standard deviation of a shock, per square root of a second; 4e-5 is about 1.2 % a day."""
DEVIATION_HALF_LIFE_S = 1_200.0
MOOD_HALF_LIFE_S = 900.0
MOOD_SPREAD = 0.4
"""Standard deviation of the mood in the long run."""
NEWS_EVERY_S = 600.0
NEWS_SIGMA = 0.0012
START_LIMIT = math.log(1.15)
"""A start further from the base value than this factor is moved to it: one odd trade must not set the demo's price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """``sigma`` is per square root of a second (7e-5 is about 40 % a year); ``beta`` is its share in news."""

    base_usd: float
    sigma: float
    beta: float


ASSETS = {
    "BTC": Asset(base_usd=64_000.0, sigma=7e-5, beta=1.0),
    "ETH": Asset(base_usd=3_400.0, sigma=9e-5, beta=1.3),
}


class Reference:
    """The values now. ``step`` is called every STEP_S; all makers of a process read the same one."""

    def __init__(self, seed: int, start_usd: Mapping[str, Decimal] | None = None) -> None:
        """``start_usd``: the values to go on from, of those assets that had one before."""
        self._random = random.Random(f"reference {seed}")
        self._mood = 0.0
        self._deviations = dict.fromkeys(ASSETS, 0.0)
        self._anchors = {}
        for name, asset in ASSETS.items():
            start = (start_usd or {}).get(name)
            change = 0.0 if start is None else math.log(float(start) / asset.base_usd)
            self._anchors[name] = math.log(asset.base_usd) + max(-START_LIMIT, min(START_LIMIT, change))

    def step(self) -> None:
        """Moves on by STEP_S."""
        gauss = self._random.gauss
        mood_kept = 0.5 ** (STEP_S / MOOD_HALF_LIFE_S)
        self._mood = self._mood * mood_kept + MOOD_SPREAD * math.sqrt(1 - mood_kept**2) * gauss(0, 1)
        news = gauss(0, NEWS_SIGMA) if self._random.random() < STEP_S / NEWS_EVERY_S else 0.0
        shared = gauss(0, 1)
        for name, asset in ASSETS.items():
            shock = CORRELATION * shared + math.sqrt(1 - CORRELATION**2) * gauss(0, 1)
            self._move_anchor(name, asset)
            self._deviations[name] = (
                self._deviations[name] * 0.5 ** (STEP_S / DEVIATION_HALF_LIFE_S)
                + asset.sigma * math.exp(self._mood) * math.sqrt(STEP_S) * shock
                + asset.beta * news
            )

    def price(self, base: str, quote: str) -> Decimal:
        """The value of one ``base`` in ``quote``, always positive, to twelve places."""
        return Decimal(f"{math.exp(self._log_usd(base) - self._log_usd(quote)):.12f}")

    def _move_anchor(self, name: str, asset: Asset) -> None:
        base = math.log(asset.base_usd)
        kept = 0.5 ** (STEP_S / ANCHOR_HALF_LIFE_S)
        shock = ANCHOR_SIGMA * math.sqrt(STEP_S) * self._random.gauss(0, 1)
        self._anchors[name] = base + (self._anchors[name] - base) * kept + shock

    def _log_usd(self, name: str) -> float:
        return 0.0 if name == "USD" else self._anchors[name] + self._deviations[name]
