/** Counting: what is unread, and who has read. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Receipts } from "../../static/js/conversation/receipts/receipts.js";
import { Unread, isFor } from "../../static/js/conversation-list/unread-counter.js";

const ME = 1;
const text = (seq, sender = 2, mentions = []) => ({ seq, kind: "text", sender: { id: sender }, mentions });
const mine = (read_seq, unread_count = 99, unread_mention_count = 9) => ({ read_seq, unread_count, unread_mention_count });

describe("unread", () => {
  let unread;
  beforeEach(() => (unread = new Unread({ me: ME, lastSeq: 10, readSeq: 6, count: 3, mentions: 1 })));

  test("what is told counts on", () => {
    assert.equal(unread.message(text(11)), true);
    assert.equal(unread.message(text(12, 2, [{ user_id: ME }])), true);
    assert.deepEqual([unread.count, unread.mentions], [5, 2]);
  });

  test("twice counts once, and edits and system lines do not count", () => {
    unread.message(text(11));
    assert.equal(unread.message(text(11)), false);
    unread.message(text(9));
    unread.message({ seq: 12, kind: "system", sender: { id: 2 }, mentions: [] });
    assert.equal(unread.count, 4);
  });

  test("one's own send reads everything before it", () => {
    unread.message(text(11));
    unread.message(text(12, ME));
    unread.message(text(13));
    assert.deepEqual([unread.count, unread.mentions], [1, 0]);
  });

  test("a mark within what was told is counted here, whatever number comes with it", () => {
    unread.message(text(11));
    unread.message(text(12));
    unread.message(text(13));
    unread.mine(mine(11));
    assert.deepEqual([unread.count, unread.mentions], [2, 0]);
    unread.mine(mine(13, 1));
    assert.equal(unread.count, 0);
  });

  test("an unchanged mark changes nothing (muting, a draft)", () => {
    unread.message(text(11));
    unread.mine(mine(6, 3));
    assert.equal(unread.count, 4);
  });

  test("a mark somewhere in what this page never saw: the server's number", () => {
    unread.message(text(11));
    unread.mine(mine(8, 2, 0));
    assert.deepEqual([unread.count, unread.mentions], [2, 0]);
    unread.message(text(12));
    assert.equal(unread.count, 3);
  });

  test("an edit that names me later", () => {
    unread.message(text(11));
    unread.message(text(11, 2, [{ user_id: null }]));
    assert.equal(unread.mentions, 2);
  });

  test("seen on the screen: at once, and an older mark on its way brings nothing back", () => {
    unread.message(text(11));
    unread.seen(11);
    assert.equal(unread.count, 0);
    unread.message(text(12));
    unread.seen(12);
    unread.mine(mine(11));
    assert.equal(unread.count, 0);
    unread.message(text(13));
    assert.equal(unread.count, 1);
    unread.mine(mine(10)); // by hand
    assert.equal(unread.count, 3);
  });

  test("seen somewhere in what this page never counted: the server's number holds until it answers", () => {
    unread.seen(8);
    assert.equal(unread.count, 3);
  });

  test("everybody is me too", () => {
    assert.equal(isFor([{ user_id: 5 }, { user_id: null }], ME), true);
    assert.equal(isFor([{ user_id: 5 }], ME), false);
  });
});

describe("receipts", () => {
  const receipts = () => {
    const made = new Receipts(ME);
    made.add({ user_id: ME, delivered_seq: 99, read_seq: 99 });
    made.add({ user_id: 2, delivered_seq: 12, read_seq: 10 });
    made.add({ user_id: 3, delivered_seq: 11, read_seq: 9 });
    return made;
  };

  test("sent, delivered, read by how many", () => {
    const made = receipts();
    assert.deepEqual(made.of(13), { state: "sent", count: 0, total: 2 });
    assert.deepEqual(made.of(12), { state: "delivered", count: 0, total: 2 });
    assert.deepEqual(made.of(10), { state: "read", count: 1, total: 2 });
    assert.deepEqual(made.of(9), { state: "read", count: 2, total: 2 });
  });

  test("marks only go forward, and whoever has read has got", () => {
    const made = receipts();
    made.add({ user_id: 2, delivered_seq: 0, read_seq: 13 });
    made.add({ user_id: 2, delivered_seq: 1, read_seq: 1 });
    assert.deepEqual(made.of(13), { state: "read", count: 1, total: 2 });
    made.remove(2);
    assert.equal(made.of(13).state, "sent");
  });

  test("all of them again, as an answer brings them: nobody is lost who has got nothing yet", () => {
    const made = receipts();
    made.replace([{ user_id: 2, delivered_seq: 1, read_seq: 1 }, { user_id: 4, delivered_seq: 0, read_seq: 0 }]);
    made.replace([{ user_id: 2, delivered_seq: 1, read_seq: 1 }, { user_id: 4, delivered_seq: 0, read_seq: 0 }]);
    assert.deepEqual(made.of(10), { state: "read", count: 1, total: 2 });
    made.add({ user_id: 4, delivered_seq: 0, read_seq: 0 }); // told by itself: shown no more
    assert.equal(made.of(10).total, 1);
  });

  test("drawn on the last of each state in each group", () => {
    const lines = [8, 9, 10, 11, 12, 13, 14].map((seq) => ({ seq, first: seq === 8 || seq === 10 }));
    const drawn = [...receipts().drawn(lines)].map(([seq, { state, count }]) => `${seq} ${state} ${count}`);
    assert.deepEqual(drawn, ["9 read 2", "10 read 1", "12 delivered 0", "14 sent 0"]);
  });
});

test("an edit that names me in an older unread message is counted, and one that no longer does is not", () => {
  const unread = new Unread({ me: 1, lastSeq: 10, readSeq: 5, count: 5, mentions: 0 });
  unread.mine({ read_seq: 5, unread_count: 5, unread_mention_count: 1 });
  assert.deepEqual([unread.count, unread.mentions], [5, 1]);
  unread.message({ seq: 11, kind: "text", sender: { id: 2 }, mentions: [{ user_id: 1, start: 0, end: 6 }] });
  assert.deepEqual([unread.count, unread.mentions], [6, 2]);
  unread.mine({ read_seq: 5, unread_count: 6, unread_mention_count: 1 });
  assert.deepEqual([unread.count, unread.mentions], [6, 1]);
});
