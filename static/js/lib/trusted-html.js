/**
 * The one place where text becomes markup: what our own server has cleaned (`body_html`) or drawn (a page). The Trusted
 * Types policy of the site allows no other.
 */

/** @type {{createHTML(html: string): any, createScriptURL(url: string): any} | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("messenger", {
  createHTML: (/** @type {string} */ html) => html,
  createScriptURL: (/** @type {string} */ url) => ofOurs(url),
});

/** Static files of this site, and nothing else. @param {string} url */
function ofOurs(url) {
  const { origin, pathname } = new URL(url, location.href);
  if (origin !== location.origin || !pathname.startsWith("/static/")) throw new TypeError("This is no script of ours.");
  return url;
}

/** A worker of ours. @param {URL} url */
export function startWorker(url) {
  return new Worker(policy ? policy.createScriptURL(url.href) : url.href, { type: "module" });
}

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
