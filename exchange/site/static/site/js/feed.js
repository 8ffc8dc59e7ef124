/**
 * From the stream into the state.
 *
 * The book is verified: where its checksum differs from the exchange's, it is asked for again. Screens follow at the
 * pace of the display: however many updates came, the book is shown once a frame.
 */

import { batch } from "@preact/signals";

import { grouped, short } from "./amounts.js";
import { heard } from "./announcements.js";
import { api } from "./api.js";
import { Book } from "./book.js";
import { Decimal } from "./decimal.js";
import { announce } from "./notices.js";
import { fillFromExecution, isOpen, orderFromExecution } from "./orders.js";
import * as state from "./state.js";
import { Stream, streamUrl } from "./stream.js";

const BOOK_DEPTH = 100;
const SHOW_EVERY_MS = 80;
const CHECK_EVERY_UPDATES = 10;
const KEPT_TRADES = 60;
const KEPT_EVENTS = 200;

const bookParams = { channel: "book", symbol: [state.marketName], depth: BOOK_DEPTH, snapshot: true };
let stream = null;
let currentBook = null;
let updatesSinceCheck = 0;
let bookTimer = null;
let heardAt = null;

/** Loads what the page needs to know once, then listens for as long as it is open. */
export async function start() {
  await loadMarkets();
  stream = new Stream(streamUrl(), {
    onMessage,
    onState: onConnection,
    onLatency: (ms) => {
      state.latencyMs.value = ms;
    },
    onSessionEnded: () => {
      state.signedIn.value = false;
    },
    getToken: async () => (await api.streamToken()).token,
  });
  stream.subscribe({ channel: "ticker", symbol: [...state.markets.value.keys()], snapshot: true });
  stream.subscribe({ channel: "status" });
  if (state.market.value !== null) {
    stream.subscribe(bookParams);
    stream.subscribe({ channel: "trade", symbol: [state.marketName], snapshot: true });
  }
  if (state.signedIn.value) {
    stream.subscribe({ channel: "executions", snap_orders: true, snap_trades: false }, { isPrivate: true });
    stream.subscribe({ channel: "balances", snapshot: true }, { isPrivate: true });
  }
  stream.start();
}

async function loadMarkets() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      const [markets, assets] = await Promise.all([api.markets(), api.assets()]);
      const byName = new Map(assets.map((asset) => [asset.asset, asset]));
      state.assets.value = byName;
      state.markets.value = new Map(markets.map((raw) => [raw.market, state.readMarket(raw, byName)]));
      return;
    } catch {
      onConnection("lost");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function onConnection(name) {
  state.connection.value = { state: name, since: heardAt };
  if (name === "lost") state.latencyMs.value = null;
}

function onMessage({ channel, type, data }) {
  heardAt = new Date();
  const handle = CHANNELS[channel];
  if (handle !== undefined) batch(() => handle(data, type === "snapshot"));
}

const CHANNELS = { status: onStatus, ticker: onTicker, book: onBook, trade: onTrade, executions: onExecutions, balances: onBalances };

function onStatus([status]) {
  state.told.value = heard(status);
}

function onTicker(data) {
  const tickers = new Map(state.tickers.peek());
  for (const item of data) tickers.set(item.symbol, item);
  state.tickers.value = tickers;
}

function onBook(data, isSnapshot) {
  const [item] = data;
  if (item?.symbol !== state.marketName) return;
  if (isSnapshot) {
    const { tick, lot } = state.market.peek();
    currentBook = new Book({ priceScale: tick.scale, sizeScale: lot.scale, depth: BOOK_DEPTH });
    currentBook.replace(item);
  } else if (currentBook !== null) {
    currentBook.update(item);
  } else return;
  updatesSinceCheck += 1;
  if (isSnapshot || updatesSinceCheck >= CHECK_EVERY_UPDATES) {
    updatesSinceCheck = 0;
    if (currentBook.checksum() !== Number(item.checksum)) {
      currentBook = null;
      stream.renew(bookParams);
      return;
    }
  }
  if (bookTimer === null) bookTimer = setTimeout(showBook, isSnapshot ? 0 : SHOW_EVERY_MS);
}

function showBook() {
  bookTimer = null;
  if (currentBook !== null) state.book.value = { book: currentBook };
}

function onTrade(data, isSnapshot) {
  const fresh = data
    .filter((item) => item.symbol === state.marketName)
    .map((item) => ({
      id: Number(item.trade_id),
      side: item.side,
      price: Decimal.parse(item.price),
      quantity: Decimal.parse(item.qty),
      at: new Date(item.timestamp),
    }))
    .sort((a, b) => b.id - a.id);
  const newestKnown = isSnapshot ? -1 : (state.trades.peek()[0]?.id ?? -1);
  const unseen = fresh.filter((trade) => trade.id > newestKnown);
  const kept = isSnapshot ? [] : state.trades.peek();
  state.trades.value = [...unseen, ...kept].slice(0, KEPT_TRADES);
  if (!isSnapshot) state.tradeBurst.value = unseen.reverse();
}

function onExecutions(data, isSnapshot) {
  const open = new Map(isSnapshot ? [] : state.openOrders.peek());
  const ended = new Map();
  for (const item of data) {
    const order = orderFromExecution(item, open.get(item.order_id) ?? ended.get(item.order_id));
    if (isOpen(order)) open.set(order.id, order);
    else {
      open.delete(order.id);
      ended.set(order.id, order);
    }
    if (item.exec_type === "trade" && !isSnapshot) onOwnFill(fillFromExecution(item));
    if (state.sentOrder.peek()?.id === order.id) state.sentOrder.value = order;
  }
  state.openOrders.value = open;
  if (ended.size > 0) {
    const others = state.endedOrders.peek().filter(({ id }) => !ended.has(id));
    state.endedOrders.value = [...[...ended.values()].reverse(), ...others].slice(0, KEPT_EVENTS);
  }
}

function onOwnFill(fill) {
  if (state.freshFills.peek().some(({ id }) => id === fill.id)) return;
  state.freshFills.value = [fill, ...state.freshFills.peek()].slice(0, KEPT_EVENTS);
  if (fill.liquidity === "taker") return; // the form tells what came of an order that was just sent
  const [base, quote] = fill.market.split("/");
  const verb = fill.side === "buy" ? "Bought" : "Sold";
  announce(`${verb} ${short(fill.quantity)} ${base} at ${grouped(fill.price.toString())} ${quote}.`);
}

function onBalances(data, isSnapshot) {
  const balances = new Map(isSnapshot ? [] : state.balances.peek());
  for (const { asset, balance, available, held } of data) {
    balances.set(asset, {
      total: Decimal.parse(balance),
      available: Decimal.parse(available),
      held: Decimal.parse(held),
    });
  }
  state.balances.value = balances;
}
