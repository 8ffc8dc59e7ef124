/**
 * What the wallet's pages know: assets with their terms, balances, deposits, withdrawals. Read anew while the page is looked
 * at: soon while something is under way, seldom otherwise.
 */

import { signal } from "@preact/signals";

import { actFor, api } from "./api.js";
import { Decimal, ZERO } from "./decimal.js";

const SOON_MS = 2_000;
const SELDOM_MS = 15_000;
const ENDED = new Set([
  "credited", "dust", "refused", "gone", "reversed",
  "settled", "cancelled", "rejected", "returned",
]);

export const page = document.querySelector("[data-page='wallet']");

/** As the API has them, null until known. */
export const assets = signal(null);
export const deposits = signal(null);
export const withdrawals = signal(null);
/** Map of asset to {total, available, held} Decimals. */
export const balances = signal(new Map());
/** Why the page could not be read, in words; or null. */
export const problem = signal(null);

const nothing = { total: ZERO, available: ZERO, held: ZERO };

export const balanceOf = (asset) => balances.value.get(asset) ?? nothing;

export const isEnded = ({ state }) => ENDED.has(state);

function readBalances(items) {
  return new Map(
    items.map(({ asset, total, available, held }) => [
      asset,
      { total: Decimal.parse(total), available: Decimal.parse(available), held: Decimal.parse(held) },
    ]),
  );
}

export async function load() {
  try {
    const [listed, known, came, went] = await Promise.all([
      api.assets(),
      api.balances(),
      api.deposits(),
      api.withdrawals(),
    ]);
    assets.value = listed;
    balances.value = readBalances(known);
    deposits.value = came;
    withdrawals.value = went;
    problem.value = null;
  } catch (error) {
    problem.value = error.message;
  }
}

let timer = null;

async function keepReading() {
  clearTimeout(timer);
  if (!document.hidden) await load();
  clearTimeout(timer);
  const all = [...(deposits.peek() ?? []), ...(withdrawals.peek() ?? [])];
  timer = setTimeout(keepReading, all.every(isEnded) ? SELDOM_MS : SOON_MS);
}

/** After something was done: look at once, and again soon. */
export function lookSoon() {
  clearTimeout(timer);
  timer = setTimeout(keepReading, SOON_MS);
  return load();
}

export function start() {
  actFor(page.dataset.account);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) keepReading();
  });
  return keepReading();
}
