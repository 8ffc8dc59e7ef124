/**
 * Exact decimal numbers: a BigInt count of units of 10^-scale. Immutable.
 *
 * Every price, size and amount of the site is one of these, or text; never a float. Results carry all their digits;
 * where digits must go, the caller names the direction: "down" is towards zero, "up" away from it.
 */

const SHAPE = /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const LONGEST_TEXT = 120;

function powerOfTen(exponent) {
  return 10n ** BigInt(exponent);
}

function divideUnits(dividend, divisor, direction) {
  const quotient = dividend / divisor;
  if (direction === "down" || quotient * divisor === dividend) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

export class Decimal {
  /** @param {bigint} units @param {number} scale places after the point, not negative */
  constructor(units, scale) {
    this.units = units;
    this.scale = scale;
    Object.freeze(this);
  }

  /** Reads "-12.50" or "1.5e-7". Throws RangeError for anything else. */
  static parse(text) {
    const value = Decimal.read(text);
    if (value === null) throw new RangeError(`not a decimal: ${String(text).slice(0, LONGEST_TEXT)}`);
    return value;
  }

  /** The number that the text stands for, or null if it stands for none. */
  static read(text) {
    if (typeof text !== "string" || text.length > LONGEST_TEXT) return null;
    const match = SHAPE.exec(text);
    if (match === null) return null;
    const [, minus, whole, fraction = "", exponent = "0"] = match;
    const places = fraction.length - Number(exponent);
    const digits = BigInt(minus + whole + fraction);
    return places >= 0 ? new Decimal(digits, places) : new Decimal(digits * powerOfTen(-places), 0);
  }

  /** @param {bigint | number} integer */
  static whole(integer) {
    return new Decimal(BigInt(integer), 0);
  }

  unitsAt(scale) {
    if (scale < this.scale) throw new RangeError("units at a smaller scale would lose digits");
    return this.units * powerOfTen(scale - this.scale);
  }

  add(other) {
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.unitsAt(scale) + other.unitsAt(scale), scale);
  }

  sub(other) {
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.unitsAt(scale) - other.unitsAt(scale), scale);
  }

  mul(other) {
    return new Decimal(this.units * other.units, this.scale + other.scale);
  }

  /** The quotient at a scale, rounded in the direction named. */
  div(other, scale, direction) {
    if (other.units === 0n) throw new RangeError("division by zero");
    const shift = scale + other.scale - this.scale;
    const dividend = shift >= 0 ? this.units * powerOfTen(shift) : this.units;
    const divisor = shift >= 0 ? other.units : other.units * powerOfTen(-shift);
    return new Decimal(divideUnits(dividend, divisor, direction), scale);
  }

  /** -1, 0 or 1 */
  compare(other) {
    const scale = Math.max(this.scale, other.scale);
    const [mine, theirs] = [this.unitsAt(scale), other.unitsAt(scale)];
    return mine < theirs ? -1 : mine > theirs ? 1 : 0;
  }

  equals(other) {
    return this.compare(other) === 0;
  }

  lessThan(other) {
    return this.compare(other) < 0;
  }

  greaterThan(other) {
    return this.compare(other) > 0;
  }

  get sign() {
    return this.units === 0n ? 0 : this.units < 0n ? -1 : 1;
  }

  abs() {
    return this.units < 0n ? new Decimal(-this.units, this.scale) : this;
  }

  toScale(scale, direction) {
    if (scale >= this.scale) return new Decimal(this.unitsAt(scale), scale);
    return new Decimal(divideUnits(this.units, powerOfTen(this.scale - scale), direction), scale);
  }

  /** The nearest multiple of a step (a tick, a lot) in the direction named, at the step's scale. */
  toStep(step, direction) {
    if (step.units <= 0n) throw new RangeError("a step must be positive");
    const scale = Math.max(this.scale, step.scale);
    const count = divideUnits(this.unitsAt(scale), step.unitsAt(scale), direction);
    return new Decimal(count * step.units, step.scale);
  }

  isMultipleOf(step) {
    const scale = Math.max(this.scale, step.scale);
    return this.unitsAt(scale) % step.unitsAt(scale) === 0n;
  }

  /** Without trailing zeros: the shortest text of the same number. */
  normal() {
    let { units, scale } = this;
    while (scale > 0 && units % 10n === 0n) {
      units /= 10n;
      scale -= 1;
    }
    return new Decimal(units, scale);
  }

  /** Plain decimal text with `scale` places; what the API takes. */
  toString() {
    const digits = (this.units < 0n ? -this.units : this.units).toString().padStart(this.scale + 1, "0");
    const minus = this.units < 0n ? "-" : "";
    if (this.scale === 0) return minus + digits;
    return `${minus}${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`;
  }

  /** A float near the number: to place a pixel, never to compute an amount. */
  toPixels() {
    return Number(this.toString());
  }
}

export const ZERO = new Decimal(0n, 0);
export const ONE = new Decimal(1n, 0);
