/** The addresses that one withdraws to: each cools down before it may be used; the list can be locked against new ones. */

import { signal } from "@preact/signals";

import { api } from "./api.js";
import { prove, takeKept } from "./proof.js";
import { dateAndTime, html } from "./ui.js";
import { assets, page } from "./wallet_state.js";

const KEPT = "kontor.withdrawal-address";
const FIELDS = ["asset", "address", "label"];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** {items, lock: {locked, opens_at}} as the API has it, null until known. */
export const addresses = signal(null);
const kept = takeKept(KEPT);
const entry = Object.fromEntries(FIELDS.map((name) => [name, signal(kept[name] ?? "")]));
const errors = signal({});
const told = signal(null);
const isBusy = signal(false);
/** The address that is asked about once more before it goes. */
const asked = signal(null);

let isReading = false;
/** Whether the last reading failed: it is tried again when somebody says so, not at every drawing. */
const isUnread = signal(false);

/** "after a day": what a new address waits for; "" where it waits for nothing. */
function coolingInWords(seconds) {
  if (seconds === 0) return "";
  const hours = Math.ceil(seconds / 3600);
  return hours === 24 ? "after a day" : `after ${hours} hour${hours === 1 ? "" : "s"}`;
}

export async function readAddresses({ anew = false } = {}) {
  if (isReading || (!anew && (isUnread.peek() || addresses.peek() !== null))) return;
  isReading = true;
  try {
    addresses.value = await api.withdrawalAddresses();
    isUnread.value = false;
  } catch (problem) {
    isUnread.value = true;
    told.value = { kind: "refused", text: problem.message };
  } finally {
    isReading = false;
  }
}

export const isUsable = ({ usable_from: from }) => new Date(from) <= new Date();

/** How long an address still cools down: "usable in 23 h". */
export function coolingWords({ usable_from: from }, now = new Date()) {
  const leftMs = new Date(from) - now;
  if (leftMs <= 0) return "usable";
  return leftMs >= HOUR_MS ? `usable in ${Math.ceil(leftMs / HOUR_MS)} h` : `usable in ${Math.ceil(leftMs / MINUTE_MS)} min`;
}

/** Does something, with the page busy; where it has to be proven who is there, the page goes and finds what was entered again. */
async function act(words, typed, call) {
  if (isBusy.peek()) return;
  isBusy.value = true;
  told.value = null;
  errors.value = {};
  try {
    await call();
    told.value = { kind: "done", text: words };
    await readAddresses({ anew: true });
  } catch (problem) {
    if (problem.code === "step_up_required") prove(page.dataset.confirm, KEPT, typed);
    else {
      errors.value = problem.errors;
      told.value = { kind: "refused", text: problem.message };
    }
  } finally {
    isBusy.value = false;
  }
}

function add(event, asset) {
  event.preventDefault();
  const typed = { asset: asset.asset, address: entry.address.peek().trim(), label: entry.label.peek().trim() };
  const missing = ["address", "label"].find((name) => typed[name] === "");
  if (missing !== undefined) {
    errors.value = { [missing]: ["This is needed."] };
    event.target.elements[missing].focus();
    return;
  }
  act(`${typed.label} is registered. You get a mail about it.`, typed, async () => {
    await api.addWithdrawalAddress(typed);
    entry.address.value = "";
    entry.label.value = "";
  });
}

function remove(one) {
  asked.value = null;
  act(`${one.label} is removed.`, {}, () => api.removeWithdrawalAddress(one.id));
}

export function AddressBook() {
  readAddresses();
  const known = addresses.value;
  const open = assets.value.filter(({ withdrawal }) => withdrawal);
  if (known === null) return html`<${Unread} />`;
  const wait = coolingInWords(Number(page.dataset.coolingS));
  return html`<p class="lead">You withdraw to these addresses alone. ${wait === ""
      ? "In this demo a new one may be used at once; you get a mail about it."
      : `A new one may be used only ${wait}, and you get a mail at once: time to act if it was not you.`}</p>
    ${told.value !== null && html`<p class="result-card" data-kind=${told.value.kind} role="status">${told.value.text}</p>`}
    ${known.items.length === 0 ? html`<p class="aside">None yet.</p>` : html`<${List} items=${known.items} />`}
    ${open.length === 0 ? html`<p class="aside">Nothing can be withdrawn here now.</p>` : html`<${AddForm} open=${open} lock=${known.lock} />`}
    <${Lock} lock=${known.lock} />`;
}

