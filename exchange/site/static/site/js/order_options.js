/** What an order may have besides its amounts: time in force, post-only, a peak, a stop instead, a bracket, a worst price. */

import { AmountField } from "./amount_field.js";
import { NEEDED_SLIPPAGE_BPS } from "./estimate_waiting.js";
import { waits } from "./estimate_extras.js";
import * as entryOf from "./order_entry.js";
import * as state from "./state.js";
import { html } from "./ui.js";

const { entry } = state;
const FORCES = [
  ["GTC", "Until cancelled"],
  ["GTD", "Until a time"],
  ["IOC", "At once, rest cancelled"],
  ["FOK", "At once, whole or not"],
];
const ATTACHED = [
  ["none", "Nothing attached"],
  ["oco", "OCO: or a stop instead"],
  ["bracket", "Bracket: orders that follow"],
];
const SLIPPAGES = [[50, "0.5 %"], [100, "1 %"], [300, "3 %"], [0, "no limit"]];

function Check({ name, label, title, disabled = false }) {
  return html`<label class="check">
    <input type="checkbox" checked=${entry[name].value && !disabled} disabled=${disabled}
      onChange=${(event) => entryOf.setOption(name, event.target.checked)} />
    <span title=${title}>${label}</span>
  </label>`;
}

function Choice({ name, label, choices, read = (value) => value, value = entry[name].value }) {
  return html`<select aria-label=${label} value=${value} onChange=${(event) => entryOf.setOption(name, read(event.target.value))}>
    ${choices.map(([code, words]) => html`<option key=${code} value=${code}>${words}</option>`)}
  </select>`;
}

export function LimitOptions({ market, side }) {
  const stays = waits({ timeInForce: entry.timeInForce.value });
  return html`<div class="options">
      <${Check} name="postOnly" label="Post-only" disabled=${!stays} title="Never takes: you pay the maker's fee or nothing" />
      <span class="option"><${Choice} name="timeInForce" label="Time in force" choices=${FORCES.map(([code, words]) => [code, `${code} · ${words}`])} /></span>
    </div>
    ${stays && entry.postOnly.value && html`<div class="options">
      <${Check} name="reprice" label="Step back a tick rather than be refused" title="Where it would take, it goes one tick away from that" />
    </div>`}
    ${entry.timeInForce.value === "GTD" && html`<${Until} />`}
    ${stays && html`<${AmountField} name="display" label="Shown at a time" unit=${market.base} hint="all" />
      <div class="options"><span class="option wide-option"><${Choice} name="attach" label="Attached orders" choices=${ATTACHED} /></span></div>
      <${Attached} market=${market} side=${side} />`}`;
}

function Until() {
  const error = entryOf.shownErrors.value.expiresAt;
  return html`<div class="field" data-invalid=${error ? "yes" : undefined}>
    <div class="field-box">
      <label for="order-expiresAt">Until</label>
      <input id="order-expiresAt" name="expiresAt" type="datetime-local" value=${entry.expiresAt.value}
        aria-invalid=${error ? "true" : undefined} aria-describedby=${error ? "order-expiresAt-error" : undefined}
        onInput=${(event) => entryOf.setOption("expiresAt", event.target.value)} />
    </div>
    ${error && html`<p class="field-error" id="order-expiresAt-error">${error}</p>`}
  </div>`;
}

function Attached({ market, side }) {
  const other = side === "buy" ? "sell" : "buy";
  if (entry.attach.value === "oco") {
    return html`<${AmountField} name="stopAt" label="Or stop at" unit=${market.quote} />
      <p class="field-help">Whichever acts first cancels the other.</p>`;
  }
  if (entry.attach.value === "bracket") {
    return html`<${AmountField} name="takeAt" label="Take profit at" unit=${market.quote} hint="none" />
      <${AmountField} name="stopAt" label="Stop at" unit=${market.quote} hint="none" />
      <p class="field-help">They ${other} what this order has filled, once it has ended.</p>`;
  }
  return null;
}

/** A buy that waits for a price holds by its worst price, so it always has one. */
export function SlippageOption({ side, type }) {
  const isTrailingSell = type === "trailing_stop" && side === "sell";
  const atLimit = type !== "market" && type !== "trailing_stop" && entry.price.value.trim() !== "";
  if (isTrailingSell || atLimit) return null;
  const needed = type !== "market" && side === "buy";
  const value = needed && entry.slippageBps.value === 0 ? NEEDED_SLIPPAGE_BPS : entry.slippageBps.value;
  return html`<div class="options">
    <label class="option spread-apart">
      <span>Worst price, from the ${type === "market" ? "best" : "trigger"}</span>
      <${Choice} name="slippageBps" label="Worst price" read=${Number} value=${value} choices=${SLIPPAGES.filter(([bps]) => bps > 0 || !needed)} />
    </label>
  </div>`;
}
