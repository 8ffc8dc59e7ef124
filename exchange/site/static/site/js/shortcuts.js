/** Keys for what is done often. They rest while a field is being typed in, except Escape. */

import { createRef } from "preact";

import { openMarketSwitch } from "./market_bar.js";
import { askCancelAll } from "./order_actions.js";
import { clearEntry, setSide } from "./order_entry.js";
import * as state from "./state.js";
import { html } from "./ui.js";

const sheet = createRef();

const KEYS = [
  ["/", "Search markets"],
  ["B", "Buy"],
  ["S", "Sell"],
  ["Enter", "Send the order, from its fields"],
  ["Esc", "Clear the order, close what is open"],
  ["Alt X", "Cancel all orders, after a question"],
  ["↑ ↓", "One tick or lot; with Shift ten"],
  ["Click", "In the book: take the price; with Shift the size up to there"],
  ["?", "This sheet"],
];

const FIRST_FIELDS = { limit: "price", market: "quantity", trailing_stop: "offset" };

function chooseSide(side) {
  setSide(side);
  state.screen.value = "trade";
  const first = FIRST_FIELDS[state.entry.type.value] ?? "trigger";
  requestAnimationFrame(() => document.getElementById(`order-${first}`)?.focus());
}

const ACTIONS = {
  "/": openMarketSwitch,
  b: () => chooseSide("buy"),
  s: () => chooseSide("sell"),
  "?": () => sheet.current.showModal(),
};

function onKeyDown(event) {
  if (document.querySelector("dialog[open]") !== null) return;
  if (event.altKey && event.code === "KeyX") {
    event.preventDefault();
    askCancelAll();
    return;
  }
  const isTyping = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && (isTyping || event.target === document.body)) {
    clearEntry();
    if (isTyping) event.target.blur();
    return;
  }
  if (isTyping || event.altKey || event.ctrlKey || event.metaKey) return;
  const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}

export function listen() {
  addEventListener("keydown", onKeyDown);
}

export function ShortcutSheet() {
  const close = () => sheet.current.close();
  return html`<dialog
    ref=${sheet}
    class="sheet"
    aria-labelledby="shortcuts-title"
    onClick=${(event) => event.target === sheet.current && close()}
  >
    <h2 id="shortcuts-title">Keys</h2>
    <dl class="keys">
      ${KEYS.map(([key, words]) => html`<div key=${key}><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd>`)}</dt><dd>${words}</dd></div>`)}
    </dl>
    <div class="buttons"><button type="button" class="button" onClick=${close}>Close</button></div>
  </dialog>`;
}
