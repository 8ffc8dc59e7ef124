/** The panel below: open orders, order history, fills and balances. The chosen tab is part of the page's address. */

import { computed, effect, signal } from "@preact/signals";

import { grouped, short } from "./amounts.js";
import { api } from "./api.js";
import { actsAbove } from "./estimate_waiting.js";
import { marketPath } from "./market_bar.js";
import { askCancelAll, cancelling, cancelOrder } from "./order_actions.js";
import { showHistory } from "./order_history.js";
import { fillFromRest, orderFromRest, reasonInWords, typeInWords } from "./orders.js";
import * as state from "./state.js";
import { dateAndTime, Empty, html, Num, Tabs } from "./ui.js";
import { WalletPanel } from "./wallet_panel.js";

const TABS = ["open", "history", "fills", "balances"];
const asked = new URLSearchParams(location.search).get("tab");
const tab = signal(TABS.includes(asked) ? asked : "open");

/** A list that is loaded page by page; `fresh` entries from the stream come before what was loaded, each id once. */
function pagedList(load, parse, fresh) {
  const list = signal({ items: [], cursor: null, state: "new" });
  const items = computed(() => {
    const ids = new Set(fresh.value.map(({ id }) => id));
    return [...fresh.value, ...list.value.items.filter(({ id }) => !ids.has(id))];
  });
  const more = async () => {
    const { items: loaded, cursor } = list.peek();
    list.value = { items: loaded, cursor, state: "loading" };
    try {
      const page = await load(cursor ?? undefined);
      list.value = { items: [...loaded, ...page.items.map(parse)], cursor: page.next_cursor, state: "loaded" };
    } catch (problem) {
      list.value = { items: loaded, cursor, state: "failed", problem: problem.message };
    }
  };
  return { list, items, more };
}

const history = pagedList(api.closedOrders, orderFromRest, state.endedOrders);
const fills = pagedList(api.fills, fillFromRest, state.freshFills);

effect(() => {
  if (!state.signedIn.value) return;
  const wanted = { history, fills }[tab.value];
  if (wanted?.list.peek().state === "new") wanted.more();
});

function choose(id) {
  tab.value = id;
  const url = new URL(location.href);
  if (id === "open") url.searchParams.delete("tab");
  else url.searchParams.set("tab", id);
  window.history.replaceState(null, "", url);
}

export function OrdersPanel() {
  const tabs = [
    ["open", "Open orders", state.openOrders.value.size],
    ["history", "Order history"],
    ["fills", "Fills"],
    ["balances", "Balances"],
  ];
  const shown = { open: OpenOrders, history: History, fills: Fills, balances: WalletPanel }[tab.value];
  return html`
    <div class="panel-head">
      <${Tabs} label="Your orders and balances" tabs=${tabs} chosen=${tab.value} onChoose=${choose} panel="orders-body" />
      ${tab.value === "open" &&
      state.openOrders.value.size > 0 &&
      html`<button type="button" class="quiet" title="Alt + X" onClick=${askCancelAll}>Cancel all</button>`}
    </div>
    <div class="panel-body" id="orders-body" role="tabpanel" tabindex="-1">
      ${state.signedIn.value ? html`<${shown} />` : html`<${SignedOut} />`}
    </div>
  `;
}

export function SignedOut() {
  const next = encodeURIComponent(location.pathname);
  return html`<${Empty}>
    Your orders and balances will be here. <a href=${`/sign-up?next=${next}`}>Sign up</a> or${" "}
    <a href=${`/sign-in?next=${next}`}>sign in</a> to start.
  <//>`;
}

function scaleOf(name) {
  const market = state.markets.value?.get(name);
  return { tick: market?.tick.scale ?? 2, lot: market?.lot.scale ?? 8, quote: market?.quoteDisplay ?? 2 };
}

const at = (value, scale) => grouped(value.toScale(Math.max(scale, value.normal().scale), "down").toString());

function Side({ side }) {
  return html`<span class="side-word" data-side=${side}>${side === "buy" ? "Buy" : "Sell"}</span>`;
}

