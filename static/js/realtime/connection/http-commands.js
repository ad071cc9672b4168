/** The socket's commands over HTTP: what one does, the other does too, through the same verb on the server. */
import { api } from "../api.js";
import { Refusal } from "../api-error.js";

/** @type {Record<string, (payload: any) => Promise<any>>} */
const COMMANDS = {
  "message.send": ({ conversation_id: id, ...body }) => message("POST", `conversations/${id}/messages/`, body),
  "message.edit": ({ message_id: id, body }) => message("PATCH", `messages/${id}/`, { body }),
  "message.delete": ({ message_id: id }) => message("DELETE", `messages/${id}/`),
  "reaction.set": ({ message_id: id, emoji, active }) =>
    message(active ? "PUT" : "DELETE", `messages/${id}/reactions/${encodeURIComponent(emoji)}/`),
  read: async ({ conversation_id: id, ...mark }) => ({ mine: await api("POST", `conversations/${id}/read/`, mark) }),
  sync: (payload) => api("POST", "sync/", payload),
  typing: ({ conversation_id: id, active }) => api("POST", `conversations/${id}/typing/`, { active }),
};

/**
 * @param {string} type
 * @param {object} payload
 * @returns {Promise<any>} as the socket's `ack`; rejects with a `Refusal`
 */
export async function overHttp(type, payload) {
  const command = COMMANDS[type];
  if (!command) throw new Refusal({ code: "disconnected" });
  return command(payload);
}

/** @param {string} method @param {string} path @param {object} [body] */
async function message(method, path, body) {
  return { message: await api(method, path, body) };
}
