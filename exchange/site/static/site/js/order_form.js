/** The order form. What is entered and what it means lives in order_entry.js. */

import { useRef } from "preact/hooks";

import { AmountField } from "./amount_field.js";
import { fixed, grouped, short } from "./amounts.js";
import { ZERO } from "./decimal.js";
import { cancelOrder } from "./order_actions.js";
import * as entryOf from "./order_entry.js";
import { LimitOptions, SlippageOption } from "./order_options.js";
import { isOpen, reasonInWords, typeInWords } from "./orders.js";
import * as state from "./state.js";
import { html, Num, Tabs } from "./ui.js";
import { FaucetButton } from "./wallet_panel.js";

const { entry } = state;
const TYPES = [
  ["limit", "Limit"],
  ["market", "Market"],
  ["stop", "Stop"],
  ["take_profit", "Take profit"],
  ["trailing_stop", "Trailing"],
];

export function OrderForm() {
  const market = state.market.value;
  if (market === null) return html`<p class="empty">Loading the market.</p>`;
  return html`<${Fields} market=${market} /><${Assets} market=${market} />`;
}

function Fields({ market }) {
  const form = useRef(null);
  const side = entry.side.value;
  const type = entry.type.value;
  const isLimit = type === "limit";
  const isMarket = type === "market";
  const onSubmit = async (event) => {
    event.preventDefault();
    const wrong = await entryOf.send();
    if (wrong !== null) form.current.elements[wrong]?.focus();
  };
  return html`<form ref=${form} class="order-form" data-side=${side} novalidate autocomplete="off" onSubmit=${onSubmit}>
    <div class="sides" role="radiogroup" aria-label="Side">
      ${["buy", "sell"].map(
        (name) => html`<button
          key=${name}
          type="button"
          role="radio"
          class="side"
          data-side=${name}
          aria-checked=${side === name}
          onClick=${() => entryOf.setSide(name)}
        >
          ${name === "buy" ? "Buy" : "Sell"}
        </button>`,
      )}
    </div>
    <${Tabs} label="Order type" tabs=${TYPES} chosen=${entry.type.value} onChoose=${entryOf.setType} class="type-tabs" />
    <${Available} market=${market} side=${side} />
    ${isLimit
      ? html`<${AmountField} name="price" label="Price" unit=${market.quote} /><${PriceChips} market=${market} />`
      : !isMarket && html`<${WaitingFields} market=${market} type=${type} />`}
    <${AmountField} name="quantity" label="Quantity" unit=${market.base} inert=${isMarket && entry.lead.value === "budget" && side === "buy"} />
    <${Shares} />
    ${(isLimit || (isMarket && side === "buy")) &&
    html`<${AmountField} name="budget" label=${isLimit ? "Total" : "Or spend at most"} unit=${market.quote} inert=${isMarket && entry.lead.value === "quantity"} />`}
    ${isLimit ? html`<${LimitOptions} market=${market} side=${side} />` : html`<${SlippageOption} side=${side} type=${type} />`}
    <${Summary} market=${market} />
    <${Submit} side=${side} market=${market} />
    <${Result} market=${market} />
  </form>`;
}

/** What an order waits for, and at which price it is to act then. */
function WaitingFields({ market, type }) {
  if (type === "trailing_stop") {
    return html`<${AmountField} name="offset" label="Distance" unit=${market.quote} />
      <${AmountField} name="trigger" label="Trails from" unit=${market.quote} hint="now" />
      <${PriceChips} market=${market} />`;
  }
  return html`<${AmountField} name="trigger" label="Trigger price" unit=${market.quote} />
    <${PriceChips} market=${market} />
    <${AmountField} name="price" label="Limit price" unit=${market.quote} hint="market" />`;
}

function Available({ market, side }) {
  const available = state.available.value;
  if (available === null) return null;
  const [asset, amount, scale] =
    side === "buy" ? [market.quote, available.quote, market.quoteDisplay] : [market.base, available.base, market.lot.scale];
  return html`<p class="available">
    <span>Available</span>
    <span>
      ${amount.sign === 0 && html`<${FaucetButton} asset=${asset} /> `}
      <${Num} text=${fixed(amount, scale)} /> ${asset}
    </span>
  </p>`;
}

/** What the account has of this market's two assets, always in sight on a desk. */
function Assets({ market }) {
  if (state.balances.value === null) return null;
  return html`<section class="assets" aria-labelledby="assets-title">
    <h2 id="assets-title">Assets</h2>
    <dl>${[[market.base, market.lot.scale], [market.quote, market.quoteDisplay]].map(([asset, scale]) => {
      const total = state.balances.value.get(asset)?.total ?? ZERO;
      return html`<div key=${asset}>
        <dt>${asset}</dt>
        <dd><${Num} text=${fixed(total, scale)} /></dd>
        <dd><${FaucetButton} asset=${asset} /></dd>
      </div>`;
    })}</dl>
  </section>`;
}

function PriceChips({ market }) {
  const quotes = [["Bid", state.bestBid.value], ["Ask", state.bestAsk.value], ["Last", state.lastPrice.value]];
  return html`<div class="chips price-chips" role="group" aria-label="Take a price">
    ${quotes.map(
      ([name, price]) => html`<button
        key=${name}
        type="button"
        class="chip"
        disabled=${price === null}
        onClick=${() => entryOf.takePrice(price)}
      >
        <small>${name}</small>
        <span class="num">${price === null ? "–" : grouped(price.toScale(market.tick.scale, "down").toString())}</span>
      </button>`,
    )}
  </div>`;
}

