/** Short messages at the edge of the page, read out by screen readers, gone after a while. */

import { signal } from "@preact/signals";

import { html } from "./ui.js";

const SHOWN_MS = 6000;
const MOST = 4;

const notices = signal([]);
let lastId = 0;

export function announce(text, kind = "info") {
  lastId += 1;
  const id = lastId;
  notices.value = [...notices.value, { id, text, kind }].slice(-MOST);
  setTimeout(() => {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }, SHOWN_MS);
}

export function Notices() {
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.value.map(({ id, text, kind }) => html`<p key=${id} class="notice" data-kind=${kind}>${text}</p>`)}
  </div>`;
}
