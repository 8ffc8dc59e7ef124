/** The small parts that every panel uses. */

import { h } from "preact";
import htm from "htm";

import { splitZeros } from "./amounts.js";

export const html = htm.bind(h);

/** A number with its trailing zeros dimmed. `text` is already written out. */
export function Num({ text, class: name = "" }) {
  const [head, zeros] = splitZeros(text);
  return html`<span class=${`num ${name}`}>${head}${zeros && html`<span class="zeros">${zeros}</span>`}</span>`;
}

/** What a panel says while it has nothing: what will be here, and how to get there. */
export function Empty({ children }) {
  return html`<p class="empty">${children}</p>`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

export const timeOfDay = (date) => clock.format(date);
export const dateAndTime = (date) => dayAndClock.format(date).replace(",", "");

/** A row of tabs; arrow keys move between them. `tabs` are [id, label, count?]. */
export function Tabs({ tabs, chosen, onChoose, label, class: name = "", panel }) {
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex(([id]) => id === chosen);
    const [next] = tabs[(at + step + tabs.length) % tabs.length];
    onChoose(next);
    event.currentTarget.querySelector(`[data-tab="${next}"]`)?.focus();
  };
  return html`<div class=${`tabs ${name}`} role="tablist" aria-label=${label} onKeyDown=${onKeyDown}>
    ${tabs.map(
      ([id, text, count]) =>
        html`<button
          key=${id}
          type="button"
          role="tab"
          class="tab"
          data-tab=${id}
          aria-selected=${id === chosen}
          aria-controls=${panel}
          tabindex=${id === chosen ? 0 : -1}
          onClick=${() => onChoose(id)}
        >
          ${text}${count > 0 && html` <span class="count">${count}</span>`}
        </button>`,
    )}
  </div>`;
}
