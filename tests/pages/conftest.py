"""Browsers without scripts: Django's client, a reader of HTML, and forms posted as they stand in the page."""

from __future__ import annotations

import re
import uuid
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from chat import actions

VOID = {"input", "link", "meta", "br", "img", "hr", "use", "path"}


class Element:
    def __init__(self, tag: str, attrs: dict[str, str], parent: Element | None):
        self.tag, self.attrs, self.parent = tag, attrs, parent
        self.children: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attrs[name]

    @property
    def classes(self) -> set[str]:
        return set(self.attrs.get("class", "").split())

    @property
    def text(self) -> str:
        return " ".join(
            "".join(child if isinstance(child, str) else f"{child.text} " for child in self.children).split()
        )

    def all(self, tag: str = "", cls: str = "", **attrs: str) -> list[Element]:
        """Elements below this one, in order; what stands in a `<template>` is not on the page."""
        found = []
        for child in self.children:
            if isinstance(child, Element) and child.tag != "template":
                wanted = (not tag or child.tag == tag) and (not cls or cls in child.classes)
                if wanted and all(child.attrs.get(name.replace("_", "-")) == value for name, value in attrs.items()):
                    found.append(child)
                found += child.all(tag, cls, **attrs)
        return found

    def one(self, tag: str = "", cls: str = "", **attrs: str) -> Element:
        found = self.all(tag, cls, **attrs)
        assert len(found) == 1, f"{len(found)} elements {tag}.{cls} {attrs}"
        return found[0]


class Reader(HTMLParser):
    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {}, None)
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag} {self.at.attrs}>"
        self.at = self.at.parent

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        self.at.children.append(data)


class Page(Element):
    """An answer, read. Reading fails where tags do not match."""

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.html = response.content.decode()
        root = Reader(self.html).root
        super().__init__("", {}, None)
        self.children = root.children

    def form(self, action: str) -> dict[str, str]:
        """What this form would send as it stands."""
        form = next(form for form in self.all("form") if form.attrs.get("action") == action)
        sent = {field["name"]: field.attrs.get("value", "") for field in form.all("input") if "name" in field.attrs}
        return sent | {area["name"]: area.text for area in form.all("textarea")}

    @property
    def messages(self) -> list[Element]:
        return [element for element in self.all("li") if element.classes & {"msg", "system"}]


class Browser:
    """One person's browser, with scripts off. CSRF is checked, as in real life."""

    def __init__(self, user=None):
        self.client = Client(enforce_csrf_checks=True)
        if user:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Page:
        return Page(self.client.get(path, query))

    def visit(self, path: str) -> Page:
        """As static/js/ui/page-navigation.js asks for a page that takes the place of another."""
        return Page(self.client.get(path, headers={"X-Visit": "1"}))

    def post(self, path: str, data: dict[str, Any] | None = None, follow: bool = False, **fields: Any) -> Page:
        """With the token that a page of this browser gives."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.client.get("/people/").content.decode())
        sent = {"csrfmiddlewaretoken": token[1] if token else "", **(data or {}), **fields}
        return Page(self.client.post(path, sent, follow=follow))


@pytest.fixture
def browser():
    return Browser


@pytest.fixture
def say():
    def say(user, conversation, body: str = "hello", **options):
        return actions.send(user.pk, conversation.pk, uuid.uuid4(), body, **options)[0]

    return say
