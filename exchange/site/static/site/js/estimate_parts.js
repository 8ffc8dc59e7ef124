/** What the sums of every kind of order share: reading an amount, shortages, caps, and how an amount is said. Pure, exact. */

import { short } from "./amounts.js";
import { Decimal, ONE } from "./decimal.js";

/** The worst price a market order may trade at: so many hundredths of a per cent beyond the best one. */
export function slippageCap(best, side, basisPoints, tick) {
  const share = new Decimal(BigInt(basisPoints), 4);
  const cap = best.mul(side === "buy" ? ONE.add(share) : ONE.sub(share));
  return cap.toStep(tick, side === "buy" ? "up" : "down");
}

/** What is wrong with an amount, in words; null if nothing is. */
export function amountProblem(value, text, step, name) {
  if (text.trim() === "") return `Enter a ${name}.`;
  if (value === null) return `“${text.trim().slice(0, 24)}” is not a number.`;
  if (value.sign <= 0) return `Enter a ${name} above zero.`;
  if (!value.isMultipleOf(step)) {
    const below = value.toStep(step, "down");
    const near = below.sign > 0 ? `${short(below)} or ` : "";
    return `Use steps of ${short(step)}: ${near}${short(value.toStep(step, "up"))}.`;
  }
  return null;
}

/** Adds the error that the balance is too small. */
export function addShortage(errors, { side, hold, available, market, field }) {
  if (available === null || errors[field] !== undefined) return;
  const [asset, balance] = side === "buy" ? [market.quote, available.quote] : [market.base, available.base];
  if (hold.greaterThan(balance)) errors[field] = `You have ${short(balance)} ${asset} available. Use less, or add ${asset} in the wallet.`;
}

export function verb(side, market) {
  return `${side === "buy" ? "Buy" : "Sell"} ${market.base}`;
}

export function money(value, market, direction) {
  return `${short(value.toScale(market.quoteDisplay, direction), Math.min(market.quoteDisplay, 2))} ${market.quote}`;
}
