/** What the page of trading accounts knows: the accounts, the assets, and what each account has. */

import { signal } from "@preact/signals";

import { api } from "./api.js";
import { Decimal } from "./decimal.js";

/** {accounts, assets} as the API has them, null until known; `problem` in words, or null. */
export const overview = signal({ accounts: null, assets: [], problem: null });
/** By account id: Map of asset to {total, available, held} Decimals. */
export const balancesByAccount = signal(new Map());

function read(items) {
  return new Map(
    items.map(({ asset, total, available, held }) => [
      asset,
      { total: Decimal.parse(total), available: Decimal.parse(available), held: Decimal.parse(held) },
    ]),
  );
}

export async function loadAccounts() {
  try {
    const [accounts, assets] = await Promise.all([api.subaccounts(), api.assets()]);
    const balances = await Promise.all(accounts.map(({ id }) => api.balances(id)));
    balancesByAccount.value = new Map(accounts.map(({ id }, at) => [id, read(balances[at])]));
    overview.value = { accounts, assets, problem: null };
  } catch (problem) {
    overview.value = { ...overview.value, problem: problem.message };
  }
}
