"""Who is named by a text, and where exactly."""

from __future__ import annotations

import sys
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.schemas import UserSchema
from accounts.text.usernames import is_name_character, skeleton
from chat import actions, selectors
from chat.actions.validation import members_named
from chat.models import Mention
from chat.text.markdown import named_in, render
from tests.text.html_reader import Reader

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
]
PEOPLE = {skeleton(name): UserSchema(number, name, name) for number, name in enumerate(NAMES, 1)}


def named(body: str, **options) -> list[str]:
    """The pieces of the body that name somebody. Each must be asked for beforehand, and shown as a mention."""
    html, mentions = render(body, PEOPLE, **options)
    spans = [attributes for tag, attributes in Reader(html).tags if tag == "span" and attributes["class"] != "host"]
    assert [span["data-user-id"] for span in spans] == [str(m.user_id or "all") for m in mentions]
    found = [body[mention.start : mention.end] for mention in mentions]
    for mention, words in zip(mentions, found, strict=True):
        if mention.user_id:
            key = skeleton(words.removeprefix("@"))
            assert key in named_in(body)
            assert PEOPLE[key].id == mention.user_id
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_somebody_may_have_can_be_mentioned(name):
    for body in (
        f"@{name}",
        f"hi @{name}, there",
        f"@{name}.",
        f"(@{name})",
        f"**@{name}**",
        f"_@{name}_",
        f"@{name}!",
    ):
        assert named(body) == [f"@{name}"], body


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("👩‍🚀 @alice", ["@alice"]),
        ("𝕏𠮷 @bob 界", ["@bob"]),
        ("你好 @小千", ["@小千"]),
        ("你好@小千", ["@小千"]),
        ("请@alice看一下", ["@alice"]),
        ("，@小千，", ["@小千"]),
        ("cc:@bob", ["@bob"]),
        # Words follow without a space.
        ("@小千你好", ["@小千"]),
        ("@小千ok了", ["@小千"]),
        ("@alice你好", ["@alice"]),
        ("@小千@小千寻@alice 一起", ["@小千", "@小千寻", "@alice"]),
        ("@สมชายครับ", ["@สมชาย"]),
        ("@철수야", ["@철수"]),
        # The longest name first.
        ("@小千寻你好", ["@小千寻"]),
        ("@王_2号", ["@王_2"]),
        # Case and look do not matter, nor how the letters are put together.
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
        # Longer words are other names.
        ("@bobby @bob2 @bob-bob @alice's @alicé", ["@alice"]),
        ("@Вовка", []),
        ("@हिन्दीवाला", []),
        ("@" + "x" * 31, []),
        ("@小", []),
        ("@nobody", []),
        # No mentions at all.
        ("bob@alice", []),
        ("me+@bob", ["@bob"]),
        ("bob@alice.com <bob@alice.com> mailto:x@bob", []),
        ("@bob@example.org", []),
        ("é@bob", []),
        ("@@bob", []),
        ("\\@bob", []),
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
def test_who_is_named(body, found):
    assert named(body) == found


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
def test_words_that_name_nobody_stay_words(body):
    html, _ = render(body, PEOPLE)
    plain, _ = render(body.replace("@bob", "@zzz"), {})
    assert html.replace("bob", "zzz") == plain


def test_everybody_is_named_where_that_counts():
    assert named("@all, hello @All!", everybody=True) == ["@all", "@All"]
    assert named("@all大家好", everybody=True) == ["@all"]
    assert named("@all", everybody=False) == []
    assert named("@allan `@all` x@all", everybody=True) == []


BITS = [
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
@given(st.lists(st.sampled_from(BITS), max_size=25).map("".join), st.booleans())
def test_places_are_those_of_the_body(body, everybody):
    found = named(body, everybody=everybody)
    assert all(words[0] == "@" for words in found)
    assert all(words.lower() == "@all" or skeleton(words[1:]) in PEOPLE for words in found)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from([chr(n) for n in range(0x3000) if is_name_character(chr(n))]), min_size=2, max_size=30))
