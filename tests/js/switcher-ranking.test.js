/** Finding a conversation by its name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { search, typed } from "../../static/js/conversation-list/switcher-ranking.js";

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
const ids = (text) => search(TITLES, text).map(({ id }) => id);

describe("the switcher", () => {
  test("the whole name first, then its beginning, then a word of it", () => {
    assert.deepEqual(ids("sunday"), [4, 1, 6]);
    assert.deepEqual(ids("SUN"), [4, 1, 6]);
  });

  test("Chinese by characters, pinyin and initials", () => {
    assert.deepEqual(ids("千"), [3, 2]);
    assert.deepEqual(ids("xiao qian"), [2]);
    assert.deepEqual(ids("xq"), [2]);
    assert.deepEqual(ids("qian"), [3, 2]);
  });

  test("by user name, with or without its sign", () => {
    assert.deepEqual(ids("@tomas"), [5]);
    assert.deepEqual(ids("tomas"), [5]);
  });

  test("nothing is nothing", () => {
    assert.deepEqual(ids("zzz"), []);
    assert.deepEqual(ids("@"), []);
  });

  test("what is typed is read without tones and spaces", () => {
    assert.equal(typed("Xiǎo Qiān’s"), "xiaoqians");
    assert.equal(typed("千"), "");
  });
});
