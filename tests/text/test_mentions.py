"""Tests of mentions such as `@alice`: which users a message mentions, at which positions in its text, and what is
stored about them in the database.
"""

from __future__ import annotations

import sys
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.schemas import build_user_schema
from accounts.usernames.rules import is_username_character, skeleton
from chat import actions, selectors
from chat.actions.validation import find_named_members
from chat.models import Mention
from chat.text.markdown import MAX_MENTION_KEYS, find_mention_keys, mentions_everybody, render_markdown
from tests.text.html_reader import HTMLReader

NAMES = [
    "alice",
    "bob",
    "小千",
    "小千寻",
    "王_2",
    "สมชาย",
    "हिन्दी",
    "Вова",
    "철수",
    "élodie",
    "a.b-c_d",
    "_eve_",
    "x" * 30,
    "t4ann",
]
USERS = {skeleton(name): build_user_schema(number, name, name) for number, name in enumerate(NAMES, 1)}


def find_mentions(body: str, **options) -> list[str]:
    """Renders a message text and returns the mentions in it, as they are written, for example `@alice`.

    Asserts that `find_mention_keys` finds the mentioned user names and that the HTML marks exactly these users as
    mentioned.
    """
    html, mentions = render_markdown(body, USERS, **options)
    spans = [attributes for tag, attributes in HTMLReader(html).tags if tag == "span" and attributes["class"] != "host"]
    assert [span["data-user-id"] for span in spans] == [str(m.user_id or "all") for m in mentions]
    mentions_text = [body[mention.start : mention.end] for mention in mentions]
    for mention, words in zip(mentions, mentions_text, strict=True):
        if mention.user_id:
            key = skeleton(words.lstrip("@＠﹫"))
            assert key in find_mention_keys(body)
            assert USERS[key].id == mention.user_id
    return mentions_text


@pytest.mark.parametrize("name", NAMES)
def test_every_valid_user_name_can_be_mentioned(name):
    for body in (
        f"@{name}",
        f"hi @{name}, there",
        f"@{name}.",
        f"(@{name})",
        f"**@{name}**",
        f"_@{name}_",
        f"@{name}!",
    ):
        assert find_mentions(body) == [f"@{name}"], body


