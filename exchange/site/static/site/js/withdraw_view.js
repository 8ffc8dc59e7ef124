/**
 * Withdrawing: to a registered address, exact to the last atom. One attempt keeps its idempotency key until its outcome is
 * known or what was entered changes.
 */

import { signal } from "@preact/signals";

import { addresses, coolingWords, isUsable, readAddresses, Unread } from "./address_book.js";
import { decimalSign, grouped, readAmount, short } from "./amounts.js";
import { api, randomName } from "./api.js";
import { Decimal } from "./decimal.js";
import { Movements } from "./movements.js";
import { prove, takeKept } from "./proof.js";
import { html, Num } from "./ui.js";
import { assets, balanceOf, lookSoon, page, withdrawals } from "./wallet_state.js";

const KEPT = "kontor.withdrawal";
const FIELDS = ["asset", "address", "quantity"];
const sign = decimalSign(navigator.language);

const kept = takeKept(KEPT);
const fromAddress = { asset: new URLSearchParams(location.search).get("asset") ?? "" };
const entry = Object.fromEntries(FIELDS.map((name) => [name, signal(kept[name] ?? fromAddress[name] ?? "")]));
const errors = signal({});
/** {kind: "done" | "refused" | "unknown", text}, or null */
const outcome = signal(null);
const isBusy = signal(false);
let key = kept.key ?? null;

function edit(name, text) {
  entry[name].value = text;
  errors.value = {};
  outcome.value = null;
  key = null;
}

/** What is entered, with what the asset's terms make of it. */
export function reckon({ asset, available, quantity }) {
  const fee = Decimal.parse(asset.withdrawal_fee);
  const least = Decimal.parse(asset.minimum_withdrawal);
  const arrives = quantity === null || quantity.lessThan(fee) ? null : quantity.sub(fee);
  let wrong = null;
  if (quantity === null) wrong = "Enter a number.";
  else if (quantity.sign <= 0) wrong = "Enter a quantity above zero.";
  else if (quantity.scale > asset.decimals) wrong = `At most ${asset.decimals} places.`;
  else if (quantity.lessThan(least)) wrong = `At least ${short(least)} ${asset.asset}, the fee included.`;
  else if (quantity.greaterThan(available)) wrong = `Only ${short(available)} ${asset.asset} is available.`;
  return { fee, least, arrives, wrong };
}

async function send(event, asset, destination, quantity, wrong) {
  event.preventDefault();
  const found = {};
  if (destination === undefined) found.address = "Choose an address that may be used.";
  if (wrong !== null) found.quantity = wrong;
  errors.value = found;
  const [first] = Object.keys(found);
  if (first !== undefined) {
    event.target.elements[first]?.focus();
    return;
  }
  if (isBusy.peek()) return;
  isBusy.value = true;
  outcome.value = null;
  key ??= randomName();
  try {
    const made = await api.withdraw({ asset: asset.asset, quantity: quantity.toString(), address_id: destination.id }, key);
    key = null;
    entry.quantity.value = "";
    outcome.value = { kind: "done", text: `${grouped(made.amount)} ${asset.asset} will go to ${destination.label}.` };
    await lookSoon();
  } catch (problem) {
    if (problem.code === "step_up_required") {
      prove(page.dataset.confirm, KEPT, { asset: asset.asset, address: destination.id, quantity: entry.quantity.peek(), key });
    } else refuse(problem);
  } finally {
    isBusy.value = false;
  }
}

function refuse(problem) {
  const isUnknown = problem.status === 0 || problem.status >= 500;
  if (!isUnknown) key = null;
  outcome.value = isUnknown
    ? { kind: "unknown", text: `${problem.message} Sending again is safe: it counts as the same withdrawal.` }
    : { kind: "refused", text: `Not withdrawn: ${problem.message}`, code: problem.code };
}

export function WithdrawView() {
  const open = assets.value.filter(({ withdrawal }) => withdrawal);
  if (open.length === 0) {
    return html`<p class="lead">Nothing can be withdrawn here now.</p>
      <${Movements} withdrawals=${withdrawals.value} empty="What you withdraw is listed here." />`;
  }
  const asset = open.find(({ asset }) => asset === entry.asset.value) ?? open[0];
  const mine = withdrawals.value.filter((one) => one.asset === asset.asset);
  return html`<${Form} asset=${asset} open=${open} />
    <h2>${asset.asset} withdrawals</h2>
    <${Movements} withdrawals=${mine} empty="None yet. What you withdraw is listed here, with every step, and can be cancelled until it is being paid." />`;
}

