/** The frames of the socket and the shapes inside them: docs/protocol.md, as types for the page's scripts. */

export interface User {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
}

/** `user_id` is null where everybody is meant (@all). Offsets count code points of the body. */
export interface Mention {
  user_id: number | null;
  start: number;
  end: number;
}

export interface Reply {
  id: number;
  seq: number;
  sender: User;
  excerpt: string;
  deleted: boolean;
}

export interface Forward {
  sender: User;
  created_at: string | null;
}

export interface Attachment {
  id: number;
  name: string;
  content_type: string;
  size: number;
  url: string;
  thumbnail_url: string | null;
  width: number | null;
  height: number | null;
  duration: number | null;
  alt: string;
}

export interface Reaction {
  emoji: string;
  user_ids: number[];
}

/** What a system line tells; the page words it. */
export interface SystemEvent {
  name: string;
  actor_id: number | null;
  user_ids: number[];
  old: string | null;
  new: string | null;
}

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

/** What is one person's own in a conversation. */
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
}

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
  mine?: Mine | null;
}

export interface Member {
  user: User;
  role: string;
  joined_at: string;
  left_at: string | null;
  version: number;
}

export interface Receipt {
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  read_at?: string | null;
}

export interface History {
  results: Message[];
  has_before: boolean;
  has_after: boolean;
  version: number;
}

export interface Welcome {
  user_id: number;
  connection_id: string;
  server_time: string;
  heartbeat: { interval: number; timeout: number };
  versions: Record<string, number>;
  me_version: number;
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

export interface Changes {
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** Told live with its `me_version`, in a catch-up without. */
export interface MineChange {
  me_version?: number;
  conversation_id: number;
  mine: Mine;
}

export interface SyncAnswer {
  conversations: (Changes & { conversation_id: number })[];
  mine: MineChange[];
  removed: number[];
  receipts: Receipt[];
  me_version: number;
  complete: boolean;
}

/** An error as REST and the socket tell it. `retry_after` is in seconds. */
export interface ErrorPayload {
  code: string;
  detail: string;
  fields?: Record<string, string[]>;
  retry_after?: number;
}

export interface Frame {
  type: string;
  payload: any;
  ref?: string;
}

/** A text on its way out, as the outbox keeps it. */
export interface Queued {
  client_id: string;
  conversation_id: number;
  body: string;
  reply_to_id: number | null;
  forward_id: number | null;
  /** What it answers, for showing it meanwhile. */
  reply_to?: Reply | null;
  /** When it was written: ISO 8601, this machine's clock. */
  written_at: string;
  /** Its place in the queue, given by the store. */
  order?: number;
  /** Why the server refused it, in the server's words; it then waits for the person. */
  failed?: { code: string; detail: string };
}
