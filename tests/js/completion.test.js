/** Whom an `@` and what a `:` offers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { askedEmoji } from "../../static/js/composer/completion/emoji-completion.js";
import { EmojiTable } from "../../static/js/lib/emoji-table.js";
import { asked, fit, rank } from "../../static/js/composer/completion/mention-match.js";

describe("@", () => {
  test("at the beginning, after a space, in a Chinese sentence; not in a word or an address", () => {
    assert.deepEqual(asked("@"), { at: 0, q: "" });
    assert.deepEqual(asked("hi @bo"), { at: 3, q: "bo" });
    assert.deepEqual(asked("你好@小"), { at: 2, q: "小" });
    assert.deepEqual(asked("(@bo"), { at: 1, q: "bo" });
    for (const text of ["bob@example", "https://x.example/@bob", "a_@b", "@bob ", "\\@bob", "."]) assert.equal(asked(text), null, text);
  });

  const ming = { id: 1, username: "wxm88", name: "王小明", avatar_url: null, pinyin: "wang xiao ming" };

  test("王小明 is found by characters, in full, by initials, by both, from any character on", () => {
    for (const q of ["王", "王小", "小明", "wang", "wangxiaoming", "wxm", "wangxm", "wxiaom", "WXM", "xm", "xiaoming", "ming", "w", "wa", "wxm88"]) {
      assert.notEqual(fit(ming, q), null, q);
    }
    for (const q of ["wxmm", "明小", "wm", "xw", "angxiao", "wang1"]) assert.equal(fit(ming, q), null, q);
  });

  test("a character of several readings", () => {
    const chong = { id: 2, username: "cq", name: "重庆", avatar_url: null, pinyin: "chong|zhong qing" };
    for (const q of ["chongq", "zhongqing", "zq"]) assert.notEqual(fit(chong, q), null, q);
  });

  const people = [
    { id: 1, username: "anna", name: "Anna", avatar_url: null },
    { id: 2, username: "bob", name: "Bob Anders", avatar_url: null },
    { id: 3, username: "andy", name: "Andy", avatar_url: null },
    { id: 4, username: "joan", name: "Joan", avatar_url: null },
  ];
  const names = (q, talked) => rank(people, q, talked).map(({ username }) => username);

  test("those who talk here stand before the others, the last speaker first", () => {
    assert.deepEqual(names("", [4, 2]), ["joan", "bob", "anna", "andy"]);
    assert.deepEqual(names("an", [3]), ["andy", "anna", "bob", "joan"]);
  });

  test("a better fit goes before talk, a whole name before all", () => {
    assert.deepEqual(names("an", [4, 2, 3]), ["andy", "anna", "bob", "joan"]);
    assert.deepEqual(names("anna", [2]), ["anna"]);
    assert.deepEqual(names("zz", []), []);
  });
});

describe(":", () => {
  const read = (name) => JSON.parse(readFileSync(new URL(`../../static/vendor/emoji/${name}`, import.meta.url), "utf8"));
  const table = new EmojiTable(read("emoji.json"));
  table.addChinese(read("emoji.zh.json"), false);
  const found = (q, recent) => table.find(q, 5, recent).map((at) => table.emoji(at));

  test("a name begins with two letters, and not in a word, a time, an address or code", () => {
    assert.deepEqual(askedEmoji("ok :sm"), { at: 3, q: "sm" });
    assert.deepEqual(askedEmoji("好:+1"), { at: 1, q: "+1" });
    for (const text of [":s", "10:30", "at 10:ab", "http://x", "a :10", "`:smi", "::smi", ": smi", "x:smi"]) assert.equal(askedEmoji(text), null, text);
  });

  test("by short name, name and words, in English and Chinese; exact first", () => {
    assert.equal(found("smile")[0], "😄");
    assert.equal(found("+1")[0], "👍");
    assert.equal(found("thumbs")[0], "👍");
    assert.equal(found("heart_eyes")[0], "😍");
    assert.equal(found("red heart")[0], "❤️");
    assert.ok(found("狗").includes("🐶"));
    assert.ok(found("点赞").includes("👍") || found("拇指").includes("👍"));
    assert.deepEqual(found("qqqq"), []);
  });

  test("what was used last stands before what fits as well", () => {
    const wink = table.byCode("smirk");
    assert.equal(found("smi", [wink])[0], "😏");
  });

  test("tones stand after each sign that can have one", () => {
    const of = (code, tone) => table.emoji(table.byCode(code), tone);
    assert.equal(of("wave", 1), "👋🏻");
    assert.equal(of("raised_hand_with_fingers_splayed", 5), "🖐🏿");
    assert.equal(of("man_technologist", 3), "👨🏽‍💻");
    assert.equal(of("handshake", 2), "🤝🏼");
    assert.equal(of("people_holding_hands", 2), "🧑🏼‍🤝‍🧑🏼");
    assert.equal(of("smile", 3), "😄");
    assert.equal(table.place("👋🏿"), table.byCode("wave"));
  });

  test("what this device cannot draw is not offered", () => {
    const old = new EmojiTable(read("emoji.json"), 12);
    assert.deepEqual(old.find("melting face"), []);
    assert.equal(old.byCode("melting_face"), undefined);
    assert.ok(old.groups.reduce((sum, { members }) => sum + members.length, 0) < 1_800);
  });

  test("each has one spelling only: a thumb is one reaction, however it came about", () => {
    assert.equal(table.emoji(table.byCode("+1")), "👍");
    assert.equal(new Set(table.data.emoji).size, table.data.emoji.length);
  });
});
