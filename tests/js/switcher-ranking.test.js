/** Tests which conversations the quick switcher finds for a search text, and in which order. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { searchTitles, splitAtMatch, toPinyinKey } from "../../static/js/conversation-list/switcher-ranking.js";

const group = (id, title, keys = []) => ({ id, kind: "group", title, keys, avatar_url: null, peer: null });
const pair = (id, title, username, keys = []) => ({
  id, kind: "direct", title, keys, avatar_url: null, peer: { id: 100 + id, username, name: title, avatar_url: null },
});
const TITLES = [
  group(1, "Walk on Sunday"),
  pair(2, "小千", "xiaoqian", ["xiaoqian", "qian", "xq", "q"]),
  pair(3, "千泷", "qianlong", ["qianlong", "long", "ql", "l"]),
  group(4, "Sunday"),
  pair(5, "Tomás", "tomas"),
  group(6, "the Sunday people"),
];
const ids = (text) => searchTitles(TITLES, text).map(({ id }) => id);

describe("the switcher", () => {
  test("the match in a name is marked, at the beginning of a word if possible", () => {
    assert.deepEqual(splitAtMatch("the Sunday people", "sun"), ["the ", "Sun", "day people"]);
    assert.deepEqual(splitAtMatch("blue lu", "LU"), ["blue ", "lu", ""]);
    assert.deepEqual(splitAtMatch("图书馆读书会", "书会"), ["图书馆读", "书会", ""]);
    assert.deepEqual(splitAtMatch("千泷", "qian"), ["千泷", "", ""]);
  });

  test("a complete match first, then a prefix of the title, then a prefix of a word", () => {
    assert.deepEqual(ids("sunday"), [4, 1, 6]);
    assert.deepEqual(ids("SUN"), [4, 1, 6]);
  });

  test("Chinese titles match by characters, pinyin and initials", () => {
    assert.deepEqual(ids("千"), [3, 2]);
    assert.deepEqual(ids("xiao qian"), [2]);
    assert.deepEqual(ids("xq"), [2]);
    assert.deepEqual(ids("qian"), [3, 2]);
  });

  test("by username, with or without @", () => {
    assert.deepEqual(ids("@tomas"), [5]);
    assert.deepEqual(ids("tomas"), [5]);
  });

  test("no match returns an empty list", () => {
    assert.deepEqual(ids("zzz"), []);
    assert.deepEqual(ids("@"), []);
  });

  test("tones and spaces in the input are ignored", () => {
    assert.equal(toPinyinKey("Xiǎo Qiān’s"), "xiaoqians");
    assert.equal(toPinyinKey("千"), "");
  });
});
