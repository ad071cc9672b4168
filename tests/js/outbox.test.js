import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { MemoryStore, openStore } from "../../static/js/realtime/outbox/outbox-store.js";
import { Outbox } from "../../static/js/realtime/outbox/outbox.js";
import { Refusal } from "../../static/js/realtime/api-error.js";
import { FakeClock, settle } from "./fakes.js";

let clock, store, sends, changes, sent, outbox;

function make(options = {}) {
  return new Outbox({
    store,
    clock,
    send: (queued) =>
      new Promise((resolve, reject) => {
        sends.push({
          id: queued.client_id,
          ack: () => resolve({ message: { client_id: queued.client_id } }),
          refuse: (code, more = {}) => reject(new Refusal({ code, ...more })),
        });
      }),
    onChange: (queued) => changes.push(queued.map(({ client_id, failed }) => client_id + (failed ? "!" : ""))),
    onSent: (message) => sent.push(message.client_id),
    ...options,
  });
}

const text = (id, conversation = 12) => ({
  client_id: id, conversation_id: conversation, body: id, reply_to_id: null, forward_id: null, written_at: "",
});
const ids = () => sends.map(({ id }) => id);
const pending = () => outbox.queued.map(({ client_id }) => client_id);

beforeEach(async () => {
  clock = new FakeClock();
  store = new MemoryStore();
  sends = [];
  changes = [];
  sent = [];
  outbox = make();
  outbox.lead(true);
  outbox.line(true);
  await outbox.load();
});

test("is stored before it is sent, and gone after the ack", async () => {
  const order = [];
  store.put = async (queued) => (order.push("stored"), queued.order ?? 1);
  const send = outbox.send;
  outbox.send = (queued) => (order.push("sent"), send(queued));
  await outbox.put(text("a"));
  assert.deepEqual(order, ["stored", "sent"]);
  sends[0].ack();
  await settle();
  assert.deepEqual(sent, ["a"]);
  assert.deepEqual(await store.all(), []);
  assert.deepEqual(changes.at(-1), []);
});

test("one at a time per conversation, in order; conversations do not wait for each other", async () => {
  await outbox.put(text("a"));
  await outbox.put(text("b"));
  await outbox.put(text("c", 13));
  assert.deepEqual(ids(), ["a", "c"]);
  sends[0].ack();
  await settle();
  assert.deepEqual(ids(), ["a", "c", "b"]);
});

test("no ack in time: again, under the same id", async () => {
  await outbox.put(text("a"));
  await outbox.put(text("b"));
  sends[0].refuse("timeout");
  await settle();
  assert.deepEqual(ids(), ["a", "a"]);
  sends[1].ack();
  await settle();
  assert.deepEqual(ids(), ["a", "a", "b"]);
});

test("the line breaks: all go again afterwards, in order", async () => {
  await outbox.put(text("a"));
  outbox.line(false);
  sends[0].refuse("disconnected");
  await outbox.put(text("b"));
  await settle();
  assert.deepEqual(ids(), ["a"]);
  outbox.line(true);
  assert.deepEqual(ids(), ["a", "a"]);
  sends[1].ack();
  await settle();
  sends[2].ack();
  await settle();
  assert.deepEqual(sent, ["a", "b"]);
  assert.deepEqual(outbox.queued, []);
});

test("an answer of the broken line frees nothing", async () => {
  await outbox.put(text("a"));
  await outbox.put(text("b"));
  outbox.line(false);
  outbox.line(true);
  sends[0].refuse("timeout");
  await settle();
  assert.deepEqual(ids(), ["a", "a"]);
});

test("too fast: waits as long as the server says, and nothing overtakes", async () => {
  await outbox.put(text("a"));
  await outbox.put(text("b"));
  sends[0].refuse("rate_limited", { retry_after: 2 });
  await clock.pass(1_999);
  assert.deepEqual(ids(), ["a"]);
  await clock.pass(1);
  assert.deepEqual(ids(), ["a", "a"]);
  assert.deepEqual(changes.at(-1), ["a", "b"]);
});

test("unavailable without a number: a second", async () => {
  await outbox.put(text("a"));
  sends[0].refuse("unavailable");
  await clock.pass(1_000);
  assert.deepEqual(ids(), ["a", "a"]);
});

