import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64Url, decodeOptions, encodeBase64Url, encodeCredential } from "../../static/js/pages/passkeys.js";

test("bytes survive encoding and decoding", () => {
  const all = Uint8Array.from({ length: 256 }, (_, number) => number);
  const encoded = encodeBase64Url(all.buffer);
  assert.match(encoded, /^[\w-]+$/);
  assert.deepEqual(decodeBase64Url(encoded), all);
});

test("options of the server are converted for the browser", () => {
  const { publicKey } = decodeOptions({
    publicKey: { challenge: "AQID", user: { id: "BA", name: "alice" }, excludeCredentials: [{ type: "public-key", id: "BQ" }] },
  });
  assert.deepEqual([...publicKey.challenge], [1, 2, 3]);
  assert.deepEqual([...publicKey.user.id], [4]);
  assert.deepEqual([...publicKey.excludeCredentials[0].id], [5]);
  assert.equal("allowCredentials" in publicKey, false);
});

test("a credential is converted for the server, without missing fields", () => {
  const buffer = (...values) => Uint8Array.from(values).buffer;
  const credential = encodeCredential({
    id: "BQ", rawId: buffer(5), type: "public-key", authenticatorAttachment: "platform",
    getClientExtensionResults: () => ({}),
    response: { authenticatorData: buffer(1), clientDataJSON: buffer(2), signature: buffer(3), userHandle: null },
  });
  assert.deepEqual(credential.response, { authenticatorData: "AQ", clientDataJSON: "Ag", signature: "Aw" });
  assert.equal(credential.rawId, "BQ");
});
