/**
 * Tests how shortcuts, buttons and pasting change the Markdown in the composer. In the texts `|` marks the caret or the
 * ends of the selection.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { getShortcutAction } from "../../static/js/composer/composer-toolbar.js";
import { applyFormat, isInCode, isInCodeBlock, isNewLineInCodeBlock, makeNewLine } from "../../static/js/composer/markdown-editing.js";
import { convertPaste } from "../../static/js/composer/paste.js";

function parse(text) {
  const [before, chosen = "", after] = text.split("|");
  const isCaret = after === undefined;
  const [middle, rest] = isCaret ? ["", chosen] : [chosen, after];
  return [before + middle + rest, before.length, before.length + middle.length];
}

/** Returns the text after a change, with `|` at the caret or on both sides of the selection. */
function after(value, change) {
  if (!change) return null;
  const { from, to, text, select = [from + text.length, from + text.length] } = change;
  const made = value.slice(0, from) + text + value.slice(to);
  const [start, end] = select;
  return start === end ? `${made.slice(0, start)}|${made.slice(start)}` : `${made.slice(0, start)}|${made.slice(start, end)}|${made.slice(end)}`;
}

describe("Markdown signs", () => {
  const cases = [
    ["bold", "a |b| c", "a **|b|** c"],
    ["bold", "a **|b|** c", "a |b| c"],
    ["bold", "|**b**|", "|b|"],
    ["bold", "a | b |c", "a  **|b|** c"],
    ["bold", "|", "**|**"],
    ["bold", "*|b|*", "***|b|***"], // both
    ["italic", "**|b|**", "***|b|***"],
    ["italic", "|b|", "*|b|*"],
    ["strike", "|b|", "~~|b|~~"],
    ["code", "|b|", "`|b|`"],
    ["code", "x |a\nb|", "x \n```\na\nb\n```\n|"],
    ["code", "|a\n```\nb|", "````\na\n```\nb\n````\n|"],
    ["list", "x\n|a\nb|", "x\n- a\n- b|"],
    ["list", "x\n|- a\n- b|", "x\na\nb|"],
    ["numbers", "|a\n- b|", "1. a\n2. b|"],
    ["quote", "sa|id", "> sa|id"],
    ["list", "\n|x", "\n- |x"],
    ["list", "|\nx", "- |\nx"],
    ["link", "a |b| c", "a [b](|) c"],
    ["link", "|", "[|]()"],
    ["link", "|https://a.example/b|", "[|](https://a.example/b)"],
    ["mention", "hi|", "hi @|"],
    ["mention", "|", "@|"],
    ["mention", "你好|", "你好@|"],
  ];
  for (const [act, text, expected] of cases) {
    test(`${act} ${JSON.stringify(text)}`, () => {
      const [value, start, end] = parse(text);
      assert.equal(after(value, applyFormat(value, start, end, act)), expected);
    });
  }

  test("applying an action twice reverts it", () => {
    for (const act of ["bold", "italic", "strike", "code"]) {
      const once = applyFormat("word", 0, 4, act);
      const value = once.text;
      assert.equal(after(value, applyFormat(value, ...once.select, act)), "|word|", act);
    }
  });

  test("an unknown action returns null", () => assert.equal(applyFormat("", 0, 0, "dance"), null));
});

describe("shortcuts", () => {
  const key = (key, code, rest = {}) => ({ key, code, ctrlKey: true, metaKey: false, shiftKey: false, altKey: false, ...rest });

  test("with Ctrl or ⌘", () => {
    assert.equal(getShortcutAction(key("b", "KeyB")), "bold");
    assert.equal(getShortcutAction(key("B", "KeyB", { ctrlKey: false, metaKey: true })), "bold");
    assert.equal(getShortcutAction(key("X", "KeyX", { shiftKey: true })), "strike");
    assert.equal(getShortcutAction(key("*", "Digit8", { shiftKey: true })), "list");
  });

  test("keys of the quick switcher, typing and AltGr are ignored", () => {
    assert.equal(getShortcutAction(key("k", "KeyK")), undefined);
    assert.equal(getShortcutAction(key("b", "KeyB", { ctrlKey: false })), undefined);
    assert.equal(getShortcutAction(key("€", "KeyE", { altKey: true })), undefined);
  });
});

