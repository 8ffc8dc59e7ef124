/** The latest trades of the market, newest first. The colour and the arrow tell the taker's side. */

import { fixed, grouped } from "./amounts.js";
import { takePrice } from "./order_entry.js";
import * as state from "./state.js";
import { Empty, html, Num, timeOfDay } from "./ui.js";

export function TradesPanel() {
  const market = state.market.value;
  const trades = state.trades.value;
  if (market === null) return null;
  if (trades.length === 0) return html`<${Empty}>No trades yet. The next one shows here at once.<//>`;
  return html`<table class="rows trades">
    <thead>
      <tr>
        <th scope="col">Price <small>${market.quote}</small></th>
        <th scope="col">Size <small>${market.base}</small></th>
        <th scope="col">Time</th>
      </tr>
    </thead>
    <tbody>
      ${trades.map(
        (trade) => html`<tr key=${trade.id} data-side=${trade.side} onClick=${() => takePrice(trade.price)}>
          <td class="num trade-price">
            <span class="arrow" role="img" aria-label=${trade.side === "buy" ? "buy" : "sell"}>${trade.side === "buy" ? "▲" : "▼"}</span>
            ${grouped(trade.price.toScale(market.tick.scale, "down").toString())}
          </td>
          <td><${Num} text=${fixed(trade.quantity, market.lot.scale)} /></td>
          <td class="num faint">${timeOfDay(trade.at)}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}
