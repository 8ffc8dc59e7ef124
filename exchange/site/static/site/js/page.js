/** On every page: the menu of looks, in the header; a choice there that is made by choosing; what the staff announce. */

import { render } from "preact";

import "./announcements.js";
import { palette, theme } from "./settings.js";
import { html } from "./ui.js";

const THEMES = [["system", "As the system"], ["dark", "Dark"], ["light", "Light"]];
const PALETTES = [["green-red", "Green and red"], ["blue-orange", "Blue and orange"]];

function Choice({ name, label, choices, chosen }) {
  return html`<fieldset>
    <legend>${label}</legend>
    ${choices.map(
      ([value, words]) => html`<label key=${value} class="check">
        <input type="radio" name=${name} value=${value} checked=${chosen.value === value} onChange=${() => (chosen.value = value)} />
        <span>${words}</span>
      </label>`,
    )}
  </fieldset>`;
}

function Looks() {
  return html`
    <${Choice} name="theme" label="Theme" choices=${THEMES} chosen=${theme} />
    <${Choice} name="palette" label="Buy and sell" choices=${PALETTES} chosen=${palette} />
  `;
}

render(html`<${Looks} />`, document.querySelector("[data-island='looks']"));

for (const form of document.querySelectorAll("form[data-choice]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
