/** The trading page: mounts each panel where the template has left its place, then listens to the exchange. */

import { effect } from "@preact/signals";
import { render } from "preact";

import { BookPanel } from "./book_panel.js";
import { ChartPanel } from "./chart.js";
import { ConnectionDot, FreshnessBar } from "./connection.js";
import { start } from "./feed.js";
import { MarketBar } from "./market_bar.js";
import { Notices } from "./notices.js";
import { CancelAllDialog } from "./order_actions.js";
import { setSide } from "./order_entry.js";
import { OrderForm } from "./order_form.js";
import { OrderHistory } from "./order_history.js";
import { OrdersPanel, SignedOut } from "./orders_panel.js";
import { listen, ShortcutSheet } from "./shortcuts.js";
import * as state from "./state.js";
import { html, Tabs } from "./ui.js";
import { TradesPanel } from "./trades_panel.js";
import { WalletPanel } from "./wallet_panel.js";

const SCREENS = [["chart", "Chart"], ["book", "Book"], ["trade", "Trade"], ["orders", "Orders"], ["wallet", "Wallet"]];

const page = document.querySelector("[data-page='trading']");
const hash = location.hash.slice(1);
if (SCREENS.some(([id]) => id === hash)) state.screen.value = hash;

function chooseScreen(id) {
  state.screen.value = id;
  history.replaceState(null, "", `#${id}`);
}

function ScreenTabs() {
  return html`<${Tabs} label="Parts of the page" tabs=${SCREENS} chosen=${state.screen.value} onChoose=${chooseScreen} class="screen-tabs" />`;
}

/** The two buttons at the foot of a phone. */
function QuickSides() {
  const choose = (side) => {
    setSide(side);
    chooseScreen("trade");
  };
  return html`
    <button type="button" class="button send" data-side="buy" onClick=${() => choose("buy")}>Buy</button>
    <button type="button" class="button send" data-side="sell" onClick=${() => choose("sell")}>Sell</button>
  `;
}

function Wallet() {
  return state.signedIn.value ? html`<${WalletPanel} />` : html`<${SignedOut} />`;
}

const PLACES = {
  "market-bar": MarketBar,
  connection: ConnectionDot,
  freshness: FreshnessBar,
  screens: ScreenTabs,
  chart: ChartPanel,
  book: BookPanel,
  trades: TradesPanel,
  form: OrderForm,
  orders: OrdersPanel,
  wallet: Wallet,
  "quick-sides": QuickSides,
};

for (const [name, Panel] of Object.entries(PLACES)) {
  const place = page.querySelector(`[data-island="${name}"]`) ?? document.querySelector(`[data-island="${name}"]`);
  place.replaceChildren();
  render(html`<${Panel} />`, place);
}
const overlays = document.querySelector("[data-island='overlays']");
render(html`<${Notices} /><${CancelAllDialog} /><${OrderHistory} /><${ShortcutSheet} />`, overlays);

effect(() => {
  page.dataset.screen = state.screen.value;
});

effect(() => {
  const last = state.lastPrice.value;
  const { tick } = state.market.value ?? {};
  if (last !== null && tick) document.title = `${last.toScale(tick.scale, "down")} ${state.marketName} · Kontor`;
});

for (const button of page.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    const column = button.closest("[data-shown]");
    column.dataset.shown = button.dataset.show;
    for (const other of column.querySelectorAll("[data-show]")) {
      other.setAttribute("aria-selected", String(other === button));
    }
  });
}

listen();
start();
