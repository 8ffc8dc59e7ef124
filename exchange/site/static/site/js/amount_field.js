/** A field of the order form that holds an amount: stepped by the arrow keys, its error beside it. */

import * as entryOf from "./order_entry.js";
import * as state from "./state.js";
import { html } from "./ui.js";

const { entry } = state;
const STEPS = { ArrowUp: 1, ArrowDown: -1, PageUp: 100, PageDown: -100 };

let isPressed = false;
addEventListener("pointerdown", () => (isPressed = true), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false), true);

/**
 * Acts at once, or after the click that is under way: an error that appears as its field is left would move the button
 * from under the pointer, and the click would be lost.
 */
function afterPress(act) {
  if (isPressed) addEventListener("pointerup", () => setTimeout(act), { once: true });
  else act();
}

export function AmountField({ name, label, unit, inert = false, hint = "0" }) {
  const error = entryOf.shownErrors.value[name];
  const onKeyDown = (event) => {
    const step = STEPS[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    entryOf.stepField(name, event.shiftKey ? step * 10 : step);
  };
  const onPaste = (event) => {
    const text = entryOf.readPasted(event.clipboardData.getData("text"));
    if (text === null) return;
    event.preventDefault();
    entryOf.setField(name, text);
    entryOf.leaveField(name);
  };
  const id = `order-${name}`;
  return html`<div class="field" data-invalid=${error ? "yes" : undefined} data-unused=${inert ? "yes" : undefined}>
    <div class="field-box">
      <label for=${id}>${label}</label>
      <input
        id=${id}
        name=${name}
        class="num"
        inputmode="decimal"
        value=${entry[name].value}
        placeholder=${hint}
        aria-invalid=${error ? "true" : undefined}
        aria-describedby=${error ? `${id}-error` : undefined}
        onInput=${(event) => entryOf.setField(name, event.target.value)}
        onBlur=${() => afterPress(() => entryOf.leaveField(name))}
        onKeyDown=${onKeyDown}
        onPaste=${onPaste}
      />
      <span class="unit">${unit}</span>
    </div>
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}
