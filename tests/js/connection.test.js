import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Connection, backoffSeconds } from "../../static/js/realtime/connection/connection.js";
import { FakeClock, createFakeSocketClass, flushPromises } from "./fakes.js";

let clock, Socket, states, events, connection;

beforeEach(() => {
  clock = new FakeClock();
  Socket = createFakeSocketClass();
  states = [];
  events = [];
  connection = new Connection({
    url: "ws://here/ws/v1/",
    Socket,
    clock,
    random: () => 0.5,
    onState: (status) => states.push(status),
    onWelcome: (welcome) => events.push(["welcome", welcome.user_id]),
    onEvent: (type, payload) => events.push([type, payload]),
  });
});

const state = () => connection.status.state;

/** Advances the clock by `ms` and answers each ping of the connection with a pong. */
async function answerPings(ms) {
  for (let elapsed = 0; elapsed < ms; elapsed += 100) {
    await clock.advance(100);
    const socket = Socket.last;
    socket.answered ??= 0;
    while (socket.answered < socket.pings()) {
      socket.answered += 1;
      socket.receive("pong");
    }
  }
}

describe("connecting", () => {
  test("is open after the welcome and uses the subprotocol", () => {
    connection.connect();
    assert.equal(state(), "connecting");
    assert.deepEqual(Socket.last.protocols, ["messenger.v1"]);
    Socket.last.open();
    assert.equal(connection.isOpen, false);
    Socket.last.welcome();
    assert.equal(state(), "open");
    assert.deepEqual(events, [["welcome", 1]]);
  });

  test("an attempt times out after five seconds; attempts continue forever with growing pauses", async () => {
    connection.connect();
    const startedAt = [0];
    for (let i = 0; i < 26; i += 1) {
      await clock.advance(5_000);
      assert.equal(state(), "waiting");
      assert.equal(connection.status.attempts, i + 1);
      await clock.advance(connection.status.retryAt - clock.now());
      assert.equal(state(), "connecting");
      startedAt.push(clock.now());
    }
    const pauses = startedAt.slice(1).map((at, i) => (at - startedAt[i]) / 1000 - 5);
    assert.deepEqual(pauses.slice(0, 5), [1, 2, 3, 3, 3]);
    assert.deepEqual(pauses.slice(18, 25), [3, 3, 6, 12, 24, 30, 30]);
    assert.equal(Socket.openSockets.length, 1);
  });

  test("the backoff grows from 1 s to 30 s with jitter, and stays below 4 s in the first minute", () => {
    assert.equal(backoffSeconds(0, 0), 0.8);
    assert.ok(Math.abs(backoffSeconds(0, 1) - 1.2) < 1e-9);
    assert.equal(backoffSeconds(3, 0.5), 3);
    const fastest = Array.from({ length: 20 }, (_, attempts) => backoffSeconds(attempts, 0));
    assert.ok(fastest.reduce((sum, seconds) => sum + seconds) > 40);
    for (let attempts = 0; attempts < 20; attempts += 1) assert.ok(backoffSeconds(attempts, 1) < 4);
    assert.equal(backoffSeconds(50, 1), 30);
  });

  test("there is only one attempt at a time", async () => {
    connection.connect();
    connection.connect();
    connection.wake();
    connection.retryNow();
    assert.equal(Socket.all.length, 1);
    Socket.last.drop();
    connection.wake();
    connection.wake();
    await clock.advance(1_000);
    assert.equal(Socket.openSockets.length, 1);
  });

  test("the backoff is reset after a success", async () => {
    connection.connect();
    Socket.last.drop();
    await clock.advance(1_000);
    Socket.last.drop();
    await clock.advance(2_000);
    Socket.last.welcome();
    assert.equal(connection.status.attempts, 0);
    Socket.last.drop(1001);
    assert.equal(connection.status.retryAt - clock.now(), 1_000);
  });

  test("frames of a dropped socket are ignored", async () => {
    connection.connect();
    const oldSocket = Socket.last;
    await clock.advance(5_000);
    await clock.advance(1_000);
    oldSocket.welcome();
    assert.equal(state(), "connecting");
    assert.equal(oldSocket.closed, true);
  });
});

