import assert from "node:assert/strict";
import { test } from "node:test";

import { readAmount } from "../../../exchange/site/static/site/js/amounts.js";
import { Decimal } from "../../../exchange/site/static/site/js/decimal.js";
import { evaluate } from "../../../exchange/site/static/site/js/estimate.js";
import { actsAbove } from "../../../exchange/site/static/site/js/estimate_waiting.js";
import { isOpen, orderFromExecution } from "../../../exchange/site/static/site/js/orders.js";

const d = (text) => Decimal.parse(text);
const amount = (text) => ({ text, value: readAmount(text) });
const market = {
  name: "BTC/USD", base: "BTC", quote: "USD", tick: d("0.01"), lot: d("0.00001"), minimumQuantity: d("0.0001"),
  minimumNotional: d("5"), makerFee: d("0.0015"), takerFee: d("0.0025"), quoteDecimals: 4, quoteDisplay: 2,
};
const context = {
  market, available: { base: d("10"), quote: d("1000000") }, opposite: [], best: d("64000.00"), last: d("64000.00"),
  now: new Date("2026-11-20T12:00:00Z"),
};
const EMPTY = Object.fromEntries(["price", "quantity", "budget", "trigger", "offset", "display", "stopAt", "takeAt"].map((name) => [name, ""]));
const AMOUNTS = Object.keys(EMPTY);

function ask(changes, around = {}) {
  const all = { side: "sell", type: "limit", timeInForce: "GTC", attach: "none", lead: "quantity", slippageBps: 100, ...EMPTY, quantity: "0.5", ...changes };
  for (const name of AMOUNTS) all[name] = amount(all[name]);
  return evaluate(all, { ...context, ...around });
}

test("a stop sells at the market below its trigger, no lower than its cap, and holds its quantity", () => {
  const { errors, request, label, hold, holdAsset } = ask({ type: "stop", trigger: "60000" });
  assert.deepEqual(errors, {});
  assert.deepEqual(request, {
    market: "BTC/USD", side: "sell", type: "stop", quantity: "0.5", time_in_force: "GTC", trigger_price: "60000", slippage_price: "59400.00",
  });
  assert.equal(`${hold} ${holdAsset}`, "0.5 BTC");
  assert.equal(label, "Sell 0.5 BTC at 60,000 or below");
});

test("a stop that buys always has a cap, and holds that with the taker's fee", () => {
  const { request, hold } = ask({ side: "buy", type: "stop", trigger: "65000", slippageBps: 0 });
  assert.equal(request.slippage_price, "65650.00");
  assert.equal(hold.toString(), "32907.0625");
});

test("a limit price makes it a stop-limit or a take-profit-limit", () => {
  const stop = ask({ type: "stop", trigger: "60000", price: "59900" }).request;
  assert.deepEqual([stop.type, stop.price, stop.slippage_price], ["stop_limit", "59900", undefined]);
  const { request, hold } = ask({ side: "buy", type: "take_profit", trigger: "60000", price: "60000" });
  assert.deepEqual([request.type, hold.toString()], ["take_profit_limit", "30075.0000"]);
});

test("what would act at once is refused beside its field, of each kind", () => {
  const wrong = [["sell", "stop", "64000"], ["buy", "stop", "63000"], ["sell", "take_profit", "64000"], ["buy", "take_profit", "65000"]];
  for (const [side, type, trigger] of wrong) assert.match(ask({ side, type, trigger }).errors.trigger, /the last price, 64,000.00\.$/);
  assert.deepEqual(wrong.map(([side, type]) => actsAbove(side, type)), [false, true, true, false]);
  assert.deepEqual(ask({ type: "stop", trigger: "70000" }, { last: null }).errors, {});
});

test("a trailing stop has its distance, and may trail from a price", () => {
  assert.deepEqual(ask({ type: "trailing_stop", offset: "500" }).request, {
    market: "BTC/USD", side: "sell", type: "trailing_stop", quantity: "0.5", time_in_force: "GTC", trailing_offset: "500",
  });
  const buy = ask({ side: "buy", type: "trailing_stop", offset: "500", trigger: "62000" }).request;
  assert.deepEqual([buy.trigger_price, buy.slippage_price], ["62000", "63125.00"]);
  assert.deepEqual(Object.keys(ask({ type: "trailing_stop" }).errors), ["offset"]);
  assert.match(ask({ type: "trailing_stop", offset: "500" }, { last: null }).errors.trigger, /^Nothing has traded yet/);
});

