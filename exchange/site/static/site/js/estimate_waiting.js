/**
 * Orders that wait for a price: stop, take-profit, trailing stop. What they hold and what is wrong with them. Pure, exact.
 *
 * With a limit price they act as limit orders, else at the market. A buy at the market holds its cap × quantity and the
 * taker's fee, so it always has a cap: so many hundredths of a per cent beyond its trigger.
 */

import { grouped, short } from "./amounts.js";
import { ONE } from "./decimal.js";
import { addShortage, amountProblem, money, slippageCap, verb } from "./estimate_parts.js";

/** Where a cap is needed and none was chosen: 1 %. */
export const NEEDED_SLIPPAGE_BPS = 100;

/** How far beyond its trigger a buy at the market may go. */
export const slippageOfBuy = (basisPoints) => (basisPoints > 0 ? basisPoints : NEEDED_SLIPPAGE_BPS);

/** Whether the order acts once trades are at its trigger or above (else: or below). */
export const actsAbove = (side, type) => (side === "buy") !== type.startsWith("take_profit");

export function evaluateWaiting(draft, { market, available, last }) {
  const { side, type, trigger, offset, price, quantity } = draft;
  const isTrailing = type === "trailing_stop";
  const hasLimit = !isTrailing && price.text.trim() !== "";
  const errors = {};
  const check = (name, amount, step, words) => {
    const problem = amountProblem(amount.value, amount.text, step, words);
    if (problem !== null) errors[name] = problem;
  };
  if (isTrailing) check("offset", offset, market.tick, "distance");
  if (!isTrailing || trigger.text.trim() !== "") check("trigger", trigger, market.tick, "trigger price");
  if (hasLimit) check("price", price, market.tick, "price");
  check("quantity", quantity, market.lot, "quantity");
  if (errors.quantity === undefined && quantity.value.lessThan(market.minimumQuantity)) {
    errors.quantity = `The smallest order is ${short(market.minimumQuantity)} ${market.base}.`;
  }
  if (!isTrailing && errors.trigger === undefined) addWrongSide(errors, { side, type, trigger: trigger.value, last });
  const start = isTrailing ? trailingStart(draft, last) : trigger.value;
  if (isTrailing && start === null && errors.offset === undefined && errors.trigger === undefined) {
    errors.trigger = "Nothing has traded yet: say from which price it is to trail.";
  }
  const worst = worstPrice(draft, { hasLimit, isTrailing, start, market });
  if (start === null || quantity.value === null || (side === "buy" && worst === null)) {
    return { errors, request: null, label: verb(side, market), worst };
  }
  const around = hasLimit ? price.value : start;
  const rate = hasLimit && market.makerFee.greaterThan(market.takerFee) ? market.makerFee : market.takerFee;
  const notional = (side === "buy" ? worst : around)?.mul(quantity.value) ?? null;
  if (notional === null) return { errors, request: null, label: verb(side, market), worst };
  const fee = notional.mul(rate).toScale(market.quoteDecimals, "up");
  const [holdAsset, hold] =
    side === "buy" ? [market.quote, notional.toScale(market.quoteDecimals, "up").add(fee)] : [market.base, quantity.value];
  addShortage(errors, { side, hold, available, market, field: "quantity" });
  const label = labelOf(draft, { hasLimit, isTrailing, worst, rate, market });
  return { errors, request: requestOf(draft, { hasLimit, isTrailing, worst, market }), label, holdAsset, hold, notional, fee, worst };
}

/** What would act at once is not what anybody means by waiting. */
function addWrongSide(errors, { side, type, trigger, last }) {
  if (last === null) return;
  const above = actsAbove(side, type);
  if (above ? trigger.greaterThan(last) : trigger.lessThan(last)) return;
  const name = type === "stop" ? "stop" : "take-profit";
  errors.trigger = `A ${name} to ${side} waits ${above ? "above" : "below"} the last price, ${grouped(last.toString())}.`;
}

/** About where a trailing stop's trigger is first; null if that cannot be known. */
function trailingStart({ side, trigger, offset }, last) {
  const from = trigger.value ?? last;
  if (from === null || offset.value === null) return null;
  return side === "buy" ? from.add(offset.value) : from.sub(offset.value);
}

/** The limit or the cap; null for a sell at the market without one, and where nothing is known yet. */
function worstPrice({ side, price, slippageBps }, { hasLimit, isTrailing, start, market }) {
  if (hasLimit) return price.value;
  if (start === null || start.sign <= 0) return null;
  if (side === "buy") return slippageCap(start, side, slippageOfBuy(slippageBps), market.tick);
  // A trailing sell's trigger moves up, far from any cap of today.
  return isTrailing || slippageBps === 0 ? null : slippageCap(start, side, slippageBps, market.tick);
}

function requestOf({ side, type, trigger, offset, price, quantity }, { hasLimit, isTrailing, worst, market }) {
  const request = { market: market.name, side, type: hasLimit ? `${type}_limit` : type, quantity: quantity.value.toString(), time_in_force: "GTC" };
  if (isTrailing) request.trailing_offset = offset.value.toString();
  if (trigger.value !== null) request.trigger_price = trigger.value.toString();
  if (hasLimit) {
    if (price.value !== null) request.price = price.value.toString();
  } else if (worst !== null) request.slippage_price = worst.toString();
  return request;
}

function labelOf({ side, type, trigger, offset, price, quantity }, { hasLimit, isTrailing, worst, rate, market }) {
  const size = `${short(quantity.value)} ${market.base}`;
  const act = side === "buy" ? "Buy" : "Sell";
  const most = side === "buy" ? `, for at most ${money(worst.mul(quantity.value).mul(ONE.add(rate)), market, "up")}` : "";
  if (isTrailing) {
    const where = side === "buy" ? "above the lowest" : "below the highest";
    return `${act} ${size} ${short(offset.value)} ${market.quote} ${where} price${most}`;
  }
  const limit = hasLimit && price.value !== null && side === "sell" ? `, not below ${grouped(price.value.toString())}` : "";
  return `${act} ${size} at ${grouped(trigger.value.toString())} or ${actsAbove(side, type) ? "above" : "below"}${limit}${most}`;
}
