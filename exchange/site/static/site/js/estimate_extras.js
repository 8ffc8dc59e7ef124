/**
 * What a limit order may have besides: an end, a peak, a stop instead of it (OCO), orders that follow its fills (bracket).
 * Pure, exact.
 */

import { grouped } from "./amounts.js";
import { Decimal, ONE } from "./decimal.js";
import { addShortage, amountProblem, slippageCap } from "./estimate_parts.js";
import { slippageOfBuy } from "./estimate_waiting.js";

const MOST_PEAKS = Decimal.whole(100);
const is = (amount) => amount !== undefined && amount.text.trim() !== "";

/** The result of a limit order with what it has besides in the request, its hold and its errors. */
export function withExtras(result, draft, context) {
  const errors = { ...result.errors };
  const more = {};
  if (draft.timeInForce === "GTD") addEnd(errors, more, draft, context);
  if (waits(draft)) {
    if (is(draft.display)) addPeak(errors, more, draft, context.market);
    if (draft.attach === "oco") return withOther(result, errors, more, draft, context);
    if (draft.attach === "bracket") addBracket(errors, more, draft, context.market);
  }
  return { ...result, errors, request: result.request === null ? null : { ...result.request, ...more } };
}

/** Only an order that may stay open can have a peak, another one or a bracket from this form. */
export const waits = ({ timeInForce }) => timeInForce === "GTC" || timeInForce === "GTD";

function addEnd(errors, more, { expiresAt }, { now }) {
  const at = new Date(expiresAt);
  if (Number.isNaN(at.getTime())) errors.expiresAt = "Enter until when.";
  else if (at <= now) errors.expiresAt = "Enter a time to come.";
  else more.expires_at = at.toISOString();
}

function addPeak(errors, more, { display, quantity, attach }, market) {
  const problem = amountProblem(display.value, display.text, market.lot, "quantity");
  if (problem !== null) errors.display = problem;
  else if (attach === "oco") errors.display = "An order with a stop instead shows all of itself: leave this empty.";
  else if (quantity.value !== null && display.value.greaterThan(quantity.value)) errors.display = "It cannot show more than it has.";
  else if (quantity.value?.greaterThan(display.value.mul(MOST_PEAKS))) errors.display = "Show at least a hundredth.";
  else more.display_quantity = display.value.toString();
}

/** A stop of the same side, beyond the price: of both the first to act cancels the other. */
function withOther(result, errors, more, draft, { market, available }) {
  const { side, price, quantity, stopAt } = draft;
  const leg = stopLeg(errors, side, draft, market);
  if (leg !== null && price.value !== null && !(side === "sell" ? stopAt.value.lessThan(price.value) : stopAt.value.greaterThan(price.value))) {
    errors.stopAt = `The stop waits ${side === "sell" ? "below" : "above"} the limit price.`;
  }
  const request = result.request === null ? null : { ...result.request, ...more, oco: leg };
  if (leg === null || side === "sell" || result.hold === undefined) return { ...result, errors, request };
  const cap = slippageCap(stopAt.value, side, slippageOfBuy(draft.slippageBps), market.tick);
  const dear = cap.mul(quantity.value).mul(ONE.add(market.takerFee)).toScale(market.quoteDecimals, "up");
  if (!dear.greaterThan(result.hold)) return { ...result, errors, request };
  addShortage(errors, { side, hold: dear, available, market, field: "quantity" });
  return { ...result, errors, request, hold: dear };
}

/** Orders of the other side for what this one fills: one that takes the profit, one that stops the loss, or both. */
function addBracket(errors, more, draft, market) {
  const { side, price, takeAt, stopAt } = draft;
  const other = side === "buy" ? "sell" : "buy";
  const legs = [];
  if (!is(takeAt) && !is(stopAt)) errors.takeAt = "Enter where to take the profit, where to stop, or both.";
  if (is(takeAt)) {
    const problem = amountProblem(takeAt.value, takeAt.text, market.tick, "price");
    if (problem !== null) errors.takeAt = problem;
    else if (price.value !== null && !(side === "buy" ? takeAt.value.greaterThan(price.value) : takeAt.value.lessThan(price.value))) {
      errors.takeAt = `The profit is ${side === "buy" ? "above" : "below"} the limit price, ${grouped(price.value.toString())}.`;
    } else legs.push({ type: "limit", price: takeAt.value.toString() });
  }
  if (is(stopAt)) {
    const leg = stopLeg(errors, other, draft, market);
    if (leg !== null && price.value !== null && !(side === "buy" ? stopAt.value.lessThan(price.value) : stopAt.value.greaterThan(price.value))) {
      errors.stopAt = `The stop waits ${side === "buy" ? "below" : "above"} the limit price, ${grouped(price.value.toString())}.`;
    } else if (leg !== null) legs.push(leg);
  }
  more.on_fill = legs;
}

/** A stop at the market; a buy has its cap. Null, and an error, where its price is none. */
function stopLeg(errors, side, { stopAt, slippageBps }, market) {
  const problem = amountProblem(stopAt.value, stopAt.text, market.tick, "trigger price");
  if (problem !== null) {
    errors.stopAt = problem;
    return null;
  }
  const leg = { type: "stop", trigger_price: stopAt.value.toString() };
  if (side === "buy") leg.slippage_price = slippageCap(stopAt.value, side, slippageOfBuy(slippageBps), market.tick).toString();
  return leg;
}
