/** What the server does in Python, done alike: groups, faces, how texts are set, times, lists of names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { face, hue } from "../../static/js/lib/initials.js";
import { grouped } from "../../static/js/conversation/log/grouping.js";
import { excerpt, fill, nameList } from "../../static/js/lib/wording.js";
import { Times } from "../../static/js/lib/times.js";
import { isBig, langFor, langOf } from "../../static/js/lib/text-language.js";

const table = (name) => JSON.parse(readFileSync(new URL(`../shared_cases/${name}.json`, import.meta.url), "utf8"));

describe("one line of a message, by the table that the server keeps to", () => {
  for (const { body, files, line } of table("excerpts")) test(line, () => assert.equal(excerpt(body, files), line));
});

describe("groups, by the table that the server keeps to", () => {
  for (const { name, zone, lines, expect } of table("grouping")) {
    test(name, () => {
      const times = new Times({}, zone);
      const stamps = lines.map((line) => ({
        sender: line.sender,
        at: Date.parse(line.at),
        day: times.dayKey(new Date(line.at)),
        text: line.kind === "text",
        unreadBefore: line.unread_before,
      }));
      assert.deepEqual(
        grouped(stamps),
        expect.map(({ first, last, day_before: dayBefore, pause_before: pauseBefore = false }) => ({
          first, last, dayBefore, pauseBefore,
        })),
      );
    });
  }
});

describe("faces, by the table that the server keeps to", () => {
  for (const { name, initial, second, lang } of table("initials")) {
    test(JSON.stringify(name), () => assert.deepEqual(face(name), { initial, second, lang }));
  }

  test("ten colours", () => assert.deepEqual([hue(123), hue(123, true), hue(128, true)], [3, 8, 3]));
});

describe("how a text is set, by the tables that the server keeps to", () => {
  for (const { text, lang } of table("languages")) {
    test(`in ${lang || "the page's language"}: ${JSON.stringify(text)}`, () => assert.equal(langOf(text), lang));
  }

  test("what is said only where the page is set otherwise", () => {
    assert.equal(langFor("hello", "en"), "");
    assert.equal(langFor("hello", "zh-Hans"), "en");
    assert.equal(langFor("ありがとう", "en"), "");
    assert.equal(langFor("ありがとう", "zh-Hans"), "und");
    assert.equal(langFor("你好", "en"), "zh-Hans");
    assert.equal(langFor("你好", "zh-Hans"), "zh-Hans");
    assert.equal(langFor("👍", "zh-Hans"), "");
  });
  for (const { text, big } of table("emoji_only")) {
    test(`${big ? "big" : "not big"}: ${JSON.stringify(text)}`, () => assert.equal(isBig(text), big));
  }
});

describe("times", () => {
  const words = {
    time: "H:i", day: "l, j F", dayYear: "l, j F Y", short: "j M", shortYear: "j M Y", weekday: "D",
    today: "Today", yesterday: "Yesterday",
    weekdays: "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    weekdaysShort: "Mon|Tue|Wed|Thu|Fri|Sat|Sun",
    months: "January|February|March|April|May|June|July|August|September|October|November|December",
    monthsShort: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
  };
  const now = new Date("2026-11-21T10:00:00Z");
  const times = new Times(words, "Europe/Berlin");
  const at = (text) => new Date(text);

  test("a clock in the reader's zone, also at midnight", () => {
    assert.equal(times.clock(at("2026-11-21T08:05:00Z")), "09:05");
    assert.equal(times.clock(at("2026-11-20T23:00:00Z")), "00:00");
  });

  test("labels of days", () => {
    assert.equal(times.dayLabel(at("2026-11-20T23:30:00Z"), now), "Today");
    assert.equal(times.dayLabel(at("2026-11-20T22:30:00Z"), now), "Yesterday");
    assert.equal(times.dayLabel(at("2026-11-13T12:00:00Z"), now), "Friday, 13 November");
    assert.equal(times.dayLabel(at("2025-11-13T12:00:00Z"), now), "Thursday, 13 November 2025");
  });

  test("briefly", () => {
    assert.equal(times.brief(at("2026-11-21T09:00:00Z"), now), "10:00");
    assert.equal(times.brief(at("2026-11-20T12:00:00Z"), now), "Fri");
    assert.equal(times.brief(at("2026-11-15T12:00:00Z"), now), "Sun");
    assert.equal(times.brief(at("2026-11-14T12:00:00Z"), now), "14 Nov");
    assert.equal(times.brief(at("2025-11-14T12:00:00Z"), now), "14 Nov 2025");
  });

  test("an hour that the clock skips is still one day", () => {
    assert.equal(times.dayLabel(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")), "Yesterday");
  });

  test("in Chinese", () => {
    const zh = new Times({ day: "n月j日 l", weekdays: "星期一|星期二|星期三|星期四|星期五|星期六|星期日" }, "Asia/Shanghai");
    assert.equal(zh.dayLabel(at("2026-11-13T12:00:00Z"), now), "11月13日 星期五");
  });

  test("letters kept by a backslash, and a zone nobody knows", () => {
    assert.equal(new Times({ time: "H\\hi" }, "UTC").clock(at("2026-11-21T08:05:00Z")), "08h05");
    assert.match(new Times({ time: "H:i" }, "Not/AZone").clock(now), /^\d\d:\d\d$/);
  });
});

describe("names", () => {
  const words = { comma: ", ", and: "%a and %b", more: "%n more", inFull: "4" };

  test("lists", () => {
    assert.equal(nameList([], words), "");
    assert.equal(nameList(["bob"], words), "bob");
    assert.equal(nameList(["bob", "carol"], words), "bob and carol");
    assert.equal(nameList(["a", "b", "c", "d"], words), "a, b, c and d");
    assert.equal(nameList(["a", "b", "c", "d", "e"], words), "a, b, c and 2 more");
  });

  test("a name that looks like a place is left alone", () => {
    assert.equal(nameList(["%b", "%n"], words), "%b and %n");
    assert.equal(fill("%n of %t", { n: 3 }), "3 of %t");
    assert.equal(fill(undefined, {}), "");
  });

  test("excerpts", () => {
    assert.equal(excerpt(" a\n\n b\tc "), "a b c");
    assert.equal([...excerpt("😀".repeat(121))].length, 120);
    assert.equal(excerpt("x".repeat(120)), "x".repeat(120));
  });
});
