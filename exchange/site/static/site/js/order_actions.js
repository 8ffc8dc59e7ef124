/** Cancelling: one order, or all of them after a question. */

import { signal } from "@preact/signals";
import { createRef } from "preact";

import { api } from "./api.js";
import { announce } from "./notices.js";
import * as state from "./state.js";
import { html } from "./ui.js";

/** Ids of orders whose cancel is on its way. */
export const cancelling = signal(new Set());
/** Whether it is open, the dialog itself knows best: a copy of that could lag behind the keyboard. */
const question = createRef();

function mark(id, isOn) {
  const ids = new Set(cancelling.peek());
  if (isOn) ids.add(id);
  else ids.delete(id);
  cancelling.value = ids;
}

export async function cancelOrder(order) {
  mark(order.id, true);
  try {
    await api.cancel(order.id);
  } catch (problem) {
    announce(`Not cancelled: ${problem.message}`, "warn");
  } finally {
    mark(order.id, false);
  }
}

export function askCancelAll() {
  if (state.openOrders.peek().size > 0) question.current.showModal();
  else announce("No open orders to cancel.");
}

async function cancelAll() {
  question.current.close();
  try {
    const { cancelled } = await api.cancelAll();
    announce(`Cancelled ${cancelled} ${cancelled === 1 ? "order" : "orders"}.`);
  } catch (problem) {
    announce(`Not cancelled: ${problem.message}`, "warn");
  }
}

export function CancelAllDialog() {
  const count = state.openOrders.value.size;
  const close = () => question.current.close();
  return html`<dialog ref=${question} class="sheet" aria-labelledby="cancel-all-title">
    <h2 id="cancel-all-title">Cancel ${count === 1 ? "your open order" : `all ${count} open orders`}?</h2>
    <p>${count === 1 ? "What it holds" : "In every market. What they hold"} becomes available again.</p>
    <div class="buttons">
      <button type="button" class="button" onClick=${close}>Keep ${count === 1 ? "it" : "them"}</button>
      <button type="button" class="button danger" onClick=${cancelAll}>Cancel ${count === 1 ? "it" : `all ${count}`}</button>
    </div>
  </dialog>`;
}
