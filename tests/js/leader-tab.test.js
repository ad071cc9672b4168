import assert from "node:assert/strict";
import { test } from "node:test";

import { LeaderTab } from "../../static/js/realtime/connection/leader-tab.js";
import { flushPromises } from "./fakes.js";

/** Fake of the Web Locks API with one lock, a queue and the option `steal`. `closeHolder` closes the tab with the lock. */
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

function createTab(locks) {
  const changes = [];
  return { changes, leaderTab: new LeaderTab({ name: "t", onLeaderChange: (isLeader) => changes.push(isLeader), onAnnouncement() {}, locks, Channel: null }) };
}

test("one tab is the leader, the next one takes over when it is closed", async () => {
  const locks = new FakeLocks();
  const [a, b] = [createTab(locks), createTab(locks)];
  a.leaderTab.waitForLeadership();
  b.leaderTab.waitForLeadership();
  await flushPromises();
  assert.deepEqual([a.changes, b.changes], [[true], []]);
  locks.closeHolder();
  await flushPromises();
  assert.deepEqual(b.changes, [true]);
});

test("the focused tab becomes the leader, the other one waits", async () => {
  const locks = new FakeLocks();
  const [a, b] = [createTab(locks), createTab(locks)];
  a.leaderTab.waitForLeadership();
  await flushPromises();
  b.leaderTab.takeLeadership();
  b.leaderTab.takeLeadership();
  await flushPromises();
  assert.deepEqual([a.leaderTab.isLeader, b.leaderTab.isLeader], [false, true]);
  locks.closeHolder();
  await flushPromises();
  assert.equal(a.leaderTab.isLeader, true);
});

test("without locks, or if they are denied, each tab is a leader", async () => {
  const [a, b] = [createTab(null), createTab({ request: () => Promise.reject(new Error("SecurityError")) })];
  a.leaderTab.waitForLeadership();
  b.leaderTab.waitForLeadership();
  await flushPromises();
  assert.deepEqual([a.leaderTab.isLeader, b.leaderTab.isLeader], [true, true]);
});

test("announcements are sent over the channel", () => {
  const posted = [];
  class Channel {
    postMessage(data) { posted.push(data); }
    close() {}
  }
  let announcements = 0;
  const leaderTab = new LeaderTab({ name: "t", onLeaderChange() {}, onAnnouncement: () => (announcements += 1), locks: null, Channel });
  leaderTab.announce();
  assert.equal(posted.length, 1);
  leaderTab.close();
});
