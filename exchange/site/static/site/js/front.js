/** The front page's table of markets: filled from the API, kept fresh by the stream. */

import { signal } from "@preact/signals";
import { render } from "preact";

import { compact, grouped } from "./amounts.js";
import { heard } from "./announcements.js";
import { api } from "./api.js";
import { Decimal } from "./decimal.js";
import { changeOf, directionName, marketPath } from "./market_bar.js";
import * as state from "./state.js";
import { Stream, streamUrl } from "./stream.js";
import { html, Num } from "./ui.js";

const failed = signal(false);

function write(text, scale) {
  return text ? grouped(Decimal.parse(text).toScale(scale, "down").toString()) : "–";
}

function Markets() {
  const markets = state.markets.value;
  if (markets === null) {
    return failed.value ? html`<p class="empty">The markets did not load. Reload the page, or look at the <a href="/status">status</a>.</p>` : null;
  }
  return html`<table class="rows markets">
    <thead>
      <tr>
        <th scope="col">Market</th><th scope="col">Last price</th><th scope="col">24h change</th>
        <th scope="col" class="wide">24h high</th><th scope="col" class="wide">24h low</th><th scope="col">24h volume</th>
        <th scope="col" class="wide"><span class="visually-hidden">Trade</span></th>
      </tr>
    </thead>
    <tbody>
      ${[...markets.values()].map((market) => html`<${Row} key=${market.name} market=${market} />`)}
    </tbody>
  </table>`;
}

function Row({ market }) {
  const ticker = state.tickers.value.get(market.name);
  const change = changeOf(ticker);
  const scale = market.tick.scale;
  return html`<tr>
    <td><a class="row-link" href=${marketPath(market.name)}><strong>${market.base}</strong><span class="faint">/${market.quote}</span></a></td>
    <td><${Num} text=${write(ticker?.last, scale)} /></td>
    <td class="num" data-direction=${directionName(change?.direction ?? 0)}>${change?.text ?? "–"}</td>
    <td class="wide"><${Num} text=${write(ticker?.high, scale)} /></td>
    <td class="wide"><${Num} text=${write(ticker?.low, scale)} /></td>
    <td class="num">${ticker?.volume ? compact(Decimal.parse(ticker.volume)) : "–"} <small>${market.base}</small></td>
    <td class="wide action"><a href=${marketPath(market.name)} tabindex="-1" aria-hidden="true">Trade</a></td>
  </tr>`;
}

async function start() {
  const place = document.querySelector("[data-island='markets']");
  try {
    const [markets, assets] = await Promise.all([api.markets(), api.assets()]);
    const byName = new Map(assets.map((asset) => [asset.asset, asset]));
    state.markets.value = new Map(markets.map((raw) => [raw.market, state.readMarket(raw, byName)]));
  } catch {
    failed.value = true;
  }
  place.replaceChildren();
  render(html`<${Markets} />`, place);
  if (failed.value) return;
  const ignore = () => undefined;
  const stream = new Stream(streamUrl(), {
    onMessage: ({ channel, data }) => {
      if (channel === "status") heard(data[0]);
      if (channel !== "ticker") return;
      const tickers = new Map(state.tickers.peek());
      for (const item of data) tickers.set(item.symbol, item);
      state.tickers.value = tickers;
    },
    onState: (name) => {
      document.documentElement.dataset.connection = name;
    },
    onLatency: ignore,
    onSessionEnded: ignore,
  });
  stream.subscribe({ channel: "status" });
  stream.subscribe({ channel: "ticker", symbol: [...state.markets.value.keys()], snapshot: true });
  stream.start();
}

start();
