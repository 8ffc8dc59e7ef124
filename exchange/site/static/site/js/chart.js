/**
 * The chart: candles and volume drawn by lightweight-charts, own open orders as lines, own fills as marks.
 *
 * The values under the crosshair stand in a fixed place; without one, those of the last candle.
 */

import { effect, signal } from "@preact/signals";
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
} from "lightweight-charts";
import { useEffect, useRef } from "preact/hooks";

import { compact, grouped } from "./amounts.js";
import { candleStart, INTERVALS } from "./candles.js";
import { CandleHistory } from "./chart_data.js";
import { colours } from "./colours.js";
import { DepthChart } from "./depth_chart.js";
import { Decimal } from "./decimal.js";
import { directionName, percentChange } from "./market_bar.js";
import * as state from "./state.js";
import { html, Tabs } from "./ui.js";

const asked = new URLSearchParams(location.search).get("interval");
const interval = signal(asked in INTERVALS ? asked : "1m");
const view = signal("candles");
const withAverages = signal(false);
/** The candle under the crosshair, or null. */
const pointed = signal(null);
const current = signal(null);
const clock = signal(Date.now());
setInterval(() => {
  clock.value = Date.now();
}, 1000);

const CANDLE_WIDTH_PX = 7;
const FEWEST_IN_VIEW = 40;
const SHORT_AVERAGE = 20;
const LONG_AVERAGE = 50;
const OLDER_BEFORE = 20;

function chooseInterval(name) {
  interval.value = name;
  view.value = "candles";
  const url = new URL(location.href);
  url.searchParams.set("interval", name);
  history.replaceState(null, "", url);
}

export function ChartPanel() {
  const market = state.market.value;
  const toggleFullscreen = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.querySelector("[data-panel='chart']").requestFullscreen();
  };
  return html`
    <div class="panel-head chart-head">
      <${Tabs}
        label="Candle length"
        class="interval-tabs"
        tabs=${Object.keys(INTERVALS).map((name) => [name, name])}
        chosen=${view.value === "candles" ? interval.value : ""}
        onChoose=${chooseInterval}
      />
      <div class="chart-tools">
        ${view.value === "candles" &&
        html`<button
          type="button"
          class="quiet"
          aria-pressed=${withAverages.value}
          title=${`Averages of the last ${SHORT_AVERAGE} and ${LONG_AVERAGE} closes`}
          onClick=${() => (withAverages.value = !withAverages.value)}
        >
          Averages
        </button>`}
        <button type="button" class="quiet" aria-pressed=${view.value === "depth"} onClick=${() => (view.value = view.value === "depth" ? "candles" : "depth")}>
          Depth
        </button>
        <button type="button" class="quiet icon-button" aria-label="Full screen" title="Full screen" onClick=${toggleFullscreen}>
          <svg class="icon" viewBox="0 0 12 12" aria-hidden="true"><path d="M1.5 4.5v-3h3M7.5 1.5h3v3M10.5 7.5v3h-3M4.5 10.5h-3v-3" /></svg>
        </button>
      </div>
    </div>
    ${market !== null && view.value === "candles" && html`<${Candles} key=${interval.value} market=${market} length=${interval.value} />`}
    ${market !== null && view.value === "depth" && html`<${DepthChart} />`}
  `;
}

function Legend({ market, length }) {
  const changed = current.value?.change.value;
  const candle = pointed.value ?? (changed && current.value.last);
  if (!candle) return null;
  const text = (value) => grouped(value.toScale(market.tick.scale, "down").toString());
  const change = candle.close.sub(candle.open);
  const { text: changeText, direction } = percentChange(change.mul(Decimal.whole(100)).div(candle.open, 4, "down"));
  const left = Math.max(0, candleStart(clock.value / 1000, length) + INTERVALS[length] - Math.floor(clock.value / 1000));
  return html`<dl class="legend num">
    <div><dt>O</dt><dd>${text(candle.open)}</dd></div>
    <div><dt>H</dt><dd>${text(candle.high)}</dd></div>
    <div><dt>L</dt><dd>${text(candle.low)}</dd></div>
    <div><dt>C</dt><dd>${text(candle.close)}</dd></div>
    <div><dd data-direction=${directionName(direction)}>${changeText}</dd></div>
    <div><dt>V</dt><dd>${compact(candle.volume)} ${market.base}</dd></div>
    <div><dt>Next in</dt><dd>${duration(left)}</dd></div>
    ${withAverages.value &&
    [["short", SHORT_AVERAGE], ["long", LONG_AVERAGE]].map(
      ([name, count]) => html`<div key=${name} class="average" data-average=${name}>MA ${count}</div>`,
    )}
  </dl>`;
}

