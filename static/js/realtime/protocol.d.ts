/**
 * The frames of the socket and the shapes inside them, as types for the page's scripts; docs/protocol.md has them in words.
 * What stands between the two marks is written by `manage.py protocol`, from the structs that the server uses.
 */

// generated

/** An error as REST and the socket tell it. `retry_after` is in seconds. */
export interface ErrorPayload {
  code: string;
  detail: string;
  fields?: Record<string, string[]>;
  retry_after?: number;
}

/** In seconds. */
export interface Heartbeat {
  interval: number;
  timeout: number;
}

/** What others may see of a person. `name` is the display name, or the user name where there is none. */
export interface User {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
}

/**
 * One's own profile and settings. `language` and `time_zone` are empty where the browser decides. The last six before
 * `me_version` are one's privacy: who may find me by name, begin to write to me, add me to groups; who sees that I am
 * here, when I was last here, what I have read.
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

/** The payload of `me.updated`, told to that person's devices. */
export interface Me {
  me_version: number;
  user: Profile;
}

/**
 * What somebody is to me. `asked`: by me, without an answer yet; `asks`: they ask me, and I may accept, decline or
 * ignore it; `contact`: in my list. `blocked`: by me; it hides whatever else there is between us.
 */
export interface Contact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
}

/**
 * The payload of `contact.updated`, told to my devices: what somebody is to me from now on. `requests`: how many people
 * ask to be in my list.
 */
export interface ContactEvent {
  me_version: number;
  contact: Contact;
  requests: number;
}

/** One way in that stands open. `current`: the one that this request came by. */
export interface SignIn {
  id: string;
  kind: "browser" | "token";
  user_agent: string;
  address: string | null;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/** `access` goes with every request; `refresh` gives a new pair, once. */
export interface TokenPair {
  access: string;
  refresh: string;
}

/** `start` and `end` count code points of the body. `user_id` is null where everybody is meant (@all). */
export interface Mention {
  user_id: number | null;
  start: number;
  end: number;
}

/** The quoted message as it is now. */
export interface Reply {
  id: number;
  seq: number;
  sender: User;
  excerpt: string;
  deleted: boolean;
}

/** Who wrote a forwarded text first, and when. */
export interface Forward {
  sender: User;
  created_at: string | null;
}

/**
 * A file of a message. `url` is a path of this site, which asks who wants it. `kind`: image, video, audio, file. Width
 * and height are pixels, duration seconds. Until a picture is `ready` its url answers 503: it is being redrawn, and
 * `message.updated` says when it is done. `preview_url` fills a screen, `thumbnail_url` a place in the log.
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

/** One emoji, and who put it there, first come first. */
export interface Reaction {
  emoji: string;
  user_ids: number[];
}

/**
 * A system line, worded by the reader's page: joined, left, removed, renamed, described, pictured, announced, owner,
 * role … `by_id` of somebody who joined: whose link it was. Of `role`, `old` and `new` are roles.
 */
export interface SystemEvent {
  name: string;
  actor_id: number | null;
  user_ids: number[];
  old: string | null;
  new: string | null;
  by_id: number | null;
}

/** One line of a conversation. Deleted, it keeps ids, seq, kind, sender and times, and loses all else. */
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
 * What is one's own about a conversation. `unread_count`: other people's texts after `read_seq`. `receipts`: shows here
 * how far they have got and read, and sees it of the others. The announcement is new to this person while
 * `announcement_seen` is below the conversation's `announced_version`.
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
}

/** A pair, whose `peer` is the other person, or a group. `mine` is absent where all are told alike. */
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
 * What a conversation is called. A search text finds it in `title`, or where one of `keys` begins with it. `keys` are
 * how a Chinese title is typed: by pinyin and by initials, from each character on.
 */
export interface Title {
  id: number;
  kind: string;
  title: string;
  keys: string[];
  avatar_url: string | null;
  peer: User | null;
}

/** A person in a conversation. `left_at` is null while they are in it. */
export interface Member {
  user: User;
  role: string;
  joined_at: string;
  left_at: string | null;
  version: number;
}

/** How far a member has got and read, and when they had read so far. */
export interface Receipt {
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  read_at: string | null;
}

/** Who got and read one message, and when. */
export interface MessageReceipt {
  user_id: number;
  delivered_at: string | null;
  read_at: string | null;
}

/** A file of a conversation, and the message that shows it. */
export interface File {
  attachment: Attachment;
  message_id: number;
  seq: number;
  sender: User;
  created_at: string;
}

/** A file on its way; `offset` bytes are safely there. Once it is whole, `attachment` is what a message can name. */
export interface Upload {
  id: string;
  name: string;
  size: number;
  offset: number;
  expires_at: string;
  attachment: Attachment | null;
}

/** What a message said before an edit, and when that was written. */
export interface Revision {
  body: string;
  body_html: string;
  written_at: string;
}

/** A page by `seq`, ascending. `version` was read before the rows: they may be newer, never older. */
export interface History {
  results: Message[];
  has_before: boolean;
  has_after: boolean;
  version: number;
}

