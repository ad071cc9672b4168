/** Tests of the filter and order of the conversation list, and of the totals of unread messages. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { matchesFilter, isPinnedOnTop, compareRows } from "../../static/js/conversation-list/list-order.js";
import { UnreadTotals, isQuiet, countForTitle } from "../../static/js/conversation-list/unread-totals.js";
import { fakePageData, LIST_RULES, MESSAGE_KINDS } from "./fakes.js";

fakePageData({ "message-kinds": MESSAGE_KINDS, "list-rules": LIST_RULES });

const ME = 1;
const makeMessage = (conversation_id, seq, sender = 2, mentions = []) => ({
  conversation_id, seq, kind: "text", sender: { id: sender }, mentions,
});
const makeMemberState = (changes = {}) => ({
  role: "member", read_seq: 0, unread_count: 0, unread_mention_count: 0, muted: false, level: "all", favourite: false,
  archived: false, draft: "", me_version: 1, last_seq: 5, added_by_id: null, ...changes,
});

describe("unread totals", () => {
  let totals;
  beforeEach(() => {
    totals = new UnreadTotals(ME);
    // Each row is [id, version, last_seq, flags, read_seq, unread, mentions] without zeros at the end.
    const versions = totals.load([[10, 7, 5], [11, 3, 9, 0, 4, 3, 1], [12, 2, 8, 1, 6, 2], [13, 1, 4, 4, 2, 2, 2], [14, 5, 3, 10], [15]]);
    assert.deepEqual(versions, [[10, 7], [11, 3], [12, 2], [13, 1], [14, 5], [15, 0]]);
  });

  test("muted conversations and those with level none are not counted", () => {
    assert.deepEqual(totals.totals, { unread: 3, mentions: 1, conversations: 1, anyArchived: true });
    assert.equal(totals.get(12).muted, true);
    assert.equal(isQuiet(totals.get(12)), true);
    assert.equal(totals.get(13).level, "none");
    assert.deepEqual([totals.get(14).level, totals.get(14).archived], ["mentions", true]);
  });

  test("new messages are counted, also in a conversation without unread ones", () => {
    totals.applyMessage(makeMessage(10, 6));
    assert.equal(totals.totals.unread, 4);
    assert.equal(totals.totals.conversations, 2);
    totals.applyMessage(makeMessage(10, 6));
    assert.equal(totals.totals.unread, 4, "a duplicate is not counted");
  });

  test("an unknown conversation is counted from its first message", () => {
    totals.applyMessage(makeMessage(99, 1));
    assert.equal(totals.get(99).unread.count, 1);
    totals.applyMessage(makeMessage(98, 41));
    totals.applyMessage(makeMessage(98, 42, ME));
    assert.equal(totals.get(98).unread.count, 0);
  });

  test("a group to which somebody has added the user is one of the unread conversations, without an unread message", () => {
    totals = new UnreadTotals(ME);
    totals.load([[20, 4, 0, 32]]);
    assert.deepEqual(totals.totals, { unread: 0, mentions: 0, conversations: 1, anyArchived: false });
    totals.applyMemberState(20, makeMemberState({ last_seq: 0 }));
    assert.equal(totals.totals.conversations, 0);
    totals.applyConversation({ id: 21, mine: makeMemberState({ last_seq: 0, added_by_id: 2 }) });
    assert.equal(totals.get(21).added, true);
  });

  test("with level mentions only mentions are counted", () => {
    totals.applyMemberState(10, makeMemberState({ read_seq: 5, level: "mentions" }));
    totals.applyMessage(makeMessage(10, 6));
    assert.equal(countForTitle(totals.get(10)), 0);
    totals.applyMessage(makeMessage(10, 7, 2, [{ user_id: ME, start: 0, end: 3 }]));
    assert.equal(countForTitle(totals.get(10)), 1);
    assert.equal(totals.get(10).unread.count, 2);
  });

  const mentionsMe = [{ user_id: ME, start: 0, end: 3 }];

  test("a mention by a user whom I have blocked does not count, as after a reload", () => {
    totals = new UnreadTotals(ME, (userId) => userId === 3);
    totals.load([[10, 7, 5]]);
    totals.applyMessage(makeMessage(10, 6, 3, mentionsMe));
    totals.applyMessage(makeMessage(10, 7, 2, mentionsMe));
    totals.applyMessage(makeMessage(10, 6, 3, mentionsMe)); // a reaction
    totals.applyMemberState(10, makeMemberState({ read_seq: 5, last_seq: 7, unread_count: 2, unread_mention_count: 1 }));
    assert.deepEqual([totals.get(10).unread.count, totals.get(10).unread.mentions], [2, 1]);
  });

  test("a mention by a user who has blocked me does not count once the server has said so", () => {
    totals.applyMessage(makeMessage(10, 6, 2, mentionsMe));
    totals.applyMessage(makeMessage(10, 7, 3, mentionsMe));
    totals.applyMemberState(10, makeMemberState({ read_seq: 5, last_seq: 7, unread_count: 2, unread_mention_count: 1 }));
    assert.equal(totals.get(10).unread.mentions, 1);
    totals.applyMessage(makeMessage(10, 7, 3, mentionsMe)); // a reaction
    assert.equal(totals.get(10).unread.mentions, 1);
  });

  test("a state that is older than the last message does not take its mention away", () => {
    totals.applyMessage(makeMessage(10, 6, 2, mentionsMe));
    totals.applyMemberState(10, makeMemberState({ read_seq: 5, unread_count: 0, draft: "saved before" }));
    assert.equal(totals.get(10).unread.mentions, 1);
  });

  test("a mention that an edit removes is not counted", () => {
    totals.applyMemberState(11, makeMemberState({ read_seq: 4, last_seq: 9, unread_count: 3, unread_mention_count: 0 }));
    assert.equal(totals.get(11).unread.mentions, 0);
    totals.applyMemberState(11, makeMemberState({ read_seq: 4, last_seq: 9, unread_count: 3, unread_mention_count: 2 }));
    assert.equal(totals.get(11).unread.mentions, 2);
  });

  test("reading and marking unread on another device is applied", () => {
    totals.applyMemberState(11, makeMemberState({ read_seq: 9, last_seq: 9 }));
    assert.equal(totals.totals.unread, 0);
    totals.applyMemberState(10, makeMemberState({ read_seq: 3, unread_count: 2 }));
    assert.equal(totals.totals.unread, 2);
  });

  test("a complete conversation replaces its counts", () => {
    totals.applyConversation({ id: 12, last_seq: 20, mine: makeMemberState({ read_seq: 19, last_seq: 20, unread_count: 1, me_version: 2 }) });
    assert.deepEqual([totals.get(12).muted, totals.get(12).unread.count], [false, 1]);
    totals.applyConversation({ id: 12, last_seq: 20, mine: makeMemberState({ read_seq: 3, last_seq: 20, unread_count: 7 }) });
    assert.equal(totals.get(12).unread.count, 1, "an answer that is older than the state of the page is ignored");
    totals.remove(12);
    assert.equal(totals.get(12), undefined);
  });
});

describe("conversation list", () => {
  const item = (changes = {}) => ({
    id: 1, kind: "group", unread: 0, mentions: 0, favourite: false, added: false, archived: false, activeAt: "2026-11-21T10:00:00.000Z", ...changes,
  });
  const view = (changes = {}) => ({ show: "all", open: null, matchesSearch: null, edge: null, ...changes });

  test("each filter shows its conversations", () => {
    assert.equal(matchesFilter(item(), view()), true);
    assert.equal(matchesFilter(item({ archived: true }), view()), false);
    assert.equal(matchesFilter(item({ archived: true }), view({ show: "archived" })), true);
    assert.equal(matchesFilter(item(), view({ show: "archived" })), false);
    assert.equal(matchesFilter(item(), view({ show: "unread" })), false);
    assert.equal(matchesFilter(item({ unread: 1 }), view({ show: "unread" })), true);
    assert.equal(matchesFilter(item({ unread: 1, archived: true }), view({ show: "unread" })), false);
    assert.equal(matchesFilter(item({ unread: 1, mentions: 1, archived: true }), view({ show: "mentions" })), true);
    assert.equal(matchesFilter(item(), view({ show: "people" })), false);
    assert.equal(matchesFilter(item({ kind: "direct" }), view({ show: "people" })), true);
    assert.equal(matchesFilter(item(), view({ show: "groups" })), true);
  });

  test("the open conversation stays in the list until it is left", () => {
    assert.equal(matchesFilter(item(), view({ show: "unread", open: 1 })), true);
    assert.equal(matchesFilter(item({ archived: true }), view({ open: 1 })), true);
    assert.equal(matchesFilter(item(), view({ show: "unread", open: 2 })), false);
  });

  test("a search includes archived conversations and hides all others", () => {
    assert.equal(matchesFilter(item({ archived: true }), view({ matchesSearch: () => true })), true);
    assert.equal(matchesFilter(item(), view({ matchesSearch: () => false, open: 1 })), false);
  });

  test("conversations below the loaded part are not shown yet", () => {
    const edge = { activeAt: "2026-11-21T11:00:00.000Z", id: 5 };
    assert.equal(matchesFilter(item(), view({ edge })), false);
    assert.equal(matchesFilter(item({ favourite: true }), view({ edge })), true);
    assert.equal(matchesFilter(item({ added: true }), view({ edge })), true);
    assert.equal(matchesFilter(item({ activeAt: "2026-11-21T11:00:00.000Z", id: 5 }), view({ edge })), true);
    assert.equal(matchesFilter(item(), view({ edge, open: 1 })), true);
  });

  test("favourites first, then by activity, then by id, newest first", () => {
    const items = [
      item({ id: 1 }),
      item({ id: 2, activeAt: "2026-11-21T12:00:00.000Z" }),
      item({ id: 3, favourite: true, activeAt: "2020-01-01T00:00:00.000Z" }),
      item({ id: 4 }),
    ];
    const ids = (show) => items.toSorted((a, b) => compareRows(a, b, show)).map(({ id }) => id);
    assert.deepEqual(ids("all"), [3, 2, 4, 1]);
    assert.deepEqual(ids("archived"), [2, 4, 1, 3]);
    assert.equal(isPinnedOnTop(items[2], "archived"), false);
  });
});
