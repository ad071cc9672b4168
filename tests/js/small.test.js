/** The small ones: at most every so often, Markdown signs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { atMostEvery } from "../../static/js/clock.js";
import { format } from "../../static/js/formatting.js";
import { FakeClock } from "./fakes.js";

test("at most every second: at once, then together, and the last word is never lost", async () => {
  const clock = new FakeClock();
  const at = [];
  const tell = atMostEvery(1_000, () => at.push(clock.now()), clock);
  tell();
  tell();
  await clock.pass(400);
  tell();
  await clock.pass(2_000);
  tell();
  assert.deepEqual(at, [0, 1_000, 2_400]);
});

describe("Markdown signs", () => {
  /** What is used of a text field; `|` marks what is selected. */
  function field(text) {
    const [before, chosen, after] = text.split("|");
    return {
      value: before + chosen + after,
      selectionStart: before.length,
      selectionEnd: before.length + chosen.length,
      setRangeText(put, from, to) {
        this.value = this.value.slice(0, from) + put + this.value.slice(to);
      },
      setSelectionRange(from, to) {
        this.selectionStart = from;
        this.selectionEnd = to;
      },
      focus() {},
    };
  }

  const cases = [
    ["bold", "a |b| c", "a **b** c"],
    ["italic", "|b|", "*b*"],
    ["code", "|b|", "`b`"],
    ["code", "|a\nb|", "\n```\na\nb\n```\n"],
    ["list", "x\n|a\nb|", "x\n- a\n- b"],
    ["quote", "sa|id|", "> said"],
    ["mention", "hi||", "hi @"],
    ["mention", "||", "@"],
  ];
  for (const [act, text, expected] of cases) {
    test(`${act} ${JSON.stringify(text)}`, () => {
      const it = field(text);
      assert.equal(format(it, act), true);
      assert.equal(it.value, expected);
    });
  }

  test("what was chosen stays chosen", () => {
    const it = field("a |b| c");
    format(it, "bold");
    assert.equal(it.value.slice(it.selectionStart, it.selectionEnd), "b");
  });

  test("nothing for what it does not know", () => assert.equal(format(field("||"), "dance"), false));
});
