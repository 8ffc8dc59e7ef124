import assert from "node:assert/strict";
import { test } from "node:test";

import { compact, fixed, grouped, readAmount, short, splitZeros } from "../../../exchange/site/static/site/js/amounts.js";
import { Decimal } from "../../../exchange/site/static/site/js/decimal.js";
import { affordable, evaluate, walk } from "../../../exchange/site/static/site/js/estimate.js";
import { slippageCap } from "../../../exchange/site/static/site/js/estimate_parts.js";

const d = (text) => Decimal.parse(text);
const amount = (text) => ({ text, value: readAmount(text) });
const market = {
  name: "BTC/USD",
  base: "BTC",
  quote: "USD",
  tick: d("0.01"),
  lot: d("0.00001"),
  minimumQuantity: d("0.0001"),
  minimumNotional: d("5"),
  makerFee: d("0.0015"),
  takerFee: d("0.0025"),
  quoteDecimals: 4,
  quoteDisplay: 2,
};
const rich = { base: d("10"), quote: d("1000000") };
const asks = [[d("64000.00"), d("0.10000")], [d("64010.00"), d("0.50000")]];
const draft = (changes) => ({
  side: "buy",
  type: "limit",
  timeInForce: "GTC",
  postOnly: false,
  price: amount("64000"),
  quantity: amount("0.25"),
  budget: amount(""),
  lead: "quantity",
  slippageBps: 100,
  ...changes,
});
const context = (changes) => ({ market, available: rich, opposite: asks, best: d("64000.00"), ...changes });

test("amounts are read as people write them", () => {
  const reads = {
    "1234.5": "1234.5", "1,234.50": "1234.5", "1.234,50": "1234.5", "1 234,5": "1234.5", "1’234.5": "1234.5",
    "1,234,567": "1234567", "1.234.567": "1234567", "0,5": "0.5", ".5": "0.5", "5.": "5", "64,000": "64000", " 007 ": "7",
  };
  for (const [text, value] of Object.entries(reads)) assert.equal(readAmount(text)?.toString(), value, text);
  for (const text of ["", "abc", "-1", "1e5", "1..2", ",", "NaN", "$5", "1.2.3,4,5"]) assert.equal(readAmount(text), null, text);
});

test("a pasted point groups only where the locale says so", () => {
  assert.equal(readAmount("64.000").toString(), "64");
  assert.equal(readAmount("64.000", { sign: ",", pasted: true }).toString(), "64000");
  assert.equal(readAmount("64.5", { sign: ",", pasted: true }).toString(), "64.5");
  assert.equal(readAmount("64,000", { sign: "," }).toString(), "64");
});

test("amounts are written with all their digits, zeros apart", () => {
  assert.equal(grouped("1234567.8901"), "1,234,567.8901");
  assert.equal(grouped("-1234.5"), "-1,234.5");
  assert.equal(fixed(d("1234.5"), 2), "1,234.50");
  assert.equal(short(d("1.500000")), "1.5");
  assert.deepEqual(splitZeros("0.50000"), ["0.5", "0000"]);
  assert.deepEqual(splitZeros("64,000.00"), ["64,000", ".00"]);
  assert.deepEqual(splitZeros("1,000"), ["1,000", ""]);
  assert.deepEqual(["999.999", "1234", "123456", "12345678.9"].map((text) => compact(d(text))), ["999.99", "1.23K", "123.4K", "12.34M"]);
});

test("a limit buy that waits holds price times quantity and the maker's fee, rounded up", () => {
  const result = evaluate(draft({ price: amount("63999.99"), quantity: amount("0.00011") }), context());
  assert.deepEqual(result.errors, {});
  assert.equal(result.hold.toString(), "7.0506");
  assert.equal(result.holdAsset, "USD");
  assert.equal(result.label, "Buy 0.00011 BTC for at most 7.06 USD");
  assert.deepEqual(result.request, {
    market: "BTC/USD", side: "buy", type: "limit", price: "63999.99", quantity: "0.00011", time_in_force: "GTC", post_only: "none",
  });
});

