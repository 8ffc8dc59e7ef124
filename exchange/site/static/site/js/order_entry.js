/**
 * The order being entered: the typed texts read and joined, and what the order would do.
 *
 * Price, quantity and total hang together: the one that was edited last (`lead`) stays as typed, the other follows.
 */

import { batch, computed, signal } from "@preact/signals";

import { decimalSign, grouped, readAmount } from "./amounts.js";
import { api, randomName } from "./api.js";
import { Decimal, ZERO } from "./decimal.js";
import { affordable, evaluate } from "./estimate.js";
import { waits } from "./estimate_extras.js";
import { orderFromRest, reasonInWords } from "./orders.js";
import * as state from "./state.js";

const { entry } = state;

/** Fields whose problems may be shown: those that the person has left once. */
const touched = signal(new Set());
/** Problems that the exchange named, by field. */
const refused = signal({});
/** "idle" | "sending" */
export const progress = signal("idle");
/** {kind: "refused" | "unknown", text} after a failed attempt. */
export const failure = signal(null);
/** Kept while the outcome of an attempt is unknown, so that trying again cannot place the order twice. */
let clientOrderId = null;

/** The fields of amounts, and those of them that hold prices. */
const FIELDS = ["price", "quantity", "budget", "trigger", "offset", "display", "stopAt", "takeAt"];
const PRICES = ["price", "trigger", "offset", "stopAt", "takeAt"];
const sign = decimalSign(navigator.language);

const opposite = computed(() => {
  const { book } = state.book.value;
  if (book === null) return [];
  const levels = entry.side.value === "buy" ? book.asks : book.bids;
  return levels.map(([price, size]) => [new Decimal(price, book.priceScale), new Decimal(size, book.sizeScale)]);
});

const best = computed(() => (entry.side.value === "buy" ? state.bestAsk.value : state.bestBid.value));

const amount = (text) => ({ text, value: readAmount(text, { sign }) });

export const evaluation = computed(() => {
  const market = state.market.value;
  if (market === null) return null;
  const draft = {
    side: entry.side.value,
    type: entry.type.value,
    timeInForce: entry.timeInForce.value,
    expiresAt: entry.expiresAt.value,
    postOnly: entry.postOnly.value && waits({ timeInForce: entry.timeInForce.value }),
    reprice: entry.reprice.value,
    attach: entry.attach.value,
    lead: entry.lead.value,
    slippageBps: entry.slippageBps.value,
  };
  for (const field of FIELDS) draft[field] = amount(entry[field].value);
  const context = {
    market,
    available: state.available.value,
    best: best.value,
    last: state.lastPrice.value,
    now: new Date(),
    get opposite() {
      return opposite.value;
    },
  };
  return evaluate(draft, context);
});

/** The problems to show now, by field. */
export const shownErrors = computed(() => {
  const errors = { ...refused.value };
  for (const [field, text] of Object.entries(evaluation.value?.errors ?? {})) {
    if (touched.value.has(field)) errors[field] = text;
  }
  return errors;
});

function edited() {
  refused.value = {};
  failure.value = null;
  clientOrderId = null;
}

/** The total follows the quantity, or the quantity the total; a market order joins them only when it is sent. */
function follow() {
  const market = state.market.peek();
  const price = readAmount(entry.price.peek(), { sign });
  if (market === null || entry.type.peek() !== "limit") return;
  if (entry.lead.peek() === "quantity") {
    const quantity = readAmount(entry.quantity.peek(), { sign });
    entry.budget.value = price === null || quantity === null ? "" : grouped(price.mul(quantity).normal().toString());
    return;
  }
  const total = readAmount(entry.budget.peek(), { sign });
  const isUsable = price !== null && price.sign > 0 && total !== null;
  entry.quantity.value = isUsable
    ? total.div(price, market.lot.scale, "down").toStep(market.lot, "down").normal().toString()
    : "";
}

/** An amount without a price gets the best price of its own side: it waits at the front rather than take. */
function joinBest() {
  if (entry.type.peek() !== "limit" || entry.price.peek() !== "") return;
  const [own, other] = [state.bestBid.peek(), state.bestAsk.peek()];
  const price = entry.side.peek() === "buy" ? (own ?? other) : (other ?? own);
  if (price !== null) entry.price.value = written("price", price);
}

export function setSide(side) {
  batch(() => {
    edited();
    entry.side.value = side;
  });
}

const waitsForPrice = (type) => type !== "limit" && type !== "market";

export function setType(type) {
  batch(() => {
    edited();
    touched.value = new Set();
    // What was a limit is not meant as one of an order that waits, nor a trigger as a place to trail from.
    if (waitsForPrice(type) !== waitsForPrice(entry.type.peek())) entry.price.value = "";
    if (type === "trailing_stop" || entry.type.peek() === "trailing_stop") entry.trigger.value = "";
    entry.type.value = type;
    follow();
  });
}

/** @param field one of FIELDS */
export function setField(field, text) {
  batch(() => {
    edited();
    entry[field].value = text;
    if (field === "quantity" || field === "budget") {
      entry.lead.value = field;
      joinBest();
    }
    follow();
  });
}

export function setOption(name, value) {
  batch(() => {
    edited();
    entry[name].value = value;
  });
}

