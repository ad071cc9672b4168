import assert from "node:assert/strict";
import { test } from "node:test";

import { Tabs } from "../../static/js/realtime/connection/leader-tab.js";
import { settle } from "./fakes.js";

/** Web Locks, as far as they are used: a queue per name, `steal`, and a way to end a holder. */
class FakeLocks {
  holder = null;
  queue = [];

  request(name, { steal }, run) {
    return new Promise((resolve, reject) => {
      const entry = { run, reject };
      if (steal) {
        this.holder?.reject(Object.assign(new Error(), { name: "AbortError" }));
        this.#give(entry);
      } else if (this.holder) {
        this.queue.push(entry);
      } else {
        this.#give(entry);
      }
    });
  }

  #give(entry) {
    this.holder = entry;
    queueMicrotask(entry.run);
  }

  closeHolder() {
    this.holder = null;
    const next = this.queue.shift();
    if (next) this.#give(next);
  }
}

function tab(locks) {
  const leads = [];
  return { leads, tabs: new Tabs({ name: "t", onLead: (is) => leads.push(is), onNews() {}, locks, Channel: null }) };
}

test("one leads, the next takes over when it closes", async () => {
  const locks = new FakeLocks();
  const [a, b] = [tab(locks), tab(locks)];
  a.tabs.queue();
  b.tabs.queue();
  await settle();
  assert.deepEqual([a.leads, b.leads], [[true], []]);
  locks.closeHolder();
  await settle();
  assert.deepEqual(b.leads, [true]);
});

test("the one looked at takes it, the other waits behind", async () => {
  const locks = new FakeLocks();
  const [a, b] = [tab(locks), tab(locks)];
  a.tabs.queue();
  await settle();
  b.tabs.take();
  b.tabs.take();
  await settle();
  assert.deepEqual([a.tabs.leads, b.tabs.leads], [false, true]);
  locks.closeHolder();
  await settle();
  assert.equal(a.tabs.leads, true);
});

test("without locks, or where they are refused, each leads by itself", async () => {
  const [a, b] = [tab(null), tab({ request: () => Promise.reject(new Error("SecurityError")) })];
  a.tabs.queue();
  b.tabs.queue();
  await settle();
  assert.deepEqual([a.tabs.leads, b.tabs.leads], [true, true]);
});

test("news go over the channel", () => {
  const posted = [];
  class Channel {
    postMessage(data) { posted.push(data); }
    close() {}
  }
  let heard = 0;
  const tabs = new Tabs({ name: "t", onLead() {}, onNews: () => (heard += 1), locks: null, Channel });
  tabs.tell();
  assert.equal(posted.length, 1);
  tabs.close();
});