describe("new line", () => {
  const cases = [
    ["- a|", "- a\n- |"],
    ["- a|b", "- a\n- |b"],
    ["1. a|", "1. a\n2. |"],
    ["9) a|", "9) a\n10) |"],
    ["  * a|", "  * a\n  * |"],
    ["> said|", "> said\n> |"],
    ["- a\n- |", "- a\n\n|"], // what is written next is outside of the list
    ["1. a\n2. |", "1. a\n\n|"],
    ["> a\n> |", "> a\n\n|"],
    ["- a\n  - b\n  - |", "- a\n  - b\n\n|"],
    ["- |", "|"],
    ["plain\n- |", "plain\n|"],
    ["plain|", "plain\n|"],
    ["-no list|", "-no list\n|"],
    ["2026. 11. 30. meeting|", "2026. 11. 30. meeting\n|"], // a date
    ["```\n  a|", "```\n  a\n  |"],
    ["```\n- a|", "```\n- a\n|"],
    ["```\n> a|", "```\n> a\n|"],
    ["- ```|", "- ```\n  |"], // code in a list item
    ["1. ```py\n   a|", "1. ```py\n   a\n   |"],
    ["> - ```|", "> - ```\n>   |"],
    ["> - 一|", "> - 一\n> - |"],
    ["> 9. a|", "> 9. a\n> 10. |"],
    ["> - a\n> - |", "> - a\n> |"], // leaves the list, then the quote
    ["> - a\n> |", "> - a\n\n|"],
    ["> > a|", "> > a\n> > |"],
    ["> > a\n> > |", "> > a\n\n|"],
    ["> ```\n>   a|", "> ```\n>   a\n>   |"],
    ["> ```\n> - a|", "> ```\n> - a\n> |"],
    ["> ```\n> a\n> ```\n> - b|", "> ```\n> a\n> ```\n> - b\n> - |"],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => {
      const [value, start, end] = parse(text);
      assert.equal(after(value, makeNewLine(value, start, end)), expected);
    });
  }
});

test("behind an opening fence Enter begins the code, behind a closing one it sends", () => {
  const cases = [
    ["```", true],
    ["- ```", true],
    ["1. ```py", true],
    ["- ```\n  a\n  ```", false],
    ["- a ```", false],
    ["text\n```", true],
    ["```python", true],
    ["```\na", true],
    ["```\na\n```", false],
    ["```\na\n``` is this right", false],
    ["```\na\n```这样对吗", false],
    ["```\na\n```js", true],
    ["```\na\n``` b\nc\n```", false],
    ["````\na\n``` b c", true],
    ["````\n```", true],
    ["```a``` b", false],
    ["```SELECT * FROM x;", false], // words, and not the name of a language
    ["~~~haha", false],
    ["> ```", true],
    ["text\n> ```js\n> a", true],
    ["> ```\n> a\n> ```", false],
    ["> ```\n\n> a", false], // another quote
    ["> ```\na", false],
    ["``", false],
  ];
  assert.equal(isNewLineInCodeBlock("```js\nlet a\nlet b```", 21), false, "the backticks behind the last line end it");
  for (const [text, expected] of cases) assert.equal(isNewLineInCodeBlock(text, text.length), expected, text);
});

test("positions inside code", () => {
  assert.equal(isInCodeBlock("~~~\na", 5), false);
  assert.equal(isInCodeBlock("```a``` b\nc", 11), false);
  assert.equal(isInCodeBlock("```\na", 5), true);
  assert.equal(isInCodeBlock("```\na\n```\n", 10), false);
  assert.equal(isInCodeBlock("````\n```\n", 9), true);
  assert.equal(isInCodeBlock("a ``` b\n", 8), false);
  assert.equal(isInCode("a `b", 4), true);
  assert.equal(isInCode("a `b` c", 7), false);
});

