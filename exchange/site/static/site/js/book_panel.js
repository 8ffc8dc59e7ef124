/**
 * The order book: asks falling towards the spread, bids falling from it. The spread row never moves.
 *
 * A click takes the price into the form, a click with Shift the sum up to there as the quantity.
 */

import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { fixed, grouped } from "./amounts.js";
import { groupLevels } from "./book.js";
import { Decimal } from "./decimal.js";
import { takePrice, takeQuantity } from "./order_entry.js";
import * as state from "./state.js";
import { Empty, html, Num } from "./ui.js";

const ROW_HEIGHT = 21;
const GROUPINGS = [1n, 10n, 100n, 1000n, 10000n];

/** How many ticks make one row. */
const grouping = signal(1n);
const rowsPerSide = signal(10);
const hovered = signal(null);

const stepUnits = computed(() => state.market.value.tick.units * grouping.value);

const sides = computed(() => {
  const { book } = state.book.value;
  if (book === null) return null;
  const step = stepUnits.value;
  const asks = groupLevels(book.asks, step, "sell").slice(0, rowsPerSide.value);
  const bids = groupLevels(book.bids, step, "buy").slice(0, rowsPerSide.value);
  const sumOf = (rows) => (rows.length > 0 ? rows[rows.length - 1].sum : 0n);
  const largest = sumOf(asks) > sumOf(bids) ? sumOf(asks) : sumOf(bids);
  return { asks, bids, largest };
});

/** Prices of own orders in this market as grouped units, by side. */
const ownPrices = computed(() => {
  const own = { buy: new Set(), sell: new Set() };
  if (state.market.value === null) return own;
  const { tick } = state.market.value;
  for (const order of state.openOrders.value.values()) {
    if (order.market !== state.marketName || order.status !== "open" || order.price === null) continue;
    const units = order.price.toScale(tick.scale, "down").units;
    const [row] = groupLevels([[units, 1n]], stepUnits.value, order.side);
    own[order.side].add(row.price);
  }
  return own;
});

export function BookPanel() {
  const list = useRef(null);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => {
      rowsPerSide.value = Math.max(3, Math.floor(contentRect.height / ROW_HEIGHT));
    });
    observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  const market = state.market.value;
  const shown = sides.value;
  const isEmpty = shown !== null && shown.asks.length + shown.bids.length === 0;
  return html`
    <div class="panel-tools">
      <label class="grouping">
        <span class="visually-hidden">Group prices by</span>
        <select
          value=${String(grouping.value)}
          title="Group prices by"
          onChange=${(event) => {
            grouping.value = BigInt(event.target.value);
          }}
        >
          ${market !== null &&
          GROUPINGS.map((count) => {
            const step = new Decimal(market.tick.units * count, market.tick.scale).normal();
            return html`<option key=${String(count)} value=${String(count)}>${step.toString()}</option>`;
          })}
        </select>
      </label>
    </div>
    <div class="book" onMouseLeave=${() => (hovered.value = null)} onKeyDown=${moveFocus}>
      <div class="book-head" aria-hidden="true">
        <span>Price${market && html` <small>${market.quote}</small>`}</span>
        <span>Size${market && html` <small>${market.base}</small>`}</span>
        <span>Sum</span>
      </div>
      <div class="book-asks" role="group" aria-label="Asks" ref=${list}>
        ${isEmpty && html`<${Empty}>No orders yet. A limit order would be the first.<//>`}
        ${shown?.asks.map((row, at) => html`<${BookRow} key=${row.price} row=${row} at=${at} side="sell" largest=${shown.largest} />`)}
      </div>
      <${SpreadRow} />
      <div class="book-bids" role="group" aria-label="Bids">
        ${shown?.bids.map((row, at) => html`<${BookRow} key=${row.price} row=${row} at=${at} side="buy" largest=${shown.largest} />`)}
      </div>
      <${LevelCard} />
    </div>
  `;
}

function BookRow({ row, at, side, largest }) {
  const { tick, lot, base } = state.market.value;
  const price = new Decimal(row.price, tick.scale);
  const size = fixed(new Decimal(row.size, lot.scale), lot.scale);
  const sum = new Decimal(row.sum, lot.scale);
  const isOwn = ownPrices.value[side].has(row.price);
  const onClick = (event) => {
    if (event.shiftKey) takeQuantity(sum);
    else takePrice(price);
  };
  const near = hovered.value;
  const isWithin = near !== null && near.side === side && at <= near.at;
  const name = `${side === "buy" ? "Bid" : "Ask"} ${grouped(price.toString())}, ${size} ${base}, sum ${sum}${isOwn ? ", with your order" : ""}`;
  return html`<button
    type="button"
    class="book-row"
    data-side=${side}
    data-own=${isOwn ? "yes" : undefined}
    data-within=${isWithin ? "yes" : undefined}
    tabindex=${at === 0 ? 0 : -1}
    aria-label=${name}
    style=${{ "--share": `${share(row.sum, largest)}%` }}
    onClick=${onClick}
    onMouseEnter=${(event) => (hovered.value = { side, at, top: event.currentTarget.offsetTop })}
  >
    <span class="book-price num">${grouped(price.toString())}</span>
    <${Num} text=${size} />
    <${Num} text=${fixed(sum, lot.scale)} />
  </button>`;
}

function share(sum, largest) {
  return largest === 0n ? 0 : Number((sum * 1000n) / largest) / 10;
}

function SpreadRow() {
  const [bid, ask, last] = [state.bestBid.value, state.bestAsk.value, state.lastPrice.value];
  const direction = ["down", "still", "up"][state.lastDirection.value + 1];
  const scale = state.market.value?.tick.scale ?? 2;
  const spread = bid !== null && ask !== null ? ask.sub(bid) : null;
  const perMille = spread !== null ? spread.mul(Decimal.whole(100)).div(ask, 3, "up") : null;
  return html`<div class="spread">
    <span class="spread-last num" data-direction=${direction}>
      ${last === null ? "–" : grouped(last.toScale(scale, "down").toString())}
      <span class="arrow" aria-hidden="true">${{ up: "▲", down: "▼", still: "" }[direction]}</span>
    </span>
    <span class="spread-width num" title="Spread">
      ${spread === null ? (bid ?? ask) !== null && "one side is empty" : html`<small>Spread</small> ${grouped(spread.toString())} <small>${perMille.toString()} %</small>`}
    </span>
  </div>`;
}

/** What lies between the best price and the level under the pointer. */
function LevelCard() {
  const near = hovered.value;
  const row = near && sides.value?.[near.side === "buy" ? "bids" : "asks"][near.at];
  if (!row) return null;
  const { tick, lot, base, quote, quoteDisplay } = state.market.value;
  const cost = new Decimal(row.cost, tick.scale + lot.scale);
  const average = cost.div(new Decimal(row.sum, lot.scale), tick.scale, near.side === "sell" ? "up" : "down");
  return html`<dl class="level-card" style=${{ top: `${near.top}px` }} aria-hidden="true">
    <div><dt>Average</dt><dd class="num">${grouped(average.toString())}</dd></div>
    <div><dt>Sum ${base}</dt><dd class="num">${fixed(new Decimal(row.sum, lot.scale), lot.scale)}</dd></div>
    <div><dt>Sum ${quote}</dt><dd class="num">${fixed(cost, quoteDisplay)}</dd></div>
  </dl>`;
}

function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !event.target.matches(".book-row")) return;
  event.preventDefault();
  const list = event.target.parentElement;
  const rows = [...list.children];
  const towards = list.matches(".book-asks") ? -step : step;
  rows[rows.indexOf(event.target) + towards]?.focus();
}