@pytest.mark.parametrize(
    ("body", "mentions_text"),
    [
        ("👩‍🚀 @alice", ["@alice"]),
        ("𝕏𠮷 @bob 界", ["@bob"]),
        ("你好 @小千", ["@小千"]),
        ("你好@小千", ["@小千"]),
        ("请@alice看一下", ["@alice"]),
        ("，@小千，", ["@小千"]),
        ("cc:@bob", ["@bob"]),
        # Words follow the name without a space.
        ("@小千你好", ["@小千"]),
        ("@小千ok了", ["@小千"]),
        ("@alice你好", ["@alice"]),
        ("@小千@小千寻@alice 一起", ["@小千", "@小千寻", "@alice"]),
        ("@สมชายครับ", ["@สมชาย"]),
        ("@철수야", ["@철수"]),
        # If several names match, the longest one is mentioned.
        ("@小千寻你好", ["@小千寻"]),
        ("@王_2号", ["@王_2"]),
        # Differences in case, full-width forms and combining characters are ignored.
        ("@ALICE @Ａｌｉｃｅ", ["@ALICE", "@Ａｌｉｃｅ"]),
        ("@e\u0301lodie", ["@e\u0301lodie"]),
        ("@e\u0301lodie: hi", ["@e\u0301lodie"]),
        ("@a.b-c_d. And @bob...", ["@a.b-c_d", "@bob"]),
        ("@bob_ and __@bob__", ["@bob", "@bob"]),
        ("*@bob* ~~@bob~~ > @bob", ["@bob"] * 3),
        ("> @bob\n- @alice", ["@bob", "@alice"]),
        ("[@bob](https://example.org)", ["@bob"]),
        ("https://example.org @bob", ["@bob"]),
        ("(https://example.org)@bob", ["@bob"]),
        ("https://example.org，@bob", ["@bob"]),
        # A longer word is another user name.
        ("@bobby @bob2 @bob-bob @alice's @alicé", ["@alice"]),
        ("@Вовка", []),
        ("@हिन्दीवाला", []),
        ("@" + "x" * 31, []),
        ("@小", []),
        ("@nobody", []),
        # Behind the signs of a sentence, and behind another mention.
        ("＠小千 看一下", ["＠小千"]),
        ("你好＠alice，﹫bob", ["＠alice", "﹫bob"]),
        ("＠ａｌｉｃｅ 看一下", ["＠ａｌｉｃｅ"]),
        ("＠ｔ４ａｎｎ，你好＠Ｔ４ＡＮＮ你好", ["＠ｔ４ａｎｎ", "＠Ｔ４ＡＮＮ"]),
        ("＠ａ．ｂ－ｃ＿ｄ。@王＿２", ["＠ａ．ｂ－ｃ＿ｄ"]),
        ("＠ｂｏｂ．你好 @bob．Thanks", ["＠ｂｏｂ", "@bob"]),
        ("＠ｂｏｂ２ ＠ｂｏｂ＿ｘ", []),
        ("@bob/@小千 看一下", ["@bob", "@小千"]),
        ("@小千/@alice/@bob", ["@小千", "@alice", "@bob"]),
        ("@nobody/@bob", ["@bob"]),
        ("和/@bob /@alice", ["@bob", "@alice"]),
        ("好的.@bob Thanks.@alice", ["@bob", "@alice"]),
        ("-@bob ——@alice @bob-@alice", ["@bob", "@alice", "@bob", "@alice"]),
        ("@bob.@alice", ["@bob", "@alice"]),
        ("@bob@alice", ["@bob", "@alice"]),
        ("＠bob＠alice@小千 看", ["＠bob", "＠alice", "@小千"]),
        ("@bob@localhost", ["@bob"]),
        ("x@bob@alice @bob@alice.example", []),
        ("\\\\@bob", ["@bob"]),
        ("@bob\\@小千 看一下", ["@bob", "@小千"]),
        ("https://example.org/a，@bob https://example.org/b👉@alice", ["@bob", "@alice"]),
        # These texts contain no mentions.
        ("bob＠example.org bob＠alice", []),
        ("node_modules/@bob example.org/@bob bob@x.org/@bob", []),
        ("@＠bob", []),
        ("bob@alice", []),
        ("me+@bob", ["@bob"]),
        ("bob@alice.com <bob@alice.com> mailto:x@bob", []),
        ("@bob@example.org", []),
        ("é@bob", []),
        ("@@bob", []),
        ("\\@bob", []),
        ("\\@bob\\@alice", []),
        ("src/@bob", []),
        ("`@bob` ``x @bob``", []),
        ("```\n@bob\n```", []),
        ("```@bob\nx\n```", []),
        ("https://example.org/@bob", []),
        ("https://example.org/?q=@bob", []),
        ("https://user:@bob/", []),
        ("<https://example.org/?q=@bob>", []),
        ("[x](https://example.org/?q=@bob)", []),
        ("[x](?q=@bob)", []),
        ("[x](//a=@bob/)", []),
        ('[x](https://example.org/ "@bob")', []),
        ("@", []),
        ("@ bob", []),
        ("@\u200bbob", []),
    ],
)
def test_mentions_are_found(body, mentions_text):
    assert find_mentions(body) == mentions_text


@pytest.mark.parametrize(
    "body",
    [
        "`@bob`",
        "```\n@bob\n```",
        "[x](http://example.org/?q=@bob)",
        "[x](<//a(b)=@bob/>)",
        '[x](/y "@bob")',
        "> " * 25 + "@bob",
    ],
)
def test_text_that_is_no_mention_stays_text(body):
    html, _ = render_markdown(body, USERS)
    plain, _ = render_markdown(body.replace("@bob", "@zzz"), {})
    assert html.replace("bob", "zzz") == plain


