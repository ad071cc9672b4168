import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { MemoryStore, openStore } from "../../static/js/realtime/outbox/outbox-store.js";
import { Outbox } from "../../static/js/realtime/outbox/outbox.js";
import { ApiError } from "../../static/js/realtime/api-error.js";
import { FakeClock, flushPromises } from "./fakes.js";

let clock, store, sends, changes, sentIds, outbox;

function make(options = {}) {
  return new Outbox({
    store,
    clock,
    send: (queued) =>
      new Promise((resolve, reject) => {
        sends.push({
          id: queued.client_id,
          ack: () => resolve({ message: { client_id: queued.client_id } }),
          refuse: (code, more = {}) => reject(new ApiError({ code, ...more })),
        });
      }),
    onChange: (queued) => changes.push(queued.map(({ client_id, failed }) => client_id + (failed ? "!" : ""))),
    onSent: (message) => sentIds.push(message.client_id),
    ...options,
  });
}

const makeMessage = (id, conversation = 12) => ({
  client_id: id, conversation_id: conversation, body: id, reply_to_id: null, forward_id: null, written_at: "",
});
const ids = () => sends.map(({ id }) => id);
const pendingIds = () => outbox.queued.map(({ client_id }) => client_id);

beforeEach(async () => {
  clock = new FakeClock();
  store = new MemoryStore();
  sends = [];
  changes = [];
  sentIds = [];
  outbox = make();
  outbox.setLeader(true);
  outbox.setOnline(true);
  await outbox.load();
});

test("a message is stored before it is sent and removed after the ack", async () => {
  const order = [];
  store.put = async (queued) => (order.push("stored"), queued.order ?? 1);
  const send = outbox.send;
  outbox.send = (queued) => (order.push("sent"), send(queued));
  await outbox.add(makeMessage("a"));
  assert.deepEqual(order, ["stored", "sent"]);
  sends[0].ack();
  await flushPromises();
  assert.deepEqual(sentIds, ["a"]);
  assert.deepEqual(await store.all(), []);
  assert.deepEqual(changes.at(-1), []);
});

test("one message at a time per conversation, in order; conversations do not wait for each other", async () => {
  await outbox.add(makeMessage("a"));
  await outbox.add(makeMessage("b"));
  await outbox.add(makeMessage("c", 13));
  assert.deepEqual(ids(), ["a", "c"]);
  sends[0].ack();
  await flushPromises();
  assert.deepEqual(ids(), ["a", "c", "b"]);
});

test("without an ack in time it is sent again with the same id", async () => {
  await outbox.add(makeMessage("a"));
  await outbox.add(makeMessage("b"));
  sends[0].refuse("timeout");
  await flushPromises();
  assert.deepEqual(ids(), ["a", "a"]);
  sends[1].ack();
  await flushPromises();
  assert.deepEqual(ids(), ["a", "a", "b"]);
});

test("after a disconnection all messages are sent again, in order", async () => {
  await outbox.add(makeMessage("a"));
  outbox.setOnline(false);
  sends[0].refuse("disconnected");
  await outbox.add(makeMessage("b"));
  await flushPromises();
  assert.deepEqual(ids(), ["a"]);
  outbox.setOnline(true);
  assert.deepEqual(ids(), ["a", "a"]);
  sends[1].ack();
  await flushPromises();
  sends[2].ack();
  await flushPromises();
  assert.deepEqual(sentIds, ["a", "b"]);
  assert.deepEqual(outbox.queued, []);
});

test("an answer of the lost connection is ignored", async () => {
  await outbox.add(makeMessage("a"));
  await outbox.add(makeMessage("b"));
  outbox.setOnline(false);
  outbox.setOnline(true);
  sends[0].refuse("timeout");
  await flushPromises();
  assert.deepEqual(ids(), ["a", "a"]);
});

test("rate limited: waits for the time given by the server, and later messages do not overtake", async () => {
  await outbox.add(makeMessage("a"));
  await outbox.add(makeMessage("b"));
  sends[0].refuse("rate_limited", { retry_after: 2 });
  await clock.advance(1_999);
  assert.deepEqual(ids(), ["a"]);
  await clock.advance(1);
  assert.deepEqual(ids(), ["a", "a"]);
  assert.deepEqual(changes.at(-1), ["a", "b"]);
});

test("unavailable without a time: waits a second", async () => {
  await outbox.add(makeMessage("a"));
  sends[0].refuse("unavailable");
  await clock.advance(1_000);
  assert.deepEqual(ids(), ["a", "a"]);
});