function MarketLink({ name }) {
  return name === state.marketName ? name : html`<a href=${marketPath(name)}>${name}</a>`;
}

function OpenOrders() {
  const orders = [...state.openOrders.value.values()].reverse();
  if (orders.length === 0) return html`<${Empty}>No open orders. Click a price in the book to start one.<//>`;
  return html`<table class="rows orders">
    <thead>
      <tr>
        <th scope="col" class="words">Placed</th><th scope="col" class="words">Market</th><th scope="col" class="words">Side</th>
        <th scope="col" class="words less">Type</th><th scope="col">Price</th><th scope="col">Quantity</th>
        <th scope="col">Filled</th><th scope="col" class="less">Value</th>
        <th scope="col"><span class="visually-hidden">Cancel</span></th>
      </tr>
    </thead>
    <tbody>
      ${orders.map((order) => html`<${OpenOrder} key=${order.id} order=${order} />`)}
    </tbody>
  </table>`;
}

/** The price; of a waiting order first what it waits for, as "≥ 70,000 → 70,100": from there on, with that limit. */
function Price({ order, scale }) {
  const { trigger, offset, price } = order;
  const limit = price !== null && html`<${Num} text=${at(price, scale)} />`;
  if (order.status !== "waiting") return limit || "market";
  const above = actsAbove(order.side, order.type);
  const symbol = offset !== null ? "from " : above ? "≥ " : "≤ ";
  return html`<span class="num" title=${`Waits for its trigger${offset === null ? `: this price or ${above ? "above" : "below"}` : ""}`}>
    ${trigger !== null && html`${symbol}<${Num} text=${at(trigger, scale)} />`}
    ${offset !== null && html` <${Num} text=${at(offset, scale)} /> behind`}
    ${limit && html` <span class="then">→ ${limit}</span>`}
  </span>`;
}

/** When an order was placed; leads to all that happened to it since. */
function Placed({ order }) {
  const when = dateAndTime(order.at);
  const clock = when.lastIndexOf(" ") + 1;
  return html`<button
    type="button"
    class="quiet placed num"
    aria-haspopup="dialog"
    title="Its history"
    aria-label=${`${when}, history of ${order.side} ${order.market}`}
    onClick=${() => showHistory(order)}
  >
    <span class="day">${when.slice(0, clock)}</span>${when.slice(clock)}
  </button>`;
}

function OpenOrder({ order }) {
  const scale = scaleOf(order.market);
  const value = order.price !== null && order.quantity !== null ? order.price.mul(order.quantity) : null;
  const isGoing = cancelling.value.has(order.id);
  return html`<tr>
    <td class="words" data-label="Placed"><${Placed} order=${order} /></td>
    <td data-label="Market" class="words"><${MarketLink} name=${order.market} /></td>
    <td data-label="Side" class="words"><${Side} side=${order.side} /></td>
    <td data-label="Type" class="words less">${typeInWords(order.type)}</td>
    <td data-label="Price"><${Price} order=${order} scale=${scale.tick} /></td>
    <td data-label="Quantity">${order.quantity !== null && html`<${Num} text=${at(order.quantity, scale.lot)} />`}</td>
    <td data-label="Filled"><${Num} text=${at(order.filled, scale.lot)} /></td>
    <td data-label="Value" class="less">${value !== null && html`<${Num} text=${grouped(value.toScale(scale.quote, "down").toString())} />`}</td>
    <td class="action">
      <button type="button" class="quiet" disabled=${isGoing} aria-label=${`Cancel ${order.side} at ${order.price ?? order.trigger ?? "the market"}`} onClick=${() => cancelOrder(order)}>
        ${isGoing ? "Cancelling" : "Cancel"}
      </button>
    </td>
  </tr>`;
}

function More({ paged }) {
  const { state: now, cursor, problem } = paged.list.value;
  if (now === "loading") return html`<p class="more faint">Loading</p>`;
  if (now === "failed") return html`<p class="more">${problem} <button type="button" class="quiet" onClick=${paged.more}>Try again</button></p>`;
  return cursor && html`<p class="more"><button type="button" class="quiet" onClick=${paged.more}>Show older ones</button></p>`;
}

