/**
 * One market's order book as the stream tells it: prices and sizes as BigInt units at the market's decimals.
 *
 * A level is [price, size]. Bids fall, asks rise, the best comes first. Sizes are absolute, zero removes the level, and
 * the book keeps no more levels than it subscribed to. `checksum` is Kraken's CRC32 over the ten best of each side.
 */

import { Decimal } from "./decimal.js";

const CHECKED_LEVELS = 10;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

export function crc32(ascii) {
  let crc = 0xffffffff;
  for (let i = 0; i < ascii.length; i += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ ascii.charCodeAt(i)) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

function setLevel(levels, price, size, isBetter) {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBetter(levels[middle][0], price)) low = middle + 1;
    else high = middle;
  }
  const found = low < levels.length && levels[low][0] === price;
  if (size === 0n) {
    if (found) levels.splice(low, 1);
  } else if (found) levels[low] = [price, size];
  else levels.splice(low, 0, [price, size]);
}

const isHigher = (a, b) => a > b;
const isLower = (a, b) => a < b;

export class Book {
  constructor({ priceScale, sizeScale, depth }) {
    this.priceScale = priceScale;
    this.sizeScale = sizeScale;
    this.depth = depth;
    this.bids = [];
    this.asks = [];
  }

  /** Takes one `data` item of a snapshot. */
  replace(item) {
    this.bids = [];
    this.asks = [];
    this.update(item);
  }

  /** Takes one `data` item of an update. */
  update({ bids = [], asks = [] }) {
    for (const { price, qty } of bids) setLevel(this.bids, this.price(price), this.size(qty), isHigher);
    for (const { price, qty } of asks) setLevel(this.asks, this.price(price), this.size(qty), isLower);
    this.bids.length = Math.min(this.bids.length, this.depth);
    this.asks.length = Math.min(this.asks.length, this.depth);
  }

  price(text) {
    return Decimal.parse(text).unitsAt(this.priceScale);
  }

  size(text) {
    return Decimal.parse(text).unitsAt(this.sizeScale);
  }

  checksum() {
    const digits = ([price, size]) => `${price}${size}`;
    const asks = this.asks.slice(0, CHECKED_LEVELS).map(digits).join("");
    const bids = this.bids.slice(0, CHECKED_LEVELS).map(digits).join("");
    return crc32(asks + bids);
  }
}

/**
 * Rows for display: levels grouped by a step of price, with the sum and cost up to and including each.
 *
 * Bids are grouped downwards and asks upwards, so that no group promises a better price than its orders have.
 * `cost` is in units of price times size; cost / sum is the average price to that level.
 */
export function groupLevels(levels, step, side) {
  const rows = [];
  let sum = 0n;
  let cost = 0n;
  for (const [price, size] of levels) {
    const rest = price % step;
    const group = rest === 0n ? price : side === "buy" ? price - rest : price - rest + step;
    sum += size;
    cost += price * size;
    const last = rows[rows.length - 1];
    if (last !== undefined && last.price === group) Object.assign(last, { size: last.size + size, sum, cost });
    else rows.push({ price: group, size, sum, cost });
  }
  return rows;
}
