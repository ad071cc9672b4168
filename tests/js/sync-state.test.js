import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { SyncState, classifyChange } from "../../static/js/realtime/state/sync-state.js";
import { FakeClock, flushPromises } from "./fakes.js";

let clock, syncState, emitted, requests, results;

beforeEach(() => {
  clock = new FakeClock();
  emitted = [];
  requests = [];
  results = [];
  syncState = new SyncState({
    clock,
    emit: (type, payload) => emitted.push([type, payload]),
    sync: (cursors, me) => {
      requests.push({ cursors, me });
      const result = results.shift();
      if (result instanceof Error) return Promise.reject(result);
      return Promise.resolve({
        conversations: [], mine: [], removed: [], receipts: [], me_version: me, complete: true, ...result,
      });
    },
  });
});

const message = (version, changes = {}) => ({ id: version, seq: version, version, ...changes });
const messageCreated = (version, after = version - 1, id = 12) => [
  "message.created",
  { conversation_id: id, after, version, message: message(version) },
];
const rows = (from, to, id = 12) => ({
  conversation_id: id,
  version: to,
  complete: true,
  conversation: null,
  messages: Array.from({ length: to - from }, (_, i) => message(from + 1 + i)),
  members: [],
});
const emittedVersions = () => emitted.filter(([, payload]) => payload.message).map(([, payload]) => payload.message.version);

test("classification of changes", () => {
  assert.equal(classifyChange(5, { after: 5, version: 6 }), "apply");
  // The event contains several changes, of which some are applied already.
  assert.equal(classifyChange(5, { after: 3, version: 6 }), "apply");
  assert.equal(classifyChange(5, { after: 4, version: 5 }), "drop");
  assert.equal(classifyChange(5, { after: 6, version: 7 }), "wait");
});

describe("live events", () => {
  beforeEach(async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.handleWelcome({ 12: 5 }, 0);
    await flushPromises();
  });

  test("nothing is requested if nothing is missing", () => assert.deepEqual(requests, []));

  test("each event is emitted once and in order", () => {
    syncState.receive(...messageCreated(6));
    syncState.receive(...messageCreated(6));
    syncState.receive(...messageCreated(7));
    assert.deepEqual(emittedVersions(), [6, 7]);
    assert.equal(syncState.getVersion(12), 7);
  });

  test("events out of order are reordered", async () => {
    syncState.receive(...messageCreated(8));
    syncState.receive(...messageCreated(7));
    syncState.receive(...messageCreated(6));
    assert.deepEqual(emittedVersions(), [6, 7, 8]);
    await clock.advance(1_000);
    assert.deepEqual(requests, []);
    assert.equal(clock.pendingTimers, 0);
  });

  test("a gap is requested after 300 ms, and events are held meanwhile", async () => {
    syncState.receive(...messageCreated(8));
    await clock.advance(299);
    assert.deepEqual(requests, []);
    let result;
    syncState.sync = (cursors, me) => {
      requests.push({ cursors, me });
      return new Promise((resolve) => (result = resolve));
    };
    await clock.advance(1);
    assert.deepEqual(requests, [{ cursors: { 12: 5 }, me: 0 }]);
    syncState.receive(...messageCreated(9));
    assert.deepEqual(emittedVersions(), []);
    result({ conversations: [rows(5, 8)], mine: [], removed: [], receipts: [], me_version: 0, complete: true });
    await flushPromises();
    assert.deepEqual(emittedVersions(), [6, 7, 8, 9]);
    assert.equal(requests.length, 1);
  });

  test("a second gap behind the first is requested too", async () => {
    syncState.receive(...messageCreated(8));
    syncState.receive(...messageCreated(11));
    results.push({ conversations: [rows(5, 8)] }, { conversations: [rows(8, 11)] });
    await clock.advance(300);
    assert.deepEqual(emittedVersions(), [6, 7, 8]);
    await clock.advance(300);
    assert.deepEqual(emittedVersions(), [6, 7, 8, 9, 10, 11]);
  });

  test("a gap in one conversation does not delay others", () => {
    syncState.receive(...messageCreated(8));
    syncState.receive(...messageCreated(2, 1, 13));
    assert.deepEqual(emittedVersions(), [2]);
  });

  test("a conversation that is not on the page starts at its first event", async () => {
    syncState.receive(...messageCreated(40, 39, 99));
    assert.deepEqual(emittedVersions(), [40]);
    await clock.advance(1_000);
    assert.deepEqual(requests, []);
  });

  test("ephemeral events are emitted unchanged", () => {
    syncState.receive("typing", { conversation_id: 12, user_id: 2, active: true });
    syncState.receive("presence", { user_id: 2, online: true });
    syncState.receive("no.such.thing", null);
    assert.equal(emitted.length, 3);
  });
});

