import assert from "node:assert/strict";
import { test } from "node:test";

import { Decimal, ZERO } from "../../../exchange/site/static/site/js/decimal.js";

const d = (text) => Decimal.parse(text);

test("text survives reading and writing digit for digit", () => {
  for (const text of ["0", "-1", "0.00000001", "123456789012345678901234567890.123456789", "-0.50", "64000.10"]) {
    assert.equal(d(text).toString(), text);
  }
});

test("exponents, as JSON numbers may have them, are exact", () => {
  assert.equal(d("1e-8").toString(), "0.00000001");
  assert.equal(d("1.5E+3").toString(), "1500");
  assert.equal(d("2.5e0").toString(), "2.5");
});

test("anything that is not a plain decimal is refused", () => {
  for (const text of ["", " 1", "1 ", "NaN", "Infinity", "1_0", "0x10", ".5", "+1", "1,0", "١", "--1", "1e9999", "1".repeat(200)]) {
    assert.equal(Decimal.read(text), null, text);
    assert.throws(() => Decimal.parse(text), RangeError);
  }
  assert.equal(Decimal.read(1), null);
  assert.equal(Decimal.read(undefined), null);
});

test("sums and products that floats get wrong are exact", () => {
  assert.equal(d("0.1").add(d("0.2")).toString(), "0.3");
  assert.equal(d("0.3").sub(d("0.1")).toString(), "0.2");
  assert.equal(d("64000.01").mul(d("0.00001")).toString(), "0.6400001");
  assert.equal(d("9007199254740993").add(d("0.01")).toString(), "9007199254740993.01");
});

test("comparison looks at the number, not at its digits", () => {
  assert.ok(d("1.0").equals(d("1")));
  assert.ok(d("-2").lessThan(d("-1.99")));
  assert.ok(d("10").greaterThan(d("9.999999")));
  assert.equal(d("0.000").sign, 0);
  assert.equal(d("-0.1").sign, -1);
  assert.ok(d("-0").equals(ZERO));
});

test("rounding goes where it is told: down is towards zero, up away from it", () => {
  assert.equal(d("1.239").toScale(2, "down").toString(), "1.23");
  assert.equal(d("1.231").toScale(2, "up").toString(), "1.24");
  assert.equal(d("-1.231").toScale(2, "up").toString(), "-1.24");
  assert.equal(d("-1.239").toScale(2, "down").toString(), "-1.23");
  assert.equal(d("1.20").toScale(2, "up").toString(), "1.20");
  assert.equal(d("1.2").toScale(4, "up").toString(), "1.2000");
});

test("steps: multiples of a tick that is not a power of ten", () => {
  assert.equal(d("64000.30").toStep(d("0.25"), "down").toString(), "64000.25");
  assert.equal(d("64000.30").toStep(d("0.25"), "up").toString(), "64000.50");
  assert.equal(d("0.1").toStep(d("5"), "up").toString(), "5");
  assert.ok(d("0.75").isMultipleOf(d("0.25")));
  assert.ok(!d("0.76").isMultipleOf(d("0.25")));
  assert.throws(() => d("1").toStep(ZERO, "down"), RangeError);
});

test("division is to a scale, in a direction", () => {
  assert.equal(d("1").div(d("3"), 8, "down").toString(), "0.33333333");
  assert.equal(d("1").div(d("3"), 8, "up").toString(), "0.33333334");
  assert.equal(d("-1").div(d("3"), 2, "up").toString(), "-0.34");
  assert.equal(d("1").div(d("-3"), 2, "down").toString(), "-0.33");
  assert.equal(d("10").div(d("0.0025"), 0, "down").toString(), "4000");
  assert.equal(d("1.23456").div(d("100"), 2, "down").toString(), "0.01");
  assert.throws(() => d("1").div(ZERO, 2, "down"), RangeError);
});

test("random sums of products agree with integers a billion times larger", () => {
  let seed = 12345n;
  const next = () => (seed = (seed * 6364136223846793005n + 1442695040888963407n) % (1n << 64n)) % 10n ** 12n;
  let total = ZERO;
  let check = 0n;
  for (let i = 0; i < 2000; i += 1) {
    const [a, b] = [next(), next()];
    total = total.add(new Decimal(a, 2).mul(new Decimal(b, 7)));
    check += a * b;
  }
  assert.equal(total.units, check);
  assert.equal(total.scale, 9);
});

test("a smaller scale never loses digits silently", () => {
  assert.throws(() => d("1.234").unitsAt(2), RangeError);
  assert.equal(d("1.230").normal().toString(), "1.23");
  assert.equal(d("1000").normal().toString(), "1000");
});
