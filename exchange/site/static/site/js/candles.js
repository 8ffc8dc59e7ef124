/**
 * Candles: [start_us, open, high, low, close, volume, …] from the API, and trades folded into them as they happen.
 *
 * A candle is {start, open, high, low, close, volume}: `start` in whole seconds, the rest Decimals. Weeks begin on
 * Monday, as in ISO 8601.
 */

import { Decimal } from "./decimal.js";

export const INTERVALS = { "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "1d": 86400, "1w": 604800 };

const FIRST_MONDAY = 4 * 86400;

export function candleStart(seconds, interval) {
  const length = INTERVALS[interval];
  const origin = interval === "1w" ? FIRST_MONDAY : 0;
  return Math.floor((seconds - origin) / length) * length + origin;
}

export function candleFromRow([start, open, high, low, close, volume]) {
  return {
    start: Math.floor(Number(start) / 1_000_000),
    open: Decimal.parse(open),
    high: Decimal.parse(high),
    low: Decimal.parse(low),
    close: Decimal.parse(close),
    volume: Decimal.parse(volume),
  };
}

/** The candle that a trade makes of the last one: the same one grown, or a new one. Null for a trade of the past. */
export function foldTrade(last, { seconds, price, quantity }, interval) {
  const start = candleStart(seconds, interval);
  if (last !== undefined && start < last.start) return null;
  if (last === undefined || start > last.start) {
    return { start, open: price, high: price, low: price, close: price, volume: quantity };
  }
  return {
    ...last,
    high: price.greaterThan(last.high) ? price : last.high,
    low: price.lessThan(last.low) ? price : last.low,
    close: price,
    volume: last.volume.add(quantity),
  };
}
