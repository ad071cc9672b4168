/** Sends WebSocket commands as requests to the REST API, which calls the same actions on the server. */
import { api } from "../api.js";
import { ApiError } from "../api-error.js";

/** @type {Record<string, (payload: any) => Promise<any>>} */
const COMMANDS = {
  "message.send": ({ conversation_id: id, ...body }) => requestMessage("POST", `conversations/${id}/messages/`, body),
  "message.edit": ({ message_id: id, body }) => requestMessage("PATCH", `messages/${id}/`, { body }),
  "message.delete": ({ message_id: id }) => requestMessage("DELETE", `messages/${id}/`),
  "reaction.set": ({ message_id: id, emoji, active }) =>
    requestMessage(active ? "PUT" : "DELETE", `messages/${id}/reactions/${encodeURIComponent(emoji)}/`),
  read: async ({ conversation_id: id, ...position }) => ({ mine: await api("POST", `conversations/${id}/read/`, position) }),
  sync: (payload) => api("POST", "sync/", payload),
  typing: ({ conversation_id: id, active }) => api("POST", `conversations/${id}/typing/`, { active }),
};

/**
 * Sends a command as an HTTP request.
 * @param {string} type
 * @param {object} payload
 * @returns {Promise<any>} same as the socket's `ack`; rejects with an `ApiError`, with the code `disconnected` for
 *   unknown types
 */
export async function sendOverHttp(type, payload) {
  const handler = COMMANDS[type];
  if (!handler) throw new ApiError({ code: "disconnected" });
  return handler(payload);
}

/** @param {string} method @param {string} path @param {object} [body] */
async function requestMessage(method, path, body) {
  return { message: await api(method, path, body) };
}