def test_a_backslash_before_a_mention_is_hidden_and_mentions_nobody():
    assert render_markdown("\\@bob \\@stranger", USERS) == ("<p>@bob \\@stranger</p>\n", [])


def test_mention_of_everybody():
    assert find_mentions("@all, hello @All!", everybody=True) == ["@all", "@All"]
    assert find_mentions("@all大家好", everybody=True) == ["@all"]
    assert find_mentions("＠ａｌｌ 大家好，@ＡＬＬ", everybody=True) == ["＠ａｌｌ", "@ＡＬＬ"]
    assert find_mentions("@all", everybody=False) == []
    assert find_mentions("@allan `@all` x@all", everybody=True) == []


def test_a_text_can_mention_everybody_although_its_author_may_not():
    for body in ("@all hi", "大家好@all请看", "hi ＠All!", "（@ALL）", "- @all"):
        assert mentions_everybody(body), body
    for body in ("`@all`", "```\n@all\n```", "@allan", "x@all.org", "all", "@ all", "\\@all"):
        assert not mentions_everybody(body), body


FRAGMENTS = [
    "@",
    "小千",
    "alice",
    "bob",
    "`",
    "*",
    "_",
    "[",
    "](",
    ")",
    " ",
    "\n",
    "> ",
    "http://",
    ".",
    "-",
    "👍",
    "e\u0301",
    "&#xE000;",
    "@all",
    "<",
    ">",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join), st.booleans())
def test_mention_indices_refer_to_the_body(body, everybody):
    mentions_text = find_mentions(body, everybody=everybody)
    assert all(words[0] == "@" for words in mentions_text)
    assert all(words.lower() == "@all" or skeleton(words[1:]) in USERS for words in mentions_text)


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.sampled_from([chr(n) for n in range(0x3000) if is_username_character(chr(n))]), min_size=2, max_size=30)
)
def test_the_pattern_accepts_every_character_of_a_user_name(name):
    name = name.strip(".-_")
    if len(name) >= 2:
        assert skeleton(name) in find_mention_keys(f"hi @{name} there")


# ── Stored mentions ─────────────────────────────────────────────────────────────────────────────────────────────────
def send_message(user, conversation, body):
    return actions.send_message(user.pk, conversation.pk, uuid.uuid4(), body)[0]


def list_mentioned_ids(message) -> set[int]:
    return set(Mention.objects.filter(message_id=message.id).values_list("user_id", flat=True))


@pytest.fixture
def group_of_three(transactional_db, group, direct_conversation, alice, bob, carol):
    actions.add_members(alice.pk, group.pk, [carol.pk])


@pytest.mark.usefixtures("group_of_three")
def test_only_admins_of_a_group_can_mention_everybody(group, direct_conversation, alice, bob, carol):
    assert list_mentioned_ids(send_message(alice, group, "@all, hear")) == {bob.pk, carol.pk}
    message = send_message(bob, group, "@all, hear")
    assert message.mentions == [] and list_mentioned_ids(message) == set()
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    assert list_mentioned_ids(send_message(bob, group, "@all, hear")) == {alice.pk, carol.pk}
    assert list_mentioned_ids(send_message(alice, direct_conversation, "@all, hear")) == set()


@pytest.mark.usefixtures("group_of_three")
def test_only_other_members_are_notified_of_a_mention(group, alice, bob, mallory):
    message = send_message(alice, group, "@mallory @alice @bob @bob")
    assert [mention.user_id for mention in message.mentions] == [alice.pk, bob.pk, bob.pk]
    assert list_mentioned_ids(message) == {bob.pk}


