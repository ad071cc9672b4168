/**
 * Passkeys: asks the browser for one and sends what it says with the form. Forms carry what to do:
 *
 *   <form data-passkey="create|get" data-options="id of a JSON script" or data-options-url="…">
 *     <input type="hidden" name="credential"> <button data-act="passkey" hidden> <div data-part="passkey-failed" hidden>
 *
 * Buttons show themselves here: without scripts, or in a browser that knows no passkeys, there are none.
 */
import { find, findAll } from "../lib/dom.js";

/** @param {string} text base64url @returns {Uint8Array<ArrayBuffer>} */
export function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer @returns {string} base64url */
export function text(buffer) {
  let plain = "";
  for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * The server's options, with bytes where the browser wants bytes.
 * @param {any} options
 */
export function prepared(options) {
  const { publicKey } = options;
  const known = (/** @type {any[]} */ list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
  return {
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      ...(publicKey.user && { user: { ...publicKey.user, id: bytes(publicKey.user.id) } }),
      ...(publicKey.excludeCredentials && { excludeCredentials: known(publicKey.excludeCredentials) }),
      ...(publicKey.allowCredentials && { allowCredentials: known(publicKey.allowCredentials) }),
    },
  };
}

/**
 * What the browser gave, as the server reads it.
 * @param {any} credential
 */
export function told(credential) {
  const { response } = credential;
  const parts = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];
  const said = parts.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    ...(credential.authenticatorAttachment && { authenticatorAttachment: credential.authenticatorAttachment }),
    response: { ...Object.fromEntries(said), ...(response.getTransports && { transports: response.getTransports() }) },
  };
}

/** @param {HTMLFormElement} form @returns {Promise<any>} */
async function optionsOf(form) {
  const { options, optionsUrl } = form.dataset;
  if (options) return JSON.parse(document.getElementById(options)?.textContent ?? "");
  const answer = await fetch(optionsUrl ?? form.action, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(`passkey options: ${answer.status}`);
  return (await answer.json()).request_options;
}

/** @param {HTMLFormElement} form */
async function ask(form) {
  const failed = find(form, "[data-part=passkey-failed]");
  if (failed) failed.hidden = true;
  try {
    const options = prepared(await optionsOf(form));
    const alone = form.elements.namedItem("passwordless");
    if (alone instanceof HTMLInputElement && alone.checked) {
      // To sign in with it alone, the device has to keep it, and to ask who is there.
      Object.assign(options.publicKey.authenticatorSelection, {
        residentKey: "required", requireResidentKey: true, userVerification: "required",
      });
    }
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create(options)
      : await navigator.credentials.get(options);
    if (!credential) throw new Error("no credential");
    const field = form.elements.namedItem("credential");
    if (field instanceof HTMLInputElement) field.value = JSON.stringify(told(credential));
    form.submit();
  } catch {
    if (failed) failed.hidden = false; // turned back, timed out, or none here: the words for all of these are one
  }
}

if (typeof document !== "undefined" && "credentials" in navigator && "PublicKeyCredential" in window) {
  for (const form of findAll(document, "form[data-passkey]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    const button = find(form, "[data-act=passkey]");
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
}
