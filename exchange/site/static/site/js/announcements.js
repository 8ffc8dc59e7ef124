/**
 * On every page: what the staff tell everybody, as a bar under the header that can be put away.
 *
 * The page comes with those that stood when it was made; pages that listen to the exchange go on from there. What was put
 * away stays so in this browser, by its number.
 */

import { signal } from "@preact/signals";
import { render } from "preact";

import { html } from "./ui.js";

const KEY = "kontor.announcements";
const REMEMBERED = 50;

const place = document.querySelector("[data-island='announcements']");
const standing = signal(read());
const putAway = signal(remembered());

function read() {
  return [...(place?.querySelectorAll("[data-notice]") ?? [])].map((line) => ({
    id: Number(line.dataset.notice),
    severity: line.dataset.severity,
    words: line.textContent,
  }));
}

function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // a browser that keeps nothing shows them on each page
  }
}

function dismiss(id) {
  const others = [...place.querySelectorAll("[data-notice] button")].filter((button) => Number(button.parentNode.dataset.notice) !== id);
  putAway.value = [...putAway.value, id].slice(-REMEMBERED);
  try {
    localStorage.setItem(KEY, JSON.stringify(putAway.value));
  } catch {
    /* shown again on the next page */
  }
  others[0]?.focus();
}

/**
 * From whoever listens: the announcements of a status. Returns its other notices, which are the exchange's own.
 *
 * Numbers of the stream are texts here, see exact_json.js.
 */
export function heard({ announcements, notices }) {
  const told = announcements.map(({ id, severity, words }) => ({ id: Number(id), severity, words }));
  if (JSON.stringify(told) !== JSON.stringify(standing.peek())) standing.value = told;
  const staffs = new Set(announcements.map(({ words }) => words));
  return notices.filter((words) => !staffs.has(words));
}

function Announcements() {
  return standing.value
    .filter(({ id }) => !putAway.value.includes(id))
    .map(
      ({ id, severity, words }) => html`<p key=${id} class="announcement" data-severity=${severity} data-notice=${id}>
        <span>${words}</span>
        <button type="button" class="quiet" aria-label=${`Put away: ${words}`} onClick=${() => dismiss(id)}
          onKeyDown=${(event) => event.key === "Escape" && dismiss(id)}><span aria-hidden="true">✕</span></button>
      </p>`,
    );
}

if (place !== null) {
  place.setAttribute("aria-live", "polite");
  place.replaceChildren();
  render(html`<${Announcements} />`, place);
}
