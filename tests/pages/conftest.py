"""Fixtures for page tests: a simulated browser without scripts.

It consists of Django's test client and an HTML parser.
"""

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
        """Returns all elements inside this element that have the given tag, class and attributes, in document order.

        Elements inside a `<template>` are left out.
        """
        results = []
        for child in self.children:
            if isinstance(child, Element) and child.tag != "template":
                matches = (not tag or child.tag == tag) and (not cls or cls in child.classes)
                if matches and all(child.attrs.get(name.replace("_", "-")) == value for name, value in attrs.items()):
                    results.append(child)
                results += child.all(tag, cls, **attrs)
        return results

    def one(self, tag: str = "", cls: str = "", **attrs: str) -> Element:
        results = self.all(tag, cls, **attrs)
        assert len(results) == 1, f"{len(results)} elements {tag}.{cls} {attrs}"
        return results[0]


class TreeBuilder(HTMLParser):
    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.root = self.current = Element("", {}, None)
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, self.current)
        self.current.children.append(element)
        if tag not in VOID:
            self.current = element

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.current.tag == tag, f"</{tag}> closes <{self.current.tag} {self.current.attrs}>"
        self.current = self.current.parent

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        self.current.children.append(data)


class Page(Element):
    """The HTML of a response, parsed into elements.

    Raises AssertionError if a closing tag does not match its opening tag.
    """

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.html = response.content.decode()
        root = TreeBuilder(self.html).root
        super().__init__("", {}, None)
        self.children = root.children

    def form(self, action: str) -> dict[str, str]:
        """Returns the fields of the form whose `action` attribute is this URL, as a dictionary from name to value.

        These are the values that a browser would send. Only `<input>` and `<textarea>` fields are supported.
        """
        form = next(form for form in self.all("form") if form.attrs.get("action") == action)
        data = {field["name"]: field.attrs.get("value", "") for field in form.all("input") if "name" in field.attrs}
        return data | {area["name"]: area.text for area in form.all("textarea")}

    @property
    def messages(self) -> list[Element]:
        return [element for element in self.all("li") if element.classes & {"msg", "system"}]


class Browser:
    """A simulated browser without scripts, signed in as the given user or not signed in.

    The server checks CSRF tokens of its requests.
    """

    def __init__(self, user=None):
        self.client = Client(enforce_csrf_checks=True)
        if user:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Page:
        return Page(self.client.get(path, query))

    def visit(self, path: str) -> Page:
        """Requests a page in the same way as our script page-navigation.js: with the header X-Visit.

        The script changes to another page without a reload: it replaces the content of the open page by the response.
        """
        return Page(self.client.get(path, headers={"X-Visit": "1"}))

    def post(self, path: str, data: dict[str, Any] | None = None, follow: bool = False, **fields: Any) -> Page:
        """Posts a form with the given fields, and returns the page in the response.

        First it loads another page to get a valid CSRF token.
        """
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.client.get("/people/").content.decode())
        data = {"csrfmiddlewaretoken": token[1] if token else "", **(data or {}), **fields}
        return Page(self.client.post(path, data, follow=follow))


@pytest.fixture
def browser():
    return Browser


@pytest.fixture
def say():
    def say(user, conversation, body: str = "hello", **options):
        return actions.send_message(user.pk, conversation.pk, uuid.uuid4(), body, **options)[0]

    return say