function Shares() {
  return html`<div class="chips" role="group" aria-label="Share of what is available">
    ${entryOf.SHARES.map(
      ([percent, share]) => html`<button
        key=${percent}
        type="button"
        class="chip num"
        disabled=${state.available.value === null}
        onClick=${() => entryOf.takeShare(share)}
      >
        ${percent} %
      </button>`,
    )}
  </div>`;
}

function Line({ name, children }) {
  return html`<div><dt>${name}</dt><dd class="num">${children}</dd></div>`;
}

function Summary({ market }) {
  const result = entryOf.evaluation.value;
  const money = (value) => html`<${Num} text=${fixed(value.toScale(market.quoteDisplay, "up"), market.quoteDisplay)} /> ${market.quote}`;
  const percent = (rate) => `${short(rate.mul(entryOf.HUNDRED))} %`;
  const known = result?.hold !== undefined;
  const dash = "–";
  if (entry.type.value === "limit") {
    const holdScale = entry.side.value === "buy" ? market.quoteDisplay : market.lot.scale;
    return html`<dl class="summary">
      <${Line} name=${result?.crosses ? "Needs at most" : "Held while it waits"}>
        ${known ? html`<${Num} text=${short(result.hold, holdScale)} /> ${result.holdAsset}` : dash}
      <//>
      <${Line} name=${`Fee if it waits, ${percent(market.makerFee)}`}>${known ? money(result.fees.maker) : dash}<//>
      <${Line} name=${`Fee if it takes, ${percent(market.takerFee)}`}>${known ? money(result.fees.taker) : dash}<//>
    </dl>`;
  }
  if (entry.type.value !== "market") {
    const atLimit = entry.type.value !== "trailing_stop" && entry.price.value.trim() !== "";
    return html`<dl class="summary">
      <${Line} name="Held while it waits">
        ${known ? html`<${Num} text=${short(result.hold, entry.side.value === "buy" ? market.quoteDisplay : market.lot.scale)} /> ${result.holdAsset}` : dash}
      <//>
      <${Line} name=${atLimit ? "Then with the limit" : "Then at the market, not beyond"}>
        ${result?.worst ? html`<${Num} text=${grouped(result.worst.toString())} /> ${market.quote}` : dash}
      <//>
      <${Line} name=${`Fee at most, ${percent(market.takerFee)}`}>${known ? money(result.fee) : dash}<//>
    </dl>`;
  }
  const price = (value) => (value ? html`<${Num} text=${grouped(value.toString())} /> ${market.quote}` : dash);
  return html`<dl class="summary">
      <${Line} name="Average now">${price(result?.average)}<//>
      <${Line} name="Worst price">${price(result?.cap)}<//>
      <${Line} name=${`Fee, ${percent(market.takerFee)}`}>${known ? money(result.fee) : dash}<//>
    </dl>
    ${known && !result.complete && html`<p class="summary-note">The book holds less than this now; the rest will be cancelled.</p>`}`;
}

function Submit({ side, market }) {
  if (!state.signedIn.value) {
    return html`<div class="invitation">
      <a class="button primary" href=${`/sign-up?next=${encodeURIComponent(location.pathname)}`}>Sign up to trade</a>
      <p>Have an account? <a href=${`/sign-in?next=${encodeURIComponent(location.pathname)}`}>Sign in</a></p>
    </div>`;
  }
  const isSending = entryOf.progress.value === "sending";
  const isClosed = market.state !== "open";
  const label = isClosed ? `${state.marketName} takes no orders now` : (entryOf.evaluation.value?.label ?? "");
  return html`<button type="submit" class="button send" data-side=${side} disabled=${isClosed} aria-busy=${isSending}>
    ${isSending ? "Sending…" : label}
  </button>`;
}

const STATUS_WORDS = { waiting: "Waiting", open: "Open", filled: "Filled", cancelled: "Cancelled", expired: "Expired", rejected: "Refused" };

function Result({ market }) {
  const failure = entryOf.failure.value;
  const order = state.sentOrder.value;
  return html`<div class="result" role="status" aria-live="polite">
    ${failure !== null && html`<p class="result-card" data-kind=${failure.kind}>${failure.text}</p>`}
    ${failure === null && order !== null && html`<${SentOrder} order=${order} market=${market} />`}
  </div>`;
}

function SentOrder({ order, market }) {
  const verb = order.side === "buy" ? "Buy" : "Sell";
  const size = order.quantity === null ? market.base : `${short(order.quantity)} ${market.base}`;
  const price = order.price !== null && order.type.endsWith("limit") ? ` at ${grouped(order.price.toString())}` : "";
  const kind = order.type === "limit" || order.type === "market" ? "" : `, ${typeInWords(order.type)}`;
  const filled = order.filled.sign > 0 ? `${short(order.filled)} ${market.base} filled${average(order, market)}` : "";
  const reason = isOpen(order) || order.status === "filled" ? "" : reasonInWords(order.reason);
  const details = [filled, reason].filter(Boolean).join("; ");
  return html`<div class="result-card" data-kind=${order.status}>
    <p><strong>${STATUS_WORDS[order.status] ?? order.status}</strong> ${verb} ${size}${price}${kind}</p>
    ${details && html`<p>${details}</p>`}
    ${isOpen(order) && html`<button type="button" class="quiet" onClick=${() => cancelOrder(order)}>Cancel it</button>`}
  </div>`;
}

function average(order, market) {
  return order.average === null ? "" : `, average ${grouped(order.average.toScale(market.tick.scale, "down").toString())}`;
}
