/** Tests of the suggestions while a user types a mention after `@` or an emoji after `:`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { parseEmojiQuery } from "../../static/js/composer/completion/emoji-completion.js";
import { EmojiTable } from "../../static/js/lib/emoji-table.js";
import { mentionsEverybody, parseMentionQuery, scoreMatch, rankMatches } from "../../static/js/composer/completion/mention-match.js";

describe("mentions", () => {
  test("a query starts at the beginning, after a space or in Chinese text, but not inside a word or an address", () => {
    assert.deepEqual(parseMentionQuery("@"), { at: 0, q: "" });
    assert.deepEqual(parseMentionQuery("hi @bo"), { at: 3, q: "bo" });
    assert.deepEqual(parseMentionQuery("你好@小"), { at: 2, q: "小" });
    assert.deepEqual(parseMentionQuery("(@bo"), { at: 1, q: "bo" });
    for (const text of ["bob@example", "https://x.example/@bob", "a_@b", "@bob ", "\\@bob", "."]) assert.equal(parseMentionQuery(text), null, text);
  });

  test("a query starts with a full-width sign, and after / . - or a finished mention", () => {
    assert.deepEqual(parseMentionQuery("＠小"), { at: 0, q: "小" });
    assert.deepEqual(parseMentionQuery("@bob/@小"), { at: 5, q: "小" });
    assert.deepEqual(parseMentionQuery("好的.@bo"), { at: 3, q: "bo" });
    assert.deepEqual(parseMentionQuery("Thanks.@bo"), { at: 7, q: "bo" });
    assert.deepEqual(parseMentionQuery("-@bo"), { at: 1, q: "bo" });
    assert.deepEqual(parseMentionQuery("和/@bo"), { at: 2, q: "bo" });
    assert.deepEqual(parseMentionQuery("\\\\@bo"), { at: 2, q: "bo" });
    assert.deepEqual(parseMentionQuery("https://x.example/a，@bo"), { at: 20, q: "bo" });
    assert.deepEqual(parseMentionQuery("@alice\\@bo"), { at: 7, q: "bo" });
    for (const text of ["src/@bob", "example.org/@bob", "https://x.example/a/@bob", "bob＠example", "@＠bob"]) assert.equal(parseMentionQuery(text), null, text);
  });

  test("@all in a text mentions everybody, but not inside of code, words and addresses", () => {
    for (const text of ["@all hi", "大家好@all请看", "hi ＠All!", "（@ALL）", "- @all"]) assert.ok(mentionsEverybody(text), text);
    for (const text of ["`@all`", "```\n@all\n```", "@allan", "x@all.org", "all", "@ all", "\\@all"]) assert.ok(!mentionsEverybody(text), text);
  });

  const ming = { id: 1, username: "wxm88", name: "王小明", avatar_url: null, pinyin: "wang xiao ming" };

  test("王小明 matches by characters, full pinyin, initials, both mixed, and from any character on", () => {
    for (const q of ["王", "王小", "小明", "wang", "wangxiaoming", "wxm", "wangxm", "wxiaom", "WXM", "xm", "xiaoming", "ming", "w", "wa", "wxm88"]) {
      assert.notEqual(scoreMatch(ming, q), null, q);
    }
    for (const q of ["wxmm", "明小", "wm", "xw", "angxiao", "wang1"]) assert.equal(scoreMatch(ming, q), null, q);
  });

  test("a character with several readings matches by each of them", () => {
    const chong = { id: 2, username: "cq", name: "重庆", avatar_url: null, pinyin: "chong|zhong qing" };
    for (const q of ["chongq", "zhongqing", "zq"]) assert.notEqual(scoreMatch(chong, q), null, q);
  });

  const people = [
    { id: 1, username: "anna", name: "Anna", avatar_url: null },
    { id: 2, username: "bob", name: "Bob Anders", avatar_url: null },
    { id: 3, username: "andy", name: "Andy", avatar_url: null },
    { id: 4, username: "joan", name: "Joan", avatar_url: null },
  ];
  const names = (q, recentSpeakers) => rankMatches(people, q, recentSpeakers).map(({ username }) => username);

  test("recent speakers come first, the last one at the top", () => {
    assert.deepEqual(names("", [4, 2]), ["joan", "bob", "anna", "andy"]);
    assert.deepEqual(names("an", [3]), ["andy", "anna", "bob", "joan"]);
  });

  test("a better match comes before recent speakers, a complete username before everything", () => {
    assert.deepEqual(names("an", [4, 2, 3]), ["andy", "anna", "bob", "joan"]);
    assert.deepEqual(names("anna", [2]), ["anna"]);
    assert.deepEqual(names("zz", []), []);
  });
});

describe("emoji", () => {
  const read = (name) => JSON.parse(readFileSync(new URL(`../../static/vendor/emoji/${name}`, import.meta.url), "utf8"));
  const table = new EmojiTable(read("emoji.json"));
  table.addChinese(read("emoji.zh.json"), false);
  const search = (q, recent) => table.find(q, 5, recent).map((at) => table.getEmoji(at));

  test("a query has at least two letters and is not inside a word, a time, an address or code", () => {
    assert.deepEqual(parseEmojiQuery("ok :sm"), { at: 3, q: "sm" });
    assert.deepEqual(parseEmojiQuery("好:+1"), { at: 1, q: "+1" });
    for (const text of [":s", "10:30", "at 10:ab", "http://x", "a :10", "`:smi", "::smi", ": smi", "x:smi"]) assert.equal(parseEmojiQuery(text), null, text);
  });

  test("search by short name, name and keyword, in English and Chinese, exact matches first", () => {
    assert.equal(search("smile")[0], "😄");
    assert.equal(search("+1")[0], "👍");
    assert.equal(search("thumbs")[0], "👍");
    assert.equal(search("heart_eyes")[0], "😍");
    assert.equal(search("red heart")[0], "❤️");
    assert.ok(search("狗").includes("🐶"));
    assert.ok(search("点赞").includes("👍") && search("拇指").includes("👍"));
    assert.deepEqual(search("qqqq"), []);
  });

  test("search by pinyin, in full, mixed or by initials, after matches in English", () => {
    for (const q of ["dianzan", "dianz", "dz"]) assert.ok(table.find(q).some((at) => table.getEmoji(at) === "👍"), q);
    assert.equal(search("xiaolian").length, 5);
    assert.ok(table.find("yinyue").some((at) => table.getEmoji(at) === "🎵"));
    assert.ok(table.find("gou").some((at) => table.getEmoji(at) === "🐶"));
    assert.equal(search("smile")[0], "😄");
    const english = new EmojiTable(read("emoji.json"));
    assert.deepEqual(english.find("dianzan"), []);
  });

  test("recently used emoji come first among equal matches", () => {
    const wink = table.findByCode("smirk");
    assert.equal(search("smi", [wink])[0], "😏");
  });

  test("each part that has skin tones gets the tone", () => {
    const getEmoji = (code, tone) => table.getEmoji(table.findByCode(code), tone);
    assert.equal(getEmoji("wave", 1), "👋🏻");
    assert.equal(getEmoji("raised_hand_with_fingers_splayed", 5), "🖐🏿");
    assert.equal(getEmoji("man_technologist", 3), "👨🏽‍💻");
    assert.equal(getEmoji("handshake", 2), "🤝🏼");
    assert.equal(getEmoji("people_holding_hands", 2), "🧑🏼‍🤝‍🧑🏼");
    assert.equal(getEmoji("smile", 3), "😄");
    assert.equal(table.findIndex("👋🏿"), table.findByCode("wave"));
  });

  test("emoji that the device cannot display are not offered", () => {
    const old = new EmojiTable(read("emoji.json"), 12);
    assert.deepEqual(old.find("melting face"), []);
    assert.equal(old.findByCode("melting_face"), undefined);
    assert.ok(old.groups.reduce((sum, { members }) => sum + members.length, 0) < 1_800);
  });

  test("each emoji has exactly one form, so that equal reactions are counted together", () => {
    assert.equal(table.getEmoji(table.findByCode("+1")), "👍");
    assert.equal(new Set(table.data.emoji).size, table.data.emoji.length);
  });
});
