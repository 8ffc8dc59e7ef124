import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Stream } from "../../../exchange/site/static/site/js/stream.js";

let sockets;
let heard;

class FakeSocket {
  static OPEN = 1;

  constructor(url) {
    this.url = url;
    this.readyState = 0;
    this.sent = [];
    sockets.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  break(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const subscriptions = (socket) => socket.sent.filter(({ method }) => method === "subscribe").map(({ params }) => params.channel);
const settled = () => new Promise((resolve) => setImmediate(resolve));

function connect() {
  const stream = new Stream("ws://here/stream", {
    onMessage: (message) => heard.messages.push(message),
    onState: (state) => heard.states.push(state),
    onLatency: (ms) => heard.latencies.push(ms),
    onSessionEnded: () => {
      heard.sessionEnds += 1;
    },
    getToken: async () => "token",
  });
  stream.subscribe({ channel: "book", symbol: ["BTC/USD"] });
  stream.subscribe({ channel: "executions" }, { isPrivate: true });
  stream.start();
  return stream;
}

beforeEach(() => {
  sockets = [];
  heard = { messages: [], states: [], latencies: [], sessionEnds: 0 };
  globalThis.WebSocket = FakeSocket;
  globalThis.document = { addEventListener: () => undefined, visibilityState: "visible" };
  globalThis.addEventListener = () => undefined;
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
});

afterEach(() => mock.timers.reset());

test("live is what has spoken, not what has connected", async () => {
  connect();
  sockets[0].open();
  await settled();
  assert.deepEqual(heard.states, ["connecting"]);
  sockets[0].say({ channel: "heartbeat" });
  assert.deepEqual(heard.states, ["connecting", "live"]);
  assert.deepEqual(subscriptions(sockets[0]), ["book", "executions"]);
  assert.equal(sockets[0].sent.find(({ params }) => params?.channel === "executions").params.token, "token");
});

test("numbers keep their digits", () => {
  connect();
  sockets[0].open();
  sockets[0].onmessage({ data: '{"channel":"book","data":[{"price":64000.10}]}' });
  assert.equal(heard.messages[0].data[0].price, "64000.10");
});

test("a lost connection comes back with every subscription, each wait up to twice the last", async () => {
  connect();
  sockets[0].open();
  sockets[0].say({ channel: "heartbeat" });
  sockets[0].break();
  assert.equal(heard.states.at(-1), "lost");
  mock.timers.tick(250);
  assert.equal(sockets.length, 2);
  sockets[1].break();
  mock.timers.tick(124);
  assert.equal(sockets.length, 2);
  mock.timers.tick(376);
  assert.equal(sockets.length, 3);
  sockets[2].open();
  await settled();
  assert.deepEqual(subscriptions(sockets[2]), ["book", "executions"]);
  assert.equal(heard.states.at(-1), "lost");
  sockets[2].say({ channel: "heartbeat" });
  assert.equal(heard.states.at(-1), "live");
});

test("an ended session keeps the public channels", async () => {
  connect();
  sockets[0].open();
  sockets[0].say({ channel: "heartbeat" });
  sockets[0].break(4001);
  assert.equal(heard.sessionEnds, 1);
  mock.timers.tick(250);
  sockets[1].open();
  await settled();
  assert.deepEqual(subscriptions(sockets[1]), ["book"]);
});

test("a pong tells the latency and is nobody else's business", () => {
  connect();
  sockets[0].open();
  const { req_id } = sockets[0].sent.find(({ method }) => method === "ping");
  sockets[0].say({ method: "pong", req_id });
  assert.equal(heard.latencies.length, 1);
  assert.equal(heard.messages.length, 0);
});
