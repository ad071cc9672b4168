/**
 * The frames of the socket and the shapes inside them, as types for the page's scripts; docs/protocol.md has them in words.
 * What stands between the two marks is written by `manage.py protocol`, from the structs that the server uses.
 */

// generated

/**
 * An error, in REST responses and in `error` frames. `fields` contains messages for each invalid input field.
 * `retry_after` is how many seconds the client should wait.
 */
export interface ErrorPayload {
  code: string;
  detail: string;
  fields?: Record<string, string[]>;
  retry_after?: number;
}

/**
 * How the server checks the connection, in seconds. It sends a WebSocket ping every `interval`. It closes the
 * connection if the pong does not come within `timeout`.
 */
export interface Heartbeat {
  interval: number;
  timeout: number;
}

/** A user as other users see them. `name` is the display name, or the user name if there is no display name. */
export interface User {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
}

/**
 * Your own profile and settings. If `language` or `time_zone` is empty, the browser's setting is used. The privacy
 * settings are: who finds you by name (`find_me`), starts a direct conversation with you (`write_to_me`) or adds you to
 * groups (`add_me`); who sees that you are online (`show_presence`), when you were last online (`show_last_seen`) and
 * what you have read (`show_receipts`).
 */
export interface Profile {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
  email: string;
  bio: string;
  language: string;
  time_zone: string;
  theme: string;
  find_me: "contacts" | "everyone" | "nobody";
  write_to_me: "contacts" | "everyone" | "nobody";
  add_me: "contacts" | "everyone" | "nobody";
  show_presence: "contacts" | "everyone" | "nobody";
  show_last_seen: "contacts" | "everyone" | "nobody";
  show_receipts: "contacts" | "everyone" | "nobody";
  me_version: number;
}

/** Reports that your own profile or settings have changed. `user` contains the new values. */
export interface Me {
  me_version: number;
  user: Profile;
}

/**
 * Your relationship with another user. `state`: `contact` (in your contact list), `asked` (you sent a contact request
 * that is not answered), `asks` (they sent you one, which you may accept, decline or ignore) or `none`. `blocked`: you
 * have blocked them; `state` is `none` then. `since`: when `state` last changed; null for `none`.
 */
export interface Contact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
}

/**
 * Reports that one of your contacts, contact requests or blocks has changed. `contact` contains the new values.
 * `requests` is the number of contact requests that you have received.
 */
export interface ContactEvent {
  me_version: number;
  contact: Contact;
  requests: number;
}

/**
 * A browser or API client in which you are signed in. `address` is its IP address. `current` is true for the sign-in
 * that this request uses.
 */
