/** Shows a toast when the time of a reminder has come, and counts it in the navigation. Loaded with the first one. */
import { api } from "../realtime/api.js";
import { clone, find, findAll } from "../lib/dom.js";
import { navigate } from "../ui/page-navigation.js";
import { showErrorToast } from "../ui/toast-stack.js";

const SNOOZE = 3_600_000; // ms

/** Reminders that this page has shown. @type {Set<number>} */
const shown = new Set();

/** @param {{id: number, message_id: number, conversation_id: number, seq: number}} reminder */
export function showReminder(reminder) {
  if (shown.has(reminder.id)) return;
  shown.add(reminder.id);
  for (const badge of findAll(document, "[data-total=later] .badge")) changeCount(badge, 1);
  const toast = clone("reminder-toast");
  const stack = find(document, "toast-stack");
  if (!toast || !stack) return;
  const url = `/c/${reminder.conversation_id}/?at=${reminder.seq}#m-${reminder.seq}`;
  find(toast, "[data-act=open]")?.setAttribute("href", url);
  toast.addEventListener("click", (event) => {
    const act = /** @type {HTMLElement} */ (event.target).closest("[data-act]")?.getAttribute("data-act");
    if (!act) return;
    event.preventDefault();
    toast.remove();
    if (act === "open") void navigate(url);
    if (act === "snooze") snooze(reminder).catch(showErrorToast);
  });
  stack.append(toast); // it stays until the user reacts
}

/** @param {{id: number, message_id: number}} reminder */
async function snooze(reminder) {
  const remindAt = new Date(Date.now() + SNOOZE).toISOString();
  await api("PUT", `messages/${reminder.message_id}/reminder/`, { remind_at: remindAt });
  shown.delete(reminder.id);
  for (const badge of findAll(document, "[data-total=later] .badge")) changeCount(badge, -1);
}

/** @param {HTMLElement} badge @param {number} change */
function changeCount(badge, change) {
  const number = find(badge, "[aria-hidden]");
  if (!number) return;
  const count = Number.parseInt(number.textContent ?? "0", 10) + change;
  number.textContent = String(count);
  badge.hidden = count < 1;
}
