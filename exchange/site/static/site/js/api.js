/**
 * The REST interface, called with the page's own session. Amounts go in and come out as decimal text.
 *
 * A refusal becomes an ApiProblem (RFC 9457); no answer at all becomes an ApiProblem with status 0, whose outcome is
 * unknown: repeat it with the same client order id.
 */

const TIMEOUT_MS = 15_000;
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** The trading account that this page acts for; undefined: main. */
let ownAccount;

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

/** Every call from here on is for this trading account, unless it names another. */
export function actFor(account) {
  ownAccount = account;
}

/** What a page's own form sends along. */
export const csrfToken = () => cookie("csrftoken");

/** The answer and what `read` makes of it. */
async function exchange(method, path, { query = {}, body, key, account = ownAccount, timeoutMs = TIMEOUT_MS, read }) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  if (account !== undefined) headers["X-Account"] = String(account);
  try {
    const answer = await fetch(search.size > 0 ? `${path}?${search}` : path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { answer, content: await read(answer) };
  } catch {
    throw new ApiProblem({ status: 0, code: "no_answer", detail: "The exchange did not answer." });
  }
}

async function call(method, path, { also, ...options } = {}) {
  const { answer, content } = await exchange(method, path, { ...options, read: (answer) => answer.text() });
  const parsed = parse(content);
  if ((answer.ok || answer.status === also) && parsed !== undefined) return parsed;
  throw problemOf(answer, parsed);
}

function problemOf(answer, parsed) {
  return new ApiProblem({
    status: answer.status,
    code: parsed?.code ?? "unreadable",
    detail: parsed?.detail ?? parsed?.title ?? `The exchange answered ${answer.status} without a reason.`,
    errors: parsed?.errors ?? {},
  });
}

/** A file of one trading account, as a Blob. */
async function file(path, { query, account }) {
  const read = (answer) => (answer.ok ? answer.blob() : answer.text());
  const { answer, content } = await exchange("GET", path, { query, account, timeoutMs: DOWNLOAD_TIMEOUT_MS, read });
  if (answer.ok) return content;
  throw problemOf(answer, parse(content));
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

/** A list, all its pages. */
async function whole(path, options = {}) {
  const found = [];
  let cursor;
  do {
    const page = await call("GET", path, { ...options, query: { limit: 1000, cursor } });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

export const api = {
  markets: () => whole("/public/markets"),
  assets: () => whole("/public/assets"),
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
  subaccounts: () => whole("/account/subaccounts"),
  openSubaccount: (name) => call("POST", "/account/subaccounts", { body: { name } }),
  balances: (account) => whole("/account/balances", { account }),
  transfer: (account, transfer, key) => call("POST", "/account/transfers", { account, body: transfer, key }),
  deposits: () => call("GET", "/deposit", { query: { limit: 50 } }).then(items),
  deposit: (id) => call("GET", `/deposit/${encodeURIComponent(id)}`),
  depositAddresses: (asset) => call("GET", "/deposit/addresses", { query: { asset, limit: 1 } }).then(items),
  newDepositAddress: (asset) => call("POST", "/deposit/addresses", { body: { asset } }),
  /** In a demo alone: the chain's miner pays an address of one's own, and makes the next block. */
  testCoins: (address, amount) => call("POST", "/deposit/test-coins", { body: { address, amount } }),
  mineBlock: () => call("POST", "/deposit/test-blocks"),
  withdrawals: () => call("GET", "/withdrawal", { query: { limit: 50 } }).then(items),
  withdrawal: (id) => call("GET", `/withdrawal/${encodeURIComponent(id)}`),
  withdraw: (wish, key) => call("POST", "/withdrawal", { body: wish, key }),
  cancelWithdrawal: (id) => call("DELETE", `/withdrawal/${encodeURIComponent(id)}`),
  withdrawalAddresses: () => call("GET", "/withdrawal/addresses", { query: { limit: 100 } }),
  addWithdrawalAddress: (address) => call("POST", "/withdrawal/addresses", { body: address }),
  removeWithdrawalAddress: (id) => call("DELETE", `/withdrawal/addresses/${encodeURIComponent(id)}`),
  lockWithdrawalAddresses: () => call("PUT", "/withdrawal/addresses/lock"),
  unlockWithdrawalAddresses: () => call("DELETE", "/withdrawal/addresses/lock", { body: {} }),
  exported: (account, name, query) => file(`/account/export/${name}`, { account, query }),
  orderHistory: (id) => whole(`/trade/orders/${encodeURIComponent(id)}/history`),
  streamToken: () => call("GET", "/session/stream-token"),
};