@pytest.mark.usefixtures("group_of_three")
def test_an_edit_replaces_mentions(group, alice, bob, carol):
    message = send_message(alice, group, "hello @bob")
    assert selectors.get_conversation(bob.pk, group.pk).mine.unread_mention_count == 1
    edited = actions.edit_message(alice.pk, message.id, "界 @carol, hello")
    assert [(m.user_id, m.start, m.end) for m in edited.mentions] == [(carol.pk, 2, 8)]
    assert list_mentioned_ids(message) == {carol.pk}
    assert selectors.get_conversation(bob.pk, group.pk).mine.unread_mention_count == 0
    assert [each.id for each in selectors.list_mentions(carol.pk)[0]] == [message.id]
    assert list_mentioned_ids(actions.edit_message(alice.pk, message.id, "@all")) == {bob.pk, carol.pk}
    assert list_mentioned_ids(actions.delete_message(alice.pk, message.id)) == set()


@pytest.mark.usefixtures("group_of_three")
def test_correcting_a_typo_keeps_mentions_of_users_who_left_or_were_renamed(group, alice, bob, carol, make_user):
    message = send_message(alice, group, "@bob @carol helo")
    actions.remove_member(alice.pk, group.pk, carol.pk)
    bob.username, bob.username_key = "robert", skeleton("robert")
    bob.save()
    actions.add_members(alice.pk, group.pk, [make_user("dave").pk])
    dave = User.objects.get(username="dave")
    dave.username, dave.username_key = "bob", skeleton("bob")
    dave.save()
    edited = actions.edit_message(alice.pk, message.id, "@bob @carol hello")
    assert [mention.user_id for mention in edited.mentions] == [bob.pk, carol.pk]
    assert list_mentioned_ids(message) == {bob.pk, carol.pk}


@pytest.mark.usefixtures("group_of_three")
def test_correcting_a_typo_keeps_a_mention_of_everybody(group, alice, bob, carol):
    actions.set_role(alice.pk, group.pk, bob.pk, "admin")
    message = send_message(bob, group, "@all helo")
    actions.set_role(alice.pk, group.pk, bob.pk, "member")
    edited = actions.edit_message(bob.pk, message.id, "@all hello")
    assert [mention.user_id for mention in edited.mentions] == [None]
    assert list_mentioned_ids(message) == {alice.pk, carol.pk}


@pytest.mark.usefixtures("group_of_three")
def test_user_names_of_all_scripts_are_looked_up(group, alice, make_user):
    people = [make_user(name) for name in ("小千", "สมชาย", "हिन्दी", "철수")]
    actions.add_members(alice.pk, group.pk, [each.pk for each in people])
    message = send_message(alice, group, "你好@小千看 @สมชายครับ @हिन्दी, @철수야")
    assert [mention.user_id for mention in message.mentions] == [each.pk for each in people]
    assert [message.body[m.start : m.end] for m in message.mentions] == ["@小千", "@สมชาย", "@हिन्दी", "@철수"]


@pytest.mark.usefixtures("group_of_three")
def test_many_mentions_need_one_query(group, django_assert_max_num_queries):
    body = "".join(f"@{chr(0x4E00 + n)}{chr(0x5E00 + n)}{'名' * 27}" for n in range(133))
    keys = find_mention_keys(body)
    assert len(keys) < 5000
    with django_assert_max_num_queries(1):
        assert find_named_members({group.pk: keys}) == {}


def test_all_user_name_characters_of_unicode_are_accepted():
    """Every Unicode character that is allowed in user names must also be recognised in mentions such as `@alice`.

    `is_username_character` defines which characters are allowed.
    """
    letters = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000 and is_username_character(chr(n))]
    assert len(letters) > 100_000
    for index in range(0, len(letters), 25):
        name = "x" + "".join(letters[index : index + 25]).strip(".-_") + "x"
        assert skeleton(name) in find_mention_keys(f"@{name}")


def test_the_names_that_one_text_may_mention_are_limited():
    names = ["".join(chr(0x4E00 + (17 * line + 31 * place) % 20000) for place in range(30)) for line in range(125)]
    keys = find_mention_keys("".join(f"@{name} " for name in names))
    assert skeleton(names[0]) in keys and MAX_MENTION_KEYS <= len(keys) < MAX_MENTION_KEYS + 60
