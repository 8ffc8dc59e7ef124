/** Deposits, newest first: where each stands in words, k of n confirmations, and every step of it. */

import { signal } from "@preact/signals";

import { grouped } from "./amounts.js";
import { api } from "./api.js";
import { dateAndTime, html, Num } from "./ui.js";
import { isEnded } from "./wallet_state.js";

const WORDS = {
  seen: "Waiting for a block", gone: "Gone", confirming: "Confirming", crediting: "Being credited", credited: "Credited",
  reversing: "Being taken back", reversed: "Taken back", deficit: "Owed", dust: "Too little", refused: "Refused",
};
const GOOD = new Set(["credited"]);
const BAD = new Set(["gone", "reversing", "reversed", "deficit", "dust", "refused"]);

/** By id: the steps that were read, as [updated_at, steps]. */
const steps = signal(new Map());
const told = signal(null);

async function readSteps({ id, updated_at: updated }) {
  if (steps.peek().get(id)?.[0] === updated) return;
  try {
    const { steps: found } = await api.deposit(id);
    steps.value = new Map(steps.peek()).set(id, [updated, found]);
    told.value = null;
  } catch (problem) {
    told.value = { id, text: problem.message };
  }
}

export function Movements({ deposits, empty }) {
  if (deposits.length === 0) return html`<p class="aside">${empty}</p>`;
  return html`<ul class="movements">${deposits.map((one) => html`<${Movement} key=${one.id} movement=${one} />`)}</ul>`;
}

function Movement({ movement }) {
  const { asset, amount, state, why, created_at: at } = movement;
  const mark = GOOD.has(state) ? "yes" : BAD.has(state) ? "no" : undefined;
  return html`<li>
    <details onToggle=${(event) => event.currentTarget.open && readSteps(movement)}>
      <summary>
        <span class="movement-what">Deposit</span>
        <span class="movement-amount"><${Num} text=${grouped(amount)} /> ${asset}</span>
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
  if (!["seen", "confirming", "crediting"].includes(state)) return null;
  return html`<span class="movement-progress">
    <progress value=${confirmations} max=${needed} aria-label=${`${confirmations} of ${needed} confirmations`}></progress>
    <span class="num">${confirmations} of ${needed}</span>
  </span>`;
}

function Details({ movement }) {
  const { id, address, txid, updated_at: updated } = movement;
  const known = steps.value.get(id);
  if (known !== undefined && known[0] !== updated) readSteps(movement);
  return html`<dl class="movement-facts">
      <dt>To your address</dt><dd><code>${address}</code></dd>
      <dt>Transaction</dt><dd><code>${txid}</code></dd>
    </dl>
    ${known !== undefined && html`<ol class="movement-steps">${known[1].map((step, place) => html`<li key=${place}>
      <time datetime=${step.at}>${dateAndTime(new Date(step.at))}</time> ${step.words}</li>`)}</ol>`}
    ${told.value?.id === id && html`<p class="field-error" role="alert">${told.value.text}</p>`}`;
}
