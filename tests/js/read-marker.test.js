/** Tests of the counter of unread messages, and of receipts, which show who has read a message. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Receipts } from "../../static/js/conversation/receipts/receipts.js";
import { UnreadCounter, mentionsUser } from "../../static/js/conversation-list/unread-counter.js";
import { fakePageData, MESSAGE_KINDS } from "./fakes.js";

fakePageData({ "message-kinds": MESSAGE_KINDS });

const ME = 1;
const text = (seq, sender = 2, mentions = []) => ({ seq, kind: "text", sender: { id: sender }, mentions });
const mine = (read_seq, last_seq, unread_count = 0, unread_mention_count = 0, me_version = 1) => ({
  read_seq, last_seq, unread_count, unread_mention_count, me_version,
});

describe("unread", () => {
  let unread;
  beforeEach(() => (unread = new UnreadCounter({ me: ME, lastSeq: 10, readSeq: 6, count: 3, mentions: 1 })));

  test("new messages are counted", () => {
    assert.equal(unread.applyMessage(text(11)), true);
    assert.equal(unread.applyMessage(text(12, 2, [{ user_id: ME }])), true);
    assert.deepEqual([unread.count, unread.mentions], [5, 2]);
  });

  test("duplicates, edits and system messages are not counted", () => {
    unread.applyMessage(text(11));
    assert.equal(unread.applyMessage(text(11)), false);
    unread.applyMessage(text(9));
    unread.applyMessage({ seq: 12, kind: "system", sender: { id: 2 }, mentions: [] });
    assert.equal(unread.count, 4);
  });

  test("sending a message marks everything before it as read", () => {
    unread.applyMessage(text(11));
    unread.applyMessage(text(12, ME));
    unread.applyMessage(text(13));
    assert.deepEqual([unread.count, unread.mentions], [1, 0]);
  });

  test("messages after the count of the server are added to it, whichever arrives first", () => {
    unread.applyMessage(text(11));
    unread.applyMessage(text(12));
    unread.applyMessage(text(13));
    unread.applyMemberState(mine(11, 12, 1));
    assert.deepEqual([unread.count, unread.mentions], [2, 0]);
    unread.applyMemberState(mine(13, 13, 0, 0, 2));
    assert.equal(unread.count, 0);
    unread.applyMemberState(mine(5, 15, 9, 1, 3)); // marked unread; messages 14 and 15 arrive after their count
    unread.applyMessage(text(14));
    unread.applyMessage(text(15, 2, [{ user_id: ME }]));
    assert.deepEqual([unread.count, unread.mentions], [9, 1]);
    unread.applyMessage(text(16));
    assert.equal(unread.count, 10);
  });

  test("an unchanged read marker changes nothing (muting, a draft)", () => {
    unread.applyMessage(text(11));
    unread.applyMemberState(mine(6, 10, 3));
    assert.equal(unread.count, 4);
  });

  test("a read marker among messages the page never received: the count of the server is used", () => {
    unread.applyMessage(text(11));
    unread.applyMemberState(mine(8, 11, 2));
    assert.deepEqual([unread.count, unread.mentions], [2, 0]);
    unread.applyMessage(text(12));
    assert.equal(unread.count, 3);
  });

  test("an older state is ignored", () => {
    assert.equal(unread.applyMemberState(mine(10, 10, 0, 0, 5)), true);
    assert.equal(unread.applyMemberState(mine(6, 10, 3, 1, 4)), false);
    assert.equal(unread.applyMemberState(mine(10, 9, 0, 0, 5)), false);
    assert.equal(unread.count, 0);
  });

  test("a message of the user after the count of the server keeps everything read", () => {
    unread.applyMessage(text(11, ME));
    unread.applyMemberState(mine(6, 10, 3));
    assert.equal(unread.count, 0);
  });

  test("an edit that adds a mention of me is counted", () => {
    unread.applyMessage(text(11));
    unread.applyMessage(text(11, 2, [{ user_id: null }]));
    assert.equal(unread.mentions, 2);
  });

  test("seen messages are read at once, and an older read marker does not restore them", () => {
    unread.applyMessage(text(11));
    unread.markSeen(11);
    assert.equal(unread.count, 0);
    unread.applyMessage(text(12));
    unread.markSeen(12);
    unread.applyMemberState(mine(11, 12, 1));
    assert.equal(unread.count, 0);
    unread.applyMessage(text(13));
    assert.equal(unread.count, 1);
    unread.applyMemberState(mine(10, 13, 3, 0, 2)); // marked unread by the user
    assert.equal(unread.count, 3);
  });

  test("seen among messages the page never counted: the count stays until the server answers", () => {
    unread.markSeen(8);
    assert.equal(unread.count, 3);
  });

  test("a mention of all includes me", () => {
    assert.equal(mentionsUser([{ user_id: 5 }, { user_id: null }], ME), true);
    assert.equal(mentionsUser([{ user_id: 5 }], ME), false);
  });
});

describe("receipts", () => {
  const receipts = () => {
    const result = new Receipts(ME);
    result.applyReceipt({ user_id: ME, delivered_seq: 99, read_seq: 99 });
    result.applyReceipt({ user_id: 2, delivered_seq: 12, read_seq: 10 });
    result.applyReceipt({ user_id: 3, delivered_seq: 11, read_seq: 9 });
    return result;
  };

  test("sent, delivered, read, with counts", () => {
    const result = receipts();
    assert.deepEqual(result.getReceiptMark(13), { state: "sent", count: 0, total: 2 });
    assert.deepEqual(result.getReceiptMark(12), { state: "delivered", count: 0, total: 2 });
    assert.deepEqual(result.getReceiptMark(10), { state: "read", count: 1, total: 2 });
    assert.deepEqual(result.getReceiptMark(9), { state: "read", count: 2, total: 2 });
  });

  test("receipts only move forward, and reading implies delivery", () => {
    const result = receipts();
    result.applyReceipt({ user_id: 2, delivered_seq: 0, read_seq: 13 });
    result.applyReceipt({ user_id: 2, delivered_seq: 1, read_seq: 1 });
    assert.deepEqual(result.getReceiptMark(13), { state: "read", count: 1, total: 2 });
    result.remove(2);
    assert.equal(result.getReceiptMark(13).state, "sent");
  });

  test("replacing all receipts keeps members without any delivery", () => {
    const result = receipts();
    result.replace([{ user_id: 2, delivered_seq: 1, read_seq: 1 }, { user_id: 4, delivered_seq: 0, read_seq: 0 }]);
    result.replace([{ user_id: 2, delivered_seq: 1, read_seq: 1 }, { user_id: 4, delivered_seq: 0, read_seq: 0 }]);
    assert.deepEqual(result.getReceiptMark(10), { state: "read", count: 1, total: 2 });
    result.applyReceipt({ user_id: 4, delivered_seq: 0, read_seq: 0 }); // an event without positions removes the member
    assert.equal(result.getReceiptMark(10).total, 1);
  });

  test("a mark is shown at the last message of each state in each group", () => {
    const lines = [8, 9, 10, 11, 12, 13, 14].map((seq) => ({ seq, first: seq === 8 || seq === 10 }));
    const drawn = [...receipts().selectDisplayedMarks(lines)].map(([seq, { state, count }]) => `${seq} ${state} ${count}`);
    assert.deepEqual(drawn, ["9 read 2", "10 read 1", "12 delivered 0", "14 sent 0"]);
  });
});

test("a mention added to or removed from an older unread message is counted correctly", () => {
  const unread = new UnreadCounter({ me: 1, lastSeq: 10, readSeq: 5, count: 5, mentions: 0 });
  unread.applyMemberState(mine(5, 10, 5, 1));
  assert.deepEqual([unread.count, unread.mentions], [5, 1]);
  unread.applyMessage({ seq: 11, kind: "text", sender: { id: 2 }, mentions: [{ user_id: 1, start: 0, end: 6 }] });
  assert.deepEqual([unread.count, unread.mentions], [6, 2]);
  unread.applyMemberState(mine(5, 11, 6, 1, 2));
  assert.deepEqual([unread.count, unread.mentions], [6, 1]);
});
