/**
 * Amounts as people write and read them: "1,234.50" on the page, anything sensible from a keyboard or clipboard.
 *
 * The page always writes a point for decimals and commas for thousands.
 */

import { Decimal } from "./decimal.js";

/** "1234567.50" → "1,234,567.50" */
export function grouped(text) {
  const [whole, fraction] = text.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

/** Exactly `scale` places; digits beyond are cut, never rounded up. */
export function fixed(value, scale) {
  return grouped(value.toScale(scale, "down").toString());
}

/** No more places than needed, at least `least`. */
export function short(value, least = 0) {
  const normal = value.normal();
  return grouped(normal.toScale(Math.max(normal.scale, least), "down").toString());
}

/** ["1,200.5", "00"]: the trailing zeros of a fraction apart, to be dimmed. */
export function splitZeros(text) {
  if (!text.includes(".")) return [text, ""];
  const head = text.replace(/\.?0+$/, "");
  return [head, text.slice(head.length)];
}

/** A volume in few digits: 1.23K, 45.6M. Cut, not rounded. */
export function compact(value) {
  for (const [zeros, letter] of [[12, "T"], [9, "B"], [6, "M"], [3, "K"]]) {
    const unit = new Decimal(10n ** BigInt(zeros), 0);
    if (value.lessThan(unit)) continue;
    const scaled = value.div(unit, 2, "down");
    return grouped(scaled.toScale(scaled.lessThan(Decimal.whole(100)) ? 2 : 1, "down").toString()) + letter;
  }
  return fixed(value, 2);
}

/** Which sign a locale puts before decimals: "." or ",". */
export function decimalSign(locale) {
  const parts = new Intl.NumberFormat(locale).formatToParts(1.5);
  return parts.find((part) => part.type === "decimal")?.value === "," ? "," : ".";
}

/**
 * Reads what a person typed or pasted. Null if it is not an amount.
 *
 * Groups have three digits. With both signs present the last one is the decimal sign; one that occurs several times groups. A single point is a
 * decimal point unless `pasted` in a locale of decimal commas; a single comma groups where exactly three digits follow
 * it and the locale does not make it a decimal sign.
 */
export function readAmount(text, { sign = ".", pasted = false } = {}) {
  const bare = text.trim().replace(/[\s\u00a0\u2009\u202f'’_]/g, "");
  if (!/^\d*(?:[.,]\d*)*$/.test(bare) || !/\d/.test(bare)) return null;
  const points = bare.split(".").length - 1;
  const commas = bare.split(",").length - 1;
  let decimal = "";
  if (points > 0 && commas > 0) decimal = bare.lastIndexOf(".") > bare.lastIndexOf(",") ? "." : ",";
  else if (points === 1) decimal = pasted && sign === "," && /^\d{1,3}\.\d{3}$/.test(bare) ? "" : ".";
  else if (commas === 1) decimal = sign === "," || !/^\d{1,3},\d{3}$/.test(bare) ? "," : "";
  const [whole, fraction, ...more] = decimal === "" ? [bare] : bare.split(decimal);
  if (more.length > 0 || /[.,]/.test(fraction ?? "") || !/^\d*$|^\d{1,3}([.,]\d{3})+$/.test(whole)) return null;
  return Decimal.read(`${whole.replace(/[.,]/g, "") || "0"}.${fraction ?? ""}`)?.normal() ?? null;
}
