/**
 * The candles of one market and interval: loaded newest first, older ones when asked for, trades folded in as they come.
 */

import { batch, signal } from "@preact/signals";

import { api } from "./api.js";
import { candleFromRow, foldTrade, INTERVALS } from "./candles.js";

const WINDOW_CANDLES = 700;

export class CandleHistory {
  constructor(market, interval) {
    this.market = market;
    this.interval = interval;
    this.candles = [];
    this.isComplete = false;
    this.isLoading = false;
    /** {kind: "all" | "last", state}: what changed last. */
    this.change = signal({ kind: "all", state: "loading" });
  }

  get last() {
    return this.candles[this.candles.length - 1];
  }

  /** Loads the newest window again: at the start, and after the stream was away. */
  async reload() {
    try {
      const now = new Date();
      const fresh = await this.fetch(this.windowBefore(now), now);
      const known = new Map([...this.candles, ...fresh].map((candle) => [candle.start, candle]));
      this.candles = [...known.values()].sort((a, b) => a.start - b.start);
      this.change.value = { kind: "all", state: "loaded" };
    } catch {
      this.change.value = { kind: "all", state: this.candles.length > 0 ? "loaded" : "failed" };
    }
  }

  async loadOlder() {
    if (this.isLoading || this.isComplete || this.candles.length === 0) return;
    this.isLoading = true;
    try {
      const end = new Date(this.candles[0].start * 1000 - 1);
      const older = (await this.fetch(this.windowBefore(end), end)).filter(({ start }) => start < this.candles[0].start);
      this.isComplete = older.length === 0;
      this.candles = [...older, ...this.candles];
      if (older.length > 0) this.change.value = { kind: "all", state: "loaded" };
    } catch {
      this.isComplete = true;
    } finally {
      this.isLoading = false;
    }
  }

  fold(trades) {
    batch(() => {
      for (const trade of trades) {
        const candle = foldTrade(this.last, { ...trade, seconds: trade.at.getTime() / 1000 }, this.interval);
        if (candle === null) continue;
        if (candle.start === this.last?.start) this.candles[this.candles.length - 1] = candle;
        else this.candles.push(candle);
      }
      this.change.value = { kind: "last", state: "loaded" };
    });
  }

  async fetch(start, end) {
    return (await api.candles(this.market, this.interval, start, end)).map(candleFromRow);
  }

  windowBefore(end) {
    return new Date(end.getTime() - WINDOW_CANDLES * INTERVALS[this.interval] * 1000);
  }
}
