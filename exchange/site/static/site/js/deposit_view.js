/** Depositing: an address of one's own with its QR code, what the asset takes, and in a demo coins and blocks at a click. */

import { signal } from "@preact/signals";

import { decimalSign, grouped, readAmount, short } from "./amounts.js";
import { api } from "./api.js";
import { Decimal } from "./decimal.js";
import { Movements } from "./movements.js";
import { html, Num } from "./ui.js";
import { assets, deposits, lookSoon, page } from "./wallet_state.js";

const TEST_AMOUNT = "0.05";
const sign = decimalSign(navigator.language);

const wanted = signal(new URLSearchParams(location.search).get("asset"));
/** By asset: its newest address, null if there is none yet. */
const addresses = signal(new Map());
/** The asset whose address could not be read. */
const unread = signal(null);
const told = signal(null);
const copied = signal(null);
const isBusy = signal(false);
const testAmount = signal(TEST_AMOUNT);

let reading = null;

async function readAddress(asset) {
  if (reading === asset || unread.peek() === asset || addresses.peek().has(asset)) return;
  reading = asset;
  try {
    const [newest] = await api.depositAddresses(asset);
    addresses.value = new Map(addresses.peek()).set(asset, newest ?? null);
  } catch (problem) {
    unread.value = asset;
    told.value = { kind: "refused", text: problem.message };
  } finally {
    reading = null;
  }
}

/** Does something, with the page busy; says what came of it. */
async function act(words, call) {
  if (isBusy.peek()) return;
  isBusy.value = true;
  told.value = null;
  try {
    await call();
    if (words) told.value = { kind: "done", text: words };
    await lookSoon();
  } catch (problem) {
    told.value = { kind: "refused", text: problem.message };
  } finally {
    isBusy.value = false;
  }
}

const newAddress = (asset) =>
  act("", async () => {
    const made = await api.newDepositAddress(asset);
    addresses.value = new Map(addresses.peek()).set(asset, made);
    copied.value = null;
  });

async function copy(address) {
  try {
    await navigator.clipboard.writeText(address.address);
    copied.value = address.id;
  } catch {
    getSelection().selectAllChildren(document.getElementById("deposit-address"));
    told.value = { kind: "unknown", text: "It could not be copied, it is selected: copy it by keyboard." };
  }
}

function choose(asset) {
  wanted.value = asset;
  unread.value = null;
  told.value = null;
  history.replaceState(null, "", `?asset=${asset}`);
}

export function DepositView() {
  const open = assets.value.filter(({ deposit }) => deposit);
  if (open.length === 0) return html`<p class="lead">Nothing can be deposited here now.</p>`;
  const asset = open.find(({ asset }) => asset === wanted.value) ?? open[0];
  readAddress(asset.asset);
  const mine = deposits.value.filter((one) => one.asset === asset.asset);
  return html`
    ${open.length > 1 && html`<div class="field short"><label for="deposit-asset">Asset</label><div class="field-box">
      <select id="deposit-asset" value=${asset.asset} onChange=${(event) => choose(event.target.value)}>
        ${open.map((one) => html`<option key=${one.asset} value=${one.asset}>${one.asset} · ${one.name}</option>`)}
      </select></div></div>`}
    <${Address} asset=${asset} address=${addresses.value.get(asset.asset)} />
    ${told.value !== null && html`<p class="result-card" data-kind=${told.value.kind} role="status">${told.value.text}</p>`}
    <h2>${asset.asset} deposits</h2>
    <${Movements} deposits=${mine} empty="None yet. A payment to your address appears here within seconds, and is credited once it has its confirmations." />`;
}

function Address({ asset, address }) {
  if (address === undefined && unread.value === asset.asset) {
    return html`<p><button type="button" class="button" onClick=${() => choose(asset.asset)}>Try again</button></p>`;
  }
  if (address === undefined) return html`<p class="aside">Looking for your address.</p>`;
  if (address === null) {
    return html`<p class="lead">You have no ${asset.asset} address yet. It is yours for ever, and you may have several.</p>
      <p><button type="button" class="button primary large" disabled=${isBusy.value} onClick=${() => newAddress(asset.asset)}>Get an address</button></p>`;
  }
  return html`<div class="deposit">
      <img class="qr" src=${`/wallet/qr/${address.id}.svg`} width="205" height="205" alt=${`QR code of the address ${address.address}`} />
      <div class="deposit-words">
        <p class="lead">Send only ${asset.asset} to this address, on <strong>${chainInWords(address.chain)}</strong>.</p>
        <p class="deposit-address"><code id="deposit-address">${address.address}</code></p>
        <p class="deposit-acts">
          <button type="button" class="button" onClick=${() => copy(address)}>${copied.value === address.id ? "Copied" : "Copy"}</button>
          <button type="button" class="quiet" disabled=${isBusy.value} onClick=${() => newAddress(asset.asset)}>A fresh address</button>
          <span class="visually-hidden" role="status">${copied.value === address.id ? "Copied." : ""}</span>
        </p>
        <${Terms} asset=${asset} />
      </div>
    </div>
    ${page.dataset.demoChain !== undefined && address.chain === "bitcoin:regtest" && html`<${TestCoins} address=${address} />`}`;
}

function Terms({ asset: { asset, minimum_deposit: least, confirmations_by_amount: by } }) {
  return html`<dl class="deposit-terms">
    <dt>At least</dt><dd><${Num} text=${short(Decimal.parse(least))} /> ${asset}; less is not credited</dd>
    <dt>Credited after</dt><dd>${by.map(({ up_to: bound, confirmations }, place) => html`<span key=${place}>${place > 0 && "; "}
      ${confirmations} confirmation${confirmations === 1 ? "" : "s"}${bound === null ? (place > 0 ? " above" : "") : html` up to <${Num} text=${short(Decimal.parse(bound))} />`}</span>`)}</dd>
  </dl>`;
}

export function chainInWords(chain) {
  const [coin, network] = chain.split(":");
  const name = coin[0].toUpperCase() + coin.slice(1);
  if (network === "mainnet") return `the ${name} network`;
  return page.dataset.demoChain === "simulated" ? `this demo's simulated ${name} chain (${network})` : `${name} ${network}, a test network`;
}

function TestCoins({ address }) {
  const amount = readAmount(testAmount.value, { sign });
  const onSubmit = (event) => {
    event.preventDefault();
    if (amount === null || amount.sign <= 0) {
      told.value = { kind: "refused", text: "Enter how many test coins you want, above zero." };
      return;
    }
    const words = `${grouped(amount.toString())} test BTC are on their way. They wait for a block now.`;
    act(words, () => api.testCoins(address.address, amount.toString()));
  };
  const mine = () => act("The next block is there.", () => api.mineBlock());
  return html`<section class="demo-chain" aria-labelledby="demo-chain-title">
    <h2 id="demo-chain-title">Test coins</h2>
    <p class="aside">The ${page.dataset.demoChain === "simulated" ? "simulated chain" : "chain of this machine"} makes a block every 30 seconds, or when you say.</p>
    <form class="demo-acts" onSubmit=${onSubmit}>
      <label for="test-amount" class="visually-hidden">Test BTC</label>
      <div class="field-box"><input id="test-amount" class="num" inputmode="decimal" autocomplete="off" value=${testAmount.value}
        onInput=${(event) => (testAmount.value = event.target.value)} /><span class="unit">BTC</span></div>
      <button type="submit" class="button" disabled=${isBusy.value}>Send me test coins</button>
      <button type="button" class="button" disabled=${isBusy.value} onClick=${mine}>Mine a block</button>
    </form>
  </section>`;
}
