import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Replica, judge } from "../../static/js/realtime/state/sync-state.js";
import { FakeClock, settle } from "./fakes.js";

let clock, replica, told, asked, answers;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  asked = [];
  answers = [];
  replica = new Replica({
    clock,
    emit: (type, payload) => told.push([type, payload]),
    sync: (cursors, me) => {
      asked.push({ cursors, me });
      const answer = answers.shift();
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({
        conversations: [], mine: [], removed: [], receipts: [], me_version: me, complete: true, ...answer,
      });
    },
  });
});

const message = (version, more = {}) => ({ id: version, seq: version, version, ...more });
const created = (version, after = version - 1, id = 12) => [
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
const seen = () => told.filter(([, payload]) => payload.message).map(([, payload]) => payload.message.version);

test("the rule", () => {
  assert.equal(judge(5, { after: 5, version: 6 }), "apply");
  assert.equal(judge(5, { after: 3, version: 6 }), "apply"); // several changes at once, some known
  assert.equal(judge(5, { after: 4, version: 5 }), "drop");
  assert.equal(judge(5, { after: 6, version: 7 }), "wait");
});

describe("live", () => {
  beforeEach(async () => {
    replica.rendered(12, 5);
    replica.welcome({ 12: 5 }, 0);
    await settle();
  });

  test("nothing is asked where nothing is missing", () => assert.deepEqual(asked, []));

  test("in order, once", () => {
    replica.receive(...created(6));
    replica.receive(...created(6));
    replica.receive(...created(7));
    assert.deepEqual(seen(), [6, 7]);
    assert.equal(replica.version(12), 7);
  });

  test("what overtook is put back in order", async () => {
    replica.receive(...created(8));
    replica.receive(...created(7));
    replica.receive(...created(6));
    assert.deepEqual(seen(), [6, 7, 8]);
    await clock.pass(1_000);
    assert.deepEqual(asked, []);
    assert.equal(clock.waiting, 0);
  });

  test("a hole is asked for after 300 ms, and what is told meanwhile is held", async () => {
    replica.receive(...created(8));
    await clock.pass(299);
    assert.deepEqual(asked, []);
    let answer;
    replica.sync = (cursors, me) => {
      asked.push({ cursors, me });
      return new Promise((resolve) => (answer = resolve));
    };
    await clock.pass(1);
    assert.deepEqual(asked, [{ cursors: { 12: 5 }, me: 0 }]);
    replica.receive(...created(9));
    assert.deepEqual(seen(), []);
    answer({ conversations: [rows(5, 8)], mine: [], removed: [], receipts: [], me_version: 0, complete: true });
    await settle();
    assert.deepEqual(seen(), [6, 7, 8, 9]);
    assert.equal(asked.length, 1);
  });

  test("a second hole behind the first is asked for too", async () => {
    replica.receive(...created(8));
    replica.receive(...created(11));
    answers.push({ conversations: [rows(5, 8)] }, { conversations: [rows(8, 11)] });
    await clock.pass(300);
    assert.deepEqual(seen(), [6, 7, 8]);
    await clock.pass(300);
    assert.deepEqual(seen(), [6, 7, 8, 9, 10, 11]);
  });

  test("one conversation's hole holds up no other", () => {
    replica.receive(...created(8));
    replica.receive(...created(2, 1, 13));
    assert.deepEqual(seen(), [2]);
  });

  test("a conversation that nothing shows starts where it is told of", async () => {
    replica.receive(...created(40, 39, 99));
    assert.deepEqual(seen(), [40]);
    await clock.pass(1_000);
    assert.deepEqual(asked, []);
  });

  test("passing news passes", () => {
    replica.receive("typing", { conversation_id: 12, user_id: 2, active: true });
    replica.receive("presence", { user_id: 2, online: true });
    replica.receive("no.such.thing", null);
    assert.equal(told.length, 3);
  });
});

describe("catch-up", () => {
  test("asks for what is behind, in pieces, until complete", async () => {
    replica.rendered(12, 5);
    replica.rendered(13, 9);
    replica.renderedMe(3);
    answers.push(
      { conversations: [{ ...rows(5, 7), complete: false }], complete: false, me_version: 3 },
      { conversations: [rows(7, 9)], me_version: 4 },
    );
    replica.welcome({ 12: 9, 13: 9 }, 4);
    await settle();
    assert.deepEqual(asked, [{ cursors: { 12: 5, 13: 9 }, me: 3 }, { cursors: { 12: 7, 13: 9 }, me: 3 }]);
    assert.deepEqual(seen(), [6, 7, 8, 9]);
    assert.equal(replica.me, 4);
  });

  test("an edit and a deletion missed come as rows, in order of version", async () => {
    replica.rendered(12, 5);
    const change = {
      ...rows(5, 5),
      version: 9,
      messages: [message(9, { seq: 1 }), message(6, { seq: 2 })],
      members: [{ version: 8, user: { id: 2 } }],
      conversation: { id: 12, version: 7, title: "new" },
    };
    answers.push({ conversations: [change] });
    replica.welcome({ 12: 9 }, 0);
    await settle();
    const types = told.slice(0, 4).map(([type, payload]) => [type, payload.version]);
    assert.deepEqual(types, [
      ["message.updated", 6], ["conversation.updated", 7], ["member.updated", 8], ["message.updated", 9],
    ]);
  });

  test("what is one's own comes after the messages that it counts", async () => {
    replica.rendered(12, 5);
    replica.renderedMe(1);
    answers.push(
      { conversations: [{ ...rows(5, 6), complete: false }], mine: [{ conversation_id: 12, mine: { unread_count: 2 }, me_version: 2 }], complete: false, me_version: 1 },
      { conversations: [rows(6, 7)], me_version: 2 },
    );
    replica.welcome({ 12: 7 }, 2);
    await settle();
    assert.deepEqual(told.map(([type]) => type), ["message.updated", "message.updated", "mine.updated", "caught-up"]);
  });

  test("a page rendered before what is known is brought up to it", async () => {
    replica.rendered(12, 5);
    replica.welcome({ 12: 5 }, 0);
    replica.receive(...created(6));
    answers.push({ conversations: [rows(5, 6)] });
    replica.rendered(12, 5); // navigated to a page from the browser's cache
    await settle();
    assert.deepEqual(asked, [{ cursors: { 12: 5 }, me: 0 }]);
    assert.deepEqual(seen(), [6, 6]);
  });

  test("removed while away", async () => {
    replica.rendered(12, 5);
    replica.renderedMe(1);
    answers.push({ removed: [12], me_version: 2 });
    replica.welcome({}, 2);
    await settle();
    assert.equal(told[0][0], "conversation.removed");
    assert.equal(replica.version(12), undefined);
  });

  test("added while away", async () => {
    replica.renderedMe(1);
    replica.rendered(12, 5);
    replica.welcome({ 12: 5 }, 1);
    answers.push({ conversations: [{ ...rows(0, 0, 14), version: 3, conversation: { id: 14, version: 3 } }], me_version: 2 });
    replica.lost();
    replica.welcome({ 12: 5, 14: 3 }, 2);
    await settle();
    assert.equal(told[0][0], "conversation.added");
    assert.equal(replica.version(14), 3);
  });

  test("a break in the middle: the next welcome goes on from where it stood", async () => {
    replica.rendered(12, 5);
    let late;
    const sync = replica.sync;
    replica.sync = () => new Promise((resolve) => (late = resolve));
    replica.welcome({ 12: 9 }, 0);
    replica.lost();
    late({ conversations: [rows(5, 9)], mine: [], removed: [], receipts: [], me_version: 0, complete: true });
    await settle();
    assert.deepEqual(seen(), []);
    replica.sync = sync;
    answers.push({ conversations: [rows(5, 9)] });
    replica.welcome({ 12: 9 }, 0);
    await settle();
    assert.deepEqual(seen(), [6, 7, 8, 9]);
  });

  test("refused for now: again after what the server says", async () => {
    replica.rendered(12, 5);
    answers.push(Object.assign(new Error("x"), { code: "unavailable", retryAfter: 3 }), { conversations: [rows(5, 6)] });
    replica.welcome({ 12: 6 }, 0);
    await clock.pass(2_999);
    assert.equal(asked.length, 1);
    await clock.pass(1);
    assert.deepEqual(seen(), [6]);
  });

  test("a server that never completes is not asked in a circle", async () => {
    replica.rendered(12, 5);
    for (let i = 0; i < 100; i += 1) answers.push({ complete: false });
    replica.welcome({ 12: 6 }, 0);
    await clock.pass(3_500);
    assert.equal(asked.length, 4);
  });

  test("very far behind: read afresh instead", async () => {
    replica.rendered(12, 5);
    replica.welcome({ 12: 5_000 }, 0);
    await settle();
    assert.deepEqual(told, [["stale", { conversation_id: 12, version: 5_000 }]]);
    replica.receive(...created(5_001));
    assert.deepEqual(seen(), [5_001]);
  });

  test("receipts are asked for where they are shown", async () => {
    replica.rendered(12, 5);
    answers.push({ open: 12, receipts: [{ user_id: 2, read_seq: 3 }] });
    replica.welcome({ 12: 5 }, 0, true);
    await settle();
    assert.deepEqual(told[0], ["receipts", { conversation_id: 12, receipts: [{ user_id: 2, read_seq: 3 }] }]);
  });
});

describe("one's own", () => {
  const mine = (version) => ["mine.updated", { conversation_id: 12, me_version: version, mine: { read_seq: version } }];

  beforeEach(async () => {
    replica.renderedMe(4);
    replica.welcome({}, 4);
    await settle();
  });

  test("applies in any order and moves on when whole", async () => {
    replica.receive(...mine(6));
    assert.equal(replica.me, 4);
    replica.receive(...mine(5));
    assert.equal(replica.me, 6);
    assert.equal(told.length, 2);
    await clock.pass(1_000);
    assert.deepEqual(asked, []);
  });

  test("a number left out is asked for", async () => {
    replica.receive(...mine(7));
    answers.push({ me_version: 7 });
    await clock.pass(300);
    assert.deepEqual(asked, [{ cursors: {}, me: 4 }]);
    assert.equal(replica.me, 7);
  });
});
