"""Whatever ends a sign-in reaches its open sockets within a second, and its tokens: from real pages, real sockets."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
import websockets

from accounts.auth import tokens
from accounts.models import User
from tests.servers import PASSWORD, Site

WITHIN = 1.0  # seconds
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(request, tmp_path_factory, django_db_blocker):
    # No sweep helps here: what is at once is at once.
    environment = {"LIMITS": "off", "SWEEP_SECONDS": "600", "WORKER": "off"}
    site = Site(tmp_path_factory.mktemp("revoked"), None, "", False, django_db_blocker.unblock, environment)
    site.start(request.param)
    yield site
    site.end()


class Person:
    """Somebody new for each test, with a browser of httpx and any number of token clients."""

    def __init__(self, site: Site, url: str = ""):
        self.site, self.url = site, url or site.url
        self.name = f"victim{uuid.uuid4().hex[:8]}"
        self.pk = site.people(self.name)[0].pk
        self.browser = httpx.AsyncClient(base_url=self.url, timeout=20, headers={"Origin": self.url})

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """As the form on a page of ours is sent."""
        token = self.browser.cookies.get("csrftoken")
        if not token:
            await self.browser.get("/accounts/login/")
            token = self.browser.cookies["csrftoken"]
        answer = await self.browser.post(path, data={**fields, "csrfmiddlewaretoken": token})
        assert answer.status_code == 302, f"{answer.status_code} {_words(answer.text)}"
        return answer

    async def sign_in(self) -> None:
        await self.post("/accounts/login/", login=self.name, password=PASSWORD)

    async def show_again(self) -> None:
        """It is really me: the password once more."""
        await self.post("/accounts/reauthenticate/", password=PASSWORD)

    async def tokens(self) -> dict[str, str]:
        """A token client more; without the door's hashing, which takes most of a second."""
        return await asyncio.to_thread(self._tokens)

    def _tokens(self) -> dict[str, str]:
        with self.site.orm():
            return msgspec.to_builtins(tokens.issue_token_pair(User.objects.get(pk=self.pk)))

    def by_cookie(self):
        cookie = f"sessionid={self.browser.cookies['sessionid']}"
        return _socket(self.url, {"Cookie": cookie, "Origin": self.url})

    async def may(self, **headers: str) -> int:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as http:
            return (await http.get("/api/v1/me/", headers=headers)).status_code


def _words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())[:500]


