/** The eye in a password field. It is hidden until this shows it. */
import { findAll } from "../lib/dom.js";

for (const button of findAll(document, "[data-act=peek][aria-controls]")) {
  const field = document.getElementById(button.getAttribute("aria-controls") ?? "");
  if (!(field instanceof HTMLInputElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const shows = field.type === "password";
    field.type = shows ? "text" : "password";
    button.setAttribute("aria-pressed", String(shows));
    field.focus();
  });
}