/** While there is no list to show. */
export function Unread() {
  if (!isUnread.value) return html`<p class="aside">Looking for your addresses.</p>`;
  return html`<p class="result-card" data-kind="refused" role="alert">${told.value?.text ?? ""} <button type="button" class="quiet"
    onClick=${() => readAddresses({ anew: true })}>Try again</button></p>`;
}

function List({ items }) {
  return html`<table class="rows listed">
    <thead><tr><th scope="col">Label</th><th scope="col">Asset</th><th scope="col">Address</th><th scope="col">Usable</th><th scope="col"><span class="visually-hidden">Remove</span></th></tr></thead>
    <tbody>${items.map((one) => html`<tr key=${one.id}>
      <td data-label="Label"><strong>${one.label}</strong></td>
      <td data-label="Asset">${one.asset}</td>
      <td data-label="Address"><code>${one.address}</code></td>
      <td data-label="Usable">${isUsable(one) ? "Now" : html`<span title=${dateAndTime(new Date(one.usable_from))}>${coolingWords(one)}</span> <small>from ${dateAndTime(new Date(one.usable_from))}</small>`}</td>
      <td class="action">${asked.value === one.id
        ? html`<button type="button" class="quiet" onClick=${() => remove(one)}>Yes, remove</button> <button type="button" class="quiet" onClick=${() => (asked.value = null)}>Keep</button>`
        : html`<button type="button" class="quiet" aria-label=${`Remove ${one.label}`} onClick=${() => (asked.value = one.id)}>Remove</button>`}</td>
    </tr>`)}</tbody>
  </table>`;
}

function AddForm({ open, lock }) {
  const first = entry.asset.value || new URLSearchParams(location.search).get("asset");
  const asset = open.find((one) => one.asset === first) ?? open[0];
  return html`<h2 id="add-title">Register an address</h2>
    ${lock.locked && html`<p class="aside">The list is locked: no new addresses${lock.opens_at ? ` before ${dateAndTime(new Date(lock.opens_at))}` : ""}.</p>`}
    <form class="stack short" novalidate aria-labelledby="add-title" onSubmit=${(event) => add(event, asset)}>
      ${open.length > 1 && html`<div class="field"><label for="book-asset">Asset</label><div class="field-box">
        <select id="book-asset" name="asset" value=${asset.asset} onChange=${(event) => (entry.asset.value = event.target.value)}>
          ${open.map((one) => html`<option key=${one.asset} value=${one.asset}>${one.asset} · ${one.name}</option>`)}
        </select></div></div>`}
      <${Text} name="address" label=${`${asset.asset} address`} help="It is checked against the network." spellcheck="false" maxlength="100" />
      <${Text} name="label" label="Label" help="What you call it: vault, phone." maxlength="64" />
      <button class="button primary large" type="submit" disabled=${isBusy.value || lock.locked}>Register it</button>
    </form>`;
}

function Text({ name, label, help, ...more }) {
  const error = errors.value[name];
  const id = `book-${name}`;
  return html`<div class="field" data-invalid=${error ? "yes" : undefined}>
    <label for=${id}>${label}</label>
    <div class="field-box"><input id=${id} name=${name} autocomplete="off" value=${entry[name].value} aria-invalid=${error ? "true" : undefined}
      aria-describedby=${`${id}-told`} onInput=${(event) => { entry[name].value = event.target.value; errors.value = {}; }} ...${more} /></div>
    <p id=${`${id}-told`} class=${error ? "field-error" : "field-help"}>${error ? [error].flat().join(" ") : help}</p>
  </div>`;
}

function Lock({ lock }) {
  const isEnding = lock.locked && lock.opens_at !== null;
  return html`<h2 id="lock-title">Lock</h2>
    <p class="aside">${lock.locked
      ? isEnding ? `Locked until ${dateAndTime(new Date(lock.opens_at))}.` : "Locked: nobody adds an address, not even you. The lock ends a day after you ask for it."
      : "With a lock nobody adds an address, not even somebody who is signed in as you."}</p>
    <p class="lock-acts">
      ${(!lock.locked || isEnding) && html`<button type="button" class="button" disabled=${isBusy.value} onClick=${() => act("The list is locked.", {}, api.lockWithdrawalAddresses)}>${isEnding ? "Keep it locked" : "Lock the list"}</button>`}
      ${lock.locked && !isEnding && html`<button type="button" class="button" disabled=${isBusy.value} onClick=${() => act("The lock ends in a day.", {}, api.unlockWithdrawalAddresses)}>End the lock</button>`}
    </p>`;
}
