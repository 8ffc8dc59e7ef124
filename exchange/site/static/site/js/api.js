/**
 * The REST interface, called with the page's own session. Amounts go in and come out as decimal text.
 *
 * A refusal becomes an ApiProblem (RFC 9457); no answer at all becomes an ApiProblem with status 0, whose outcome is
 * unknown: repeat it with the same client order id.
 */

const TIMEOUT_MS = 15_000;

class ApiProblem extends Error {
  constructor({ status, code, detail, errors = {} }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found === undefined ? "" : decodeURIComponent(found.slice(name.length + 1));
}

async function call(method, path, { query = {}, body, key, also } = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken");
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  let answer;
  let content;
  try {
    answer = await fetch(search.size > 0 ? `${path}?${search}` : path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    content = await answer.text();
  } catch {
    throw new ApiProblem({ status: 0, code: "no_answer", detail: "The exchange did not answer." });
  }
  const parsed = parse(content);
  if ((answer.ok || answer.status === also) && parsed !== undefined) return parsed;
  throw new ApiProblem({
    status: answer.status,
    code: parsed?.code ?? "unreadable",
    detail: parsed?.detail ?? parsed?.title ?? `The exchange answered ${answer.status} without a reason.`,
    errors: parsed?.errors ?? {},
  });
}

function parse(content) {
  if (content === "") return null;
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** Names one order or grant, so that the same one sent twice is taken once. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** A call of the site's own, for one page alone. */
export const post = (path, body) => call("POST", path, { body });

const items = (list) => list.items;

export const api = {
  markets: () => call("GET", "/public/markets").then(items),
  assets: () => call("GET", "/public/assets").then(items),
  status: () => call("GET", "/public/status"),
  /** Answered with 503 and the same shape while a part is not ready. */
  readiness: () => call("GET", "/health/ready", { also: 503 }),
  ticker: (market) => call("GET", "/public/ticker", { query: { market } }),
  candles: (market, interval, start, end) =>
    call("GET", "/public/candles", {
      query: { market, interval, start: start.toISOString(), end: end.toISOString(), limit: 1000 },
    }).then(items),
  closedOrders: (cursor) => call("GET", "/trade/orders", { query: { status: "closed", limit: 50, cursor } }),
  fills: (cursor) => call("GET", "/trade/fills", { query: { limit: 50, cursor } }),
  place: (order) => call("POST", "/trade/orders", { body: order }),
  cancel: (id) => call("DELETE", `/trade/orders/${encodeURIComponent(id)}`),
  cancelAll: (market) => call("DELETE", "/trade/orders", { query: { market } }),
  faucet: (asset, quantity) => call("POST", "/account/faucet", { body: { asset, quantity }, key: randomName() }),
  streamToken: () => call("GET", "/session/stream-token"),
};
