/**
 * What an order would do: its request, what it holds, its fee, and what is wrong with it. Pure, exact.
 *
 * Fees are taken in the quote asset from both sides. A buy that rests holds price × quantity plus the maker's fee,
 * rounded up to an atom of the quote asset; a sell holds its quantity. What trades at once pays the taker's fee.
 * A market buy by budget spends at most the budget, fee included.
 */

import { grouped, short } from "./amounts.js";
import { Decimal, ONE, ZERO } from "./decimal.js";
import { withExtras } from "./estimate_extras.js";
import { addShortage, amountProblem, money, slippageCap, verb } from "./estimate_parts.js";
import { evaluateWaiting } from "./estimate_waiting.js";

/**
 * Walks the opposite side of a book. `levels` are [price, size] Decimals, best first.
 * Stops at `quantity` (base), at `budget` (quote, fee excluded) or at the cap; `complete` says whether all of it fits.
 */
export function walk(levels, { quantity = null, budget = null, cap = null, side }) {
  let taken = ZERO;
  let cost = ZERO;
  for (const [price, size] of levels) {
    if (cap !== null && (side === "buy" ? price.greaterThan(cap) : price.lessThan(cap))) break;
    let take = size;
    if (quantity !== null && quantity.sub(taken).lessThan(take)) take = quantity.sub(taken);
    if (budget !== null && price.mul(take).greaterThan(budget.sub(cost))) {
      take = budget.sub(cost).div(price, size.scale, "down");
    }
    taken = taken.add(take);
    cost = cost.add(price.mul(take));
    if (take.lessThan(size)) break;
  }
  const complete = quantity === null ? true : taken.equals(quantity);
  return { taken, cost, complete };
}

/** The largest quantity that a share (0 to 1) of the available balance pays for, fee included, in whole lots. */
export function affordable({ side, price, available, share, market, feeRate }) {
  const part = available.mul(share);
  if (side === "sell") return part.toStep(market.lot, "down");
  if (price === null || price.sign <= 0) return null;
  return part.div(price.mul(ONE.add(feeRate)), market.lot.scale, "down").toStep(market.lot, "down");
}

/**
 * @param draft {side, type, timeInForce, postOnly, reprice, expiresAt, attach, lead, slippageBps} and, as
 *   {text, value: Decimal|null}, {price, quantity, budget, trigger, offset, display, stopAt, takeAt}; `lead` is "quantity"
 *   or "budget", `attach` "none", "oco" or "bracket"
 * @param context {market, available: {base, quote} Decimals or null when signed out, opposite: levels, best, last:
 *   Decimal|null, now: Date}
 * @returns {errors, request|null, label} and, once the amounts are readable, {holdAsset, hold, notional, fee}; for a
 *   limit order also {fees, crosses}, for a market order {average, cap, complete}, for one that waits {worst}
 */
export function evaluate(draft, context) {
  if (draft.type === "limit") return withExtras(evaluateLimit(draft, context), draft, context);
  return draft.type === "market" ? evaluateMarket(draft, context) : evaluateWaiting(draft, context);
}

function evaluateLimit(draft, { market, available, best }) {
  const { side, price, quantity } = draft;
  const errors = {};
  const priceProblem = amountProblem(price.value, price.text, market.tick, "price");
  if (priceProblem !== null) errors.price = priceProblem;
  const quantityProblem = amountProblem(quantity.value, quantity.text, market.lot, "quantity");
  if (quantityProblem !== null) errors.quantity = quantityProblem;
  else if (quantity.value.lessThan(market.minimumQuantity)) {
    errors.quantity = `The smallest order is ${short(market.minimumQuantity)} ${market.base}.`;
  }
  if (price.value === null || quantity.value === null) return { errors, request: null, label: verb(side, market) };

  const notional = price.value.mul(quantity.value);
  const crosses = best !== null && !(side === "buy" ? price.value.lessThan(best) : price.value.greaterThan(best));
  const fees = {
    maker: notional.mul(market.makerFee).toScale(market.quoteDecimals, "up"),
    taker: notional.mul(market.takerFee).toScale(market.quoteDecimals, "up"),
  };
  const fee = crosses ? fees.taker : fees.maker;
  const worstFee = draft.postOnly ? fees.maker : fees.taker;
  const cost = notional.toScale(market.quoteDecimals, "up").add(fee);
  const [holdAsset, hold] = side === "buy" ? [market.quote, cost] : [market.base, quantity.value];
  if (crosses && draft.postOnly && !draft.reprice) {
    errors.price = `Post-only never takes: ${side === "buy" ? "stay below" : "stay above"} ${grouped(best.toString())}.`;
  }
  if (errors.quantity === undefined && notional.lessThan(market.minimumNotional)) {
    errors.quantity = `The order must be worth at least ${short(market.minimumNotional)} ${market.quote}.`;
  }
  addShortage(errors, { side, hold, available, market, field: "quantity" });
  const size = `${short(quantity.value)} ${market.base}`;
  const label =
    side === "buy"
      ? `Buy ${size} for at most ${money(notional.add(worstFee), market, "up")}`
      : `Sell ${size} for at least ${money(notional.sub(worstFee), market, "down")}`;
  const request = {
    market: market.name,
    side,
    type: "limit",
    price: price.value.toString(),
    quantity: quantity.value.toString(),
    time_in_force: draft.timeInForce,
    post_only: draft.postOnly ? (draft.reprice ? "reprice" : "reject") : "none",
  };
  return { errors, request, label, holdAsset, hold, notional, fees, fee, crosses };
}

