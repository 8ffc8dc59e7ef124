/**
 * What the trading page knows, as signals. Written by feed.js (what the exchange says) and by the panels (what the
 * person does); everything shown is computed from here.
 */

import { computed, signal } from "@preact/signals";

import { actFor } from "./api.js";
import { Decimal, ZERO } from "./decimal.js";

const page = document.querySelector("[data-page='trading']")?.dataset ?? {};
// Before any panel asks for anything. It stays, whatever another window chooses.
if (page.account) actFor(page.account);

/** "BTC/USD" */
export const marketName = page.market ?? "";
export const signedIn = signal(page.signedIn === "yes");
export const faucetOpen = page.faucet === "yes";

/** Every market by name, as parsed by `readMarket`; null until known. */
export const markets = signal(null);
/** Assets as the API has them, by name. */
export const assets = signal(new Map());
export const market = computed(() => markets.value?.get(marketName) ?? null);

/** Tickers by market name, fields as text or null. */
export const tickers = signal(new Map());
export const ticker = computed(() => tickers.value.get(marketName) ?? null);

/** {book}: the Book itself is mutable, the wrapper is new whenever it is worth showing again. */
export const book = signal({ book: null });
/** Newest first: {id, side, price, quantity, at} */
export const trades = signal([]);

/** The trades of the last message, oldest first: what the chart has yet to fold in. */
export const tradeBurst = signal([]);

/** Open orders by id, insertion order oldest first. */
export const openOrders = signal(new Map());
/** Orders that ended since the page was opened, newest first; the history list puts them before what it loaded. */
export const endedOrders = signal([]);
/** Fills since the page was opened, newest first. */
export const freshFills = signal([]);
/** The order sent last from the form, as it stands now. */
export const sentOrder = signal(null);
/** {available, held, total} Decimals by asset; null until known. */
export const balances = signal(null);

/** "connecting" | "live" | "lost"; `since` is when the last message came. */
export const connection = signal({ state: "connecting", since: null });
export const latencyMs = signal(null);
/** What the exchange tells everybody, one sentence each: that it is suspended, say. */
export const told = signal([]);

/** What the person enters. Amounts are text as typed. */
export const entry = {
  side: signal("buy"),
  type: signal("limit"),
  price: signal(""),
  quantity: signal(""),
  budget: signal(""),
  trigger: signal(""),
  offset: signal(""),
  display: signal(""),
  stopAt: signal(""),
  takeAt: signal(""),
  lead: signal("quantity"),
  attach: signal("none"),
  postOnly: signal(false),
  reprice: signal(false),
  expiresAt: signal(""),
  timeInForce: signal("GTC"),
  slippageBps: signal(100),
};

/** Which tab a narrow screen shows. */
export const screen = signal("chart");

export function readMarket(raw, assets) {
  const tick = Decimal.parse(raw.tick_size).normal();
  const lot = Decimal.parse(raw.lot_size).normal();
  const quote = assets.get(raw.quote);
  return {
    name: raw.market,
    base: raw.base,
    quote: raw.quote,
    state: raw.state,
    tick,
    lot,
    minimumQuantity: Decimal.parse(raw.minimum_quantity),
    minimumNotional: Decimal.parse(raw.minimum_notional),
    makerFee: Decimal.parse(raw.maker_fee),
    takerFee: Decimal.parse(raw.taker_fee),
    quoteDecimals: quote?.decimals ?? tick.scale + lot.scale,
    quoteDisplay: quote?.trading_decimals ?? tick.scale,
  };
}

/** Available base and quote of this market; null when signed out or not yet known. */
export const available = computed(() => {
  if (!signedIn.value || balances.value === null || market.value === null) return null;
  const of = (asset) => balances.value.get(asset)?.available ?? ZERO;
  return { base: of(market.value.base), quote: of(market.value.quote) };
});

function bestOf(levels, scale) {
  return levels.length > 0 ? new Decimal(levels[0][0], scale) : null;
}

export const bestBid = computed(() => {
  const { book: current } = book.value;
  return current === null ? null : bestOf(current.bids, current.priceScale);
});

export const bestAsk = computed(() => {
  const { book: current } = book.value;
  return current === null ? null : bestOf(current.asks, current.priceScale);
});

export const lastPrice = computed(() => {
  if (trades.value.length > 0) return trades.value[0].price;
  return ticker.value?.last ? Decimal.parse(ticker.value.last) : null;
});

/** 1, -1 or 0: how the last trade's price differs from the one before it that was different. */
export const lastDirection = computed(() => {
  const [newest, ...older] = trades.value;
  const other = older.find((trade) => !trade.price.equals(newest.price));
  return newest === undefined || other === undefined ? 0 : newest.price.compare(other.price);
});

