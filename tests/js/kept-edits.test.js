/** Unfinished edits of messages, kept in the browser. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { KeptEdits } from "../../static/js/composer/kept-edits.js";

let records;
const open = () =>
  new KeptEdits("k", {
    get: (key) => structuredClone(records.get(key) ?? null),
    set: (key, value) => (value === null ? records.delete(key) : records.set(key, structuredClone(value))),
  });

beforeEach(() => (records = new Map()));

test("an unfinished edit is there again on the next page", () => {
  open().keep(7, { text: "half changed", message: { id: 7 }, isOpen: true });
  assert.equal(open().getText(7), "half changed");
  assert.deepEqual(open().openMessage, { id: 7 });
});

test("editing another message or answering keeps the first edit for later", () => {
  const edits = open();
  edits.keep(7, { text: "first", message: { id: 7 }, isOpen: true });
  edits.keep(8, { text: "second", message: { id: 8 }, isOpen: true });
  assert.deepEqual(edits.openMessage, { id: 8 });
  edits.close(8);
  assert.equal(edits.openMessage, undefined);
  assert.deepEqual([edits.getText(7), edits.getText(8)], ["first", "second"]);
});

test("a saved or cancelled edit is gone, and one that went on meanwhile stays", () => {
  const edits = open();
  edits.keep(7, { text: "saved", message: { id: 7 }, isOpen: true });
  edits.keep(7, { text: "saved and more", message: { id: 7 }, isOpen: true });
  edits.remove(7, "saved");
  assert.equal(edits.getText(7), "saved and more");
  edits.remove(7);
  assert.equal(edits.getText(7), undefined);
  assert.equal(records.size, 0);
});

test("the edit of a message that could not be sent is kept, and opened only by its button", () => {
  open().keep("client-id", { text: "shorter", isOpen: true });
  assert.equal(open().openMessage, undefined);
  assert.equal(open().getText("client-id"), "shorter");
});
