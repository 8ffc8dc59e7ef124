/**
 * The WebSocket: one connection, its subscriptions, and the truth about how fresh it is.
 *
 * Lost connections come back by themselves, with waits that double from 0.25 s to 15 s, and every subscription is made
 * again. A connection that says nothing for 5 s (heartbeats come every second) counts as lost.
 * An exchange that refuses a subscription, as while it starts, counts as lost too and is asked again.
 * `onState` is told "connecting" (the first time), "live" or "lost"; "live" comes with the first message that tells
 * something of a market or an account, not before.
 */

import { parseExact } from "./exact_json.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_LIMIT_MS = 5_000;
const PING_EVERY_MS = 4_000;
const SESSION_ENDED = 4001;

export class Stream {
  /** @param handlers {onMessage(message), onState(state), onLatency(ms), onSessionEnded(), getToken(): Promise<string>} */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    this.subscriptions = new Map();
    this.socket = null;
    this.attempts = 0;
    this.heardAt = 0;
    this.state = "";
    this.requestId = 0;
    this.pingSentAt = new Map();
    this.withPrivate = true;
  }

  start() {
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    setInterval(() => this.watch(), 1000);
    setInterval(() => this.ping(), PING_EVERY_MS);
    this.connect();
  }

  /** Keeps a subscription alive for as long as the page lives; `params` as the protocol has them. */
  subscribe(params, { isPrivate = false } = {}) {
    const key = JSON.stringify([params.channel, params.symbol]);
    this.subscriptions.set(key, { params, isPrivate });
    if (this.isOpen) this.send("subscribe", params, isPrivate);
  }

  unsubscribe(params) {
    if (this.subscriptions.delete(JSON.stringify([params.channel, params.symbol])) && this.isOpen) {
      this.send("unsubscribe", params, false);
    }
  }

  /** Asks for a fresh snapshot of one subscription. */
  async renew(params) {
    const known = this.subscriptions.get(JSON.stringify([params.channel, params.symbol]));
    if (known === undefined || !this.isOpen) return;
    await this.send("unsubscribe", known.params, false);
    await this.send("subscribe", known.params, known.isPrivate);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    this.become(this.state === "lost" ? "lost" : "connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heardAt = performance.now();
    socket.onopen = () => {
      for (const { params, isPrivate } of this.subscriptions.values()) this.send("subscribe", params, isPrivate);
      this.ping();
    };
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
  }

  async send(method, params, isPrivate) {
    const socket = this.socket;
    let withToken = params;
    if (isPrivate) {
      if (!this.withPrivate) return;
      try {
        withToken = { ...params, token: await this.handlers.getToken() };
      } catch (problem) {
        if (problem.status === 401) this.endSession();
        else socket.close();
        return;
      }
    }
    if (socket !== this.socket || !this.isOpen) return;
    this.requestId += 1;
    socket.send(JSON.stringify({ method, params: withToken, req_id: this.requestId }));
  }

  receive(data) {
    this.heardAt = performance.now();
    const message = parseExact(data);
    if (message.method === "pong") {
      const sentAt = this.pingSentAt.get(Number(message.req_id));
      if (sentAt !== undefined) this.handlers.onLatency(Math.round(this.heardAt - sentAt));
      this.pingSentAt.clear();
      return;
    }
    if (message.method === "subscribe" && message.success === false) {
      this.drop();
      return;
    }
    if (message.channel === undefined) return;
    if (message.channel !== "status") {
      this.attempts = 0;
      this.become("live");
    }
    this.handlers.onMessage(message);
  }

  ping() {
    if (!this.isOpen) return;
    this.requestId += 1;
    this.pingSentAt.set(this.requestId, performance.now());
    this.socket.send(JSON.stringify({ method: "ping", req_id: this.requestId }));
  }

  watch() {
    if (this.isOpen && performance.now() - this.heardAt > SILENCE_LIMIT_MS) this.drop();
  }

  hurry() {
    if (this.retryTimer === undefined) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.connect();
  }

  /** Gives the connection up without waiting for the other side to agree. */
  drop() {
    const { socket } = this;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    this.lost(0);
  }

  lost(code) {
    if (code === SESSION_ENDED) this.endSession();
    this.pingSentAt.clear();
    this.become("lost");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempts) * (0.5 + Math.random() / 2);
    this.attempts += 1;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = undefined;
      this.connect();
    }, wait);
  }

  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.handlers.onState(state);
  }

  endSession() {
    this.withPrivate = false;
    this.handlers.onSessionEnded();
  }
}

export function streamUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/stream`;
}