describe("catch-up", () => {
  test("requests missing changes in several steps until complete", async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.setRenderedVersion(13, 9);
    syncState.setRenderedMeVersion(3);
    results.push(
      { conversations: [{ ...rows(5, 7), complete: false }], complete: false, me_version: 3 },
      { conversations: [rows(7, 9)], me_version: 4 },
    );
    syncState.handleWelcome({ 12: 9, 13: 9 }, 4);
    await flushPromises();
    assert.deepEqual(requests, [{ cursors: { 12: 5, 13: 9 }, me: 3 }, { cursors: { 12: 7, 13: 9 }, me: 3 }]);
    assert.deepEqual(emittedVersions(), [6, 7, 8, 9]);
    assert.equal(syncState.meVersion, 4);
  });

  test("missed edits and deletions are emitted as rows, in order of version", async () => {
    syncState.setRenderedVersion(12, 5);
    const change = {
      ...rows(5, 5),
      version: 9,
      messages: [message(9, { seq: 1 }), message(6, { seq: 2 })],
      members: [{ version: 8, user: { id: 2 } }],
      conversation: { id: 12, version: 7, title: "new" },
    };
    results.push({ conversations: [change] });
    syncState.handleWelcome({ 12: 9 }, 0);
    await flushPromises();
    const types = emitted.slice(0, 4).map(([type, payload]) => [type, payload.version]);
    assert.deepEqual(types, [
      ["message.updated", 6], ["conversation.updated", 7], ["member.updated", 8], ["message.updated", 9],
    ]);
  });

  test("the own state is emitted after the messages it counts", async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.setRenderedMeVersion(1);
    results.push(
      { conversations: [{ ...rows(5, 6), complete: false }], mine: [{ conversation_id: 12, mine: { unread_count: 2, me_version: 2 } }], complete: false, me_version: 1 },
      { conversations: [rows(6, 7)], me_version: 2 },
    );
    syncState.handleWelcome({ 12: 7 }, 2);
    await flushPromises();
    assert.deepEqual(emitted.map(([type]) => type), ["message.updated", "message.updated", "mine.updated", "caught-up"]);
  });

  test("a page rendered at an older version gets the later changes", async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.handleWelcome({ 12: 5 }, 0);
    syncState.receive(...messageCreated(6));
    results.push({ conversations: [rows(5, 6)] });
    syncState.setRenderedVersion(12, 5); // navigation to a page from the browser's cache
    await flushPromises();
    assert.deepEqual(requests, [{ cursors: { 12: 5 }, me: 0 }]);
    assert.deepEqual(emittedVersions(), [6, 6]);
  });

  test("removed while disconnected", async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.setRenderedMeVersion(1);
    results.push({ removed: [12], me_version: 2 });
    syncState.handleWelcome({}, 2);
    await flushPromises();
    assert.equal(emitted[0][0], "conversation.removed");
    assert.equal(syncState.getVersion(12), undefined);
  });

  test("added while disconnected", async () => {
    syncState.setRenderedMeVersion(1);
    syncState.setRenderedVersion(12, 5);
    syncState.handleWelcome({ 12: 5 }, 1);
    results.push({ conversations: [{ ...rows(0, 0, 14), version: 3, conversation: { id: 14, version: 3 } }], me_version: 2 });
    syncState.handleDisconnect();
    syncState.handleWelcome({ 12: 5, 14: 3 }, 2);
    await flushPromises();
    assert.equal(emitted[0][0], "conversation.added");
    assert.equal(syncState.getVersion(14), 3);
  });

  test("after a disconnection during a catch-up the next one continues", async () => {
    syncState.setRenderedVersion(12, 5);
    let resolveLate;
    const sync = syncState.sync;
    syncState.sync = () => new Promise((resolve) => (resolveLate = resolve));
    syncState.handleWelcome({ 12: 9 }, 0);
    syncState.handleDisconnect();
    resolveLate({ conversations: [rows(5, 9)], mine: [], removed: [], receipts: [], me_version: 0, complete: true });
    await flushPromises();
    assert.deepEqual(emittedVersions(), []);
    syncState.sync = sync;
    results.push({ conversations: [rows(5, 9)] });
    syncState.handleWelcome({ 12: 9 }, 0);
    await flushPromises();
    assert.deepEqual(emittedVersions(), [6, 7, 8, 9]);
  });

  test("a temporary error: tried again after the time given by the server", async () => {
    syncState.setRenderedVersion(12, 5);
    results.push(Object.assign(new Error("x"), { code: "unavailable", retryAfter: 3 }), { conversations: [rows(5, 6)] });
    syncState.handleWelcome({ 12: 6 }, 0);
    await clock.advance(2_999);
    assert.equal(requests.length, 1);
    await clock.advance(1);
    assert.deepEqual(emittedVersions(), [6]);
  });

  test("a sync without progress is not repeated in a loop", async () => {
    syncState.setRenderedVersion(12, 5);
    for (let i = 0; i < 100; i += 1) results.push({ complete: false });
    syncState.handleWelcome({ 12: 6 }, 0);
    await clock.advance(3_500);
    assert.equal(requests.length, 4);
  });

  test("too many missed changes: the conversation is stale", async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.handleWelcome({ 12: 5_000 }, 0);
    await flushPromises();
    assert.deepEqual(emitted, [["stale", { conversation_id: 12, version: 5_000 }]]);
    syncState.receive(...messageCreated(5_001));
    assert.deepEqual(emittedVersions(), [5_001]);
  });

  test("receipts are requested for the open conversation", async () => {
    syncState.setRenderedVersion(12, 5);
    results.push({ open: 12, receipts: [{ user_id: 2, read_seq: 3 }] });
    syncState.handleWelcome({ 12: 5 }, 0, true);
    await flushPromises();
    assert.deepEqual(emitted[0], ["receipts", { conversation_id: 12, receipts: [{ user_id: 2, read_seq: 3 }] }]);
  });
});