test("a limit sell holds its quantity and promises no more than it brings", () => {
  const result = evaluate(draft({ side: "sell", postOnly: true }), context({ opposite: [], best: d("63999.99") }));
  assert.equal(`${result.hold} ${result.holdAsset}`, "0.25 BTC");
  assert.equal(result.label, "Sell 0.25 BTC for at least 15,976.00 USD");
  assert.equal(result.request.post_only, "reject");
});

test("a limit buy that crosses the spread must pay the taker's fee", () => {
  const result = evaluate(draft({}), context());
  assert.equal(result.crosses, true);
  assert.equal(result.hold.toString(), "16040.0000");
});

test("each mistake is named with what to change", () => {
  const errors = (changes, more) => evaluate(draft(changes), context(more)).errors;
  assert.deepEqual(errors({ price: amount("64000.015") }), { price: "Use steps of 0.01: 64,000.01 or 64,000.02." });
  assert.deepEqual(errors({ quantity: amount("") }), { quantity: "Enter a quantity." });
  assert.deepEqual(errors({ quantity: amount("x") }), { quantity: "“x” is not a number." });
  assert.deepEqual(errors({ quantity: amount("0.000001") }), { quantity: "Use steps of 0.00001: 0.00001." });
  assert.deepEqual(errors({ quantity: amount("0.00001") }), { quantity: "The smallest order is 0.0001 BTC." });
  assert.deepEqual(errors({ price: amount("10") }), { quantity: "The order must be worth at least 5 USD." });
  assert.deepEqual(errors({ price: amount("0") }), { price: "Enter a price above zero.", quantity: "The order must be worth at least 5 USD." });
  assert.deepEqual(errors({ postOnly: true }), { price: "Post-only never takes: stay below 64,000.00." });
  assert.match(errors({}, { available: { base: d("0"), quote: d("10") } }).quantity, /^You have 10 USD available/);
  assert.deepEqual(errors({}, { available: null }), {});
});

test("a market buy by quantity walks the book and caps its price", () => {
  const result = evaluate(draft({ type: "market" }), context());
  assert.equal(result.average.toString(), "64006.00");
  assert.equal(result.cap.toString(), "64640.00");
  assert.equal(result.label, "Buy 0.25 BTC for at most 16,200.40 USD");
  assert.deepEqual(result.request, {
    market: "BTC/USD", side: "buy", type: "market", time_in_force: "IOC", quantity: "0.25", slippage_price: "64640.00",
  });
});

test("a market buy by budget spends no more than the budget, fee included", () => {
  const result = evaluate(draft({ type: "market", lead: "budget", budget: amount("1000") }), context());
  assert.equal(result.label, "Buy BTC for at most 1,000.00 USD");
  assert.equal(result.request.quote_quantity, "1000");
  assert.equal(result.hold.toString(), "1000");
  assert.ok(result.notional.add(result.fee).compare(d("1000")) <= 0);
});

test("a market order without anybody on the other side says so", () => {
  const result = evaluate(draft({ type: "market" }), context({ opposite: [], best: null }));
  assert.match(result.errors.quantity, /^Nobody sells here now/);
});

test("an order larger than the book is told apart", () => {
  assert.equal(walk(asks, { side: "buy", quantity: d("0.6") }).complete, true);
  assert.equal(walk(asks, { side: "buy", quantity: d("0.7") }).complete, false);
  assert.equal(walk(asks, { side: "buy", quantity: d("0.6"), cap: d("64005") }).taken.toString(), "0.10000");
  assert.equal(slippageCap(d("64000.00"), "sell", 50, market.tick).toString(), "63680.00");
});

test("a share of the balance buys whole lots that it can pay for, fee included", () => {
  const quantity = affordable({ side: "buy", price: d("64000"), available: d("1000"), share: d("1"), market, feeRate: market.takerFee });
  assert.equal(quantity.toString(), "0.01558");
  assert.deepEqual(evaluate(draft({ quantity: { text: "0.01558", value: quantity } }), context({ available: { base: d("0"), quote: d("1000") } })).errors, {});
  assert.equal(affordable({ side: "sell", price: null, available: d("0.123456"), share: d("0.5"), market }).toString(), "0.06172");
  assert.equal(affordable({ side: "buy", price: null, available: d("1"), share: d("1"), market, feeRate: ZERO_RATE }), null);
});

const ZERO_RATE = d("0");
