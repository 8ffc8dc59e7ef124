/** The sheet with one order's whole life, as the exchange tells it: every step with its time and what came with it. */

import { signal } from "@preact/signals";
import { createRef } from "preact";

import { grouped, short } from "./amounts.js";
import { api } from "./api.js";
import { Decimal } from "./decimal.js";
import { reasonInWords, typeInWords } from "./orders.js";
import { dateAndTime, html } from "./ui.js";

const sheet = createRef();
/** {order, steps: null while they are on their way, problem: in words, or null} */
const shown = signal(null);

const KINDS = {
  placed: "Placed",
  fill: "Filled a part",
  waiting: "Waits for its trigger",
  triggered: "Triggered",
  amended: "Changed",
  repriced: "Moved",
  refreshed: "Shows its next part",
  prevented: "Met an order of yours",
  leg: "Order attached",
  filled: "Filled",
  cancelled: "Cancelled",
  expired: "Expired",
  rejected: "Refused",
};
/** What is told of a step, in this order, and how it is called. */
const TOLD = [
  ["quantity", ""],
  ["price", "at"],
  ["trigger_price", "trigger"],
  ["trailing_offset", "distance"],
  ["display_quantity", "shown"],
  ["previous_price", "before"],
  ["fee", "fee"],
];

export async function showHistory(order) {
  shown.value = { order, steps: null, problem: null };
  sheet.current.showModal();
  try {
    const steps = await api.orderHistory(order.id);
    if (shown.peek()?.order === order) shown.value = { order, steps, problem: null };
  } catch (problem) {
    if (shown.peek()?.order === order) shown.value = { order, steps: [], problem: problem.message };
  }
}

/** "0.25 at 64,000 fee 12.8", and words for what is not a number. */
function inWords(details) {
  const amounts = TOLD.filter(([name]) => typeof details[name] === "string").map(([name, word]) =>
    `${word} ${short(Decimal.parse(details[name]))}`.trim(),
  );
  const type = details.type === undefined ? "" : typeInWords(details.type);
  const attached = [details.oco ? "with a stop instead" : "", details.on_fill?.length > 0 ? "with a bracket" : ""];
  return [type, details.side, ...amounts, details.liquidity, ...attached, reasonInWords(details.reason)].filter(Boolean).join(" ");
}

export function OrderHistory() {
  const close = () => sheet.current.close();
  return html`<dialog
    ref=${sheet}
    class="sheet"
    aria-labelledby="order-history-title"
    onClick=${(event) => event.target === sheet.current && close()}
    onClose=${() => (shown.value = null)}
  >
    ${shown.value !== null && html`<${Life} life=${shown.value} />`}
    <div class="buttons"><button type="button" class="button" onClick=${close}>Close</button></div>
  </dialog>`;
}

function Life({ life: { order, steps, problem } }) {
  const size = order.quantity === null ? "" : `${grouped(order.quantity.normal().toString())} `;
  return html`<h2 id="order-history-title">${order.side === "buy" ? "Buy" : "Sell"} ${size}${order.market}</h2>
    ${problem !== null && html`<p class="field-error" role="alert">${problem}</p>`}
    ${steps === null
      ? html`<p class="faint">Loading its history.</p>`
      : html`<ol class="life">
          ${steps.map(
            ({ sequence, at, kind, details }, place) => html`<li key=${`${sequence} ${place}`}>
              <time class="num faint" datetime=${at}>${dateAndTime(new Date(at))}</time>
              <span><strong>${KINDS[kind] ?? kind}</strong> <span class="num">${inWords(details)}</span></span>
            </li>`,
          )}
        </ol>`}
    <p class="faint order-id">${order.id}</p>`;
}
