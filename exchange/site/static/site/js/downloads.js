/** Files of one trading account: all its trades, its ledger, one tax year; CSV. */

import { signal } from "@preact/signals";

import { overview } from "./accounts_state.js";
import { api } from "./api.js";
import { html } from "./ui.js";

const account = signal("");
const year = signal("");
const problem = signal("");
const loading = signal("");

async function save(owner, name, query, shownName) {
  loading.value = name;
  problem.value = "";
  try {
    const url = URL.createObjectURL(await api.exported(owner.id, name, query));
    const link = document.createElement("a");
    link.href = url;
    link.download = shownName;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url));
  } catch (error) {
    problem.value = `Not saved: ${error.message}`;
  } finally {
    loading.value = "";
  }
}

export function Downloads({ years }) {
  const { accounts } = overview.value;
  const owner = accounts.find(({ id }) => String(id) === account.value) ?? accounts[0];
  const wanted = years.includes(year.value) ? year.value : years[0];
  const files = [
    ["trades.csv", {}, `${owner.name}-trades.csv`, "Trades"],
    ["ledger.csv", {}, `${owner.name}-ledger.csv`, "Ledger"],
    ["tax.csv", { year: wanted }, `${owner.name}-tax-${wanted}.csv`, `Tax year ${wanted}`],
  ];
  return html`<section aria-labelledby="downloads-title">
    <h2 id="downloads-title">Downloads</h2>
    <p class="lead">As CSV, with all decimals; times are UTC. The sums are the ledger's.</p>
    <div class="download-choices">
      <label>History of <select value=${owner.id} onChange=${(event) => (account.value = event.target.value)}>
        ${accounts.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
      </select></label>
      <label>Tax year <select value=${wanted} onChange=${(event) => (year.value = event.target.value)}>
        ${years.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select></label>
    </div>
    <p class="downloads">${files.map(
      ([name, query, shownName, words]) => html`<button key=${name} type="button" class="button" disabled=${loading.value !== ""}
        onClick=${() => save(owner, name, query, shownName)}>${loading.value === name ? "Loading…" : words}</button>`,
    )}</p>
    <p class="field-error" role="status">${problem.value}</p>
  </section>`;
}
