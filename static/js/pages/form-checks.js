/**
 * Checks the fields of account forms before they are sent: when a field is left, while a wrong field is corrected, and all
 * fields when the form is sent. A form with a wrong field is not sent; the first wrong field gets the focus. The checks
 * are regular expressions with messages that the server rendered (accounts/form_checks.py). The server checks again.
 */

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Control */

const CHECKED = "[data-checks]";

/** Returns the message of the first check that fails, or "". @param {Control} control */
function findError(control) {
  const value = control.dataset.normalize === undefined ? control.value : control.value.trim().normalize("NFKC");
  if (!value && !control.required) return "";
  for (const [pattern, message] of JSON.parse(control.dataset.checks ?? "[]")) {
    if (!new RegExp(pattern, "su").test(value)) return message;
  }
  const repeated = /** @type {Control | null} */ (document.getElementById(control.dataset.repeats ?? ""));
  return repeated && repeated.value !== value ? control.dataset.repeatsMessage ?? "" : "";
}

/** Shows or removes the error of a field. @param {Control} control @param {string} message */
function showError(control, message) {
  const error = document.getElementById(`${control.id}-error`);
  const text = error?.querySelector("span");
  if (!error || !text) return;
  if (text.textContent !== message) text.textContent = message;
  error.hidden = !message;
  const described = new Set((control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (message) described.add(error.id);
  else described.delete(error.id);
  if (described.size) control.setAttribute("aria-describedby", [...described].join(" "));
  else control.removeAttribute("aria-describedby");
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** @param {Event} event @returns {Control | null} */
const checkedControl = ({ target }) =>
  (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) && target.matches(CHECKED) ? target : null;

let isPressed = false; // a new error moves what is below it, so it waits until a click there is over
document.addEventListener("pointerdown", () => { isPressed = true; }, { capture: true });
for (const type of ["pointerup", "pointercancel"]) {
  document.addEventListener(type, () => { isPressed = false; }, { capture: true });
}

document.addEventListener("focusout", (event) => {
  const control = checkedControl(event);
  // An empty field is only wrong when the form is sent. An error of the server stays until the value changes.
  if (!control?.value || control.hasAttribute("aria-invalid")) return;
  const check = () => showError(control, findError(control));
  if (isPressed) document.addEventListener("pointerup", () => setTimeout(check), { once: true });
  else check();
});

document.addEventListener("input", (event) => {
  const control = checkedControl(event);
  if (control?.getAttribute("aria-invalid") === "true") showError(control, findError(control));
});

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const controls = /** @type {Control[]} */ ([...form.querySelectorAll(CHECKED)]);
  const wrong = controls.filter((control) => {
    const message = findError(control);
    showError(control, message);
    return message;
  });
  if (!wrong.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  wrong[0].focus();
}, { capture: true });

const firstError = document.querySelector(`${CHECKED}[aria-invalid=true]`);
if (firstError instanceof HTMLElement) firstError.focus();
