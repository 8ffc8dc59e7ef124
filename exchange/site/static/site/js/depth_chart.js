/** The book as two slopes: how much waits between the middle and each price. */

import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { compact, grouped } from "./amounts.js";
import { groupLevels } from "./book.js";
import { colours } from "./colours.js";
import { Decimal } from "./decimal.js";
import * as state from "./state.js";
import { html } from "./ui.js";

const AXIS_HEIGHT = 22;
const resized = signal(0);

export function DepthChart() {
  const canvas = useRef(null);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      resized.value += 1;
    });
    observer.observe(canvas.current.parentElement);
    const stop = effect(() => {
      void resized.value;
      paint(canvas.current, state.book.value.book, colours.value);
    });
    return () => {
      stop();
      observer.disconnect();
    };
  }, []);
  return html`<div class="chart"><canvas ref=${canvas} class="depth" role="img" aria-label="Depth of the book"></canvas></div>`;
}

function slope(levels, side, { priceScale, sizeScale }) {
  return groupLevels(levels, 1n, side).map(({ price, sum }) => ({
    price: new Decimal(price, priceScale).toPixels(),
    sum: new Decimal(sum, sizeScale).toPixels(),
  }));
}

function paint(canvas, book, palette) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  if (book === null || book.bids.length === 0 || book.asks.length === 0) return;
  const [bids, asks] = [slope(book.bids, "buy", book), slope(book.asks, "sell", book)];
  const middle = (bids[0].price + asks[0].price) / 2;
  const reach = Math.min(middle - bids[bids.length - 1].price, asks[asks.length - 1].price - middle);
  const highest = Math.max(bids[bids.length - 1].sum, asks[asks.length - 1].sum);
  const floor = height - AXIS_HEIGHT;
  const x = (price) => width / 2 + ((price - middle) / reach) * (width / 2);
  const y = (sum) => floor - (sum / highest) * (floor - 40);
  for (const [points, colour, tint] of [[bids, palette.buy, palette["buy-tint"]], [asks, palette.sell, palette["sell-tint"]]]) {
    pen.beginPath();
    pen.moveTo(x(points[0].price), floor);
    let level = floor;
    for (const { price, sum } of points) {
      pen.lineTo(x(price), level);
      level = y(sum);
      pen.lineTo(x(price), level);
    }
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.lineTo(x(points[points.length - 1].price), floor);
    pen.closePath();
    pen.fillStyle = tint;
    pen.fill();
  }
  label(pen, { palette, width, floor, middle, reach, highest, y, scale: book.priceScale });
}

function label(pen, { palette, width, floor, middle, reach, highest, y, scale }) {
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, floor + 0.5);
  pen.lineTo(width, floor + 0.5);
  pen.stroke();
  pen.fillStyle = palette["text-faint"];
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "center";
  for (const part of [-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]) {
    const price = (middle + part * reach).toFixed(scale);
    pen.fillText(grouped(price), width / 2 + (part * width) / 2, floor + 15);
  }
  pen.textAlign = "right";
  for (const part of [0.5, 1]) {
    const text = compact(Decimal.parse((highest * part).toFixed(4)));
    pen.fillText(text, width - 8, y(highest * part) - 4);
  }
}