def bearer(pair: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access']}"}


@asynccontextmanager
async def _socket(url: str, headers: dict[str, str]):
    address = url.replace("http", "ws", 1) + "/ws/v1/"
    async with websockets.connect(address, additional_headers=headers) as socket:
        await asyncio.wait_for(socket.recv(), 10)  # hello
        yield socket


async def closed_with(socket) -> int:
    """The code with which it is closed, within a second from now."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                await socket.recv()
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


async def stands(socket) -> bool:
    await (await socket.ping())
    return True


@pytest.fixture
async def victim(site):
    person = await asyncio.to_thread(Person, site)
    await person.sign_in()
    yield person
    await person.browser.aclose()


async def test_signing_out_here_closes_this_browsers_sockets_and_no_other(victim):
    pair = await victim.tokens()
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        await victim.post("/accounts/logout/")
        assert await closed_with(mine) == 4401
        assert await stands(phone) and await victim.may(**bearer(pair)) == 200


async def test_signing_out_everywhere_else(victim):
    pair = await victim.tokens()
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        await victim.post("/settings/sessions/end/")
        assert await closed_with(phone) == 4401
        assert await stands(mine) and await victim.may(**bearer(pair)) == 401


async def test_ending_one_of_the_list(victim):
    pair, other = await victim.tokens(), await victim.tokens()
    async with httpx.AsyncClient(base_url=victim.url, headers=bearer(pair)) as http:
        mine = (await http.get("/api/v1/sessions/")).json()["results"]
    current = next(each["id"] for each in mine if each["current"])
    async with _socket(victim.url, bearer(pair)) as phone, _socket(victim.url, bearer(other)) as tablet:
        await victim.post(f"/settings/sessions/{current}/end/")
        assert await closed_with(phone) == 4401 and await stands(tablet)


async def test_a_new_password_ends_all_but_where_it_was_changed(victim):
    pair, new = await victim.tokens(), "another one entirely"
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        await victim.post("/accounts/password/change/", oldpassword=PASSWORD, password1=new, password2=new)
        assert await closed_with(phone) == 4401
        assert await stands(mine)
        assert await victim.may(**bearer(pair)) == 401
        assert (await victim.browser.get("/api/v1/me/")).status_code == 200


async def test_a_password_reset_by_a_mailed_link_ends_all(site, victim):
    pair, new = await victim.tokens(), "another one entirely"
    link = await asyncio.to_thread(_reset_link, site, victim.pk)
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        stranger = httpx.AsyncClient(base_url=victim.url, headers={"Origin": victim.url}, follow_redirects=True)
        async with stranger:
            page = await stranger.get(link)
            token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.text)
            assert token, _words(page.text)
            form = {"csrfmiddlewaretoken": token[1], "password1": new, "password2": new}
            answer = await stranger.post(str(page.url), data=form)
            assert "The new password holds" in answer.text, _words(answer.text)
        assert await closed_with(phone) == 4401 and await closed_with(mine) == 4401


def _reset_link(site: Site, user_id: int) -> str:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    with site.orm():
        user = User.objects.get(pk=user_id)
        return f"/accounts/password/reset/key/{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}/"


async def test_suspension_in_the_admin(site, victim):
    pair = await victim.tokens()
    root = await asyncio.to_thread(Person, site)
    await asyncio.to_thread(_raise, site, root.pk)
    await root.sign_in()
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        await root.post("/admin/accounts/user/", action="suspend", _selected_action=str(victim.pk))
        assert await closed_with(phone) == 4403 and await closed_with(mine) == 4403
        assert await victim.may(**bearer(pair)) in (401, 403)
    await root.browser.aclose()


def _raise(site: Site, user_id: int) -> None:
    with site.orm():
        User.objects.filter(pk=user_id).update(is_staff=True, is_superuser=True)


@pytest.mark.parametrize("what", ["an authenticator app", "a passkey", "a provider"])
async def test_a_way_in_that_is_taken_away(site, victim, what):
    pair = await victim.tokens()
    await victim.show_again()
    path, fields = await asyncio.to_thread(_way_in, site, victim.pk, what)
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        await victim.post(path, **fields)
        assert await closed_with(phone) == 4401
        assert await stands(mine) and await victim.may(**bearer(pair)) == 401


def _way_in(site: Site, user_id: int, what: str) -> tuple[str, dict[str, str]]:
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialAccount

    from accounts.auth.mfa import MFAAdapter

    with site.orm():
        if what == "an authenticator app":
            data = {"secret": MFAAdapter().encrypt(TOTP_SECRET)}
            Authenticator.objects.create(user_id=user_id, type=Authenticator.Type.TOTP, data=data)
            return "/accounts/2fa/totp/deactivate/", {}
        if what == "a passkey":
            key = Authenticator.objects.create(user_id=user_id, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"})
            return f"/accounts/2fa/webauthn/keys/{key.pk}/remove/", {}
        uid = str(user_id)
        row = SocialAccount.objects.create(user_id=user_id, provider="github", uid=uid, extra_data={})
        return "/accounts/3rdparty/", {"account": str(row.pk)}


async def test_a_spent_refresh_token_used_again_ends_that_sign_in_access_tokens_too(victim):
    first, other = await victim.tokens(), await victim.tokens()
    async with httpx.AsyncClient(base_url=victim.url, timeout=20) as http:
        second = (await http.post("/api/v1/auth/token/refresh/", json={"refresh": first["refresh"]})).json()
        async with (
            _socket(victim.url, bearer(second)) as phone,
            _socket(victim.url, bearer(first)) as same_phone,
            _socket(victim.url, bearer(other)) as tablet,
        ):
            again = await http.post("/api/v1/auth/token/refresh/", json={"refresh": first["refresh"]})
            assert again.status_code == 401
            assert await closed_with(phone) == 4401 and await closed_with(same_phone) == 4401
            assert await stands(tablet)
    assert await victim.may(**bearer(second)) == 401 and await victim.may(**bearer(first)) == 401


async def test_a_deleted_account(victim):
    await victim.show_again()
    pair = await victim.tokens()
    async with victim.by_cookie() as mine, _socket(victim.url, bearer(pair)) as phone:
        answer = await victim.post("/settings/delete/", username=victim.name, words="stay")
        assert answer.headers["Location"] == "/goodbye/"
        assert await closed_with(phone) == 4401 and await closed_with(mine) == 4401
        assert await victim.may(**bearer(pair)) == 401


async def test_between_processes_it_takes_no_longer(make_site):
    site = make_site(database="postgres", redis=True, LIMITS="off", SWEEP_SECONDS="600", WORKER="off")
    first, second = await asyncio.to_thread(site.start), await asyncio.to_thread(site.start)
    site.environment["SITE_URL"] = first.url
    person = await asyncio.to_thread(Person, site, first.url)
    await person.sign_in()
    pair = await person.tokens()
    async with _socket(second.url, bearer(pair)) as phone:
        await person.post("/settings/sessions/end/")
        assert await closed_with(phone) == 4401
    await person.browser.aclose()
