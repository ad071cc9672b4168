/** Fakes for tests: a clock, WebSockets and an IndexedDB, which the test controls. */
import { readFileSync } from "node:fs";

export class FakeClock {
  time = 0;
  #timers = new Map();
  #next = 1;

  now = () => this.time;

  after = (ms, run) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.time + Math.max(0, ms), run });
    return id;
  };

  cancel = (id) => void this.#timers.delete(id);

  get pendingTimers() {
    return this.#timers.size;
  }

  /** Advances the time by `ms`. Runs the timers that become due, in order, and the callbacks of promises after each. */
  async advance(ms) {
    const end = this.time + ms;
    await flushPromises();
    for (;;) {
      const nextDue = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!nextDue) break;
      const [id, timer] = nextDue;
      this.#timers.delete(id);
      this.time = Math.max(this.time, timer.at);
      timer.run();
      await flushPromises();
    }
    this.time = end;
  }

  /**
   * Advances the time by `ms` at once, as after the sleep of a computer or in a throttled tab. Timers that became due
   * run afterwards, so they are late.
   */
  async jump(ms) {
    this.time += ms;
    await this.advance(0);
  }
}

/**
 * Replaces `document` by one that has only `<template>`s with data attributes, such as the table of kinds of message.
 * @param {Record<string, Record<string, string>>} templates data attributes by id
 */
export function fakePageData(templates) {
  globalThis.document = { getElementById: (id) => (templates[id] ? { dataset: templates[id] } : null) };
}

/** The rules of the conversation list. tests/pages/test_conversation_list.py compares them with those of the server. */
export const LIST_RULES = JSON.parse(readFileSync(new URL("./shared_cases/list_rules.json", import.meta.url), "utf8"));

/** What the page says about the kinds of message; see chat/message_kinds.py. */
export const MESSAGE_KINDS = { text: "written counted activity reply react edit", system: "" };

/** Waits until the callbacks of all settled promises have run. */
export async function flushPromises() {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

/** Returns a fake WebSocket class for one test. Its `all` are the instances created so far, `last` the newest one. */
export function createFakeSocketClass() {
  return class FakeSocket {
    static all = [];

    static get last() {
      return FakeSocket.all.at(-1);
    }

    static get openSockets() {
      return FakeSocket.all.filter((socket) => !socket.closed);
    }

    sent = [];
    closed = false;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      FakeSocket.all.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.closed = true;
    }

    // The test calls these methods in the role of the server.
    open() {
      this.onopen?.();
    }

    receive(type, payload = {}, ref = undefined) {
      this.onmessage?.({ data: JSON.stringify({ type, payload, ref }) });
    }

    receiveRaw(data) {
      this.onmessage?.({ data });
    }

    welcome(overrides = {}) {
      this.open();
      this.receive("welcome", {
        user_id: 1,
        connection_id: "c",
        server_time: "",
        heartbeat: { interval: 5, timeout: 7 },
        versions: {},
        me_version: 0,
        epoch: "e",
        ...overrides,
      });
    }

    drop(code = 1006) {
      this.closed = true;
      this.onclose?.({ code });
    }

    pings() {
      return this.sent.filter((frame) => frame.type === "ping").length;
    }
  };
}

/**
 * Fake of IndexedDB with the part of the API that the scripts use. `databases` are the initial contents, by name of the
 * database: `{name: {store: {keyPath, autoIncrement, indexes: {index: keyPath}, records}}}`.
 */
export class FakeIndexedDb {
  constructor(databases) {
    this.databases = structuredClone(databases);
  }

  records(database, store) {
    return this.databases[database][store].records;
  }

  open(name, version) {
    const request = {};
    queueMicrotask(() => {
      if (version !== 1) throw new Error(`unexpected version ${version}`);
      const isNew = !(name in this.databases);
      const stores = (this.databases[name] ??= {});
      request.result = {
        close() {},
        createObjectStore: (store, { keyPath, autoIncrement = false }) => {
          stores[store] = { keyPath, autoIncrement, indexes: {}, records: [] };
          return { createIndex: (index, path) => (stores[store].indexes[index] = path) };
        },
        transaction: (store) => new FakeTransaction(stores[store]),
      };
      if (isNew) request.onupgradeneeded();
      request.onsuccess();
    });
    return request;
  }
}

class FakeTransaction {
  #requests = 0;

  constructor(store) {
    if (!store) throw new Error("NotFoundError");
    this.store = store;
  }

  objectStore() {
    const { store } = this;
    const { keyPath } = store;
    return {
      getAll: () => this.#request(() => structuredClone(store.records)),
      put: (record) =>
        this.#request(() => {
          const last = Math.max(0, ...store.records.map((other) => other[keyPath]));
          const stored = structuredClone({ ...record, [keyPath]: record[keyPath] ?? last + 1 });
          store.records = [...store.records.filter((other) => other[keyPath] !== stored[keyPath]), stored].sort((a, b) => (a[keyPath] < b[keyPath] ? -1 : 1));
          return stored[keyPath];
        }),
      delete: (key) => this.#request(() => void (store.records = store.records.filter((record) => record[keyPath] !== key))),
      index: (name) => {
        const path = store.indexes[name];
        if (!path) throw new Error("NotFoundError");
        return { getKey: (value) => this.#request(() => store.records.find((record) => record[path] === value)?.[keyPath]) };
      },
    };
  }

  #request(run) {
    const request = {};
    this.#requests += 1;
    queueMicrotask(() => {
      request.result = run();
      request.onsuccess?.();
      this.#requests -= 1;
      if (!this.#requests) queueMicrotask(() => this.oncomplete?.());
    });
    return request;
  }
}
