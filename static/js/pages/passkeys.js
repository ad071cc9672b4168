/**
 * Passkeys: asks the browser for a credential and submits it with the form. Markup:
 *
 *   <form data-passkey="create|get" data-options="id of a JSON script" or data-options-url="…">
 *     <input type="hidden" name="credential"> <button data-act="passkey" hidden> <div data-part="passkey-failed" hidden>
 *
 * Buttons are hidden until this script shows them, so they do not appear without scripts or in browsers without
 * passkeys.
 */
import { find, findAll } from "../lib/dom.js";

/** Decodes base64url. @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function decodeBase64Url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Encodes bytes as base64url. @param {ArrayBuffer} buffer @returns {string} */
export function encodeBase64Url(buffer) {
  let binary = "";
  for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Converts the options of the server for the browser: base64url strings become bytes.
 * @param {any} options
 */
export function decodeOptions(options) {
  const { publicKey } = options;
  const decodeIds = (/** @type {any[]} */ credentials) => (credentials ?? []).map((credential) => ({ ...credential, id: decodeBase64Url(credential.id) }));
  return {
    publicKey: {
      ...publicKey,
      challenge: decodeBase64Url(publicKey.challenge),
      ...(publicKey.user && { user: { ...publicKey.user, id: decodeBase64Url(publicKey.user.id) } }),
      ...(publicKey.excludeCredentials && { excludeCredentials: decodeIds(publicKey.excludeCredentials) }),
      ...(publicKey.allowCredentials && { allowCredentials: decodeIds(publicKey.allowCredentials) }),
    },
  };
}

/**
 * Converts a credential of the browser into JSON for the server.
 * @param {any} credential
 */
export function encodeCredential(credential) {
  const { response } = credential;
  const parts = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];
  const encodedParts = parts.filter((name) => response[name]).map((name) => [name, encodeBase64Url(response[name])]);
  return {
    id: credential.id,
    rawId: encodeBase64Url(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    ...(credential.authenticatorAttachment && { authenticatorAttachment: credential.authenticatorAttachment }),
    response: { ...Object.fromEntries(encodedParts), ...(response.getTransports && { transports: response.getTransports() }) },
  };
}

/** @param {HTMLFormElement} form @returns {Promise<any>} */
async function loadOptions(form) {
  const { options, optionsUrl } = form.dataset;
  if (options) return JSON.parse(document.getElementById(options)?.textContent ?? "");
  const response = await fetch(optionsUrl ?? form.action, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!response.ok) throw new Error(`passkey options: ${response.status}`);
  return (await response.json()).request_options;
}

/** Asks the browser for a passkey and submits the form. @param {HTMLFormElement} form */
async function requestPasskey(form) {
  const errorMessage = find(form, "[data-part=passkey-failed]");
  if (errorMessage) errorMessage.hidden = true;
  try {
    const options = decodeOptions(await loadOptions(form));
    const passwordless = form.elements.namedItem("passwordless");
    if (passwordless instanceof HTMLInputElement && passwordless.checked) {
      // For signing in without a password, the device must store the credential and verify the user.
      Object.assign(options.publicKey.authenticatorSelection, {
        residentKey: "required", requireResidentKey: true, userVerification: "required",
      });
    }
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create(options)
      : await navigator.credentials.get(options);
    if (!credential) throw new Error("no credential");
    const field = form.elements.namedItem("credential");
    if (field instanceof HTMLInputElement) field.value = JSON.stringify(encodeCredential(credential));
    form.submit();
  } catch {
    if (errorMessage) errorMessage.hidden = false; // cancelled, timed out or not available: the same message for all
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
      requestPasskey(form);
    });
  }
}