describe("own state", () => {
  const mine = (version, id = 12) => [
    "mine.updated",
    { conversation_id: id, me_version: version, mine: { read_seq: version, me_version: version } },
  ];

  beforeEach(async () => {
    syncState.setRenderedMeVersion(4);
    syncState.handleWelcome({}, 4);
    await flushPromises();
  });

  test("is applied in any order; the version advances without gaps", async () => {
    syncState.receive(...mine(6));
    assert.equal(syncState.meVersion, 4);
    syncState.receive(...mine(5, 13));
    assert.equal(syncState.meVersion, 6);
    assert.equal(emitted.length, 2);
    await clock.advance(1_000);
    assert.deepEqual(requests, []);
  });

  test("of a conversation is never replaced by an older one", async () => {
    syncState.receive(...mine(6));
    syncState.receive(...mine(5));
    assert.deepEqual(emitted, [mine(6)]);
  });

  test("that arrives during a catch-up is not replaced by the answer, which the server made before", async () => {
    let resolve;
    syncState.sync = () => new Promise((callback) => (resolve = callback));
    syncState.handleWelcome({}, 5);
    syncState.receive(...mine(6));
    const [, { conversation_id, mine: older }] = mine(5);
    resolve({ conversations: [], mine: [{ conversation_id, mine: older }], removed: [], receipts: [], me_version: 5, complete: true });
    await flushPromises();
    assert.deepEqual(emitted.filter(([type]) => type === "mine.updated"), [mine(6)]);
  });

  test("a missing version is requested", async () => {
    syncState.receive(...mine(7));
    results.push({ me_version: 7 });
    await clock.advance(300);
    assert.deepEqual(requests, [{ cursors: {}, me: 4 }]);
    assert.equal(syncState.meVersion, 7);
  });
});

describe("a restored backup", () => {
  beforeEach(async () => {
    syncState.setRenderedVersion(12, 5);
    syncState.handleWelcome({ 12: 5 }, 3);
    await flushPromises();
    syncState.receive(...messageCreated(6));
  });

  test("the server lacks changes that this page has received", () => {
    syncState.handleDisconnect();
    assert.equal(syncState.isAheadOf({ 12: 5 }, 3), true);
    assert.equal(syncState.isAheadOf({ 12: 6 }, 2), true);
    assert.equal(syncState.isAheadOf({ 12: 6 }, 3), false);
    assert.equal(syncState.isAheadOf({ 12: 9, 13: 1 }, 4), false);
    assert.equal(syncState.isAheadOf({}, 3), false);
  });

  test("a version that a page has rendered without a connection does not count: `welcome` may be older", () => {
    syncState.handleDisconnect();
    syncState.setRenderedVersion(13, 9);
    assert.equal(syncState.isAheadOf({ 12: 6, 13: 8 }, 3), false);
  });
});