/** Rows changed since a version, as they are now, up to `version`. Ask on until `complete`. */
export interface Changes {
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** `last_seen` is null while the person is here, and for people who do not show it. */
export interface Presence {
  user_id: number;
  online: boolean;
  last_seen: string | null;
}

/** As `Contact`; `presence` is null of who is not in one's list yet. */
export interface ListedContact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
  presence: Presence | null;
}

/** A link into a group. `expires_at` and `max_uses` are null where it has no such end; `uses`: who came by it. */
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

/** What somebody sees of a group before they join by a link. `conversation_id` is null unless they are in it. */
export interface InvitePreview {
  title: string;
  description: string;
  avatar_url: string | null;
  member_count: number;
  created_by: User;
  conversation_id: number | null;
}

/** The members who are here now, as far as they show it. */
export interface OnlineMembers {
  count: number;
  user_ids: number[];
}

/** As `Changes`, of one conversation. One that the device did not name is told whole, without rows. */
export interface SyncedConversation {
  conversation_id: number;
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** What is one's own about a conversation, as of now. */
export interface SyncedMine {
  conversation_id: number;
  mine: Mine;
}

/**
 * What a device missed. `removed` are those of its conversations that are its person's no more; `contacts` what people
 * have become to its person since `me`, also those who are nothing any more.
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

/** Ends by itself 5 seconds after it was last told. */
export interface Typing {
  conversation_id: number;
  user_id: number;
  active: boolean;
}

/** How far one of them has read. */
export interface Reader {
  user_id: number;
  seq: number;
}

/** People, not tabs. `readers` are those who show their presence, and how far each has read. */
export interface Viewers {
  conversation_id: number;
  count: number;
  readers: Reader[];
}

/** How many people are on the site now: a person counts once, and so does a browser with nobody signed in. */
export interface HeadCount {
  count: number;
}

/** The first frame. `versions` of all one's conversations; where the page knows less, it asks with `sync`. */
export interface Welcome {
  user_id: number;
  connection_id: string;
  server_time: string;
  heartbeat: Heartbeat;
  versions: Record<string, number>;
  me_version: number;
}

/** No payload. */
export type Nothing = Record<string, never>;

/** A message as it is now. A deleted one is an update too. */
export interface MessagePayload {
  conversation_id: number;
  after: number;
  version: number;
  message: Message;
}

/** What all members share, as it is now. */
export interface ConversationPayload {
  conversation_id: number;
  after: number;
  version: number;
  conversation: Conversation;
}

/** A member who came, left (`left_at`), or has another role, name or picture. */
export interface MemberPayload {
  conversation_id: number;
  after: number;
  version: number;
  member: Member;
}

/** Mine from now on; or known and told anew: then it replaces what was known. */
export interface ConversationAdded {
  me_version: number;
  conversation: Conversation;
}

/** Mine no more: left, removed, or the group was deleted. */
export interface ConversationRemoved {
  me_version: number;
  conversation_id: number;
}

/** What is my own about a conversation, whole. */
export interface MineUpdated {
  me_version: number;
  conversation_id: number;
  mine: Mine;
}

/** How far a member has got and read. Marks only go forward; 0 and 0: they show theirs no more. */
export interface ReceiptEvent {
  conversation_id: number;
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  at: string;
}

/** A message that names this person, or everybody. */
export interface MentionEvent {
  message: Message;
}

export interface MessageAnswer {
  message: Message;
}

export interface MineAnswer {
  mine: Mine;
}

/** Store a message. The same `client_id` again stores nothing and answers with the message as it is now. */
export interface SendPayload {
  conversation_id: number;
  client_id: string;
  body?: string;
  reply_to_id?: number | null;
  forward_id?: number | null;
  attachment_ids?: number[];
}

/** Put other words in place of one's own. */
export interface EditPayload {
  message_id: number;
  body: string;
}

/** Recall one's own message, or delete another's as owner or admin. */
export interface DeletePayload {
  message_id: number;
}

/** Put one's emoji under a message, or take it away. */
export interface ReactionPayload {
  message_id: number;
  emoji: string;
  active: boolean;
}

/** `back`: everything from `seq` on is unread again. */
export interface ReadPayload {
  conversation_id: number;
  seq: number;
  back?: boolean;
}

/** Got on this device, cumulative: the newest seq by conversation. */
export interface ReceivedPayload {
  marks: Record<string, number>;
}

/** What this device knows: versions by conversation, its person's own, and which conversation is open. */
export interface SyncPayload {
  cursors?: Record<string, number>;
  me?: number;
  open?: number | null;
}

/** Typing here, or no longer. */
export interface TypingPayload {
  conversation_id: number;
  active: boolean;
}

/** What this client is looking at; null: at no conversation. */
export interface ViewPayload {
  conversation_id: number | null;
}

/** By type: what a command carries, and what comes with its answer. */
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
  "ping": { payload: Nothing; answer: Nothing };
}

/** By type: what an event carries. */
export interface Events {
  "welcome": Welcome;
  "pong": Nothing;
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
