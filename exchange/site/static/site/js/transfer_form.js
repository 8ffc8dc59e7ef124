/**
 * A transfer: between trading accounts of one's own, or to another person by e-mail.
 *
 * Amounts are exact. One attempt keeps its idempotency key until its outcome is known or what was entered changes.
 */

import { computed, signal } from "@preact/signals";

import { balancesByAccount, loadAccounts, overview } from "./accounts_state.js";
import { decimalSign, readAmount, short } from "./amounts.js";
import { api, randomName } from "./api.js";
import { ZERO } from "./decimal.js";
import { prove, takeKept } from "./proof.js";
import { html, Num } from "./ui.js";

const SOMEBODY = "somebody";
const FIELDS = ["from", "to", "email", "asset", "quantity"];
const sign = decimalSign(navigator.language);

const KEPT = "kontor.transfer";

const kept = takeKept(KEPT);
const entry = Object.fromEntries(FIELDS.map((name) => [name, signal(kept[name] ?? "")]));
/** {kind: "done" | "refused" | "unknown", text}, or null */
const outcome = signal(null);
const errors = signal({});
const isBusy = signal(false);
let key = null;

/** What is chosen: as entered where that is possible, else the first that is. */
const chosen = computed(() => {
  const { accounts, assets } = overview.value;
  const from = accounts.find(({ id }) => String(id) === entry.from.value) ?? accounts[0];
  const others = accounts.filter(({ id }) => id !== from.id);
  const wanted = others.find(({ id }) => String(id) === entry.to.value);
  const to = entry.to.value === SOMEBODY ? null : (wanted ?? others[0] ?? null);
  const asset = assets.find(({ asset }) => asset === entry.asset.value) ?? assets[0];
  const available = balancesByAccount.value.get(from.id)?.get(asset.asset)?.available ?? ZERO;
  return { from, to, others, asset, available, quantity: readAmount(entry.quantity.value, { sign }) };
});

function edit(name, text) {
  entry[name].value = text;
  errors.value = {};
  outcome.value = null;
  key = null;
}

function problems({ to, asset, available, quantity }) {
  const found = {};
  if (to === null && !/^\S+@\S+$/.test(entry.email.value.trim())) found.email = "Enter the e-mail address of the other person.";
  if (entry.quantity.value.trim() === "") found.quantity = "Enter a quantity.";
  else if (quantity === null) found.quantity = `“${entry.quantity.value.trim().slice(0, 24)}” is not a number.`;
  else if (quantity.sign <= 0) found.quantity = "Enter a quantity above zero.";
  else if (quantity.greaterThan(available)) found.quantity = `Only ${short(available)} ${asset.asset} is available there.`;
  return found;
}

async function send(event, confirmPath) {
  event.preventDefault();
  const now = chosen.peek();
  errors.value = problems(now);
  const [wrong] = Object.keys(errors.peek());
  if (wrong !== undefined) {
    event.target.elements[wrong].focus();
    return;
  }
  if (isBusy.peek()) return;
  const email = entry.email.peek().trim();
  const target = now.to === null ? { to_email: email } : { to_account: now.to.id };
  key ??= randomName();
  isBusy.value = true;
  outcome.value = null;
  try {
    await api.transfer(now.from.id, { asset: now.asset.asset, quantity: now.quantity.toString(), ...target }, key);
    key = null;
    entry.quantity.value = "";
    outcome.value = { kind: "done", text: `${short(now.quantity)} ${now.asset.asset} went from ${now.from.name} to ${now.to?.name ?? email}.` };
    await loadAccounts();
  } catch (problem) {
    if (problem.code === "step_up_required") prove(confirmPath, KEPT, typedFor(now));
    else refuse(problem);
  } finally {
    isBusy.value = false;
  }
}

function typedFor({ from, asset }) {
  return { from: String(from.id), to: SOMEBODY, email: entry.email.peek(), asset: asset.asset, quantity: entry.quantity.peek() };
}

function refuse(problem) {
  const isUnknown = problem.status === 0 || problem.status >= 500;
  if (!isUnknown) key = null;
  errors.value = problem.errors.quantity === undefined ? {} : { quantity: [problem.errors.quantity].flat().join(" ") };
  outcome.value = isUnknown
    ? { kind: "unknown", text: `${problem.message} Sending again is safe: it counts as the same transfer.` }
    : { kind: "refused", text: `Not transferred: ${problem.message}` };
}

function Choice({ name, label, value, options }) {
  return html`<div class="field">
    <label for=${`transfer-${name}`}>${label}</label>
    <div class="field-box">
      <select id=${`transfer-${name}`} name=${name} value=${value} onChange=${(event) => edit(name, event.target.value)}>
        ${options.map(([id, words]) => html`<option key=${id} value=${id} selected=${String(id) === String(value)}>${words}</option>`)}
      </select>
    </div>
  </div>`;
}

function Text({ name, label, help, ...more }) {
  const error = errors.value[name];
  const id = `transfer-${name}`;
  return html`<div class="field" data-invalid=${error ? "yes" : undefined}>
    <label for=${id}>${label}</label>
    <div class="field-box">
      <input id=${id} name=${name} value=${entry[name].value} aria-invalid=${error ? "true" : undefined} aria-describedby=${`${id}-told`}
        autocomplete="off" onInput=${(event) => edit(name, event.target.value)} ...${more} />
    </div>
    <p id=${`${id}-told`} class=${error ? "field-error" : "field-help"}>${error ?? help}</p>
  </div>`;
}

export function TransferForm({ confirmPath }) {
  const { accounts, assets } = overview.value;
  const { from, to, others, asset, available } = chosen.value;
  const targets = [...others.map(({ id, name }) => [id, name]), [SOMEBODY, "Another person, by e-mail"]];
  const left = html`<span>Available: <${Num} text=${short(available, asset.trading_decimals)} /> ${asset.asset}</span>`;
  return html`<h2 id="transfer-title">Transfer</h2>
    <form class="stack short" novalidate aria-labelledby="transfer-title" onSubmit=${(event) => send(event, confirmPath)}>
      <${Choice} name="from" label="From" value=${from.id} options=${accounts.map(({ id, name }) => [id, name])} />
      <${Choice} name="to" label="To" value=${to?.id ?? SOMEBODY} options=${targets} />
      ${to === null && html`<${Text} name="email" label="E-mail" type="email" inputmode="email" help="Whoever has an account here under it gets the funds at once. It cannot be undone." />`}
      <${Choice} name="asset" label="Asset" value=${asset.asset} options=${assets.map((one) => [one.asset, `${one.asset} · ${one.name}`])} />
      <${Text} name="quantity" label="Quantity" inputmode="decimal" help=${left} />
      ${outcome.value !== null && html`<p class="result-card" data-kind=${outcome.value.kind} role="status">${outcome.value.text}</p>`}
      <button class="button primary large" type="submit" aria-busy=${isBusy.value}>${isBusy.value ? "Sending…" : "Transfer"}</button>
    </form>`;
}
