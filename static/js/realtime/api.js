/** Client of the REST API, authenticated by the session of the page. */
import { find } from "../lib/dom.js";
import { ApiError } from "./api-error.js";

/**
 * Sends a request and returns the parsed JSON of the response, or null without content.
 * @param {string} method
 * @param {string} path below `/api/v1/`
 * @param {object} [body]
 * @param {{keepalive?: boolean, signal?: AbortSignal}} [options] of `fetch`; with `keepalive` the request outlives the
 *   page
 * @returns {Promise<any>} rejects with an `ApiError`
 */
export async function api(method, path, body = undefined, options = {}) {
  const token = /** @type {HTMLInputElement | null} */ (find(document, "input[name=csrfmiddlewaretoken]"))?.value ?? "";
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRFToken": token }),
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      body: body && JSON.stringify(body),
      ...options,
    });
  } catch {
    throw new ApiError({ code: "disconnected" });
  }
  const data = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError({ code: "unavailable", ...data });
  return data;
}
