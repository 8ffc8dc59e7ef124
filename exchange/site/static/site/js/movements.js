/** Deposits and withdrawals, newest first: where each stands in words, k of n confirmations, and every step of it. */

import { signal } from "@preact/signals";

import { grouped } from "./amounts.js";
import { api } from "./api.js";
import { dateAndTime, html, Num } from "./ui.js";
import { isEnded, lookSoon } from "./wallet_state.js";

const WORDS = {
  seen: "Waiting for a block", gone: "Gone", confirming: "Confirming", crediting: "Being credited", credited: "Credited",
  reversing: "Being taken back", reversed: "Taken back", deficit: "Owed", dust: "Too little", refused: "Refused",
  requested: "Asked for", held: "Held", reviewing: "Looked at by people", approved: "Waiting for a payout", batched: "Being paid",
  signed: "Signed", broadcast: "Sent", mined: "Confirming", settling: "Being booked", settled: "Paid",
  releasing: "Being given back", cancelled: "Cancelled", rejected: "Rejected", returned: "Returned",
};
const GOOD = new Set(["credited", "settled"]);
const BAD = new Set(["gone", "reversing", "reversed", "deficit", "dust", "refused", "rejected", "returned"]);
const CANCELLABLE = new Set(["requested", "held", "reviewing", "approved", "batched"]);

/** By "kind id": the steps that were read, as [updated_at, steps]. */
const steps = signal(new Map());
/** By "kind id": the updated_at whose steps were asked for, so that a refusal is not asked for at every drawing. */
const askedFor = new Map();
/** The withdrawal that is asked about once more, and what came of a cancellation. */
const asked = signal(null);
const told = signal(null);

export function movementsOf(deposits, withdrawals) {
  const came = (deposits ?? []).map((one) => ({ ...one, kind: "deposit", shown: one.amount }));
  const went = (withdrawals ?? []).map((one) => ({ ...one, kind: "withdrawal", shown: one.quantity }));
  return [...came, ...went].sort((a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0));
}

async function readSteps(movement) {
  const name = `${movement.kind} ${movement.id}`;
  if (askedFor.get(name) === movement.updated_at) return;
  askedFor.set(name, movement.updated_at);
  try {
    const found = await (movement.kind === "deposit" ? api.deposit(movement.id) : api.withdrawal(movement.id));
    steps.value = new Map(steps.peek()).set(name, [movement.updated_at, found.steps]);
  } catch (problem) {
    told.value = { id: movement.id, text: problem.message };
  }
}

/** As somebody opens it: also what was refused before. */
function readAnew(movement) {
  const name = `${movement.kind} ${movement.id}`;
  if (!steps.peek().has(name)) askedFor.delete(name);
  readSteps(movement);
}

async function cancel(movement) {
  asked.value = null;
  try {
    await api.cancelWithdrawal(movement.id);
    told.value = null;
  } catch (problem) {
    told.value = { id: movement.id, text: `Not cancelled: ${problem.message}` };
  }
  await lookSoon();
}

export function Movements({ deposits = [], withdrawals = [], empty }) {
  const all = movementsOf(deposits, withdrawals);
  if (all.length === 0) return html`<p class="aside">${empty}</p>`;
  return html`<ul class="movements">${all.map((one) => html`<${Movement} key=${`${one.kind} ${one.id}`} movement=${one} />`)}</ul>`;
}

function Movement({ movement }) {
  const { kind, asset, shown, state, why, created_at: at } = movement;
  const mark = GOOD.has(state) ? "yes" : BAD.has(state) ? "no" : undefined;
  return html`<li>
    <details onToggle=${(event) => event.currentTarget.open && readAnew(movement)}>
      <summary>
        <span class="movement-what">${kind === "deposit" ? "Deposit" : "Withdrawal"}</span>
        <span class="movement-amount"><${Num} text=${grouped(shown)} /> ${asset}</span>
        <span class="movement-state" data-good=${mark}>${WORDS[state] ?? state}</span>
        <time datetime=${at}>${dateAndTime(new Date(at))}</time>
        ${!isEnded(movement) && html`<${Progress} movement=${movement} />`}
      </summary>
      <${Details} movement=${movement} />
    </details>
    <p class="movement-why" role="status">${why}</p>
  </li>`;
}

function Progress({ movement: { state, confirmations, confirmations_needed: needed } }) {
  if (needed === undefined || !["seen", "confirming", "crediting"].includes(state)) return null;
  return html`<span class="movement-progress">
    <progress value=${confirmations} max=${needed} aria-label=${`${confirmations} of ${needed} confirmations`}></progress>
    <span class="num">${confirmations} of ${needed}</span>
  </span>`;
}

function Details({ movement }) {
  const { kind, id, address, txid, fee, amount, asset, state, updated_at: updated } = movement;
  const known = steps.value.get(`${kind} ${id}`);
  if (known !== undefined && known[0] !== updated) readSteps(movement);
  return html`<dl class="movement-facts">
      <dt>${kind === "deposit" ? "To your address" : "To"}</dt><dd><code>${address}</code></dd>
      ${kind === "withdrawal" && html`<dt>Arrives</dt><dd><${Num} text=${grouped(amount)} /> ${asset}, after a fee of <${Num} text=${grouped(fee)} /></dd>`}
      ${txid && html`<dt>Transaction</dt><dd><code>${txid}</code></dd>`}
    </dl>
    ${known !== undefined && html`<ol class="movement-steps">${known[1].map((step, place) => html`<li key=${place}>
      <time datetime=${step.at}>${dateAndTime(new Date(step.at))}</time> ${step.words}</li>`)}</ol>`}
    ${kind === "withdrawal" && CANCELLABLE.has(state) && html`<${Cancel} movement=${movement} />`}
    ${told.value?.id === id && html`<p class="field-error" role="alert">${told.value.text}</p>`}`;
}

function Cancel({ movement }) {
  if (asked.value !== movement.id) {
    return html`<button type="button" class="button small" onClick=${() => (asked.value = movement.id)}>Cancel this withdrawal</button>`;
  }
  return html`<p class="movement-ask">Cancel it? What is held becomes available again.
    <button type="button" class="button small danger" onClick=${() => cancel(movement)}>Yes, cancel it</button>
    <button type="button" class="button small" onClick=${() => (asked.value = null)}>Keep it</button></p>`;
}
