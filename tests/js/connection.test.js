import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Connection, backoff } from "../../static/js/realtime/connection/connection.js";
import { FakeClock, fakeSockets, settle } from "./fakes.js";

let clock, Socket, states, events, connection;

beforeEach(() => {
  clock = new FakeClock();
  Socket = fakeSockets();
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

/** Answers every ping for `ms`. */
async function live(ms) {
  for (let passed = 0; passed < ms; passed += 100) {
    await clock.pass(100);
    const socket = Socket.last;
    socket.answered ??= 0;
    while (socket.answered < socket.pings()) {
      socket.answered += 1;
      socket.tell("pong");
    }
  }
}

describe("connecting", () => {
  test("is open with the welcome, under the protocol's name", () => {
    connection.connect();
    assert.equal(state(), "connecting");
    assert.deepEqual(Socket.last.protocols, ["messenger.v1"]);
    Socket.last.open();
    assert.equal(connection.isOpen, false);
    Socket.last.welcome();
    assert.equal(state(), "open");
    assert.deepEqual(events, [["welcome", 1]]);
  });

  test("gives up after five seconds and comes back with growing pauses, for ever", async () => {
    connection.connect();
    const started = [0];
    for (let i = 0; i < 14; i += 1) {
      await clock.pass(5_000);
      assert.equal(state(), "waiting");
      assert.equal(connection.status.attempts, i + 1);
      await clock.pass(connection.status.retryAt - clock.now());
      assert.equal(state(), "connecting");
      started.push(clock.now());
    }
    const pauses = started.slice(1).map((at, i) => (at - started[i]) / 1000 - 5);
    assert.deepEqual(pauses.slice(0, 7), [1, 2, 4, 8, 16, 30, 30]);
    assert.equal(Socket.living.length, 1);
  });

  test("backs off from 1 s to 30 s with jitter", () => {
    assert.equal(backoff(0, 0), 0.8);
    assert.ok(Math.abs(backoff(0, 1) - 1.2) < 1e-9);
    assert.equal(backoff(3, 0.5), 8);
    assert.equal(backoff(50, 1), 30);
  });

  test("never tries two at a time", async () => {
    connection.connect();
    connection.connect();
    connection.wake();
    connection.tryNow();
    assert.equal(Socket.all.length, 1);
    Socket.last.drop();
    connection.wake();
    connection.wake();
    await clock.pass(1_000);
    assert.equal(Socket.living.length, 1);
  });

  test("counts from the start again after a success", async () => {
    connection.connect();
    Socket.last.drop();
    await clock.pass(1_000);
    Socket.last.drop();
    await clock.pass(2_000);
    Socket.last.welcome();
    assert.equal(connection.status.attempts, 0);
    Socket.last.drop(1001);
    assert.equal(connection.status.retryAt - clock.now(), 1_000);
  });

  test("frames of a socket given up are not heard", async () => {
    connection.connect();
    const old = Socket.last;
    await clock.pass(5_000);
    await clock.pass(1_000);
    old.welcome();
    assert.equal(state(), "connecting");
    assert.equal(old.closed, true);
  });
});

describe("close codes", () => {
  for (const code of [1000, 1001, 1006, 1011, 1012, 1013]) {
    test(`${code}: comes back in a second`, async () => {
      connection.connect();
      Socket.last.welcome();
      Socket.last.drop(code);
      await clock.pass(1_000);
      assert.equal(Socket.all.length, 2);
    });
  }

  test("4401: never again", async () => {
    connection.connect();
    Socket.last.open();
    Socket.last.drop(4401);
    assert.equal(state(), "ended");
    assert.equal(connection.status.code, 4401);
    connection.wake();
    connection.networkBack();
    await clock.pass(600_000);
    assert.equal(Socket.all.length, 1);
  });

  for (const [code, seconds] of [[4429, 60], [4403, 300]]) {
    test(`${code}: a long pause that only the person shortens`, async () => {
      connection.connect();
      Socket.last.welcome();
      Socket.last.drop(code);
      connection.wake();
      connection.networkBack();
      await clock.pass(seconds * 1000 - 1);
      assert.equal(Socket.all.length, 1);
      await clock.pass(1);
      assert.equal(Socket.all.length, 2);
      Socket.last.drop(code);
      connection.tryNow();
      assert.equal(Socket.all.length, 3);
    });
  }
});

describe("heartbeat", () => {
  beforeEach(() => {
    connection.connect();
    Socket.last.welcome();
  });

  test("pings when it sent nothing for an interval, not before", async () => {
    await clock.pass(4_749);
    assert.equal(Socket.last.pings(), 0);
    await clock.pass(1);
    assert.equal(Socket.last.pings(), 1);
  });

  test("what is heard alone does not spare the ping: the server counts what we send", async () => {
    for (let i = 0; i < 10; i += 1) {
      await clock.pass(1_000);
      Socket.last.tell("online", { count: i });
    }
    assert.equal(Socket.last.pings(), 2);
    assert.equal(state(), "open");
  });

  test("a line that takes everything and gives nothing is noticed while the person types", async () => {
    for (let i = 0; i < 15; i += 1) {
      connection.say("typing", { conversation_id: 1, active: true });
      await clock.pass(1_000);
    }
    assert.equal(Socket.all.length, 2);
  });

  test("one ping unanswered: shaky; two: a new socket at once", async () => {
    await clock.pass(5_000);
    assert.equal(state(), "open");
    await clock.pass(5_000);
    assert.equal(state(), "shaky");
    const old = Socket.last;
    await clock.pass(5_000);
    assert.equal(old.closed, true);
    assert.equal(Socket.all.length, 2);
    assert.equal(Socket.living.length, 1);
  });

  test("anything heard makes a shaky line good again", async () => {
    await clock.pass(10_000);
    assert.equal(state(), "shaky");
    Socket.last.tell("presence", { user_id: 2, online: true });
    assert.equal(state(), "open");
    await live(60_000);
    assert.deepEqual([...new Set(states.slice(-1).map((s) => s.state))], ["open"]);
    assert.equal(Socket.all.length, 1);
  });

  test("a living line is left alone for an hour", async () => {
    await live(3_600_000 / 10);
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((s) => s.state), ["connecting", "open"]);
  });

  test("a hidden tab whose timers run once a minute does not flap", async () => {
    for (let minute = 0; minute < 60; minute += 1) {
      await clock.leap(60_000);
      Socket.last.tell("pong"); // arrives in time: only timers are slowed
    }
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((s) => s.state), ["connecting", "open"]);
  });

  test("after sleep the late timer asks first, and the pong behind it counts", async () => {
    await clock.pass(5_000);
    await clock.leap(3_600_000); // slept with one ping unanswered
    assert.equal(state(), "open");
    Socket.last.tell("pong");
    await live(20_000);
    assert.equal(Socket.all.length, 1);
    assert.deepEqual(states.map((s) => s.state), ["connecting", "open"]);
  });

  test("a dead line is noticed even when every timer is late", async () => {
    for (let minute = 0; minute < 5; minute += 1) await clock.leap(60_000);
    assert.equal(Socket.all.length >= 2, true);
  });

  test("waking pings at once, and says so within five seconds when nothing answers", async () => {
    await clock.pass(1_000);
    connection.wake();
    assert.equal(Socket.last.pings(), 1);
    await clock.pass(5_000);
    assert.equal(state(), "shaky");
  });

  test("uses the interval of the welcome", async () => {
    Socket.last.drop();
    await clock.pass(1_000);
    Socket.last.welcome({ heartbeat: { interval: 0.5, timeout: 1 } });
    await clock.pass(500);
    assert.equal(Socket.last.pings(), 1);
  });
});