describe("refused", () => {
  beforeEach(async () => {
    await outbox.put(text("a"));
    await outbox.put(text("b"));
    sends[0].refuse("forbidden", { detail: "You may not write here." });
    await settle();
  });

  test("it fails with the reason, is kept, and the next goes on", async () => {
    assert.deepEqual(changes.at(-1), ["a!", "b"]);
    assert.deepEqual(outbox.queued[0].failed, { code: "forbidden", detail: "You may not write here." });
    assert.deepEqual(ids(), ["a", "b"]);
    assert.equal((await store.all())[0].failed.code, "forbidden");
  });

  test("retried by the person", async () => {
    sends[1].ack();
    await settle();
    await outbox.retry("a");
    assert.deepEqual(ids(), ["a", "b", "a"]);
    sends[2].ack();
    await settle();
    assert.deepEqual(outbox.queued, []);
  });

  test("discarded by the person", async () => {
    await outbox.discard("a");
    assert.deepEqual(pending(), ["b"]);
    assert.deepEqual((await store.all()).length, 1);
  });

  test("still failed after a reload", async () => {
    const next = make();
    next.lead(true);
    next.line(true);
    await next.load();
    assert.deepEqual(next.queued.map(({ failed }) => Boolean(failed)), [true, false]);
    assert.deepEqual(ids(), ["a", "b", "b"]);
  });
});

test("a reload goes on where it stopped", async () => {
  outbox.line(false);
  for (const id of ["a", "b", "c"]) await outbox.put(text(id));
  outbox = make();
  outbox.lead(true);
  await outbox.load();
  assert.deepEqual(pending(), ["a", "b", "c"]);
  outbox.line(true);
  for (let i = 0; i < 3; i += 1) {
    sends[i].ack();
    await settle();
  }
  assert.deepEqual(sent, ["a", "b", "c"]);
});

test("seen among the messages before the ack: once is enough", async () => {
  await outbox.put(text("a"));
  await outbox.settle("a");
  assert.deepEqual(pending(), []);
  sends[0].ack();
  await settle();
  assert.deepEqual(sent, []);
  await outbox.settle(null);
});

test("a tab that does not lead stores, announces and leaves the sending", async () => {
  let announced = 0;
  const other = make({ announce: () => (announced += 1) });
  other.line(true);
  await other.put(text("x"));
  assert.deepEqual(ids(), []);
  assert.equal(announced, 1);
  await outbox.load(); // the leader hears it
  assert.deepEqual(ids(), ["x"]);
});

test("a tab that takes over sends what was under way again", async () => {
  await outbox.put(text("a"));
  outbox.lead(false);
  const other = make();
  other.line(true);
  await other.load();
  other.lead(true);
  assert.deepEqual(ids(), ["a", "a"]);
});

test("a store that fails keeps nobody from writing", async () => {
  const broken = () => Promise.reject(new Error("QuotaExceededError"));
  outbox.store = { all: broken, put: broken, remove: broken };
  await outbox.put(text("a"));
  await outbox.load();
  assert.deepEqual(ids(), ["a"]);
  sends[0].ack();
  await settle();
  assert.deepEqual(sent, ["a"]);
  assert.deepEqual(outbox.queued, []);
});

describe("the store", () => {
  test("is memory where IndexedDB is missing, refused or broken", async () => {
    const broken = { open: () => { throw new Error("SecurityError"); } };
    const failing = { open: () => { const request = {}; queueMicrotask(() => request.onerror()); return request; } };
    for (const factory of [null, broken, failing]) {
      assert.equal((await openStore(1, factory)).shared, false);
    }
  });

  test("memory keeps the order and hands out copies", async () => {
    const memory = new MemoryStore();
    await memory.put(text("a"));
    await memory.put(text("b"));
    await memory.put({ ...text("a"), failed: { code: "x", detail: "" } });
    const [a, b] = await memory.all();
    assert.deepEqual([a.client_id, b.client_id, a.order, b.order], ["a", "b", 1, 2]);
    a.body = "changed";
    assert.equal((await memory.all())[0].body, "a");
  });
});
