import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";

import { Book, crc32, groupLevels } from "../../../exchange/site/static/site/js/book.js";
import { candleFromRow, candleStart, foldTrade } from "../../../exchange/site/static/site/js/candles.js";
import { Decimal } from "../../../exchange/site/static/site/js/decimal.js";
import { parseExact } from "../../../exchange/site/static/site/js/exact_json.js";

const level = (price, qty) => ({ price, qty });

test("numbers arrive as text, digit for digit", () => {
  const text = String.raw`{"a":64000.10,"b":[0.00000001,-1e-8],"c":"12.5 \"and\" 3 \\","d":true,"e":null,"7":9007199254740993}`;
  assert.deepEqual(parseExact(text), {
    a: "64000.10",
    b: ["0.00000001", "-1e-8"],
    c: String.raw`12.5 "and" 3 ` + "\\",
    d: true,
    e: null,
    7: "9007199254740993",
  });
});

test("text that looks like JSON inside a string stays a string", () => {
  assert.deepEqual(parseExact(String.raw`{"s":"{\"price\":1.50}"}`), { s: '{"price":1.50}' });
});

test("the CRC is the one that everybody calls CRC32", () => {
  assert.equal(crc32("123456789"), 0xcbf43926);
  if (zlibCrc32 !== undefined) assert.equal(crc32("4528345283"), zlibCrc32("4528345283"));
});

test("the checksum of Kraken's documented example", () => {
  const book = new Book({ priceScale: 1, sizeScale: 8, depth: 10 });
  const asks = [
    ["45285.2", "0.00100000"], ["45286.4", "1.54571953"], ["45286.6", "1.54571109"], ["45289.6", "1.54560911"],
    ["45290.2", "0.15890660"], ["45291.8", "1.54553491"], ["45294.7", "0.04454749"], ["45296.1", "0.35380000"],
    ["45297.5", "0.09945542"], ["45299.5", "0.18772827"],
  ];
  const bids = [
    ["45283.5", "0.10000000"], ["45283.4", "1.54582015"], ["45282.1", "0.10000000"], ["45281.0", "0.10000000"],
    ["45280.3", "1.54592586"], ["45279.0", "0.07990000"], ["45277.6", "0.03310103"], ["45277.5", "0.30000000"],
    ["45277.3", "1.54602737"], ["45276.6", "0.15445238"],
  ];
  book.replace({ bids: bids.map(([p, q]) => level(p, q)), asks: asks.map(([p, q]) => level(p, q)) });
  assert.equal(book.checksum(), 3310070434);
});

test("levels are set, changed, removed and cut to the depth", () => {
  const book = new Book({ priceScale: 2, sizeScale: 5, depth: 3 });
  book.replace({ bids: [level("10.00", "1"), level("10.02", "2"), level("10.01", "3")], asks: [level("10.05", "1")] });
  assert.deepEqual(book.bids.map(([price]) => price), [1002n, 1001n, 1000n]);
  book.update({ bids: [level("10.02", "0"), level("10.03", "4"), level("9.99", "5"), level("9.98", "6")] });
  assert.deepEqual(book.bids, [[1003n, 400000n], [1001n, 300000n], [1000n, 100000n]]);
  book.update({ asks: [level("10.04", "1.5"), level("10.05", "0"), level("10.06", "0")] });
  assert.deepEqual(book.asks, [[1004n, 150000n]]);
});

test("grouping rounds bids down and asks up, and sums towards the far end", () => {
  const bids = [[1009n, 1n], [1001n, 2n], [999n, 4n]];
  assert.deepEqual(groupLevels(bids, 10n, "buy"), [
    { price: 1000n, size: 3n, sum: 3n, cost: 3011n },
    { price: 990n, size: 4n, sum: 7n, cost: 7007n },
  ]);
  const asks = [[1010n, 1n], [1011n, 2n], [1020n, 4n]];
  assert.deepEqual(groupLevels(asks, 10n, "sell").map((row) => [row.price, row.size, row.sum]), [
    [1010n, 1n, 1n],
    [1020n, 6n, 7n],
  ]);
});

test("trades grow the candle of their time, open the next one, and never rewrite the past", () => {
  const trade = (seconds, price, quantity) => ({
    seconds,
    price: Decimal.parse(price),
    quantity: Decimal.parse(quantity),
  });
  const first = candleFromRow(["120000000", "10", "12", "9", "11", "5", "55", "3"]);
  const grown = foldTrade(first, trade(179.9, "13", "0.5"), "1m");
  assert.equal([grown.start, grown.open, grown.high, grown.low, grown.close, grown.volume].join(" "), "120 10 13 9 13 5.5");
  const next = foldTrade(grown, trade(180, "8", "1"), "1m");
  assert.equal([next.start, next.open, next.low, next.volume].join(" "), "180 8 8 1");
  assert.equal(foldTrade(next, trade(179, "8", "1"), "1m"), null);
});

test("weeks begin on Monday", () => {
  const friday = Date.UTC(2026, 10, 20, 4) / 1000;
  assert.equal(new Date(candleStart(friday, "1w") * 1000).toISOString(), "2026-11-16T00:00:00.000Z");
  assert.equal(candleStart(friday, "1h"), friday);
});