function evaluateMarket(draft, { market, available, opposite, best }) {
  const { side, quantity, budget } = draft;
  const byBudget = side === "buy" && draft.lead === "budget";
  const errors = {};
  const field = byBudget ? "budget" : "quantity";
  const problem = byBudget
    ? amountProblem(budget.value, budget.text, new Decimal(1n, market.quoteDecimals), "total")
    : amountProblem(quantity.value, quantity.text, market.lot, "quantity");
  if (problem !== null) errors[field] = problem;
  else if (best === null) errors[field] = `Nobody ${side === "buy" ? "sells" : "buys"} here now. A limit order can wait for one.`;
  const amount = byBudget ? budget.value : quantity.value;
  if (amount === null) return { errors, request: null, label: verb(side, market) };

  const cap = best !== null && draft.slippageBps > 0 ? slippageCap(best, side, draft.slippageBps, market.tick) : null;
  const net = byBudget ? amount.div(ONE.add(market.takerFee), market.quoteDecimals, "down") : null;
  const walked = walk(opposite, { side, cap, quantity: byBudget ? null : amount, budget: net });
  const fee = walked.cost.mul(market.takerFee).toScale(market.quoteDecimals, "up");
  const average = walked.taken.sign > 0 ? walked.cost.div(walked.taken, market.tick.scale, side === "buy" ? "up" : "down") : null;
  const hold = side === "sell" ? amount : byBudget ? amount : walked.cost.add(fee).toScale(market.quoteDecimals, "up");
  addMarketMinimum(errors, { field, byBudget, amount, walked, market });
  addShortage(errors, { side, hold, available, market, field });
  const request = { market: market.name, side, type: "market", time_in_force: "IOC" };
  if (byBudget) request.quote_quantity = amount.toString();
  else request.quantity = amount.toString();
  if (cap !== null) request.slippage_price = cap.toString();
  return {
    errors,
    request,
    label: marketLabel({ side, byBudget, amount, walked, fee, cap, market }),
    holdAsset: side === "buy" ? market.quote : market.base,
    hold,
    notional: walked.cost,
    fee,
    average,
    cap,
    complete: walked.complete,
  };
}

function addMarketMinimum(errors, { field, byBudget, amount, walked, market }) {
  if (errors[field] !== undefined) return;
  if (!byBudget && amount.lessThan(market.minimumQuantity)) {
    errors[field] = `The smallest order is ${short(market.minimumQuantity)} ${market.base}.`;
  } else if ((byBudget ? amount : walked.cost).lessThan(market.minimumNotional) && walked.complete) {
    errors[field] = `The order must be worth at least ${short(market.minimumNotional)} ${market.quote}.`;
  }
}

function marketLabel({ side, byBudget, amount, walked, fee, cap, market }) {
  if (byBudget) return `Buy ${market.base} for at most ${money(amount, market, "up")}`;
  const size = `${short(amount)} ${market.base}`;
  if (side === "sell") return `Sell ${size} for about ${money(walked.cost.sub(fee), market, "down")}`;
  if (cap === null) return `Buy ${size} for about ${money(walked.cost.add(fee), market, "up")}`;
  const most = cap.mul(amount).mul(ONE.add(market.takerFee));
  return `Buy ${size} for at most ${money(most, market, "up")}`;
}
