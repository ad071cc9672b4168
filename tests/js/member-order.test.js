import assert from "node:assert/strict";
import { test } from "node:test";
import { compareMembers } from "../../static/js/conversation/panel/member-order.js";
import { fakePageData } from "./fakes.js";

fakePageData({ "role-words": { order: "owner admin member" } });

const named = (...names) => names.map((name, index) => ({ id: index + 1, name, role: "member" }));

test("the owner first, then admins, then members", () => {
  const [member, admin, owner] = named("a", "b", "c");
  admin.role = "admin";
  owner.role = "owner";
  assert.deepEqual([member, admin, owner].sort(compareMembers).map(({ name }) => name), ["c", "b", "a"]);
});

// The server sorts members in the same order with both databases, see tests/api/test_members.py.
test("by code points; A to Z are compared as lower case; characters beyond the basic plane come last", () => {
  const names = ["𠮷野家", "zoë", "Änne", "anna", "Anna", "Bert", "陈小明", "_x", "Ω", "Zed", "\uffee"];
  const sorted = named(...names).sort(compareMembers).map(({ name }) => name);
  assert.deepEqual(sorted, ["_x", "anna", "Anna", "Bert", "Zed", "zoë", "Änne", "Ω", "陈小明", "\uffee", "𠮷野家"]);
});
