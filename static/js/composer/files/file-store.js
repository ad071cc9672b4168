/**
 * Stores picked files in IndexedDB until they are sent, so that their uploads continue after a reload.
 *
 * Browsers still have records that older versions of this script wrote. So the names of the database and the store and
 * the fields of a record must not change.
 */

/**
 * @typedef {object} FileRecord
 * @property {string} key
 * @property {number} conversation_id
 * @property {number} user_id owner; other users of this browser do not see the file
 * @property {File} file
 * @property {string} url of its upload; empty before it has started
 * @property {string} alt
 * @property {Record<string, string>} [measures]
 */

const DATABASE_NAME = "messenger-files";
const STORE_NAME = "files";

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

function openDatabase() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE_NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE_NAME, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} makeRequest
 * @returns {Promise<any>}
 */
async function runRequest(mode, makeRequest) {
  const request = makeRequest((await openDatabase()).transaction(STORE_NAME, mode).objectStore(STORE_NAME));
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Returns the stored files of a conversation, in no particular order.
 * @param {number} userId
 * @param {number} conversationId
 * @returns {Promise<FileRecord[]>}
 */
export async function listStoredFiles(userId, conversationId) {
  /** @type {FileRecord[]} */
  const records = await runRequest("readonly", (store) => store.getAll()).catch(() => []);
  return records.filter((record) => record.user_id === userId && record.conversation_id === conversationId);
}

/**
 * Stores a file. If the browser refuses, the upload still works, but does not continue after a reload.
 * @param {FileRecord} record
 */
export async function storeFile(record) {
  await runRequest("readwrite", (store) => store.put(record)).catch(() => {});
}

/** Deletes a file after it was sent or removed. @param {string} key */
export async function deleteStoredFile(key) {
  await runRequest("readwrite", (store) => store.delete(key)).catch(() => {});
}

/** Deletes all files of a user, because the user signs out. @param {number} userId */
export async function deleteStoredFilesOfUser(userId) {
  /** @type {FileRecord[]} */
  const records = await runRequest("readonly", (store) => store.getAll());
  await Promise.all(records.filter((record) => record.user_id === userId).map(({ key }) => deleteStoredFile(key)));
}
