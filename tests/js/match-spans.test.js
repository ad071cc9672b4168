/** Tests where the matches of a search are marked in the displayed text of a message. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { findMatchSpans, getMatchedTexts } from "../../static/js/conversation/search/match-spans.js";

const marked = (text, ...matchedTexts) => findMatchSpans(text, matchedTexts).map(([start, end]) => text.slice(start, end));

test("matched texts are cut out by code points, each once", () => {
  assert.deepEqual(getMatchedTexts("👍🏽 Café, Café 圖書館", [[3, 7], [9, 13], [14, 17]]), ["Café", "圖書館"]);
});

test("a match is marked where it is displayed, also with Markdown between its words", () => {
  assert.deepEqual(marked("the annual general meeting", "annual** general"), ["annual general"]);
  assert.deepEqual(marked("明天在圖書館，圖書館", "圖書"), ["圖書", "圖書"]);
  assert.deepEqual(marked("well done 🎉", "🎉"), ["🎉"]);
  assert.deepEqual(marked("call a.b()", "a.b"), ["a.b"]);
});

test("nothing inside another word is marked, except in scripts without spaces", () => {
  assert.deepEqual(marked("in the main inn", "in"), ["in", "in"]);
  assert.deepEqual(findMatchSpans("main", ["in"]), []);
  assert.deepEqual(marked("用iPhone手机", "iPhone", "手机"), ["iPhone", "手机"]);
});

test("marks do not overlap", () => {
  assert.deepEqual(marked("minutes", "min", "minutes"), ["minutes"]);
});
