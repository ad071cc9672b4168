/** Shows and hides the password in a field. The button is hidden until this script shows it. */
import { findAll } from "../lib/dom.js";

for (const button of findAll(document, "[data-act=peek][aria-controls]")) {
  const field = document.getElementById(button.getAttribute("aria-controls") ?? "");
  if (!(field instanceof HTMLInputElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const isVisible = field.type === "password";
    field.type = isVisible ? "text" : "password";
    button.setAttribute("aria-pressed", String(isVisible));
    field.focus();
  });
}
