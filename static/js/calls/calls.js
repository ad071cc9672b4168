/**
 * Starts calls on all pages of signed-in users. The scripts and styles of calls are loaded when there is a call: when
 * the user begins one, when one rings or goes on in a conversation, or to return to one after a reload.
 */
import { findAll } from "../lib/dom.js";
import { sendCommand } from "../realtime/events.js";
import { showErrorToast } from "../ui/toast-stack.js";

/** @typedef {import("../realtime/protocol.js").Call} Call */

/** @type {Promise<import("./call-center.js").CallCenter> | undefined} */
let center;
let isOpen = false; // whether the socket is open

function loadCenter() {
  center ??= import("./call-center.js").then(({ CallCenter }) => CallCenter.create());
  center.catch(() => (center = undefined)); // try again next time
  return center;
}

export function watchCalls() {
  showButtons();
  document.addEventListener("page:navigated", () => {
    showButtons();
    center?.then((loaded) => loaded.handleNavigation());
  });
  document.addEventListener("live:state", (event) => {
    const wasOpen = isOpen;
    isOpen = /** @type {CustomEvent} */ (event).detail.state === "open";
    if (isOpen && !wasOpen) readCalls();
  });
  document.addEventListener("live:call.updated", (event) => {
    const { call } = /** @type {CustomEvent<{call: Call}>} */ (event).detail;
    loadCenter().then((loaded) => loaded.receive(call), () => {});
  });
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-act=call]");
    if (!(button instanceof HTMLElement) || event.defaultPrevented) return;
    event.preventDefault();
    const media = button.dataset.media === "video" ? "video" : "audio";
    loadCenter().then((loaded) => loaded.openLobby(Number(button.dataset.id), media)).catch(showErrorToast);
  });
}

/** Shows the buttons that need this script. */
function showButtons() {
  for (const button of findAll(document, ".call-tool[hidden]")) button.hidden = false;
}

/** Reads the calls in progress after each connect: events that were sent before are lost. */
async function readCalls() {
  try {
    const { calls } = await sendCommand("call.list");
    if (calls.length || center) (await loadCenter()).setCalls(calls);
  } catch {
    // The socket is closed again; the next connect reads them.
  }
}
