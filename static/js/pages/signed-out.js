/**
 * Deletes what this browser stores of the texts and files of a user who has signed out. It runs on the first page after
 * the sign-out, which the server finds by a cookie: the page with the button may not have had its scripts yet.
 */
import { deleteUserData } from "./sign-out.js";

const userId = Number(/(?:^|; )signed_out=(\d+)/.exec(document.cookie)?.[1] ?? 0);
if (userId) deleteUserData(userId).then(() => (document.cookie = "signed_out=; path=/; max-age=0"));
