/**
 * Web worker that computes SHA-256 of whole files and of parts, so that the page is not blocked.
 * Messages in: `{id, whole: File}` or `{id, part: Blob}`. Messages out: `{id, digest: Uint8Array}` or `{id, error}`.
 */
import { sha256 } from "../../../vendor/noble-hashes/sha256.js";

const BLOCK_SIZE = 4 * 1024 * 1024;

self.onmessage = async ({ data: { id, whole, part } }) => {
  try {
    const digest = whole ? await hashFile(whole) : await hashPart(part);
    self.postMessage({ id, digest });
  } catch (error) {
    self.postMessage({ id, error: String(error) }); // the file was changed or removed
  }
};

/** @param {File} file */
async function hashFile(file) {
  const hasher = sha256.create();
  for (let offset = 0; offset < file.size; offset += BLOCK_SIZE) {
    hasher.update(new Uint8Array(await file.slice(offset, offset + BLOCK_SIZE).arrayBuffer()));
  }
  return hasher.digest();
}

/** @param {Blob} part */
async function hashPart(part) {
  const bytes = await part.arrayBuffer();
  // Pages without TLS have no crypto.subtle.
  return self.crypto.subtle ? new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes)) : sha256(new Uint8Array(bytes));
}