describe("what the system says", () => {
  test("network gone: said at once, tried on, and found again without its word", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkGone();
    assert.equal(state(), "offline");
    await clock.pass(1_000);
    assert.equal(state(), "offline");
    Socket.last.welcome();
    assert.equal(state(), "open");
  });

  test("network back: at once, and a stuck attempt is not waited for", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkGone();
    await clock.pass(1_500);
    const stuck = Socket.last;
    connection.networkBack();
    assert.equal(stuck.closed, true);
    assert.equal(Socket.living.length, 1);
    assert.equal(state(), "connecting");
  });

  test("network back while open: the old socket must answer within two seconds", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkBack();
    await clock.pass(1_900);
    assert.equal(Socket.all.length, 1);
    await clock.pass(100);
    assert.equal(Socket.all.length, 2);
  });

  test("network back while open and answered: it stays", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.networkBack();
    Socket.last.tell("pong");
    await live(30_000);
    assert.equal(Socket.all.length, 1);
  });

  test("visible again while waiting: at once", async () => {
    connection.connect();
    for (let i = 0; i < 6; i += 1) {
      Socket.last.drop();
      await clock.pass(connection.status.retryAt - clock.now());
    }
    Socket.last.drop();
    connection.wake();
    assert.equal(state(), "connecting");
  });

  test("the end of the page is the end", async () => {
    connection.connect();
    Socket.last.welcome();
    connection.end();
    assert.equal(Socket.last.closed, true);
    await clock.pass(100_000);
    assert.equal(Socket.all.length, 1);
    assert.equal(clock.waiting, 0);
  });
});