/** Text from the clipboard, read by the locale's own notation; null if it is not an amount. */
export function readPasted(text) {
  return readAmount(text, { sign, pasted: true })?.toString() ?? null;
}

export function leaveField(field) {
  if (entry[field].peek() === "") return;
  const value = readAmount(entry[field].peek(), { sign });
  batch(() => {
    touched.value = new Set([...touched.peek(), field]);
    if (value !== null) entry[field].value = written(field, value);
  });
}

function written(field, value) {
  const { tick } = state.market.peek();
  const scale = PRICES.includes(field) ? Math.max(tick.scale, value.scale) : value.scale;
  return grouped(value.toScale(scale, "down").toString());
}

/** Moves a field by so many of its steps, never below one step. */
export function stepField(field, count) {
  const market = state.market.peek();
  if (market === null) return;
  const isPrice = PRICES.includes(field);
  const step = isPrice ? market.tick : field === "budget" ? new Decimal(1n, market.quoteDisplay) : market.lot;
  const origin = isPrice && field !== "offset" ? (best.peek() ?? state.lastPrice.peek() ?? ZERO) : ZERO;
  const start = readAmount(entry[field].peek(), { sign }) ?? origin;
  const moved = start.add(step.mul(Decimal.whole(count)));
  setField(field, written(field, (moved.lessThan(step) ? step : moved).toStep(step, "down").normal()));
}

/** A price that was clicked: the limit, or what an order waits for. */
export function takePrice(price) {
  batch(() => {
    if (entry.type.peek() === "market") setType("limit");
    const field = entry.type.peek() === "limit" ? "price" : "trigger";
    setField(field, written(field, price));
    if (matchMedia("(max-width: 719px)").matches) state.screen.value = "trade";
  });
}

export function takeQuantity(quantity) {
  setField("quantity", grouped(quantity.normal().toString()));
}

/** Enters the share (a Decimal from 0 to 1) of what is available. */
export function takeShare(share) {
  const [market, available] = [state.market.peek(), state.available.peek()];
  if (market === null || available === null) return;
  const side = entry.side.peek();
  if (entry.type.peek() === "market" && side === "buy") {
    setField("budget", grouped(available.quote.mul(share).toScale(market.quoteDisplay, "down").normal().toString()));
    return;
  }
  joinBest();
  const isWaiting = waitsForPrice(entry.type.peek());
  const price = (isWaiting ? evaluation.peek()?.worst : readAmount(entry.price.peek(), { sign })) ?? best.peek();
  const feeRate = !isWaiting && entry.postOnly.peek() ? market.makerFee : market.takerFee;
  const balance = side === "buy" ? available.quote : available.base;
  const quantity = affordable({ side, price, available: balance, share, market, feeRate });
  if (quantity !== null) takeQuantity(quantity);
}

export const HUNDRED = Decimal.whole(100);
export const SHARES = [25, 50, 75, 100].map((percent) => [percent, new Decimal(BigInt(percent), 2)]);

export function clearEntry() {
  batch(() => {
    edited();
    touched.value = new Set();
    for (const field of FIELDS) entry[field].value = "";
    entry.attach.value = "none";
    state.sentOrder.value = null;
  });
}

/** Sends the order if nothing is wrong with it. Returns the first field in error, or null. */
export async function send() {
  const { errors, request } = evaluation.peek();
  const [wrong] = Object.keys(errors);
  if (wrong !== undefined || request === null) {
    touched.value = new Set([...touched.peek(), ...Object.keys(errors)]);
    return wrong ?? "quantity";
  }
  if (progress.peek() === "sending") return null;
  clientOrderId ??= randomName();
  progress.value = "sending";
  failure.value = null;
  state.sentOrder.value = null;
  try {
    placed(await api.place({ ...request, client_order_id: clientOrderId }));
  } catch (problem) {
    notPlaced(problem);
  } finally {
    progress.value = "idle";
  }
  return null;
}

function placed(answer) {
  batch(() => {
    clientOrderId = null;
    const order = orderFromRest(answer);
    const known = state.openOrders.peek().get(order.id) ?? state.endedOrders.peek().find(({ id }) => id === order.id);
    state.sentOrder.value = known ?? order;
    touched.value = new Set();
    entry.quantity.value = "";
    entry.budget.value = "";
  });
}

const FIELD_OF = {
  price: "price",
  slippage_price: "price",
  quantity: "quantity",
  quote_quantity: "budget",
  trigger_price: "trigger",
  trailing_offset: "offset",
  display_quantity: "display",
  expires_at: "expiresAt",
  "oco.trigger_price": "stopAt",
};

function notPlaced(problem) {
  const isUnknown = problem.status === 0 || problem.status >= 500;
  if (!isUnknown) clientOrderId = null;
  if (problem.status === 401) state.signedIn.value = false;
  const byField = {};
  for (const [field, texts] of Object.entries(problem.errors)) {
    if (FIELD_OF[field] !== undefined) byField[FIELD_OF[field]] = [texts].flat().join(" ");
  }
  refused.value = byField;
  failure.value = isUnknown
    ? { kind: "unknown", text: `${problem.message} Sending again is safe: it counts as the same order.` }
    : { kind: "refused", text: `Not placed: ${reasonInWords(problem.code, problem.message).replace(/\.$/, "")}.` };
}
