import assert from "node:assert/strict";
import { test } from "node:test";

import { fillFromExecution, fillFromRest, orderFromExecution, orderFromRest, reasonInWords } from "../../../exchange/site/static/site/js/orders.js";

const report = {
  exec_type: "new", order_id: "o1", symbol: "BTC/USD", side: "buy", order_type: "limit", order_qty: "0.25000",
  limit_price: "64000.00", cum_qty: "0.00000", avg_price: "0", order_status: "new", time_in_force: "GTC",
  timestamp: "2026-11-20T04:00:01.000000Z", created_at: "2026-11-20T04:00:00.000000Z", reason: null,
};

test("an order is the same whether REST or the stream tells it", () => {
  const fromStream = orderFromExecution(report);
  const fromRest = orderFromRest({
    id: "o1", market: "BTC/USD", side: "buy", type: "limit", price: "64000.00", quantity: "0.25000",
    filled_quantity: "0.00000", average_price: null, time_in_force: "GTC", status: "open", reason: null,
    created_at: "2026-11-20T04:00:00.000000Z",
  });
  assert.deepEqual(fromStream, fromRest);
});

test("a report that leaves fields out leaves them as they were", () => {
  const before = orderFromExecution(report);
  const after = orderFromExecution({ order_id: "o1", order_status: "partially_filled", cum_qty: "0.1", avg_price: "64000" }, before);
  assert.equal(after.status, "open");
  assert.equal(after.filled.toString(), "0.1");
  assert.equal(after.price.toString(), "64000.00");
  assert.equal(after.at, before.at);
});

test("terminal states take the names of the API", () => {
  const status = (order_status) => orderFromExecution({ ...report, order_status }).status;
  assert.deepEqual(["filled", "canceled", "expired", "rejected"].map(status), ["filled", "cancelled", "expired", "rejected"]);
});

test("a fill has one name, so that it is listed once", () => {
  const fromStream = fillFromExecution({
    trade_id: "7", exec_id: "7-t", order_id: "o1", symbol: "BTC/USD", side: "buy", last_price: "64000.00",
    last_qty: "0.1", liquidity_ind: "t", fees: [{ asset: "USD", qty: "16" }], timestamp: "2026-11-20T04:00:01Z",
  });
  const fromRest = fillFromRest({
    id: 7, order_id: "o1", market: "BTC/USD", side: "buy", price: "64000.00", quantity: "0.1",
    quote_quantity: "6400", fee: "16", fee_asset: "USD", liquidity: "taker", at: "2026-11-20T04:00:01Z",
  });
  assert.equal(fromStream.id, fromRest.id);
  assert.ok(fromStream.value.equals(fromRest.value));
  assert.equal(fromStream.liquidity, "taker");
});

test("reasons are said in words, also those that are new", () => {
  assert.equal(reasonInWords("user_cancelled"), "cancelled by you");
  assert.equal(reasonInWords("brand_new_reason"), "brand new reason");
  assert.equal(reasonInWords("brand_new_reason", "what the server says"), "what the server says");
  assert.equal(reasonInWords(null), "");
});
