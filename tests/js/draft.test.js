import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Draft } from "../../static/js/composer/draft.js";
import { FakeClock, flushPromises } from "./fakes.js";

let clock, records, savedTexts, isFailing, server, remoteChanges, isBusy;

const make = (text = "", version = 0) =>
  new Draft({
    key: "k",
    stored: text,
    version,
    clock,
    limit: 20,
    memory: { get: (key) => records.get(key) ?? null, set: (key, value) => (value === null ? records.delete(key) : records.set(key, structuredClone(value))) },
    onRemoteChange: (text) => remoteChanges.push(text),
    isBusy: () => isBusy,
    store: async (text, leaving) => {
      savedTexts.push([text, leaving]);
      if (isFailing) throw new Error();
      server.version += 1;
      server.text = text;
      return { draft: text, me_version: server.version };
    },
  });

beforeEach(() => {
  clock = new FakeClock();
  records = new Map();
  savedTexts = [];
  remoteChanges = [];
  isFailing = isBusy = false;
  server = { text: "", version: 1 };
});

test("is stored in the browser at once and on the server after a pause", async () => {
  const draft = make();
  draft.setText("h");
  draft.setText("hi");
  assert.equal(records.get("k").text, "hi");
  await clock.advance(1_499);
  assert.deepEqual(savedTexts, []);
  await clock.advance(1);
  assert.deepEqual(savedTexts, [["hi", false]]);
  assert.equal(records.get("k").dirty, false);
});

test("a text that could not be saved is restored on the next page and saved", async () => {
  isFailing = true;
  make("older", 1).setText("hi");
  await clock.advance(2_000);
  isFailing = false;
  assert.equal(make("older", 1).text, "hi");
  await clock.advance(2_000);
  assert.deepEqual(savedTexts.at(-1), ["hi", false]);
});

test("without a record in the browser the draft of the server is used", () => assert.equal(make("from there").text, "from there"));

test("a page rendered before the draft was saved shows the record of the browser", async () => {
  const draft = make("", 1);
  draft.setText("hi");
  await clock.advance(1_500);
  assert.equal(make("", 1).text, "hi");
  assert.equal(make("changed since", 5).text, "changed since");
});

test("a sent text does not reappear on a page rendered before", async () => {
  const draft = make("hi", 1);
  draft.markSent();
  await flushPromises();
  assert.equal(server.text, "");
  assert.equal(make("hi", 1).text, "");
});

test("a text written offline and one of another device are both kept", async () => {
  isFailing = true;
  make("", 1).setText("mine");
  await clock.advance(2_000);
  isFailing = false;
  assert.equal(make("theirs", 4).text, "theirs\n\nmine");
});

test("if one text continues the other, only the longer one is kept", async () => {
  isFailing = true;
  make("a", 1).setText("a b");
  await clock.advance(2_000);
  assert.equal(make("", 5).text, "a b"); // sent on another device: the text written here stays
  assert.equal(make("a b c", 6).text, "a b c");
});

test("sending clears the draft on the server, but only if there was one", async () => {
  const draft = make();
  draft.setText("hi");
  draft.markSent();
  await clock.advance(5_000);
  assert.deepEqual(savedTexts, []);
  const other = make("saved", 9);
  other.markSent();
  await flushPromises();
  assert.deepEqual(savedTexts, [["", false]]);
});

test("sent while it is being saved: the draft ends up empty", async () => {
  const draft = make();
  draft.setText("hi");
  await clock.advance(1_500);
  draft.setText("hi there");
  clock.advance(1_500);
  draft.markSent();
  await clock.advance(5_000);
  assert.equal(server.text, "");
});

test("sent offline: the empty draft is saved when the connection is back", async () => {
  const draft = make("hi", 1);
  isFailing = true;
  draft.markSent();
  await clock.advance(5_000);
  isFailing = false;
  draft.retry();
  await flushPromises();
  assert.deepEqual(savedTexts.at(-1), ["", false]);
});

test("an unsaved text is saved when the page is left", () => {
  const draft = make();
  draft.flush();
  draft.setText("hi");
  draft.flush();
  assert.deepEqual(savedTexts, [["hi", true]]);
});

test("a change of another device appears if nothing here is newer; the own echo is ignored", async () => {
  const draft = make();
  draft.handleMemberState({ draft: "theirs", me_version: 2 });
  assert.deepEqual(remoteChanges, ["theirs"]);
  assert.equal(draft.text, "theirs");
  server.version = 2;
  draft.setText("mine");
  draft.handleMemberState({ draft: "theirs again", me_version: 3 });
  assert.equal(draft.text, "mine");
  server.version = 3;
  await clock.advance(1_500);
  draft.handleMemberState({ draft: "mine", me_version: 4 });
  draft.handleMemberState({ draft: "old news", me_version: 3 });
  assert.deepEqual(remoteChanges, ["theirs"]);
  assert.equal(server.text, "mine");
});

test("while the user types a remote change waits, and the next input here wins", async () => {
  const draft = make();
  isBusy = true;
  draft.handleMemberState({ draft: "theirs", me_version: 2 });
  assert.deepEqual(remoteChanges, []);
  isBusy = false;
  await clock.advance(4_000);
  assert.deepEqual(remoteChanges, ["theirs"]);
  isBusy = true;
  draft.handleMemberState({ draft: "more of theirs", me_version: 3 });
  server.version = 3;
  draft.setText("mine");
  isBusy = false;
  await clock.advance(8_000);
  assert.equal(server.text, "mine");
  assert.deepEqual(remoteChanges, ["theirs"]);
});

test("a text too long for the server is only stored in the browser", async () => {
  const draft = make();
  draft.setText("a".repeat(21));
  await clock.advance(5_000);
  assert.deepEqual(savedTexts, []);
  assert.equal(make().text.length, 21);
  draft.setText("👍".repeat(20)); // counted in code points, like on the server
  await clock.advance(2_000);
  assert.equal(savedTexts.length, 1);
});

test("the reply is kept with the draft until it is sent", async () => {
  const reply = { id: 1, seq: 1, sender: { id: 2, username: "bob", name: "Bob", avatar_url: null }, excerpt: "x", deleted: false };
  const draft = make();
  draft.setReply(reply);
  draft.setText("hi");
  await clock.advance(1_500);
  assert.deepEqual(make("hi", 2).reply, reply);
  assert.equal(make("written elsewhere", 7).reply, null);
  draft.markSent();
  await flushPromises();
  assert.equal(make("", 9).reply, null);
});