function duration(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

function Candles({ market, length }) {
  const canvas = useRef(null);
  useEffect(() => {
    const drawing = draw(canvas.current, market, length);
    return () => drawing.stop();
  }, []);
  const status = current.value?.change.value.state;
  const isEmpty = current.value !== null && current.value.candles.length === 0;
  return html`<div class="chart">
    <${Legend} market=${market} length=${length} />
    <div class="chart-canvas" ref=${canvas} role="img" aria-label=${`Price of ${market.name} in candles of ${length}`}></div>
    ${status === "loaded" && isEmpty && html`<p class="empty chart-note">No trades yet. The first one draws the first candle.</p>`}
    ${status === "failed" && html`<p class="empty chart-note">The price history did not load. <button type="button" class="quiet" onClick=${() => current.value.reload()}>Try again</button></p>`}
  </div>`;
}

const localTime = (options) => new Intl.DateTimeFormat("en-GB", options);
const HOUR = localTime({ hour: "2-digit", minute: "2-digit" });
const DAY = localTime({ day: "numeric", month: "short" });
const MONTH = localTime({ month: "short", year: "numeric" });
const FULL = localTime({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Labels of the time axis in the person's own time zone; `kind` is the library's TickMarkType. */
function timeLabel(time, kind) {
  const date = new Date(time * 1000);
  if (kind >= 3) return HOUR.format(date);
  return (kind === 2 ? DAY : MONTH).format(date);
}

function options(market, palette) {
  return {
    autoSize: true,
    layout: {
      attributionLogo: false,
      background: { color: palette["surface-1"] },
      textColor: palette["text-faint"],
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
    },
    grid: { vertLines: { color: palette["line-faint"] }, horzLines: { color: palette["line-faint"] } },
    crosshair: {
      mode: 0,
      vertLine: { color: palette["text-faint"], width: 1, style: LineStyle.Dotted, labelBackgroundColor: palette.line },
      horzLine: { color: palette["text-faint"], width: 1, style: LineStyle.Dotted, labelBackgroundColor: palette.line },
    },
    rightPriceScale: { borderColor: palette.line, scaleMargins: { top: 0.12, bottom: 0.24 } },
    timeScale: {
      borderColor: palette.line,
      timeVisible: true,
      secondsVisible: false,
      rightOffset: 6,
      minBarSpacing: 2,
      tickMarkFormatter: timeLabel,
    },
    localization: {
      timeFormatter: (time) => FULL.format(new Date(time * 1000)),
      priceFormatter: (price) => grouped(price.toFixed(market.tick.scale)),
    },
    handleScale: { axisPressedMouseMove: { time: true, price: true } },
  };
}

function candleColours(palette) {
  return {
    upColor: palette.buy,
    borderUpColor: palette.buy,
    wickUpColor: palette.buy,
    downColor: palette.sell,
    borderDownColor: palette.sell,
    wickDownColor: palette.sell,
    priceLineColor: palette["text-faint"],
  };
}

/** Draws until `stop()`: every part of the picture is an effect of the signals it shows. */
function draw(element, market, length) {
  const chart = createChart(element, options(market, colours.peek()));
  const series = chart.addSeries(CandlestickSeries, {
    ...candleColours(colours.peek()),
    priceFormat: { type: "price", precision: market.tick.scale, minMove: market.tick.toPixels() },
  });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: "volume",
    priceFormat: { type: "volume" },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  const history = new CandleHistory(market.name, length);
  current.value = history;
  history.reload();

  let painted = null;
  const stops = [
    effect(() => {
      chart.applyOptions(options(market, colours.value));
      series.applyOptions(candleColours(colours.value));
    }),
    effect(() => {
      const isSamePalette = painted === colours.value;
      painted = colours.value;
      paint({ chart, series, volume, history, palette: painted, onlyLast: history.change.value.kind === "last" && isSamePalette });
    }),
    effect(() => {
      const trades = state.tradeBurst.value;
      if (trades.length > 0 && history.change.peek().state === "loaded") history.fold(trades);
    }),
    reloadAfterAbsence(history),
    drawOrders(series, market),
    drawFills(series, market, length),
    drawAverage(chart, history, SHORT_AVERAGE, "accent"),
    drawAverage(chart, history, LONG_AVERAGE, "text-faint"),
  ];
  chart.subscribeCrosshairMove(({ time }) => {
    pointed.value = time === undefined ? null : (history.candles.find(({ start }) => start === time) ?? null);
  });
  chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
    if (range !== null && range.from < OLDER_BEFORE) history.loadOlder();
  });
  return {
    stop() {
      for (const stop of stops) stop();
      pointed.value = null;
      chart.remove();
    },
  };
}

function paint({ chart, series, volume, history, palette, onlyLast }) {
  const bar = (candle) => ({
    time: candle.start,
    open: candle.open.toPixels(),
    high: candle.high.toPixels(),
    low: candle.low.toPixels(),
    close: candle.close.toPixels(),
  });
  const column = (candle) => ({
    time: candle.start,
    value: candle.volume.toPixels(),
    color: candle.close.lessThan(candle.open) ? palette["sell-tint"] : palette["buy-tint"],
  });
  if (onlyLast && history.last !== undefined && series.data().length > 0) {
    series.update(bar(history.last));
    volume.update(column(history.last));
    return;
  }
  const isFirst = series.data().length === 0 && history.candles.length > 0;
  series.setData(history.candles.map(bar));
  volume.setData(history.candles.map(column));
  if (isFirst) {
    const end = history.candles.length;
    const fitting = Math.floor(chart.timeScale().width() / CANDLE_WIDTH_PX);
    const inView = Math.min(fitting, Math.max(end + 2, FEWEST_IN_VIEW));
    chart.timeScale().setVisibleLogicalRange({ from: end - inView, to: end + 6 });
  }
}

function reloadAfterAbsence(history) {
  let wasAway = false;
  return effect(() => {
    const { state: name } = state.connection.value;
    if (name === "lost") wasAway = true;
    if (name === "live" && wasAway) {
      wasAway = false;
      history.reload();
    }
  });
}

/** A moving average of closes, drawn while it is wanted. */
function drawAverage(chart, history, count, colour) {
  const line = chart.addSeries(LineSeries, {
    lineWidth: 1,
    lastValueVisible: false,
    priceLineVisible: false,
    crosshairMarkerVisible: false,
  });
  return effect(() => {
    line.applyOptions({ color: colours.value[colour], visible: withAverages.value });
    void history.change.value;
    if (withAverages.value) line.setData(averages(history.candles, count));
  });
}

function averages(candles, count) {
  const points = [];
  let sum = 0;
  candles.forEach((candle, at) => {
    sum += candle.close.toPixels();
    if (at >= count) sum -= candles[at - count].close.toPixels();
    if (at >= count - 1) points.push({ time: candle.start, value: sum / count });
  });
  return points;
}

function drawOrders(series, market) {
  const lines = new Map();
  return effect(() => {
    const palette = colours.value;
    for (const line of lines.values()) series.removePriceLine(line);
    lines.clear();
    for (const order of state.openOrders.value.values()) {
      const level = order.status === "waiting" ? order.trigger : order.price;
      if (order.market !== market.name || level === null) continue;
      const line = series.createPriceLine({
        price: level.toPixels(),
        color: palette[order.side],
        lineWidth: 1,
        lineStyle: LineStyle.Dashed,
        axisLabelVisible: true,
        title: `${order.status === "waiting" ? "waits to " : ""}${order.side} ${order.quantity?.sub(order.filled).normal() ?? ""}`,
      });
      lines.set(order.id, line);
    }
  });
}

function drawFills(series, market, length) {
  const marks = createSeriesMarkers(series, []);
  return effect(() => {
    const palette = colours.value;
    const placed = new Map();
    for (const { market: name, side, at } of state.freshFills.value) {
      if (name !== market.name) continue;
      const time = candleStart(at.getTime() / 1000, length);
      placed.set(`${time} ${side}`, { time, side });
    }
    const sorted = [...placed.values()].sort((a, b) => a.time - b.time);
    marks.setMarkers(
      sorted.map(({ time, side }) => ({
        time,
        position: side === "buy" ? "belowBar" : "aboveBar",
        shape: side === "buy" ? "arrowUp" : "arrowDown",
        color: palette[side],
        size: 0.6,
      })),
    );
  });
}