function History() {
  const orders = history.items.value;
  if (orders.length === 0 && history.list.value.state === "loaded") {
    return html`<${Empty}>No finished orders yet. What fills or is cancelled comes here.<//>`;
  }
  return html`<table class="rows orders">
      <thead>
        <tr>
          <th scope="col" class="words">Placed</th><th scope="col" class="words">Market</th><th scope="col" class="words">Side</th>
          <th scope="col" class="words less">Type</th><th scope="col" class="less">Price</th><th scope="col">Average</th>
          <th scope="col" class="less">Quantity</th><th scope="col">Filled</th><th scope="col" class="words">State</th>
        </tr>
      </thead>
      <tbody>
        ${orders.map((order) => html`<${PastOrder} key=${order.id} order=${order} />`)}
      </tbody>
    </table>
    <${More} paged=${history} />`;
}

function PastOrder({ order }) {
  const scale = scaleOf(order.market);
  const reason = order.status === "filled" ? "" : reasonInWords(order.reason);
  return html`<tr>
    <td class="words" data-label="Placed"><${Placed} order=${order} /></td>
    <td data-label="Market" class="words"><${MarketLink} name=${order.market} /></td>
    <td data-label="Side" class="words"><${Side} side=${order.side} /></td>
    <td data-label="Type" class="words less">${typeInWords(order.type)}</td>
    <td data-label="Price" class="less">${order.price !== null && order.type.endsWith("limit") ? html`<${Num} text=${at(order.price, scale.tick)} />` : "–"}</td>
    <td data-label="Average">${order.average !== null ? html`<${Num} text=${grouped(order.average.toScale(scale.tick, "down").toString())} />` : "–"}</td>
    <td data-label="Quantity" class="less">${order.quantity !== null ? html`<${Num} text=${at(order.quantity, scale.lot)} />` : "–"}</td>
    <td data-label="Filled"><${Num} text=${at(order.filled, scale.lot)} /></td>
    <td data-label="State" class="words">${order.status}${reason && html` <span class="faint">${reason}</span>`}</td>
  </tr>`;
}

function Fills() {
  const all = fills.items.value;
  if (all.length === 0 && fills.list.value.state === "loaded") {
    return html`<${Empty}>No fills yet. Each trade of your orders comes here with its fee.<//>`;
  }
  return html`<table class="rows orders">
      <thead>
        <tr>
          <th scope="col" class="words">Time</th><th scope="col" class="words">Market</th><th scope="col" class="words">Side</th>
          <th scope="col">Price</th><th scope="col">Quantity</th><th scope="col" class="less">Value</th>
          <th scope="col">Fee</th><th scope="col" class="words less">Role</th>
        </tr>
      </thead>
      <tbody>
        ${all.map((fill) => html`<${Fill} key=${fill.id} fill=${fill} />`)}
      </tbody>
    </table>
    <${More} paged=${fills} />`;
}

function Fill({ fill }) {
  const scale = scaleOf(fill.market);
  return html`<tr>
    <td class="num faint words" data-label="Time">${dateAndTime(fill.at)}</td>
    <td data-label="Market" class="words"><${MarketLink} name=${fill.market} /></td>
    <td data-label="Side" class="words"><${Side} side=${fill.side} /></td>
    <td data-label="Price"><${Num} text=${at(fill.price, scale.tick)} /></td>
    <td data-label="Quantity"><${Num} text=${at(fill.quantity, scale.lot)} /></td>
    <td data-label="Value" class="less"><${Num} text=${grouped(fill.value.toScale(scale.quote, "down").toString())} /></td>
    <td data-label="Fee"><span class="num">${short(fill.fee)}</span> <small>${fill.feeAsset}</small></td>
    <td data-label="Role" class="words less">${fill.liquidity}</td>
  </tr>`;
}