describe("commands", () => {
  beforeEach(() => {
    connection.connect();
    Socket.last.welcome();
  });

  test("each answer finds its asker", async () => {
    const one = connection.ask("message.send", { body: "1" });
    const two = connection.ask("message.send", { body: "2" });
    const [a, b] = Socket.last.sent;
    assert.notEqual(a.ref, b.ref);
    Socket.last.tell("ack", { message: "second" }, b.ref);
    Socket.last.tell("ack", { message: "first" }, a.ref);
    assert.deepEqual([await one, await two], [{ message: "first" }, { message: "second" }]);
    assert.equal(events.length, 1);
  });

  test("an error is a refusal with all that it says", async () => {
    const asked = connection.ask("message.send", {});
    Socket.last.tell("error", { code: "rate_limited", detail: "Too fast.", retry_after: 0.5 }, Socket.last.sent[0].ref);
    await assert.rejects(asked, { code: "rate_limited", detail: "Too fast.", retryAfter: 0.5, mayPass: true });
  });

  test("a broken line refuses all that is open", async () => {
    const asked = connection.ask("read", {});
    Socket.last.drop();
    await assert.rejects(asked, { code: "disconnected" });
    await assert.rejects(connection.ask("read", {}), { code: "disconnected" });
  });

  test("no answer in time", async () => {
    const asked = connection.ask("read", {}, 5_000);
    asked.catch(() => {});
    await live(5_000);
    await assert.rejects(asked, { code: "timeout" });
  });

  test("what is only said carries no ref and is dropped without a line", () => {
    connection.say("view", { conversation_id: 1 });
    assert.deepEqual(Socket.last.sent, [{ type: "view", payload: { conversation_id: 1 } }]);
    Socket.last.drop();
    connection.say("view", { conversation_id: 1 });
  });

  test("rubbish and unknown answers are passed over", async () => {
    for (const text of ["", "null", "[]", "{", '{"type":5}', '"x"']) Socket.last.raw(text);
    Socket.last.raw(new ArrayBuffer(3));
    Socket.last.tell("ack", {}, "nobody");
    Socket.last.tell("error", { code: "invalid" });
    Socket.last.tell("something.new", { a: 1 });
    await settle();
    assert.deepEqual(events.slice(1), [["error", { code: "invalid" }], ["something.new", { a: 1 }]]);
    assert.equal(state(), "open");
  });
});
