/** The head of the trading page: which market, its last 24 hours, and the switch to another one. */

import { computed, signal } from "@preact/signals";
import { createRef } from "preact";

import { compact, grouped } from "./amounts.js";
import { Decimal } from "./decimal.js";
import * as state from "./state.js";
import { html, Num } from "./ui.js";

const sheet = createRef();
const search = signal("");
const highlighted = signal(0);

export function openMarketSwitch() {
  search.value = "";
  highlighted.value = 0;
  sheet.current.showModal();
}

const found = computed(() => {
  const wanted = search.value.trim().toUpperCase().replace(/[^A-Z0-9]/g, "");
  const all = [...(state.markets.value?.values() ?? [])];
  return all.filter(({ name }) => name.replace("/", "").includes(wanted));
});

export const marketPath = (name) => `/markets/${name.replace("/", "-")}`;

/** A change in per cent as "+1.25 %" with its direction for colour; what is shown as 0.00 has none. */
export function percentChange(percent) {
  const shown = percent.abs().toScale(2, "down");
  const direction = shown.sign === 0 ? 0 : percent.sign;
  return { text: `${["−", "", "+"][direction + 1]}${shown} %`, direction };
}

/** The change of the last 24 hours; null for a silent market. */
export function changeOf(ticker) {
  return ticker?.change_pct ? percentChange(Decimal.parse(ticker.change_pct)) : null;
}

export function directionName(sign) {
  return sign > 0 ? "up" : sign < 0 ? "down" : "still";
}

function price(text, scale) {
  return text ? grouped(Decimal.parse(text).toScale(scale, "down").toString()) : "–";
}

export function MarketBar() {
  const market = state.market.value;
  const ticker = state.ticker.value;
  const change = changeOf(ticker);
  const scale = market?.tick.scale ?? 2;
  const last = state.lastPrice.value;
  const direction = directionName(state.lastDirection.value);
  return html`
    <button type="button" class="market-switch" aria-haspopup="dialog" title="Switch market ( / )" onClick=${openMarketSwitch}>
      <span class="market-name">${state.marketName}</span>
      <svg class="icon" viewBox="0 0 12 12" aria-hidden="true"><path d="M2.5 4.5 6 8l3.5-3.5" /></svg>
    </button>
    <p class="last-price" data-direction=${direction} aria-label="Last price">
      <span class="num">${last === null ? "–" : grouped(last.toScale(scale, "down").toString())}</span>
      <span class="arrow" aria-hidden="true">${{ up: "▲", down: "▼", still: "" }[direction]}</span>
    </p>
    <dl class="stats">
      <div>
        <dt>24h change</dt>
        <dd class="num" data-direction=${directionName(change?.direction ?? 0)}>${change?.text ?? "–"}</dd>
      </div>
      <div><dt>24h high</dt><dd><${Num} text=${price(ticker?.high, scale)} /></dd></div>
      <div><dt>24h low</dt><dd><${Num} text=${price(ticker?.low, scale)} /></dd></div>
      <div>
        <dt>24h volume</dt>
        <dd class="num">${ticker?.volume ? compact(Decimal.parse(ticker.volume)) : "–"} <small>${market?.base}</small></dd>
      </div>
    </dl>
    ${market !== null && market.state !== "open" && html`<p class="market-state">${market.state.replaceAll("_", " ")}</p>`}
    <${MarketSwitch} />
  `;
}

function MarketSwitch() {
  const rows = found.value;
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && rows.length > 0) {
      event.preventDefault();
      highlighted.value = (highlighted.value + step + rows.length) % rows.length;
    } else if (event.key === "Enter" && rows[highlighted.value] !== undefined) {
      event.preventDefault();
      location.assign(marketPath(rows[highlighted.value].name));
    }
  };
  return html`<dialog
    ref=${sheet}
    class="sheet market-sheet"
    aria-label="Markets"
    onClick=${(event) => event.target === sheet.current && sheet.current.close()}
  >
    <input
      type="search"
      aria-label="Search markets"
      placeholder="Search markets"
      autocomplete="off"
      value=${search.value}
      onInput=${(event) => {
        search.value = event.target.value;
        highlighted.value = 0;
      }}
      onKeyDown=${onKeyDown}
    />
    <table class="rows">
      <thead>
        <tr><th scope="col">Market</th><th scope="col">Last</th><th scope="col">24h</th><th scope="col">Volume</th></tr>
      </thead>
      <tbody>
        ${rows.map((market, at) => html`<${MarketRow} key=${market.name} market=${market} chosen=${at === highlighted.value} />`)}
      </tbody>
    </table>
    ${rows.length === 0 && html`<p class="empty">No market is called that. Try BTC or USD.</p>`}
  </dialog>`;
}

function MarketRow({ market, chosen }) {
  const ticker = state.tickers.value.get(market.name);
  const change = changeOf(ticker);
  return html`<tr class=${chosen ? "chosen" : ""}>
    <td>
      <a href=${marketPath(market.name)} aria-current=${market.name === state.marketName ? "page" : undefined}>${market.name}</a>
    </td>
    <td><${Num} text=${price(ticker?.last, market.tick.scale)} /></td>
    <td class="num" data-direction=${directionName(change?.direction ?? 0)}>${change?.text ?? "–"}</td>
    <td class="num">${ticker?.volume ? compact(Decimal.parse(ticker.volume)) : "–"} <small>${market.base}</small></td>
  </tr>`;
}
