import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Draft } from "../../static/js/composer/draft.js";
import { FakeClock, settle } from "./fakes.js";

let clock, kept, stored, fails, server, theirs, busy;

const make = (text = "", version = 0) =>
  new Draft({
    key: "k",
    stored: text,
    version,
    clock,
    limit: 20,
    memory: { get: (key) => kept.get(key) ?? null, set: (key, value) => (value === null ? kept.delete(key) : kept.set(key, structuredClone(value))) },
    onTheirs: (said) => theirs.push(said),
    isBusy: () => busy,
    store: async (said, leaving) => {
      stored.push([said, leaving]);
      if (fails) throw new Error();
      server.version += 1;
      server.text = said;
      return { draft: said, me_version: server.version };
    },
  });

beforeEach(() => {
  clock = new FakeClock();
  kept = new Map();
  stored = [];
  theirs = [];
  fails = busy = false;
  server = { text: "", version: 1 };
});

test("kept at once, stored after a pause", async () => {
  const draft = make();
  draft.write("h");
  draft.write("hi");
  assert.equal(kept.get("k").text, "hi");
  await clock.pass(1_499);
  assert.deepEqual(stored, []);
  await clock.pass(1);
  assert.deepEqual(stored, [["hi", false]]);
  assert.equal(kept.get("k").dirty, false);
});

test("what could not be stored comes back with the next page, and is stored", async () => {
  fails = true;
  make("older", 1).write("hi");
  await clock.pass(2_000);
  fails = false;
  assert.equal(make("older", 1).text, "hi");
  await clock.pass(2_000);
  assert.deepEqual(stored.at(-1), ["hi", false]);
});

test("the server's, where the browser has none", () => assert.equal(make("from there").text, "from there"));

test("a page that was drawn before the server had it shows what is known here", async () => {
  const draft = make("", 1);
  draft.write("hi");
  await clock.pass(1_500);
  assert.equal(make("", 1).text, "hi");
  assert.equal(make("changed since", 5).text, "changed since");
});

test("a text that was sent does not come back with a page drawn before", async () => {
  const draft = make("hi", 1);
  draft.sent();
  await settle();
  assert.equal(server.text, "");
  assert.equal(make("hi", 1).text, "");
});

test("written here without a line, and elsewhere meanwhile: neither is lost", async () => {
  fails = true;
  make("", 1).write("mine");
  await clock.pass(2_000);
  fails = false;
  assert.equal(make("theirs", 4).text, "theirs\n\nmine");
});

test("where one goes on with the other, that one is all", async () => {
  fails = true;
  make("a", 1).write("a b");
  await clock.pass(2_000);
  assert.equal(make("", 5).text, "a b"); // sent elsewhere: what was written here stays
  assert.equal(make("a b c", 6).text, "a b c");
});

test("sent: gone on the server too, but only if it was there", async () => {
  const draft = make();
  draft.write("hi");
  draft.sent();
  await clock.pass(5_000);
  assert.deepEqual(stored, []);
  const other = make("saved", 9);
  other.sent();
  await settle();
  assert.deepEqual(stored, [["", false]]);
});

test("sent while it is being stored: the later word wins", async () => {
  const draft = make();
  draft.write("hi");
  await clock.pass(1_500);
  draft.write("hi there");
  clock.pass(1_500);
  draft.sent();
  await clock.pass(5_000);
  assert.equal(server.text, "");
});

test("sent without a line: stored when there is one", async () => {
  const draft = make("hi", 1);
  fails = true;
  draft.sent();
  await clock.pass(5_000);
  fails = false;
  draft.retry();
  await settle();
  assert.deepEqual(stored.at(-1), ["", false]);
});

test("left with words unsaved: stored on the way out", () => {
  const draft = make();
  draft.leave();
  draft.write("hi");
  draft.leave();
  assert.deepEqual(stored, [["hi", true]]);
});

test("another device's words appear where nothing here is newer; one's own echo is no news", async () => {
  const draft = make();
  draft.adopt({ draft: "theirs", me_version: 2 });
  assert.deepEqual(theirs, ["theirs"]);
  assert.equal(draft.text, "theirs");
  server.version = 2;
  draft.write("mine");
  draft.adopt({ draft: "theirs again", me_version: 3 });
  assert.equal(draft.text, "mine");
  server.version = 3;
  await clock.pass(1_500);
  draft.adopt({ draft: "mine", me_version: 4 });
  draft.adopt({ draft: "old news", me_version: 3 });
  assert.deepEqual(theirs, ["theirs"]);
  assert.equal(server.text, "mine");
});

test("while somebody writes they wait, and the next key here wins", async () => {
  const draft = make();
  busy = true;
  draft.adopt({ draft: "theirs", me_version: 2 });
  assert.deepEqual(theirs, []);
  busy = false;
  await clock.pass(4_000);
  assert.deepEqual(theirs, ["theirs"]);
  busy = true;
  draft.adopt({ draft: "more of theirs", me_version: 3 });
  server.version = 3;
  draft.write("mine");
  busy = false;
  await clock.pass(8_000);
  assert.equal(server.text, "mine");
  assert.deepEqual(theirs, ["theirs"]);
});

test("what is too long for the server is kept here", async () => {
  const draft = make();
  draft.write("a".repeat(21));
  await clock.pass(5_000);
  assert.deepEqual(stored, []);
  assert.equal(make().text.length, 21);
  draft.write("👍".repeat(20)); // counted as the server counts
  await clock.pass(2_000);
  assert.equal(stored.length, 1);
});

test("the answer that it is stays with it, until it is sent", async () => {
  const reply = { id: 1, seq: 1, sender: { id: 2, username: "bob", name: "Bob", avatar_url: null }, excerpt: "x", deleted: false };
  const draft = make();
  draft.answer(reply);
  draft.write("hi");
  await clock.pass(1_500);
  assert.deepEqual(make("hi", 2).reply, reply);
  assert.equal(make("written elsewhere", 7).reply, null);
  draft.sent();
  await settle();
  assert.equal(make("", 9).reply, null);
});