describe("paste", () => {
  const paste = (text, clip) => {
    const [value, start, end] = parse(text);
    return after(value, convertPaste(value, start, end, clip));
  };

  test("an address pasted over a selection makes a link", () => {
    assert.equal(paste("see |this| page", { text: "https://example.org/a" }), "see [this](https://example.org/a)| page");
    assert.equal(paste("|a [b]|", { text: "https://example.org/x(y)" }), "[a \\[b\\]](<https://example.org/x(y)>)|");
  });

  test("an address is pasted as text without a selection, over an address, over several lines or in code", () => {
    const address = { text: "https://example.org/a" };
    for (const text of ["a |", "|https://old.example/|", "|a\nb|", "`|a|`", "[a](|b|"]) assert.equal(paste(text, address), null, text);
    assert.equal(paste("|word|", { text: "javascript:alert(1)" }), null);
  });

  const code = "def f():\n    return 1";

  test("code from an editor becomes a code block with its language", () => {
    assert.equal(paste("|", { text: code, editor: '{"mode":"python"}' }), "```python\ndef f():\n    return 1\n```\n|");
    assert.equal(paste("look: |", { text: `${code}\n`, editor: '{"mode":"plaintext"}' }), "look: \n```\ndef f():\n    return 1\n```\n|");
    assert.equal(paste("|", { text: "a\nb", editor: "no json" }), "```\na\nb\n```\n|");
  });

  test("so does code from JetBrains, a web page or a terminal", () => {
    assert.match(paste("|", { text: "a\nb", html: "<html><body><pre style='x'>a\nb</pre></body></html>" }), /^```\na\nb\n```/);
    assert.match(paste("|", { text: "a\nb", html: `<div style="color: #000;font-family: 'Fira Code', monospace;white-space: pre;">a</div>` }), /^```/);
    assert.match(paste("|", { text: "if (a) {\n  b();\n}" }), /^```\nif/);
    for (const python of [code, "for i in range(3):\n    print(i)", "try:\n\tgo()\nexcept OSError:\n\tstop()", "class Room(Model):\n    name = 1"]) {
      assert.equal(paste("|", { text: python }), `\`\`\`\n${python}\n\`\`\`\n|`);
    }
    assert.equal(paste("|", { text: "x", html: "<meta charset='utf-8'><code>x</code>" }), "`x`|");
  });

  test("indented prose without a sign of an editor stays prose", () => {
    const texts = [
      "会议议程：\n  一、开场（9:00）\n  二、报告(9:30)\n  三、讨论(10:00)",
      "Agenda:\n  1) Opening (9:00);\n  2) Report (9:30);\n  3) Discussion (10:00).",
      "Shopping:\n  milk;\n  eggs;\n  bread;",
      "待办:\n\t牛奶,\n\t鸡蛋,\n\t面包;",
      "Rent:\n  May = 500\n  June = 520",
      "Trip:\n  Home -> Work\n  Work => Gym",
      "Hello [Bob],\n  see report(s) and call(9:30):\n  thanks (Alice)",
      "for people in Berlin:\n  meet at nine\nif it rains (or snows):\n  stay at home",
      "try: first\n  and then",
      "<bob> hi\n  <alice> hello:\n  <bob> bye",
    ];
    for (const text of texts) assert.equal(paste("|", { text }), null, text);
  });

  test("undoing the signs around pasted code gives the pasted text back", () => {
    assert.equal(convertPaste("", 0, 0, { text: code, editor: '{"mode":"python"}' }).plain, code);
    assert.equal(convertPaste("", 0, 0, { text: "x", html: "<code>x</code>" }).plain, "x");
    assert.equal(convertPaste("a", 0, 1, { text: "https://example.org/" }).plain, undefined);
  });

  test("plain text stays plain text", () => {
    for (const text of ["one line", "two\nlines", "- a\n  - b\n  - c", "Dear Bob,\n\n  I write to you\n  from here."]) {
      assert.equal(paste("|", { text }), null, text);
    }
    assert.equal(paste("|", { text: "one word", editor: '{"mode":"python"}' }), null);
    assert.equal(paste("```\n|", { text: code, editor: '{"mode":"python"}' }), null);
    assert.equal(paste("|", { text: "```\na\nb\n```", editor: '{"mode":"markdown"}' }), null);
  });
});