describe("close codes", () => {
  for (const code of [1000, 1001, 1006, 1011, 1012, 1013]) {
    test(`${code}: reconnects after a second`, async () => {
      connection.connect();
      Socket.last.welcome();
      Socket.last.drop(code);
      await clock.advance(1_000);
      assert.equal(Socket.all.length, 2);
    });
  }

  test("4401: does not reconnect", async () => {
    connection.connect();
    Socket.last.open();
    Socket.last.drop(4401);
    assert.equal(state(), "ended");
    assert.equal(connection.status.code, 4401);
    connection.wake();
    connection.networkRestored();
    await clock.advance(600_000);
    assert.equal(Socket.all.length, 1);
  });

  for (const phase of ["open", "waiting", "connecting"]) {
    test(`${phase}, and an HTTP request is answered that the sign-in has ended: ends as after 4401`, async () => {
      connection.connect();
      if (phase === "open") Socket.last.welcome();
      if (phase === "waiting") Socket.last.drop(1006);
      const sockets = Socket.all.length;
      connection.signedOut();
      assert.equal(state(), "ended");
      assert.equal(connection.status.code, 4401);
      connection.wake();
      connection.networkRestored();
      await clock.advance(600_000);
      assert.equal(Socket.all.length, sockets);
    });
  }

  for (const [code, seconds] of [[4429, 60], [4403, 300]]) {
    test(`${code}: a long pause that only the user can shorten`, async () => {
      connection.connect();
      Socket.last.welcome();
      Socket.last.drop(code);
      connection.wake();
      connection.networkRestored();
      await clock.advance(seconds * 1000 - 1);
      assert.equal(Socket.all.length, 1);
      await clock.advance(1);
      assert.equal(Socket.all.length, 2);
      Socket.last.drop(code);
      connection.retryNow();
      assert.equal(Socket.all.length, 3);
    });
  }
});

describe("heartbeat", () => {
  beforeEach(() => {
    connection.connect();
    Socket.last.welcome();
  });

  test("pings after an interval without sending, not before", async () => {
    await clock.advance(4_749);
    assert.equal(Socket.last.pings(), 0);
    await clock.advance(1);
    assert.equal(Socket.last.pings(), 1);
  });

  test("received frames do not replace the ping: the server expects frames from the client", async () => {
    for (let i = 0; i < 10; i += 1) {
      await clock.advance(1_000);
      Socket.last.receive("online", { count: i });
    }
    assert.equal(Socket.last.pings(), 2);
    assert.equal(state(), "open");
  });

  test("a connection that receives nothing is detected while the user types", async () => {
    for (let i = 0; i < 15; i += 1) {
      connection.sendAndForget("typing", { conversation_id: 1, active: true });
      await clock.advance(1_000);
    }
    assert.equal(Socket.all.length, 2);
  });

  test("one unanswered ping: shaky; two: a new socket at once", async () => {
    await clock.advance(5_000);
    assert.equal(state(), "open");
    await clock.advance(5_000);
    assert.equal(state(), "shaky");
    const oldSocket = Socket.last;
    await clock.advance(5_000);
    assert.equal(oldSocket.closed, true);
    assert.equal(Socket.all.length, 2);
    assert.equal(Socket.openSockets.length, 1);
  });

  test("any received frame ends the state shaky", async () => {
    await clock.advance(10_000);
    assert.equal(state(), "shaky");
    Socket.last.receive("presence", { user_id: 2, online: true });
    assert.equal(state(), "open");
    await answerPings(60_000);
    assert.deepEqual([...new Set(states.slice(-1).map((status) => status.state))], ["open"]);
    assert.equal(Socket.all.length, 1);
  });

  test("a working connection stays open", async () => {
    await answerPings(3_600_000 / 10);
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((status) => status.state), ["connecting", "open"]);
  });

  test("a hidden tab whose timers run once a minute stays open", async () => {
    for (let minute = 0; minute < 60; minute += 1) {
      await clock.jump(60_000);
      Socket.last.receive("pong"); // arrives in time: only timers are throttled
    }
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((status) => status.state), ["connecting", "open"]);
  });

  test("after sleep the late timer pings again, and the pong that was waiting counts", async () => {
    await clock.advance(5_000);
    await clock.jump(3_600_000); // slept with one ping unanswered
    assert.equal(state(), "open");
    Socket.last.receive("pong");
    await answerPings(20_000);
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((status) => status.state), ["connecting", "open"]);
  });

  test("a dead connection is detected even if every timer is late", async () => {
    for (let minute = 0; minute < 5; minute += 1) await clock.jump(60_000);
    assert.equal(Socket.all.length >= 2, true);
  });

  test("waking up pings at once, and the state is shaky after five seconds without an answer", async () => {
    await clock.advance(1_000);
    connection.wake();
    assert.equal(Socket.last.pings(), 1);
    await clock.advance(5_000);
    assert.equal(state(), "shaky");
  });

  test("uses the interval of the welcome", async () => {
    Socket.last.drop();
    await clock.advance(1_000);
    Socket.last.welcome({ heartbeat: { interval: 0.5, timeout: 1 } });
    await clock.advance(500);
    assert.equal(Socket.last.pings(), 1);
  });
});

