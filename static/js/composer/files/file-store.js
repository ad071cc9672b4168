/** Files that were picked and not sent yet, kept in IndexedDB: after a reload their uploads go on by themselves. */

/**
 * @typedef {object} Kept
 * @property {string} key
 * @property {number} conversation_id
 * @property {number} user_id whose they are: another person at this browser sees nothing of them
 * @property {File} file
 * @property {string} url of its upload; empty before it has begun
 * @property {string} alt
 * @property {Record<string, string>} [measures]
 */

const NAME = "messenger-files";
const ROWS = "files";

/** @type {Promise<IDBDatabase> | undefined} */
let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ROWS, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** @param {IDBTransactionMode} mode @param {(rows: IDBObjectStore) => IDBRequest} act @returns {Promise<any>} */
async function within(mode, act) {
  const request = act((await database()).transaction(ROWS, mode).objectStore(ROWS));
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {number} userId @param {number} conversationId @returns {Promise<Kept[]>} in the order in which they were picked */
export async function keptFiles(userId, conversationId) {
  /** @type {Kept[]} */
  const rows = await within("readonly", (files) => files.getAll()).catch(() => []);
  return rows.filter((row) => row.user_id === userId && row.conversation_id === conversationId);
}

/** Where the browser refuses, the file can be picked again, and its upload goes on all the same. @param {Kept} kept */
export async function keepFile(kept) {
  await within("readwrite", (files) => files.put(kept)).catch(() => {});
}

/** @param {string} key */
export async function forgetFile(key) {
  await within("readwrite", (files) => files.delete(key)).catch(() => {});
}