describe("permanent error", () => {
  beforeEach(async () => {
    await outbox.add(makeMessage("a"));
    await outbox.add(makeMessage("b"));
    sends[0].refuse("forbidden", { detail: "You may not write here." });
    await flushPromises();
  });

  test("the message is marked as failed and kept, and the next one is sent", async () => {
    assert.deepEqual(changes.at(-1), ["a!", "b"]);
    assert.deepEqual(outbox.queued[0].failed, { code: "forbidden", detail: "You may not write here." });
    assert.deepEqual(ids(), ["a", "b"]);
    assert.equal((await store.all())[0].failed.code, "forbidden");
  });

  test("the user retries it", async () => {
    sends[1].ack();
    await flushPromises();
    await outbox.retry("a");
    assert.deepEqual(ids(), ["a", "b", "a"]);
    sends[2].ack();
    await flushPromises();
    assert.deepEqual(outbox.queued, []);
  });

  test("the user discards it", async () => {
    await outbox.discard("a");
    assert.deepEqual(pendingIds(), ["b"]);
    assert.deepEqual((await store.all()).length, 1);
  });

  test("still failed after a reload", async () => {
    const next = make();
    next.setLeader(true);
    next.setOnline(true);
    await next.load();
    assert.deepEqual(next.queued.map(({ failed }) => Boolean(failed)), [true, false]);
    assert.deepEqual(ids(), ["a", "b", "b"]);
  });
});

test("sending continues after a reload", async () => {
  outbox.setOnline(false);
  for (const id of ["a", "b", "c"]) await outbox.add(makeMessage(id));
  outbox = make();
  outbox.setLeader(true);
  await outbox.load();
  assert.deepEqual(pendingIds(), ["a", "b", "c"]);
  outbox.setOnline(true);
  for (let i = 0; i < 3; i += 1) {
    sends[i].ack();
    await flushPromises();
  }
  assert.deepEqual(sentIds, ["a", "b", "c"]);
});

test("a message received before its ack is removed, and the ack is ignored", async () => {
  await outbox.add(makeMessage("a"));
  await outbox.confirm("a");
  assert.deepEqual(pendingIds(), []);
  sends[0].ack();
  await flushPromises();
  assert.deepEqual(sentIds, []);
  await outbox.confirm(null);
});

test("a tab that is not the leader stores and announces, but does not send", async () => {
  let announced = 0;
  const other = make({ announce: () => (announced += 1) });
  other.setOnline(true);
  await other.add(makeMessage("x"));
  assert.deepEqual(ids(), []);
  assert.equal(announced, 1);
  await outbox.load(); // the leader receives the announcement
  assert.deepEqual(ids(), ["x"]);
});

test("a new leader sends messages in progress again", async () => {
  await outbox.add(makeMessage("a"));
  outbox.setLeader(false);
  const other = make();
  other.setOnline(true);
  await other.load();
  other.setLeader(true);
  assert.deepEqual(ids(), ["a", "a"]);
});

test("messages are sent even if the store fails", async () => {
  const broken = () => Promise.reject(new Error("QuotaExceededError"));
  outbox.store = { all: broken, put: broken, remove: broken };
  await outbox.add(makeMessage("a"));
  await outbox.load();
  assert.deepEqual(ids(), ["a"]);
  sends[0].ack();
  await flushPromises();
  assert.deepEqual(sentIds, ["a"]);
  assert.deepEqual(outbox.queued, []);
});

describe("the store", () => {
  test("memory is used if IndexedDB is missing, denied or broken", async () => {
    const broken = { open: () => { throw new Error("SecurityError"); } };
    const failing = { open: () => { const request = {}; queueMicrotask(() => request.onerror()); return request; } };
    for (const factory of [null, broken, failing]) {
      assert.equal((await openStore(1, factory)).isShared, false);
    }
  });

  test("the memory store keeps the order and returns copies", async () => {
    const memory = new MemoryStore();
    await memory.put(makeMessage("a"));
    await memory.put(makeMessage("b"));
    await memory.put({ ...makeMessage("a"), failed: { code: "x", detail: "" } });
    const [a, b] = await memory.all();
    assert.deepEqual([a.client_id, b.client_id, a.order, b.order], ["a", "b", 1, 2]);
    a.body = "changed";
    assert.equal((await memory.all())[0].body, "a");
  });
});
