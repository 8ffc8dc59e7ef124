/** How fresh the page is: a dot with the latency, and a bar over it while the stream is away or the exchange tells of itself. */

import { effect } from "@preact/signals";

import * as state from "./state.js";
import { html, timeOfDay } from "./ui.js";

const WORDS = { live: "Live", connecting: "Connecting", lost: "Reconnecting" };

effect(() => {
  document.documentElement.dataset.connection = state.connection.value.state;
});

export function ConnectionDot() {
  const { state: name } = state.connection.value;
  const ms = state.latencyMs.value;
  return html`<span class="connection" data-state=${name} title="Stream: time from here to the exchange and back">
    <span class="dot" aria-hidden="true"></span>
    <span class="visually-hidden">${WORDS[name]}</span>
    <span class="num" aria-hidden="true">${name === "live" && ms !== null ? `${ms} ms` : WORDS[name]}</span>
  </span>`;
}

export function FreshnessBar() {
  const { state: name, since } = state.connection.value;
  if (name !== "lost") return state.told.value.map((text) => html`<p key=${text} class="freshness-bar" role="status">${text}</p>`);
  const text = since === null ? "Connecting to the exchange" : `Reconnecting, prices are from ${timeOfDay(since)}`;
  return html`<p class="freshness-bar" role="status">${text}</p>`;
}