describe("events of the operating system", () => {
  test("network lost: offline at once; attempts continue and can succeed without an event", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkLost();
    assert.equal(state(), "offline");
    await clock.advance(1_000);
    assert.equal(state(), "offline");
    Socket.last.welcome();
    assert.equal(state(), "open");
  });

  test("network restored: connects at once and drops an attempt in progress", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkLost();
    await clock.advance(1_500);
    const stuck = Socket.last;
    connection.networkRestored();
    assert.equal(stuck.closed, true);
    assert.equal(Socket.openSockets.length, 1);
    assert.equal(state(), "connecting");
  });

  test("network restored while open: the socket must answer within two seconds", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkRestored();
    await clock.advance(1_900);
    assert.equal(Socket.all.length, 1);
    await clock.advance(100);
    assert.equal(Socket.all.length, 2);
  });

  test("network restored while open: the socket stays if it answers", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkRestored();
    Socket.last.receive("pong");
    await answerPings(30_000);
    assert.equal(Socket.all.length, 1);
  });

  test("becoming visible while waiting connects at once", async () => {
    connection.connect();
    for (let i = 0; i < 6; i += 1) {
      Socket.last.drop();
      await clock.advance(connection.status.retryAt - clock.now());
    }
    Socket.last.drop();
    connection.wake();
    assert.equal(state(), "connecting");
  });

  test("closing the page closes the connection", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.close();
    assert.equal(Socket.last.closed, true);
    await clock.advance(100_000);
    assert.equal(Socket.all.length, 1);
    assert.equal(clock.pendingTimers, 0);
  });
});

describe("commands", () => {
  beforeEach(() => {
    connection.connect();
    Socket.last.welcome();
  });

  test("answers are matched to requests by ref", async () => {
    const firstRequest = connection.request("message.send", { body: "1" });
    const secondRequest = connection.request("message.send", { body: "2" });
    const [firstFrame, secondFrame] = Socket.last.sent;
    assert.notEqual(firstFrame.ref, secondFrame.ref);
    Socket.last.receive("ack", { message: "second" }, secondFrame.ref);
    Socket.last.receive("ack", { message: "first" }, firstFrame.ref);
    assert.deepEqual([await firstRequest, await secondRequest], [{ message: "first" }, { message: "second" }]);
    assert.equal(events.length, 1);
  });

  test("an error frame becomes an ApiError with all its fields", async () => {
    const request = connection.request("message.send", {});
    Socket.last.receive("error", { code: "rate_limited", detail: "Too fast.", retry_after: 0.5 }, Socket.last.sent[0].ref);
    await assert.rejects(request, { code: "rate_limited", detail: "Too fast.", retryAfter: 0.5, isTemporary: true });
  });

  test("a lost connection rejects all pending commands", async () => {
    const request = connection.request("read", {});
    Socket.last.drop();
    await assert.rejects(request, { code: "disconnected" });
    await assert.rejects(connection.request("read", {}), { code: "disconnected" });
  });

  test("a command without an answer times out", async () => {
    const request = connection.request("read", {}, 5_000);
    request.catch(() => {});
    await answerPings(5_000);
    await assert.rejects(request, { code: "timeout" });
  });

  test("a command without an answer has no ref and is dropped without a connection", () => {
    connection.sendAndForget("view", { conversation_id: 1 });
    assert.deepEqual(Socket.last.sent, [{ type: "view", payload: { conversation_id: 1 } }]);
    Socket.last.drop();
    connection.sendAndForget("view", { conversation_id: 1 });
  });

  test("invalid frames and unknown answers are ignored", async () => {
    for (const text of ["", "null", "[]", "{", '{"type":5}', '"x"']) Socket.last.receiveRaw(text);
    Socket.last.receiveRaw(new ArrayBuffer(3));
    Socket.last.receive("ack", {}, "nobody");
    Socket.last.receive("error", { code: "invalid" });
    Socket.last.receive("something.new", { a: 1 });
    await flushPromises();
    assert.deepEqual(events.slice(1), [["error", { code: "invalid" }], ["something.new", { a: 1 }]]);
    assert.equal(state(), "open");
  });
});