def test_the_pattern_knows_every_character_of_a_name(name):
    name = name.strip(".-_")
    if len(name) >= 2:
        assert skeleton(name) in named_in(f"hi @{name} there")


# ── As rows ──────────────────────────────────────────────────────────────────────────────────────────────────────
def say(user, conversation, body):
    return actions.send(user.pk, conversation.pk, uuid.uuid4(), body)[0]


def told(message) -> set[int]:
    return set(Mention.objects.filter(message_id=message.id).values_list("user_id", flat=True))


@pytest.fixture
def town(transactional_db, room, pair, alice, bob, carol):
    actions.add_members(alice.pk, room.pk, [carol.pk])


@pytest.mark.usefixtures("town")
def test_all_is_for_those_who_lead_a_group(room, pair, alice, bob, carol):
    assert told(say(alice, room, "@all, hear")) == {bob.pk, carol.pk}
    refused = say(bob, room, "@all, hear")
    assert refused.mentions == [] and told(refused) == set()
    actions.set_role(alice.pk, room.pk, bob.pk, "admin")
    assert told(say(bob, room, "@all, hear")) == {alice.pk, carol.pk}
    assert told(say(alice, pair, "@all, hear")) == set()


@pytest.mark.usefixtures("town")
def test_only_members_are_named_and_nobody_by_themselves(room, alice, bob, mallory):
    message = say(alice, room, "@mallory @alice @bob @bob")
    assert [mention.user_id for mention in message.mentions] == [alice.pk, bob.pk, bob.pk]
    assert told(message) == {bob.pk}


@pytest.mark.usefixtures("town")
def test_an_edit_names_anew(room, alice, bob, carol):
    message = say(alice, room, "hello @bob")
    assert selectors.get_conversation(bob.pk, room.pk).mine.unread_mention_count == 1
    edited = actions.edit(alice.pk, message.id, "界 @carol, hello")
    assert [(m.user_id, m.start, m.end) for m in edited.mentions] == [(carol.pk, 2, 8)]
    assert told(message) == {carol.pk}
    assert selectors.get_conversation(bob.pk, room.pk).mine.unread_mention_count == 0
    assert [each.id for each in selectors.list_mentions(carol.pk)[0]] == [message.id]
    assert told(actions.edit(alice.pk, message.id, "@all")) == {bob.pk, carol.pk}
    assert told(actions.delete(alice.pk, message.id)) == set()


@pytest.mark.usefixtures("town")
def test_names_of_all_scripts_are_looked_up_as_they_are_written(room, alice, person):
    people = [person(name) for name in ("小千", "สมชาย", "हिन्दी", "철수")]
    actions.add_members(alice.pk, room.pk, [each.pk for each in people])
    message = say(alice, room, "你好@小千看 @สมชายครับ @हिन्दी, @철수야")
    assert [mention.user_id for mention in message.mentions] == [each.pk for each in people]
    assert [message.body[m.start : m.end] for m in message.mentions] == ["@小千", "@สมชาย", "@हिन्दी", "@철수"]


@pytest.mark.usefixtures("town")
def test_a_text_full_of_names_is_one_query(room, django_assert_max_num_queries):
    body = "".join(f"@{chr(0x4E00 + n)}{chr(0x5E00 + n)}{'名' * 27}" for n in range(133))
    assert len(named_in(body)) < 5000
    with django_assert_max_num_queries(1):
        assert members_named([(room.pk, body)]) == {}


def test_every_character_of_a_name_is_known_in_this_python():
    """What `is_name_character` takes, the pattern takes: looked through whole."""
    letters = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000 and is_name_character(chr(n))]
    assert len(letters) > 100_000
    for place in range(0, len(letters), 25):
        name = "x" + "".join(letters[place : place + 25]).strip(".-_") + "x"
        assert skeleton(name) in named_in(f"@{name}")
