/**
 * Tests that the scripts can read the records that older versions have stored in browsers. These records contain
 * messages, drafts and files that were not sent yet, so the names of databases, keys and fields must not change.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { Draft } from "../../static/js/composer/draft.js";
import { listStoredFiles } from "../../static/js/composer/files/file-store.js";
import { getDraftKey } from "../../static/js/composer/unsynced-drafts.js";
import { getEmojiPreferences } from "../../static/js/lib/emoji.js";
import { openStore } from "../../static/js/realtime/outbox/outbox-store.js";
import { Outbox } from "../../static/js/realtime/outbox/outbox.js";
import { FakeClock, FakeIndexedDb, flushPromises } from "./fakes.js";

const REPLY = { id: 7, seq: 3, sender: { id: 2, username: "bob", name: "Bob", avatar_url: null }, excerpt: "x", deleted: false };

afterEach(() => {
  delete globalThis.indexedDB;
  delete globalThis.localStorage;
});

describe("outbox", () => {
  const PENDING = {
    client_id: "a", conversation_id: 12, body: "hello", reply_to_id: 7, forward_id: null, reply_to: REPLY, attachment_ids: ["f1"],
    attachments: [{ id: "f1", kind: "file", name: "a.txt", size: 1 }], written_at: "2026-11-20T10:00:00.000Z", order: 1,
  };
  const FAILED = {
    client_id: "b", conversation_id: 13, body: "not allowed", reply_to_id: null, forward_id: null, reply_to: null, attachment_ids: [],
    attachments: [], written_at: "2026-11-20T10:00:01.000Z", order: 2, failed: { code: "forbidden", detail: "No." },
  };
  const LATER = { ...PENDING, client_id: "c", body: "second", reply_to_id: null, reply_to: null, order: 5 };

  /** Opens the outbox (messages to be sent) of user 1 with records that an older version has stored. */
  async function openOutbox(indexedDb) {
    const sent = [];
    const outbox = new Outbox({
      store: await openStore(1, indexedDb),
      clock: new FakeClock(),
      send: async (queued) => {
        sent.push({ ...queued });
        return { message: { client_id: queued.client_id } };
      },
      onChange: () => {},
    });
    outbox.setLeader(true);
    outbox.setOnline(true);
    await outbox.load();
    await flushPromises();
    return { outbox, sent };
  }

  const createDatabase = (records) =>
    new FakeIndexedDb({ "messenger.1": { outbox: { keyPath: "order", indexes: { client_id: "client_id" }, records } } });

  test("pending messages are sent in order and removed", async () => {
    const indexedDb = createDatabase([PENDING, FAILED, LATER]);
    const { outbox, sent } = await openOutbox(indexedDb);
    assert.deepEqual(sent, [PENDING, LATER]);
    assert.deepEqual(outbox.queued, [FAILED]);
    assert.deepEqual(indexedDb.records("messenger.1", "outbox"), [FAILED]);
  });

  test("a failed message can be sent again", async () => {
    const indexedDb = createDatabase([FAILED]);
    const { outbox, sent } = await openOutbox(indexedDb);
    await outbox.retry("b");
    await flushPromises();
    assert.deepEqual(sent.map(({ client_id }) => client_id), ["b"]);
    assert.deepEqual(indexedDb.records("messenger.1", "outbox"), []);
  });

  test("a new message has the fields that old versions read", async () => {
    const indexedDb = createDatabase([FAILED]);
    const { outbox } = await openOutbox(indexedDb);
    outbox.setOnline(false);
    const { order, ...message } = PENDING;
    await outbox.add({ ...message });
    assert.deepEqual(indexedDb.records("messenger.1", "outbox"), [FAILED, { ...message, order: 3 }]);
  });

  test("a new database has the same structure", async () => {
    const indexedDb = new FakeIndexedDb({});
    await openStore(1, indexedDb);
    assert.deepEqual(indexedDb.databases, {
      "messenger.1": { outbox: { keyPath: "order", autoIncrement: true, indexes: { client_id: "client_id" }, records: [] } },
    });
  });

  test("lock and channel have the same name, so that tabs of both versions elect one leader", () => {
    const source = readFileSync(new URL("../../static/js/realtime/connection/live-socket.js", import.meta.url), "utf8");
    assert.ok(source.includes("name: `messenger.outbox.${this.userId}`"));
    assert.ok(source.includes('"messenger.reloaded"'));
  });
});

describe("drafts", () => {
  test("an unsaved draft is restored and saved", async () => {
    const clock = new FakeClock();
    const records = { "messenger.draft.1.12": { text: "hello", base: "", version: 4, dirty: true, reply: REPLY } };
    const saved = [];
    const draft = new Draft({
      key: getDraftKey(1, 12),
      stored: "",
      version: 4,
      clock,
      memory: { get: (key) => records[key] ?? null, set: (key, value) => (records[key] = value) },
      store: async (text) => {
        saved.push(text);
        return { draft: text, me_version: 5 };
      },
    });
    assert.equal(draft.text, "hello");
    assert.deepEqual(draft.reply, REPLY);
    await clock.advance(2_000);
    assert.deepEqual(saved, ["hello"]);
    assert.deepEqual(records, { "messenger.draft.1.12": { text: "hello", base: "hello", version: 5, dirty: false, reply: REPLY } });
  });
});

test("picked files are found with their uploads", async () => {
  const file = { key: "k", conversation_id: 12, user_id: 1, file: {}, url: "/api/v1/uploads/1/", alt: "a cat", measures: { duration: "1.00" } };
  globalThis.indexedDB = new FakeIndexedDb({ "messenger-files": { files: { keyPath: "key", indexes: {}, records: [file, { ...file, key: "l", user_id: 2 }] } } });
  assert.deepEqual(await listStoredFiles(1, 12), [file]);
});

test("recent emoji and the skin tone are kept", () => {
  const items = { "messenger.emoji": '{"recent":["👋🏻","😄"],"tone":1}' };
  globalThis.localStorage = { getItem: (key) => items[key] ?? null };
  assert.deepEqual(getEmojiPreferences(), { recent: ["👋🏻", "😄"], tone: 1 });
});
