import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Draft } from "../../static/js/draft.js";
import { FakeClock, settle } from "./fakes.js";

let clock, kept, stored, fails;
const make = (server) =>
  new Draft({
    key: "k",
    stored: server,
    clock,
    memory: { get: (key) => kept.get(key) ?? null, set: (key, value) => (value === null ? kept.delete(key) : kept.set(key, value)) },
    store: (text, leaving) => {
      stored.push([text, leaving]);
      return fails ? Promise.reject(new Error()) : Promise.resolve();
    },
  });

beforeEach(() => {
  clock = new FakeClock();
  kept = new Map();
  stored = [];
  fails = false;
});

test("kept at once, stored after a pause, then only the server has it", async () => {
  const draft = make("");
  draft.write("h");
  draft.write("hi");
  assert.equal(kept.get("k"), "hi");
  await clock.pass(1_499);
  assert.deepEqual(stored, []);
  await clock.pass(1);
  assert.deepEqual(stored, [["hi", false]]);
  assert.equal(kept.size, 0);
});

test("what could not be stored comes back with the next page", async () => {
  fails = true;
  make("").write("hi");
  await clock.pass(2_000);
  assert.equal(kept.get("k"), "hi");
  fails = false;
  assert.equal(make("older").text, "hi");
  await clock.pass(2_000);
  assert.deepEqual(stored.at(-1), ["hi", false]);
});

test("the server's, where the browser has none", () => assert.equal(make("from there").text, "from there"));

test("sent: gone on the server too, but only if it was there", async () => {
  const draft = make("");
  draft.write("hi");
  draft.sent();
  await clock.pass(5_000);
  assert.deepEqual(stored, []);
  assert.equal(kept.size, 0);
  const other = make("saved");
  other.sent();
  await settle();
  assert.deepEqual(stored, [["", false]]);
});

test("left with words unsaved: stored on the way out", () => {
  const draft = make("");
  draft.leave();
  draft.write("hi");
  draft.leave();
  assert.deepEqual(stored, [["hi", true]]);
});

test("another device's words are taken where none here are newer; one's own echo is no news", async () => {
  const draft = make("");
  assert.equal(draft.adopt("theirs"), true);
  assert.equal(draft.text, "theirs");
  draft.write("mine");
  assert.equal(draft.adopt("theirs again"), false);
  assert.equal(draft.text, "mine");
  await clock.pass(1_500);
  assert.equal(draft.adopt("mine"), false);
});
