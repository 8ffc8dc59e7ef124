/** The wallet: what one has, and the pages to deposit, to withdraw, and of the addresses that one withdraws to. */

import { render } from "preact";

import { AddressBook } from "./address_book.js";
import { short } from "./amounts.js";
import { DepositView } from "./deposit_view.js";
import { Movements } from "./movements.js";
import { html, Num } from "./ui.js";
import { assets, balanceOf, deposits, load, page, problem, start, withdrawals } from "./wallet_state.js";
import { WithdrawView } from "./withdraw_view.js";

const VIEWS = { balances: BalancesView, deposit: DepositView, withdraw: WithdrawView, addresses: AddressBook };

function Wallet() {
  if (assets.value === null) {
    if (problem.value === null) return html`<p class="aside">Loading your wallet.</p>`;
    return html`<p class="result-card" data-kind="refused" role="alert">${problem.value} <button type="button" class="quiet" onClick=${load}>Try again</button></p>`;
  }
  const view = VIEWS[page.dataset.view];
  return html`${problem.value !== null && html`<p class="result-card" data-kind="refused" role="status">${problem.value} What is shown is from before.</p>`}<${view} />`;
}

function BalancesView() {
  return html`
    <table class="rows listed figures balances">
      <thead><tr>
        <th scope="col">Asset</th><th scope="col">Total</th><th scope="col">Available</th><th scope="col">Held</th>
        <th scope="col"><span class="visually-hidden">Move</span></th>
      </tr></thead>
      <tbody>${assets.value.map((asset) => html`<${Balance} key=${asset.asset} asset=${asset} />`)}</tbody>
    </table>
    <p class="aside">Held is what open orders and withdrawals under way have taken.</p>
    <h2>Deposits and withdrawals</h2>
    <${Movements} deposits=${deposits.value} withdrawals=${withdrawals.value}
      empty="Nothing yet. What you deposit or withdraw is listed here, with where it stands." />`;
}

function Balance({ asset: { asset, name, trading_decimals: scale, deposit, withdrawal } }) {
  const { total, available, held } = balanceOf(asset);
  return html`<tr>
    <td data-label="Asset"><span><strong>${asset}</strong> <span class="faint">${name}</span></span></td>
    <td data-label="Total"><${Num} text=${short(total, scale)} /></td>
    <td data-label="Available"><${Num} text=${short(available, scale)} /></td>
    <td data-label="Held"><${Num} text=${short(held, scale)} /></td>
    <td class="action">
      ${deposit && html`<a class="quiet" href=${`/wallet/deposit?asset=${asset}`} aria-label=${`Deposit ${asset}`}>Deposit</a>`}
      ${withdrawal && html` <a class="quiet" href=${`/wallet/withdraw?asset=${asset}`} aria-label=${`Withdraw ${asset}`}>Withdraw</a>`}
    </td>
  </tr>`;
}

page.replaceChildren();
render(html`<${Wallet} />`, page);
start();