function Form({ asset, open }) {
  readAddresses();
  const known = addresses.value;
  if (known === null) return html`<${Unread} />`;
  const registered = known.items.filter((one) => one.asset === asset.asset);
  if (registered.length === 0) {
    return html`<p class="lead">You withdraw to addresses that you have registered before.</p>
      <p><a class="button primary large" href=${`/wallet/addresses?asset=${asset.asset}`}>Register an address</a></p>`;
  }
  const { available } = balanceOf(asset.asset);
  const destination = registered.find((one) => one.id === entry.address.value && isUsable(one)) ?? registered.find(isUsable);
  const quantity = readAmount(entry.quantity.value, { sign });
  const { fee, arrives, wrong } = reckon({ asset, available, quantity });
  const isTyped = entry.quantity.value.trim() !== "";
  return html`<form class="stack short" novalidate onSubmit=${(event) => send(event, asset, destination, quantity, wrong)}>
    ${open.length > 1 && html`<${Choice} name="asset" label="Asset" value=${asset.asset} options=${open.map((one) => [one.asset, `${one.asset} · ${one.name}`])} />`}
    <${Choice} name="address" label="To" value=${destination?.id ?? ""} options=${registered.map((one) => [one.id, nameOf(one), !isUsable(one)])}
      help=${destination === undefined ? "" : destination.address} />
    <${Quantity} asset=${asset} available=${available} />
    <dl class="reckoning">
      <dt>Fee</dt><dd><${Num} text=${short(fee)} /> ${asset.asset}</dd>
      <dt>Arrives</dt><dd>${arrives === null || !isTyped ? "–" : html`<${Num} text=${short(arrives)} /> ${asset.asset}`}</dd>
    </dl>
    ${outcome.value !== null && html`<p class="result-card" data-kind=${outcome.value.kind} role="status">${outcome.value.text}
      ${outcome.value.code === "email_unverified" && html` <a href="/settings/email">Verify your address</a>`}</p>`}
    <button class="button primary large" type="submit" aria-busy=${isBusy.value}>${buttonWords(asset, arrives, isTyped && wrong === null)}</button>
    <p class="aside"><a href=${`/wallet/addresses?asset=${asset.asset}`}>Your withdrawal addresses</a></p>
  </form>`;
}

const nameOf = (one) => (isUsable(one) ? one.label : `${one.label} (${coolingWords(one)})`);

function buttonWords(asset, arrives, isReady) {
  if (isBusy.value) return "Sending…";
  return isReady ? `Withdraw ${short(arrives)} ${asset.asset}` : "Withdraw";
}

function Choice({ name, label, value, options, help = "" }) {
  const error = errors.value[name];
  const id = `withdraw-${name}`;
  return html`<div class="field" data-invalid=${error ? "yes" : undefined}>
    <label for=${id}>${label}</label>
    <div class="field-box">
      <select id=${id} name=${name} value=${value} aria-describedby=${`${id}-told`} onChange=${(event) => edit(name, event.target.value)}>
        ${options.map(([one, words, isClosed]) => html`<option key=${one} value=${one} selected=${one === value} disabled=${isClosed}>${words}</option>`)}
      </select>
    </div>
    <p id=${`${id}-told`} class=${error ? "field-error" : "field-help address-told"}>${error ?? help}</p>
  </div>`;
}

function Quantity({ asset, available }) {
  const error = errors.value.quantity;
  const all = () => edit("quantity", available.normal().toString());
  return html`<div class="field" data-invalid=${error ? "yes" : undefined}>
    <label for="withdraw-quantity">Quantity, the fee included</label>
    <div class="field-box">
      <input id="withdraw-quantity" name="quantity" class="num" inputmode="decimal" autocomplete="off" value=${entry.quantity.value}
        aria-invalid=${error ? "true" : undefined} aria-describedby="withdraw-quantity-told" onInput=${(event) => edit("quantity", event.target.value)} />
      <button type="button" class="quiet" onClick=${all}>All</button>
      <span class="unit">${asset.asset}</span>
    </div>
    <p id="withdraw-quantity-told" class=${error ? "field-error" : "field-help"}>${error ?? html`Available: <${Num} text=${short(available, asset.trading_decimals)} /> ${asset.asset}`}</p>
  </div>`;
}
