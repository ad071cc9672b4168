/**
 * A worker that hashes: the whole of a file bit by bit, and each part that is sent. So the page has no task for it.
 * `{id, whole: File}` or `{id, part: Blob}` come in, `{id, digest: Uint8Array}` or `{id, error}` go out.
 */
import { sha256 } from "../../../vendor/noble-hashes/sha256.js";

const BLOCK = 4 * 1024 * 1024;

self.onmessage = async ({ data: { id, whole, part } }) => {
  try {
    const digest = whole ? await ofWhole(whole) : await ofPart(part);
    self.postMessage({ id, digest });
  } catch (error) {
    self.postMessage({ id, error: String(error) }); // the file was changed or taken away
  }
};

/** @param {File} file */
async function ofWhole(file) {
  const running = sha256.create();
  for (let at = 0; at < file.size; at += BLOCK) {
    running.update(new Uint8Array(await file.slice(at, at + BLOCK).arrayBuffer()));
  }
  return running.digest();
}

/** @param {Blob} part */
async function ofPart(part) {
  const bytes = await part.arrayBuffer();
  // Pages that came without TLS have no crypto.subtle.
  return self.crypto.subtle ? new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes)) : sha256(new Uint8Array(bytes));
}
