/** Where the outbox keeps its texts: IndexedDB, or memory where that is refused. */

/**
 * @typedef {import("./outbox.js").Store} Store
 * @typedef {import("../protocol.js").Queued} Queued
 */

const TEXTS = "outbox";

/** For this tab only: nothing survives it. @implements {Store} */
export class MemoryStore {
  /** @type {Map<string, Queued>} */
  #texts = new Map();
  #order = 0;

  /** Other tabs see the same texts. */
  shared = false;

  async all() {
    return [...this.#texts.values()].map((queued) => ({ ...queued }));
  }

  /** @param {Queued} queued */
  async put(queued) {
    const order = this.#texts.get(queued.client_id)?.order ?? ++this.#order;
    this.#texts.set(queued.client_id, { ...queued, order });
    return order;
  }

  /** @param {string} clientId */
  async remove(clientId) {
    this.#texts.delete(clientId);
  }
}

/** @implements {Store} */
export class DatabaseStore {
  shared = true;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
    // A later version of the site may need to change the database while this page is still open.
    database.onversionchange = () => database.close();
  }

  /** @returns {Promise<Queued[]>} */
  async all() {
    return this.#do("readonly", (texts) => texts.getAll()); // the key is `order`
  }

  /** @param {Queued} queued @returns {Promise<number>} */
  async put(queued) {
    return this.#do("readwrite", (texts) => texts.put(queued));
  }

  /** @param {string} clientId @returns {Promise<void>} */
  async remove(clientId) {
    await this.#do("readwrite", (texts) => {
      const found = texts.index("client_id").getKey(clientId);
      found.onsuccess = () => found.result !== undefined && texts.delete(found.result);
      return found;
    });
  }

  /**
   * Resolves when the transaction is complete, not only the request.
   * @param {IDBTransactionMode} mode
   * @param {(texts: IDBObjectStore) => IDBRequest} work
   * @returns {Promise<any>}
   */
  #do(mode, work) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(TEXTS, mode, { durability: "strict" });
      const request = work(transaction.objectStore(TEXTS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/**
 * @param {number} userId each person's texts are kept apart
 * @param {IDBFactory | undefined} [factory]
 * @returns {Promise<MemoryStore | DatabaseStore>}
 */
export function openStore(userId, factory = globalThis.indexedDB) {
  return new Promise((resolve) => {
    const memory = () => resolve(new MemoryStore());
    try {
      const opening = factory.open(`messenger.${userId}`, 1);
      opening.onupgradeneeded = () => {
        const texts = opening.result.createObjectStore(TEXTS, { keyPath: "order", autoIncrement: true });
        texts.createIndex("client_id", "client_id", { unique: true });
      };
      opening.onsuccess = () => resolve(new DatabaseStore(opening.result));
      opening.onerror = opening.onblocked = memory;
    } catch {
      memory(); // no IndexedDB, or forbidden here
    }
  });
}
