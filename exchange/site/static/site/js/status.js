/** The status page: asks the exchange every few seconds how it is. */

import { signal } from "@preact/signals";
import { render } from "preact";

import { grouped } from "./amounts.js";
import { heard } from "./announcements.js";
import { api } from "./api.js";
import { marketPath } from "./market_bar.js";
import { html, timeOfDay } from "./ui.js";

const ASK_EVERY_MS = 5000;
const report = signal({ status: null, readiness: null, at: null, problem: null });

async function ask() {
  try {
    const [status, readiness] = await Promise.all([api.status(), api.readiness()]);
    heard(status);
    report.value = { status, readiness, at: new Date(), problem: null };
  } catch (problem) {
    report.value = { ...report.value, problem: problem.message };
  }
}

function Mark({ good, children }) {
  return html`<span class="mark" data-good=${good ? "yes" : "no"}><span aria-hidden="true">${good ? "●" : "▲"}</span> ${children}</span>`;
}

const words = (text) => text.replaceAll("_", " ");

function Status() {
  const { status, readiness, at, problem } = report.value;
  if (status === null) return html`<p class="empty">${problem ?? "Asking the exchange."}</p>`;
  const lag = readiness.sequence - readiness.projected_sequence;
  return html`
    ${problem !== null && html`<p class="result-card" data-kind="unknown">${problem} What follows is from ${timeOfDay(at)}.</p>`}
    <dl class="facts">
      <div><dt>Exchange</dt><dd><${Mark} good=${status.engine === "open"}>${words(status.engine)}<//></dd></div>
      ${Object.entries(readiness.parts).map(
        ([name, state]) => html`<div key=${name}><dt>${words(name)}</dt><dd><${Mark} good=${state === "ok"}>${words(state)}<//></dd></div>`,
      )}
      <div><dt>Journal sequence</dt><dd class="num">${grouped(String(readiness.sequence))}</dd></div>
      <div><dt>Books and ledger behind it by</dt><dd class="num">${grouped(String(lag))} ${lag === 1 ? "event" : "events"}</dd></div>
      <div><dt>As of</dt><dd class="num">${timeOfDay(at)}</dd></div>
    </dl>
    <h2>Markets</h2>
    <table class="rows">
      <thead><tr><th scope="col">Market</th><th scope="col">State</th></tr></thead>
      <tbody>
        ${Object.entries(status.markets).map(
          ([name, state]) =>
            html`<tr key=${name}><td><a href=${marketPath(name)}>${name}</a></td><td><${Mark} good=${state === "open"}>${words(state)}<//></td></tr>`,
        )}
      </tbody>
    </table>
    ${status.notices.length > 0 && html`<h2>Notices</h2><ul>${status.notices.map((notice) => html`<li>${notice}</li>`)}</ul>`}
  `;
}

const place = document.querySelector("[data-island='status']");
place.replaceChildren();
render(html`<${Status} />`, place);
ask();
setInterval(ask, ASK_EVERY_MS);
