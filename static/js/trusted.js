/**
 * The one place where text becomes markup: what our own server has cleaned (`body_html`) or drawn (a page). The Trusted
 * Types policy of the site allows no other.
 */

/** @type {{createHTML(html: string): any} | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("messenger", {
  createHTML: (/** @type {string} */ html) => html,
});

/** @param {string} html */
const trusted = (html) => (policy ? policy.createHTML(html) : html);

/** @param {string} html a message's `body_html` */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  return template.content;
}

/** @param {string} html a whole page of this site */
export function parsePage(html) {
  return new DOMParser().parseFromString(trusted(html), "text/html");
}
