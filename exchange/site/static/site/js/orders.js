/**
 * Orders and fills in one shape, whichever way they arrive: from REST, or piece by piece from the executions channel.
 *
 * Order: {id, market, side, type, price, trigger, offset, quantity, filled, average, timeInForce, status, reason, at} with
 * Decimals or null for amounts, status as in the API (waiting, open, filled, cancelled, …) and `at` a Date. A fill's id is its trade and role,
 * which both ways tell.
 */

import { Decimal, ZERO } from "./decimal.js";

/** Not ended: in the book, or waiting for its trigger. */
export const isOpen = ({ status }) => status === "open" || status === "waiting";

/** "take_profit_limit" as people say it. */
export const typeInWords = (type) => type.replace("take_profit", "take-profit").replaceAll("_", " ");

const STATUS = {
  pending_new: "waiting",
  new: "open",
  partially_filled: "open",
  filled: "filled",
  canceled: "cancelled",
  expired: "expired",
  rejected: "rejected",
};

/** An order that has not traded has no average, though the stream says 0. */
const averageOf = (value) => (value?.sign === 0 ? null : value);

const optional = (text) => (text === undefined || text === null ? null : Decimal.parse(text));

export function orderFromRest(raw) {
  return {
    id: raw.id,
    market: raw.market,
    side: raw.side,
    type: raw.type,
    price: optional(raw.price),
    trigger: optional(raw.trigger_price),
    offset: optional(raw.trailing_offset),
    quantity: optional(raw.quantity),
    filled: optional(raw.filled_quantity) ?? ZERO,
    average: averageOf(optional(raw.average_price)),
    timeInForce: raw.time_in_force,
    status: raw.status,
    reason: raw.reason ?? null,
    at: new Date(raw.created_at),
  };
}

/** The order after one execution report; fields that the report leaves out stay as they were. */
export function orderFromExecution(item, before) {
  const given = (value, old = null) => (value === undefined ? old : value);
  const amount = (text, old = null) => (text === undefined || text === null ? old : Decimal.parse(text));
  return {
    id: item.order_id,
    market: given(item.symbol, before?.market),
    side: given(item.side, before?.side),
    type: given(item.order_type, before?.type),
    price: amount(item.limit_price, before?.price),
    trigger: amount(item.triggers?.price, before?.trigger),
    offset: amount(item.triggers?.trailing_offset, before?.offset),
    quantity: amount(item.order_qty, before?.quantity),
    filled: amount(item.cum_qty, before?.filled ?? ZERO),
    average: averageOf(amount(item.avg_price)) ?? before?.average ?? null,
    timeInForce: given(item.time_in_force, before?.timeInForce),
    status: STATUS[item.order_status] ?? before?.status ?? "open",
    reason: given(item.reason, before?.reason),
    at: before?.at ?? new Date(item.created_at ?? item.timestamp),
  };
}

export function fillFromRest(raw) {
  return {
    id: `${raw.id} ${raw.liquidity}`,
    orderId: raw.order_id,
    market: raw.market,
    side: raw.side,
    price: Decimal.parse(raw.price),
    quantity: Decimal.parse(raw.quantity),
    value: Decimal.parse(raw.quote_quantity),
    fee: optional(raw.fee) ?? ZERO,
    feeAsset: raw.fee_asset,
    liquidity: raw.liquidity,
    at: new Date(raw.at),
  };
}

export function fillFromExecution(item) {
  const [fee] = item.fees ?? [];
  const [price, quantity] = [Decimal.parse(item.last_price), Decimal.parse(item.last_qty)];
  const liquidity = item.liquidity_ind === "m" ? "maker" : "taker";
  return {
    id: `${item.trade_id} ${liquidity}`,
    orderId: item.order_id,
    market: item.symbol,
    side: item.side,
    price,
    quantity,
    value: price.mul(quantity),
    fee: fee === undefined ? ZERO : Decimal.parse(fee.qty),
    feeAsset: fee?.asset ?? "",
    liquidity,
    at: new Date(item.timestamp),
  };
}

/** Why an order ended, in words. Reasons come from the exchange's registry. */
const REASONS = {
  user_cancelled: "cancelled by you",
  immediate_or_cancel: "the rest found nobody at once",
  not_filled_whole: "not enough on the other side to fill it whole",
  no_liquidity: "nobody on the other side",
  slippage_cap: "the rest was beyond your worst price",
  budget_spent: "the total is spent",
  self_trade: "it would have met your own order",
  would_take: "it would have taken, and was post-only",
  insufficient_funds: "not enough funds",
  market_closed: "the market is closed",
  engine_suspended: "the exchange takes nothing new now",
  below_minimum: "below the smallest order",
  above_maximum: "larger than the exchange takes",
  too_many_orders: "too many open orders",
  price_band: "too far from the last price",
  expired: "its time had come",
  one_cancels_other: "the other one acted",
  circuit_breaker: "the market moved too far",
  deadline_passed: "it came too late",
  disconnected: "the connection was lost",
  dead_mans_switch: "you fell silent",
  operator_cancelled: "cancelled by the exchange",
  off_tick: "the price is between two ticks",
  off_lot: "the quantity is between two lots",
};

export function reasonInWords(reason, otherwise = reason?.replaceAll("_", " ") ?? "") {
  return REASONS[reason] ?? otherwise;
}
