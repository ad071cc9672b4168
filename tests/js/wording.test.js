/**
 * Tests of functions that exist in the browser and on the server, with cases that are used for both: excerpts, grouping
 * of messages, languages, dates and lists of names.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { groupMessages } from "../../static/js/conversation/log/grouping.js";
import { findCut } from "../../static/js/lib/graphemes.js";
import { shorten, summarizeText, fillPlaceholders, formatNameList } from "../../static/js/lib/wording.js";
import { DateFormatter } from "../../static/js/lib/times.js";
import { isEmojiOnly, getLangAttribute, detectLanguage } from "../../static/js/lib/text-language.js";

const table = (name) => JSON.parse(readFileSync(new URL(`./shared_cases/${name}.json`, import.meta.url), "utf8"));

describe("excerpts of messages without text, with the cases shared with the server", () => {
  for (const { html, body, files, line } of table("excerpts")) if (!html) test(line, () => assert.equal(summarizeText(body, files), line));
});

describe("characters as readers see them, with the cases shared with the server", () => {
  for (const characters of table("graphemes")) {
    test(characters.join(" "), () => {
      const text = characters.join("");
      const ends = characters.map((_, index) => [...characters.slice(0, index + 1).join("")].length);
      for (let end = ends[0]; end <= [...text].length; end += 1) {
        assert.equal(findCut([...text], end), Math.max(...ends.filter((each) => each <= end)));
      }
    });
  }
});

describe("grouping, with the cases shared with the server", () => {
  for (const { name, zone, lines, expect } of table("grouping")) {
    test(name, () => {
      const times = new DateFormatter({}, zone);
      const stamps = lines.map((line) => ({
        sender: line.sender,
        at: Date.parse(line.at),
        day: times.dayKey(new Date(line.at)),
        text: line.kind === "text",
        unreadBefore: line.unread_before,
      }));
      assert.deepEqual(
        groupMessages(stamps, { group: 5 * 60_000, separator: 60 * 60_000 }),
        expect.map(({ first, last, day_before: dayBefore, pause_before: pauseBefore = false }) => ({
          first, last, dayBefore, pauseBefore,
        })),
      );
    });
  }
});

describe("languages and emoji, with the cases shared with the server", () => {
  for (const { text, lang } of table("languages")) {
    test(`language "${lang}": ${JSON.stringify(text)}`, () => assert.equal(detectLanguage(text), lang));
  }

  test("the attribute is set only if it differs from the page", () => {
    assert.equal(getLangAttribute(detectLanguage("hello"), "en"), "");
    assert.equal(getLangAttribute(detectLanguage("hello"), "zh-Hans"), "en");
    assert.equal(getLangAttribute(detectLanguage("ありがとう"), "en"), "");
    assert.equal(getLangAttribute(detectLanguage("ありがとう"), "zh-Hans"), "und");
    assert.equal(getLangAttribute(detectLanguage("你好"), "en"), "zh-Hans");
    assert.equal(getLangAttribute(detectLanguage("你好"), "zh-Hans"), "zh-Hans");
    assert.equal(getLangAttribute(detectLanguage("👍"), "zh-Hans"), "");
  });
  for (const { text, big } of table("emoji_only")) {
    test(`${big ? "only emoji" : "not only emoji"}: ${JSON.stringify(text)}`, () => assert.equal(isEmojiOnly(text), big));
  }
});

describe("dates and times", () => {
  const words = {
    time: "H:i", day: "l, j F", dayYear: "l, j F Y", short: "j M", shortYear: "j M Y", weekday: "D",
    today: "Today", yesterday: "Yesterday",
    weekdays: "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    weekdaysShort: "Mon|Tue|Wed|Thu|Fri|Sat|Sun",
    months: "January|February|March|April|May|June|July|August|September|October|November|December",
    monthsShort: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
  };
  const now = new Date("2026-11-21T10:00:00Z");
  const times = new DateFormatter(words, "Europe/Berlin");
  const at = (text) => new Date(text);

  test("times in the time zone of the user, also at midnight", () => {
    assert.equal(times.formatTime(at("2026-11-21T08:05:00Z")), "09:05");
    assert.equal(times.formatTime(at("2026-11-20T23:00:00Z")), "00:00");
  });

  test("labels of date separators", () => {
    assert.equal(times.formatDayLabel(at("2026-11-20T23:30:00Z"), now), "Today");
    assert.equal(times.formatDayLabel(at("2026-11-20T22:30:00Z"), now), "Yesterday");
    assert.equal(times.formatDayLabel(at("2026-11-13T12:00:00Z"), now), "Friday, 13 November");
    assert.equal(times.formatDayLabel(at("2025-11-13T12:00:00Z"), now), "Thursday, 13 November 2025");
  });

  test("short form", () => {
    assert.equal(times.formatShort(at("2026-11-21T09:00:00Z"), now), "10:00");
    assert.equal(times.formatShort(at("2026-11-20T12:00:00Z"), now), "Fri");
    assert.equal(times.formatShort(at("2026-11-15T12:00:00Z"), now), "Sun");
    assert.equal(times.formatShort(at("2026-11-14T12:00:00Z"), now), "14 Nov");
    assert.equal(times.formatShort(at("2025-11-14T12:00:00Z"), now), "14 Nov 2025");
  });

  test("a day with a skipped hour is one day", () => {
    assert.equal(times.formatDayLabel(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")), "Yesterday");
  });

  test("in Chinese", () => {
    const zh = new DateFormatter({ day: "n月j日 l", weekdays: "星期一|星期二|星期三|星期四|星期五|星期六|星期日" }, "Asia/Shanghai");
    assert.equal(zh.formatDayLabel(at("2026-11-13T12:00:00Z"), now), "11月13日 星期五");
  });

  test("escaped letters and an unknown time zone", () => {
    assert.equal(new DateFormatter({ time: "H\\hi" }, "UTC").formatTime(at("2026-11-21T08:05:00Z")), "08h05");
    assert.match(new DateFormatter({ time: "H:i" }, "Not/AZone").formatTime(now), /^\d\d:\d\d$/);
  });
});

describe("lists of names", () => {
  const words = { comma: ", ", and: "%a and %b", more: "%n more", inFull: "4" };

  test("list", () => {
    assert.equal(formatNameList([], words), "");
    assert.equal(formatNameList(["bob"], words), "bob");
    assert.equal(formatNameList(["bob", "carol"], words), "bob and carol");
    assert.equal(formatNameList(["a", "b", "c", "d"], words), "a, b, c and d");
    assert.equal(formatNameList(["a", "b", "c", "d", "e"], words), "a, b, c and 2 more");
  });

  test("a name that looks like a placeholder stays unchanged", () => {
    assert.equal(formatNameList(["%b", "%n"], words), "%b and %n");
    assert.equal(fillPlaceholders("%n of %t", { n: 3 }), "3 of %t");
    assert.equal(fillPlaceholders(undefined, {}), "");
  });

  test("excerpts", () => {
    assert.equal(shorten(" a\n\n b\tc "), "a b c");
    assert.equal([...shorten("😀".repeat(121))].length, 120);
    assert.equal(shorten("x".repeat(120)), "x".repeat(120));
  });
});
