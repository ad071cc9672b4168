import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, prepared, text, told } from "../../static/js/pages/passkeys.js";

test("bytes go over and come back as they were", () => {
  const all = Uint8Array.from({ length: 256 }, (_, number) => number);
  const said = text(all.buffer);
  assert.match(said, /^[\w-]+$/);
  assert.deepEqual(bytes(said), all);
});

test("the server's words become what browsers ask for", () => {
  const { publicKey } = prepared({
    publicKey: { challenge: "AQID", user: { id: "BA", name: "alice" }, excludeCredentials: [{ type: "public-key", id: "BQ" }] },
  });
  assert.deepEqual([...publicKey.challenge], [1, 2, 3]);
  assert.deepEqual([...publicKey.user.id], [4]);
  assert.deepEqual([...publicKey.excludeCredentials[0].id], [5]);
  assert.equal("allowCredentials" in publicKey, false);
});

test("what a device gave is told in the server's words, and nothing that it did not give", () => {
  const buffer = (...values) => Uint8Array.from(values).buffer;
  const answer = told({
    id: "BQ", rawId: buffer(5), type: "public-key", authenticatorAttachment: "platform",
    getClientExtensionResults: () => ({}),
    response: { authenticatorData: buffer(1), clientDataJSON: buffer(2), signature: buffer(3), userHandle: null },
  });
  assert.deepEqual(answer.response, { authenticatorData: "AQ", clientDataJSON: "Ag", signature: "Aw" });
  assert.equal(answer.rawId, "BQ");
});
