/**
 * Converts text into HTML, through the only Trusted Types policy that the Content Security Policy of the site allows.
 * Pass only HTML from this server: a sanitised `body_html` or a rendered page.
 */

/** @type {{createHTML(html: string): any, createScriptURL(url: string): any} | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("messenger", {
  createHTML: (/** @type {string} */ html) => html,
  createScriptURL: (/** @type {string} */ url) => requireOwnScript(url),
});

/** Returns the address of a script of this site; throws a TypeError for others. @param {string} url */
function requireOwnScript(url) {
  const { origin, pathname } = new URL(url, location.href);
  const isOwn = pathname.startsWith("/static/") || pathname === "/service-worker.js";
  if (origin !== location.origin || !isOwn) throw new TypeError("This is no script of ours.");
  return url;
}

/** Starts a web worker from a script of this site. @param {string} url */
export function startWorker(url) {
  return new Worker(policy ? policy.createScriptURL(url) : url, { type: "module" });
}

/** Returns the address of a script of this site in the form that the browser accepts. @param {string} url */
export function trustScript(url) {
  return policy ? policy.createScriptURL(url) : url;
}

/** @param {string} html */
const toTrustedHtml = (html) => (policy ? policy.createHTML(html) : html);

/** Parses the `body_html` of a message. @param {string} html */
export function parseFragment(html) {
  const template = document.createElement("template");
  template.innerHTML = toTrustedHtml(html);
  return template.content;
}

/** Parses a page of this site. @param {string} html */
export function parsePage(html) {
  return new DOMParser().parseFromString(toTrustedHtml(html), "text/html");
}