export interface SignIn {
  id: string;
  kind: "browser" | "token";
  user_agent: string;
  address: string | null;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/**
 * The tokens of an API client. `access` authenticates requests for `expires_in` seconds. `refresh` can be exchanged
 * once for a new pair.
 */
export interface TokenPair {
  access: string;
  refresh: string;
  expires_in: number;
}

/**
 * A mention in the body of a message. It begins at code point `start` and ends before code point `end`. `user_id` is
 * the mentioned user, null for `@all`.
 */
export interface Mention {
  user_id: number | null;
  start: number;
  end: number;
}

/**
 * The message that is quoted by a reply. It is in the state in which it was when the response or event was made.
 * `excerpt` is a short text without Markdown.
 */
export interface Reply {
  id: number;
  seq: number;
  sender: User;
  excerpt: string;
  deleted: boolean;
}

/** The original author of a forwarded message, and the time when it was first sent. */
export interface Forward {
  sender: User;
  created_at: string | null;
}

/**
 * A file of a message. `url`: path on this site; needs authorization. `kind`: image, video, audio or file. `size` is in
 * bytes, `width` and `height` in pixels, `duration` in seconds. While a file is being processed, `ready` is false and
 * its `url` responds with 503; the event `message.updated` follows when it is ready. `preview_url`: large image;
 * `thumbnail_url`: small image. `alt`: description of the image for users who cannot see it.
 */
export interface Attachment {
  id: number;
  kind: string;
  name: string;
  content_type: string;
  size: number;
  url: string;
  ready: boolean;
  thumbnail_url: string | null;
  preview_url: string | null;
  width: number | null;
  height: number | null;
  duration: number | null;
  alt: string;
}

/** One emoji and the ids of the users who reacted with it, in the order of their reactions. */
export interface Reaction {
  emoji: string;
  user_ids: number[];
}

/**
 * The content of a system message. Clients translate it into a sentence. `name` is joined, left, removed, renamed,
 * described, pictured, announced, owner or role. `by_id`: with `joined`, the user who created the invite link. `old`
 * and `new`: with `role`, the roles before and after.
 */
export interface SystemEvent {
  name: string;
  actor_id: number | null;
  user_ids: number[];
  old: string | null;
  new: string | null;
  by_id: number | null;
}

/**
 * A message. `event` is the content of a system message; it is null for text messages. A deleted message keeps its ids,
 * `seq`, `kind`, sender and times. All its other fields are empty. `client_id` is null for system messages.
 */
export interface Message {
  id: number;
  conversation_id: number;
  seq: number;
  version: number;
  client_id: string | null;
  kind: string;
  sender: User;
  body: string;
  body_html: string;
  mentions: Mention[];
  reply_to: Reply | null;
  forwarded_from: Forward | null;
  attachments: Attachment[];
  reactions: Reaction[];
  pinned: boolean;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
  event: SystemEvent | null;
}

/**
 * The member state: what only this user sees of the conversation. `unread_count`: number of text messages of other
 * members after `read_seq` and up to `last_seq`, which is the newest message when the server counted. Clients add the
 * messages that they know after `last_seq`. `receipts`: whether the user shows read receipts in this conversation; only
 * then the user sees the receipts of others. The announcement is unread while `announcement_seen` is less than
 * `announced_version` of the conversation.
 */
export interface Mine {
  role: string;
  read_seq: number;
  unread_count: number;
  unread_mention_count: number;
  muted: boolean;
  level: string;
  favourite: boolean;
  archived: boolean;
  draft: string;
  me_version: number;
  announcement_seen: number;
  receipts: boolean;
  last_seq: number;
}

/**
 * A direct conversation (`peer` is the other user) or a group. `mine` is the user's own state in it; it is absent in
 * events that go to all members. `announced_version`: the conversation version at the last change of the announcement.
 */
export interface Conversation {
  id: number;
  kind: string;
  title: string;
  description: string;
  announcement: string;
  avatar_url: string | null;
  owner_id: number | null;
  member_count: number;
  members_may_add: boolean;
  members_may_pin: boolean;
  revisions_visible: boolean;
  peer: User | null;
  last_seq: number;
  version: number;
  last_message: Message | null;
  created_at: string;
  announced_version: number;
  mine?: Mine | null;
}

/**
 * The title of a conversation, for searching on the client. A query matches if `title` contains it or if one of `keys`
 * starts with it. `keys` are ways to type a Chinese title: by pinyin and by initials, starting at each character.
 */
export interface Title {
  id: number;
  kind: string;
  title: string;
  keys: string[];
  avatar_url: string | null;
  peer: User | null;
}

/** A member of a conversation. `left_at` is the time when a former member left; it is null for current members. */
export interface Member {
  user: User;
  role: string;
  joined_at: string;
  left_at: string | null;
  version: number;
}

/**
 * How far a member has received and read a conversation. `read_at` is the time when the member read up to `read_seq`.
 */
export interface Receipt {
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  read_at: string | null;
}

/** The times when a member received and read one message. */
export interface MessageReceipt {
  user_id: number;
  delivered_at: string | null;
  read_at: string | null;
}

/** A file sent in a conversation, with the message that contains it. */
export interface File {
  attachment: Attachment;
  message_id: number;
  seq: number;
  sender: User;
  created_at: string;
}

/**
 * An upload of one file, which may be unfinished. `size` is the size of the complete file in bytes, `offset` the number
 * of bytes that the server has stored so far. `attachment` is null until all bytes are stored. After that, the client
 * can send a message with the id of this attachment.
 */
export interface Upload {
  id: string;
  name: string;
  size: number;
  offset: number;
  expires_at: string;
  attachment: Attachment | null;
}

/** An earlier version of an edited message: its text, and the time when it was written. */
export interface Revision {
  body: string;
  body_html: string;
  written_at: string;
}

/**
 * A page of messages, ascending by `seq`. `version` is the version of the conversation, read before the messages. So
 * the messages contain all changes up to `version`, and maybe later ones.
 */
export interface History {
  results: Message[];
  has_before: boolean;
  has_after: boolean;
  version: number;
}

/**
 * All that changed in a conversation since a version, up to `version`. Each item is in its current state.
 * `conversation` is null if none of its shared fields has changed. If `complete` is false, request the rest: ask again
 * with `version`.
 */
export interface Changes {
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/**
 * Whether a user is online, and when the user was last online. `last_seen` is null while the user is online, and if the
 * user does not show it to you.
 */
export interface Presence {
  user_id: number;
  online: boolean;
  last_seen: string | null;
}

/** A contact with its presence. Presence is null for a user who is not a contact yet (a contact request). */
export interface ListedContact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
  presence: Presence | null;
}

/**
 * An invite link of a group. `uses` is the number of users who have joined with the link. `expires_at` is null if the
 * link does not expire. `max_uses` is null if any number of users may join.
 */
export interface Invite {
  id: number;
  url: string;
  token: string;
  created_by: User;
  created_at: string;
  expires_at: string | null;
  max_uses: number | null;
  uses: number;
}

/**
 * The data of a group that a user sees before joining by an invite link. `conversation_id` is null unless the user is a
 * member of the group already.
 */
export interface InvitePreview {
  title: string;
  description: string;
  avatar_url: string | null;
  member_count: number;
  created_by: User;
  conversation_id: number | null;
}

/**
 * The members of a conversation who are online. Members whose privacy settings hide from the current user that they are
 * online are left out.
 */
export interface OnlineMembers {
  count: number;
  user_ids: number[];
}

/**
 * The changes of one conversation, with the same fields as `Changes`. If the client has not named this conversation in
 * its `sync` request, the whole conversation is included, but no messages and members.
 */
export interface SyncedConversation {
  conversation_id: number;
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** What a conversation stores for the user only: newest message read, mute, draft and so on. */
export interface SyncedMine {
  conversation_id: number;
  mine: Mine;
}

/**
 * The changes that a client has missed. If `complete` is false, there are more changes: send `sync` again. `removed`
 * has the ids of conversations that the client has named in the request, but of which the user is no longer a member.
 * `contacts` has all contacts, requests and blocks that changed after the version (number of a change) `me` of the
 * request, including those that have ended.
 */
export interface SyncAnswer {
  conversations: SyncedConversation[];
  mine: SyncedMine[];
  removed: number[];
  receipts: Receipt[];
  contacts: Contact[];
  requests: number;
  me_version: number;
  complete: boolean;
}

/**
 * A user is typing in a conversation (`active` is true) or has stopped (`active` is false). Clients must hide the
 * typing indicator 5 seconds after the last event, even if no event with `active` false came.
 */
export interface Typing {
  conversation_id: number;
  user_id: number;
  active: boolean;
}

/**
 * A user who views the conversation now, and what this user has read. `seq` is the number (within the conversation) of
 * the newest message that the user has read.
 */
export interface Reader {
  user_id: number;
  seq: number;
}

/**
 * The users who view a conversation now. A user who views it on several devices is counted once. `count` is the number
 * of those users who show you that they are online. `readers` contains those who also show you what they have read.
 */
export interface Viewers {
  conversation_id: number;
  count: number;
  readers: Reader[];
}

/**
 * How many users and visitors are online. A visitor is a browser without a signed-in user. A user or visitor with
 * several connections is counted once.
 */
export interface HeadCount {
  count: number;
}

/**
 * The first frame of a connection. `versions` contains the current version of each conversation of the user, by
 * conversation id. A client that has an older version of a conversation sends `sync`.
 */
export interface Welcome {
  user_id: number;
  connection_id: string;
  server_time: string;
  heartbeat: Heartbeat;
  versions: Record<string, number>;
  me_version: number;
}

/** An empty object. */
export type EmptyPayload = Record<string, never>;

/** A message in its current state. A deleted message comes as `message.updated` with `deleted_at` set. */
export interface MessagePayload {
  conversation_id: number;
  after: number;
  version: number;
  message: Message;
}

/** The current fields of a conversation that are the same for all members. The field `mine` is absent. */
export interface ConversationPayload {
  conversation_id: number;
  after: number;
  version: number;
  conversation: Conversation;
}

/** A member who has joined, has left (`left_at` is set), or has a new role, name or avatar. */
export interface MemberPayload {
  conversation_id: number;
  after: number;
  version: number;
  member: Member;
}

/**
 * The user is a member of this conversation now. If the client already has this conversation, it must replace its copy.
 */
export interface ConversationAdded {
  me_version: number;
  conversation: Conversation;
}

/** The user is no longer a member of this conversation: the user left or was removed, or the group was deleted. */
export interface ConversationRemoved {
  me_version: number;
  conversation_id: number;
}

/** The complete member state of the user in a conversation (what only this user sees of it), after a change. */
export interface MineUpdated {
  me_version: number;
  conversation_id: number;
  mine: Mine;
}

/**
 * How far a member has received and read a conversation. Both numbers (`delivered_seq`, `read_seq`) only increase. If
 * both are 0, this member no longer shows receipts.
 */
export interface ReceiptEvent {
  conversation_id: number;
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  at: string;
}

/** A message that mentions the user by name or with `@all`. */
export interface MentionEvent {
  message: Message;
}

export interface MessageAnswer {
  message: Message;
}

export interface MineAnswer {
  mine: Mine;
}

/**
 * Send a message. If you already used this `client_id`, no second message is created. The answer then contains the
 * existing message in its current state.
 */
export interface SendPayload {
  conversation_id: number;
  client_id: string;
  body?: string;
  reply_to_id?: number | null;
  forward_id?: number | null;
  attachment_ids?: number[];
}

/** Edit one of your own messages. */
export interface EditPayload {
  message_id: number;
  body: string;
}

/** Delete one of your own messages. Owners and admins of a group can delete any message of the group. */
export interface DeletePayload {
  message_id: number;
}

/** Add your reaction to a message (`active`: true) or remove it (`active`: false). */
export interface ReactionPayload {
  message_id: number;
  emoji: string;
  active: boolean;
}

/**
 * Move your read marker: all messages up to `seq` are read. With `back`: true, all messages from `seq` on are unread
 * again.
 */
export interface ReadPayload {
  conversation_id: number;
  seq: number;
  back?: boolean;
}

/**
 * Report that this device has received messages: the newest received `seq` of each conversation. It also confirms all
 * earlier messages.
 */
export interface ReceivedPayload {
  marks: Record<string, number>;
}

/**
 * Ask for the changes that this client has missed. `cursors`: the version of each conversation that the client has.
 * `me`: its version of the user's own state. `open`: the conversation that is on the screen.
 */
export interface SyncPayload {
  cursors?: Record<string, number>;
  me?: number;
  open?: number | null;
}

/** Reports that the user is typing in a conversation (`active` is true) or has stopped (`active` is false). */
export interface TypingPayload {
  conversation_id: number;
  active: boolean;
}

/** Reports which conversation this client shows now. `conversation_id` is null if it shows no conversation. */
export interface ViewPayload {
  conversation_id: number | null;
}

/** The payload and the answer of each command type. */
export interface Commands {
  "message.send": { payload: SendPayload; answer: MessageAnswer };
  "message.edit": { payload: EditPayload; answer: MessageAnswer };
  "message.delete": { payload: DeletePayload; answer: MessageAnswer };
  "reaction.set": { payload: ReactionPayload; answer: MessageAnswer };
  "read": { payload: ReadPayload; answer: MineAnswer };
  "received": { payload: ReceivedPayload; answer: null };
  "sync": { payload: SyncPayload; answer: SyncAnswer };
  "typing": { payload: TypingPayload; answer: null };
  "view": { payload: ViewPayload; answer: null };
  "ping": { payload: EmptyPayload; answer: EmptyPayload };
}

/** The payload of each event type. */
export interface Events {
  "welcome": Welcome;
  "pong": EmptyPayload;
  "error": ErrorPayload;
  "message.created": MessagePayload;
  "message.updated": MessagePayload;
  "conversation.updated": ConversationPayload;
  "member.updated": MemberPayload;
  "conversation.added": ConversationAdded;
  "conversation.removed": ConversationRemoved;
  "mine.updated": MineUpdated;
  "receipt": ReceiptEvent;
  "mention": MentionEvent;
  "me.updated": Me;
  "contact.updated": ContactEvent;
  "typing": Typing;
  "presence": Presence;
  "viewers": Viewers;
  "online": HeadCount;
}

// end of generated

// ── What only the scripts make of it ──────────────────────────────────────────────────────────────────────────────

export interface Frame {
  type: string;
  payload: any;
  ref?: string;
}

/** A durable change of a conversation: it follows version `after`. One of the last three is there. */
export interface Durable {
  conversation_id: number;
  after: number;
  version: number;
  message?: Message;
  conversation?: Conversation;
  member?: Member;
}

/** What is one's own: told live with its `me_version`, in a catch-up without. */
export interface MineChange {
  me_version?: number;
  conversation_id: number;
  mine: Mine;
}

/** A text on its way out, as the outbox keeps it. */
export interface Queued {
  client_id: string;
  conversation_id: number;
  body: string;
  reply_to_id: number | null;
  forward_id: number | null;
  attachment_ids?: number[];
  /** The same files, for showing them meanwhile. */
  attachments?: Attachment[];
  /** What it answers, for showing it meanwhile. */
  reply_to?: Reply | null;
  /** When it was written: ISO 8601, this machine's clock. */
  written_at: string;
  /** Its place in the queue, given by the store. */
  order?: number;
  /** Why the server refused it, in the server's words; it then waits for the person. */
  failed?: { code: string; detail: string };
}
