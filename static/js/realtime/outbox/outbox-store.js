/**
 * Stores the outbox (the messages to send) in IndexedDB, or in memory if IndexedDB is not available.
 *
 * Browsers still have records that older versions of this script wrote. So the names of the database, object store and
 * index and the fields of a record must not change.
 */

/**
 * @typedef {import("./outbox.js").Store} Store
 * @typedef {import("../protocol.js").Queued} Queued
 */

const STORE_NAME = "outbox";

/** Keeps the messages in memory: they are lost when the tab is closed. @implements {Store} */
export class MemoryStore {
  /** @type {Map<string, Queued>} */
  #records = new Map();
  #order = 0;

  /** Whether other tabs use the same records. */
  isShared = false;

  async all() {
    return [...this.#records.values()].map((queued) => ({ ...queued }));
  }

  /** @param {Queued} queued */
  async put(queued) {
    const order = this.#records.get(queued.client_id)?.order ?? ++this.#order;
    this.#records.set(queued.client_id, { ...queued, order });
    return order;
  }

  /** @param {string} clientId */
  async remove(clientId) {
    this.#records.delete(clientId);
  }
}

/** Keeps the messages in IndexedDB. @implements {Store} */
class IndexedDbStore {
  isShared = true;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
    // A later version of the site may need to change the database while this page is still open.
    database.onversionchange = () => database.close();
  }

  /** @returns {Promise<Queued[]>} */
  async all() {
    return this.#run("readonly", (records) => records.getAll()); // sorted by the key, which is `order`
  }

  /** @param {Queued} queued @returns {Promise<number>} */
  async put(queued) {
    return this.#run("readwrite", (records) => records.put(queued));
  }

  /** @param {string} clientId @returns {Promise<void>} */
  async remove(clientId) {
    await this.#run("readwrite", (records) => {
      const request = records.index("client_id").getKey(clientId);
      request.onsuccess = () => request.result !== undefined && records.delete(request.result);
      return request;
    });
  }

  /**
   * Runs a request in a transaction. Resolves only when the whole transaction is complete.
   * @param {IDBTransactionMode} mode
   * @param {(records: IDBObjectStore) => IDBRequest} makeRequest
   * @returns {Promise<any>}
   */
  #run(mode, makeRequest) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(STORE_NAME, mode, { durability: "strict" });
      const request = makeRequest(transaction.objectStore(STORE_NAME));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/**
 * Opens the store of a user. Each user has a separate database.
 * @param {number} userId
 * @param {IDBFactory | undefined} [factory]
 * @returns {Promise<MemoryStore | IndexedDbStore>}
 */
export function openStore(userId, factory = globalThis.indexedDB) {
  return new Promise((resolve) => {
    const useMemory = () => resolve(new MemoryStore());
    try {
      const request = factory.open(`messenger.${userId}`, 1);
      request.onupgradeneeded = () => {
        const records = request.result.createObjectStore(STORE_NAME, { keyPath: "order", autoIncrement: true });
        records.createIndex("client_id", "client_id", { unique: true });
      };
      request.onsuccess = () => resolve(new IndexedDbStore(request.result));
      request.onerror = request.onblocked = useMemory;
    } catch {
      useMemory(); // IndexedDB is missing or access is denied
    }
  });
}

/** Deletes the store of a user. Tabs that have it open close it. @param {number} userId @returns {Promise<void>} */
export function deleteStore(userId) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(`messenger.${userId}`);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
