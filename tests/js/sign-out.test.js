/** What signing out deletes in the browser. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { getDraftKey } from "../../static/js/composer/unsynced-drafts.js";
import { getEditsKey } from "../../static/js/composer/kept-edits.js";
import { getSearchesKey } from "../../static/js/pages/recent-searches.js";
import { deleteStoredTexts } from "../../static/js/pages/sign-out.js";

test("drafts, unfinished edits and recent searches of this user are deleted, those of others and preferences stay", () => {
  const stored = [getDraftKey(1, 7), getDraftKey(1, 8), getEditsKey(1, 7), getSearchesKey(1), getSearchesKey(12), getDraftKey(12, 7), getEditsKey(2, 7), "messenger.emoji"];
  const storage = Object.fromEntries(stored.map((key) => [key, "{}"]));
  Object.defineProperty(storage, "removeItem", { value: (key) => delete storage[key] });
  deleteStoredTexts(1, storage);
  assert.deepEqual(Object.keys(storage), [getSearchesKey(12), getDraftKey(12, 7), getEditsKey(2, 7), "messenger.emoji"]);
});