test("an OCO pair has a stop of its own side, and a buy holds the dearer of both", () => {
  const sell = ask({ price: "70000", attach: "oco", stopAt: "60000" });
  assert.deepEqual(sell.request.oco, { type: "stop", trigger_price: "60000" });
  assert.match(ask({ price: "70000", attach: "oco", stopAt: "71000" }).errors.stopAt, /below the limit price/);
  const buy = ask({ side: "buy", price: "60000", attach: "oco", stopAt: "66000", best: null });
  assert.deepEqual(buy.request.oco, { type: "stop", trigger_price: "66000", slippage_price: "66660.00" });
  assert.equal(buy.hold.toString(), "33413.3250");
  const poor = { available: { base: d("0"), quote: d("33000") } };
  assert.match(ask({ side: "buy", price: "60000", attach: "oco", stopAt: "66000" }, poor).errors.quantity, /^You have 33,000 USD/);
});

test("a bracket has a limit, a stop or both, of the other side", () => {
  const buy = { side: "buy", price: "63000", attach: "bracket" };
  assert.deepEqual(ask({ ...buy, takeAt: "70000", stopAt: "60000" }).request.on_fill, [
    { type: "limit", price: "70000" }, { type: "stop", trigger_price: "60000" },
  ]);
  assert.deepEqual(ask({ ...buy, stopAt: "60000" }).request.on_fill, [{ type: "stop", trigger_price: "60000" }]);
  assert.match(ask(buy).errors.takeAt, /or both/);
  assert.deepEqual(Object.keys(ask({ ...buy, takeAt: "60000", stopAt: "70000" }).errors), ["takeAt", "stopAt"]);
  const sell = ask({ price: "66000", attach: "bracket", takeAt: "60000", stopAt: "70000" }).request.on_fill;
  assert.equal(sell[1].slippage_price, "70700.00");
});

test("an iceberg shows at most all and at least a hundredth of itself", () => {
  assert.equal(ask({ price: "66000", display: "0.1" }).request.display_quantity, "0.1");
  assert.match(ask({ price: "66000", display: "0.6" }).errors.display, /more than it has/);
  assert.match(ask({ price: "66000", display: "0.00499" }).errors.display, /hundredth/);
  assert.equal(ask({ price: "66000", display: "0.1", timeInForce: "IOC" }).request.display_quantity, undefined);
});

test("an end must be a time to come, and post-only may step back", () => {
  const end = { price: "66000", timeInForce: "GTD" };
  assert.equal(ask({ ...end, expiresAt: "2026-11-20T12:00:01Z" }).request.expires_at, "2026-11-20T12:00:01.000Z");
  assert.equal(ask({ ...end, expiresAt: "2026-11-20T12:00:00Z" }).errors.expiresAt, "Enter a time to come.");
  assert.equal(ask({ ...end, expiresAt: "" }).errors.expiresAt, "Enter until when.");
  const crossing = { side: "sell", price: "63000", postOnly: true };
  assert.match(ask(crossing).errors.price, /^Post-only never takes/);
  const back = ask({ ...crossing, reprice: true });
  assert.deepEqual([back.errors, back.request.post_only], [{}, "reprice"]);
});

test("a waiting order is open, and keeps its trigger through reports that leave it out", () => {
  const waiting = orderFromExecution({
    order_id: "o1", symbol: "BTC/USD", side: "sell", order_type: "stop", order_qty: "1", cum_qty: "0", order_status: "pending_new",
    triggers: { reference: "last", price: "60000.00", trailing_offset: null }, timestamp: "2026-11-20T04:00:01Z",
  });
  assert.deepEqual([waiting.status, isOpen(waiting), waiting.trigger.toString(), waiting.offset], ["waiting", true, "60000.00", null]);
  const triggered = orderFromExecution({ order_id: "o1", order_status: "new" }, waiting);
  assert.deepEqual([triggered.status, triggered.trigger.toString()], ["open", "60000.00"]);
});
