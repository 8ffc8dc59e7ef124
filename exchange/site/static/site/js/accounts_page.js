/** The page of trading accounts: what each has, opening one, transfers, downloads. */

import { signal } from "@preact/signals";
import { render } from "preact";

import { balancesByAccount, loadAccounts, overview } from "./accounts_state.js";
import { short } from "./amounts.js";
import { api, csrfToken } from "./api.js";
import { Downloads } from "./downloads.js";
import { TransferForm } from "./transfer_form.js";
import { html, Num } from "./ui.js";

const page = document.querySelector("[data-page='accounts']");
const opening = signal({ name: "", problem: "", done: "", isBusy: false });

function Accounts() {
  const { accounts, assets, problem } = overview.value;
  if (problem !== null) {
    return html`<p class="result-card" data-kind="refused" role="alert">${problem} <button type="button" class="quiet" onClick=${loadAccounts}>Try again</button></p>`;
  }
  if (accounts === null) return html`<p class="aside">Loading your accounts.</p>`;
  const known = balancesByAccount.value;
  const held = assets.filter(({ asset }) => accounts.some(({ id }) => known.get(id)?.get(asset)?.total.sign > 0));
  return html`<div class="sideways"><table class="rows listed figures">
      <thead><tr>
        <th scope="col">Account</th>
        ${held.map(({ asset }) => html`<th key=${asset} scope="col">${asset}</th>`)}
        <th scope="col"><span class="visually-hidden">Trading</span></th>
      </tr></thead>
      <tbody>${accounts.map((account) => html`<${Row} key=${account.id} account=${account} held=${held} balances=${known.get(account.id)} />`)}</tbody>
    </table></div>
    ${held.length === 0 && html`<p class="aside">Nothing in them yet. What an account has is shown here.</p>`}
    <${OpenForm} />
    <${TransferForm} confirmPath=${page.dataset.confirm} />
    <${Downloads} years=${page.dataset.years.split(" ")} />`;
}

function Row({ account, held, balances }) {
  return html`<tr>
    <td data-label="Account"><strong>${account.name}</strong></td>
    ${held.map(({ asset, trading_decimals: scale }) => {
      const balance = balances?.get(asset);
      return html`<td key=${asset} data-label=${asset}>
        ${balance === undefined ? "–" : html`<${Num} text=${short(balance.total, scale)} />`}
        ${balance?.held.sign > 0 && html` <small class="num">${short(balance.held, scale)} held</small>`}
      </td>`;
    })}
    <td class="action">${
      String(account.id) === page.dataset.chosen
        ? html`<a href="/markets/BTC-USD">Trading</a>`
        : html`<form method="post" action=${page.dataset.choose}>
            <input type="hidden" name="csrfmiddlewaretoken" value=${csrfToken()} />
            <button class="quiet" name="account" value=${account.id} aria-label=${`Trade for ${account.name}`}>Trade for it</button>
          </form>`
    }</td>
  </tr>`;
}

function OpenForm() {
  const { name, problem, done, isBusy } = opening.value;
  const onSubmit = async (event) => {
    event.preventDefault();
    opening.value = { ...opening.value, problem: "", done: "", isBusy: true };
    try {
      const opened = await api.openSubaccount(name);
      await loadAccounts(); // before it is told, so that whoever goes on at once finds it in the transfer's choices
      opening.value = { name: "", problem: "", done: `The account ${opened.name} is open.`, isBusy: false };
    } catch (error) {
      opening.value = { name, problem: error.message, done: "", isBusy: false };
    }
  };
  return html`<h2 id="open-title">Open another</h2>
    <form class="stack short" aria-labelledby="open-title" onSubmit=${onSubmit}>
      <div class="field" data-invalid=${problem ? "yes" : undefined}>
        <label for="subaccount-name">Name</label>
        <div class="field-box">
          <input id="subaccount-name" name="name" maxlength="40" required autocomplete="off" value=${name}
            aria-describedby="subaccount-told"
            onInput=${(event) => (opening.value = { ...opening.value, name: event.target.value, problem: "", done: "" })} />
        </div>
        <p id="subaccount-told" class=${problem ? "field-error" : "field-help"} role="status">${problem || done || "As what you do there: grid, savings."}</p>
      </div>
      <button class="button" type="submit" disabled=${isBusy}>Open the account</button>
    </form>`;
}

page.replaceChildren();
render(html`<${Accounts} />`, page);
loadAccounts();
