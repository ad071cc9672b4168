/** The REST API with this page's session. */
import { find } from "../lib/dom.js";
import { Refusal } from "./api-error.js";

/**
 * @param {string} method
 * @param {string} path below `/api/v1/`
 * @param {object} [body]
 * @param {{keepalive?: boolean, signal?: AbortSignal}} [options] `keepalive`: is carried out although the page goes
 * @returns {Promise<any>} rejects with a `Refusal`
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
    throw new Refusal({ code: "disconnected" });
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Refusal({ code: "unavailable", ...answer });
  return answer;
}
