import assert from "node:assert/strict";
import { test } from "node:test";

const page = { dataset: { view: "balances", account: "1" } };
globalThis.document = { querySelector: () => page, cookie: "", hidden: false };
globalThis.navigator ??= { language: "en-GB" };
globalThis.location = { search: "" };
globalThis.sessionStorage = { getItem: () => null, removeItem: () => {} };

const { Decimal } = await import("../../../exchange/site/static/site/js/decimal.js");
const { reckon } = await import("../../../exchange/site/static/site/js/withdraw_view.js");
const { coolingWords } = await import("../../../exchange/site/static/site/js/address_book.js");
const { movementsOf } = await import("../../../exchange/site/static/site/js/movements.js");

const asset = { asset: "BTC", decimals: 8, withdrawal_fee: "0.00010000", minimum_withdrawal: "0.00050000" };
const available = Decimal.parse("0.05000000");
const of = (text) => reckon({ asset, available, quantity: text === null ? null : Decimal.parse(text) });

test("what arrives is the quantity without the fee, to the last atom", () => {
  assert.equal(of("0.03000001").arrives.toString(), "0.02990001");
  assert.equal(of("0.03000001").wrong, null);
  assert.equal(of("0.05").arrives.toString(), "0.04990000");
});

test("what cannot be withdrawn is said before it is sent", () => {
  assert.match(of(null).wrong, /number/);
  assert.match(of("0").wrong, /above zero/);
  assert.match(of("0.000000001").wrong, /8 places/);
  assert.match(of("0.0004").wrong, /At least 0\.0005 BTC/);
  assert.match(of("0.05000001").wrong, /Only 0\.05 BTC/);
  assert.equal(of("0.00005").arrives, null);
});

test("how long an address still cools down is rounded up", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  assert.equal(coolingWords({ usable_from: "2026-11-21T11:00:01Z" }, now), "usable in 24 h");
  assert.equal(coolingWords({ usable_from: "2026-11-20T12:00:30Z" }, now), "usable in 1 min");
  assert.equal(coolingWords({ usable_from: "2026-11-20T12:00:00Z" }, now), "usable");
});

test("deposits and withdrawals are one list, newest first", () => {
  const came = [{ id: "2", amount: "1", created_at: "2026-11-20T12:00:00Z" }, { id: "1", amount: "1", created_at: "2026-11-20T10:00:00Z" }];
  const went = [{ id: "1", quantity: "2", created_at: "2026-11-20T11:00:00Z" }];
  assert.deepEqual(movementsOf(came, went).map(({ kind, id, shown }) => [kind, id, shown]), [
    ["deposit", "2", "1"], ["withdrawal", "1", "2"], ["deposit", "1", "1"],
  ]);
});
