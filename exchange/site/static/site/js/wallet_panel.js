/** Balances, one row an asset, with what they are worth now and, in a demo, the faucet. */

import { signal } from "@preact/signals";

import { fixed, grouped, short } from "./amounts.js";
import { api } from "./api.js";
import { Decimal, ZERO } from "./decimal.js";
import { announce } from "./notices.js";
import * as state from "./state.js";
import { Empty, html, Num } from "./ui.js";

const GRANTS = { BTC: "1", ETH: "20", USD: "50000" };
const WORTH_IN = "USD";

const asking = signal(null);

async function ask(asset) {
  const quantity = GRANTS[asset];
  asking.value = asset;
  try {
    await api.faucet(asset, quantity);
    announce(`${grouped(quantity)} ${asset} added to your balance.`);
  } catch (problem) {
    announce(problem.message, "warn");
  } finally {
    asking.value = null;
  }
}

/** In USD at the last price; null without a market or a trade. */
function worth(asset, amount) {
  if (asset === WORTH_IN) return amount;
  const last = state.tickers.value.get(`${asset}/${WORTH_IN}`)?.last;
  return last ? amount.mul(Decimal.parse(last)) : null;
}

export function WalletPanel() {
  const balances = state.balances.value;
  if (balances === null) return html`<${Empty}>Loading your balances.<//>`;
  const assets = [...new Set([...state.assets.value.keys(), ...balances.keys()])];
  const nothing = { total: ZERO, available: ZERO, held: ZERO };
  const rows = assets.map((asset) => ({ asset, ...(balances.get(asset) ?? nothing) }));
  const sum = rows.reduce((total, row) => total.add(worth(row.asset, row.total) ?? ZERO), ZERO);
  return html`
    <p class="worth">
      Worth about <strong class="num">${fixed(sum, 2)}</strong> ${WORTH_IN}
      ${sum.sign === 0 && state.faucetOpen && html` <span class="faint">Take some demo money to start trading.</span>`}
    </p>
    <table class="rows wallet">
      <thead>
        <tr>
          <th scope="col">Asset</th><th scope="col">Total</th><th scope="col">Available</th><th scope="col">Held in orders</th>
          <th scope="col">Worth ${WORTH_IN}</th><th scope="col"><span class="visually-hidden">Faucet</span></th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${Balance} key=${row.asset} row=${row} />`)}
      </tbody>
    </table>
  `;
}

/** In a demo: a sum of play money at a click. Elsewhere nothing. */
export function FaucetButton({ asset }) {
  if (!state.faucetOpen || GRANTS[asset] === undefined) return null;
  return html`<button type="button" class="quiet num" disabled=${asking.value === asset} onClick=${() => ask(asset)}>
    Get ${grouped(GRANTS[asset])} ${asset}
  </button>`;
}

function Balance({ row: { asset, total, available, held } }) {
  const about = state.assets.value.get(asset);
  const scale = about?.trading_decimals ?? 8;
  const value = worth(asset, total);
  return html`<tr>
    <td data-label="Asset"><strong>${asset}</strong> <span class="faint">${about?.name}</span></td>
    <td data-label="Total"><${Num} text=${short(total, scale)} /></td>
    <td data-label="Available"><${Num} text=${short(available, scale)} /></td>
    <td data-label="Held in orders"><${Num} text=${short(held, scale)} /></td>
    <td data-label="Worth" class="faint">${value === null ? "–" : html`<${Num} text=${fixed(value, 2)} />`}</td>
    <td class="action">
      <${FaucetButton} asset=${asset} />
    </td>
  </tr>`;
}
