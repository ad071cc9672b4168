"""Tests that ending a sign-in (on one device) closes its open WebSockets within a second and makes its tokens invalid.

The tests use the pages, the REST API and the WebSockets of running servers.
"""

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

CLOSES_WITHIN = 20.0  # seconds; only a published event can close a socket earlier than SWEEP_SECONDS
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(request, tmp_path_factory, django_db_blocker):
    # The reconciliation loop runs too rarely to close sockets in a test: only published events can close them.
    environment = {"LIMITS": "off", "SWEEP_SECONDS": "600", "WORKER": "off"}
    site = Site(tmp_path_factory.mktemp("revoked"), None, "", False, django_db_blocker.unblock, environment)
    site.start(request.param)
    yield site
    site.end()


class SignedUpUser:
    """A new user for each test, signed in with a session cookie (`browser`) and with any number of API token pairs."""

    def __init__(self, site: Site, url: str = ""):
        self.site, self.url = site, url or site.url
        self.name = f"victim{uuid.uuid4().hex[:8]}"
        self.pk = site.create_users(self.name)[0].pk
        self.browser = httpx.AsyncClient(base_url=self.url, timeout=20, headers={"Origin": self.url})

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Posts a form with a CSRF token, as a browser does, and asserts that the response is a redirect."""
        token = self.browser.cookies.get("csrftoken")
        if not token:
            await self.browser.get("/accounts/login/")
            token = self.browser.cookies["csrftoken"]
        answer = await self.browser.post(path, data={**fields, "csrfmiddlewaretoken": token})
        assert answer.status_code == 302, f"{answer.status_code} {_page_text(answer.text)}"
        return answer

    async def sign_in(self) -> None:
        await self.post("/accounts/login/", login=self.name, password=PASSWORD)

    async def reauthenticate(self) -> None:
        """Confirms the password of the user again, which pages for sensitive settings require."""
        await self.post("/accounts/reauthenticate/", password=PASSWORD)

    async def tokens(self) -> dict[str, str]:
        """Creates a pair of API tokens (`access`, `refresh`) for this user and returns it.

        It does so without a request to the sign-in endpoint, which would take almost a second to check the password.
        """
        return await asyncio.to_thread(self._tokens)

    def _tokens(self) -> dict[str, str]:
        with self.site.orm():
            return msgspec.to_builtins(tokens.issue_token_pair(User.objects.get(pk=self.pk)))

    def cookie_headers(self):
        cookie = f"sessionid={self.browser.cookies['sessionid']}"
        return _socket(self.url, {"Cookie": cookie, "Origin": self.url})

    async def api_status(self, **headers: str) -> int:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as http:
            return (await http.get("/api/v1/me/", headers=headers)).status_code


def _page_text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())[:500]


def bearer(token_pair: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_pair['access']}"}


@asynccontextmanager
async def _socket(url: str, headers: dict[str, str]):
    address = url.replace("http", "ws", 1) + "/ws/v1/"
    async with websockets.connect(address, additional_headers=headers) as socket:
        await asyncio.wait_for(socket.recv(), 10)  # the `welcome` frame
        yield socket


async def closed_with(socket) -> int:
    """Waits until the server closes the socket and returns the close code.

    Raises TimeoutError if the socket is still open after CLOSES_WITHIN seconds.
    """
    async with asyncio.timeout(CLOSES_WITHIN):
        while True:
            try:
                await socket.recv()
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


async def is_open(socket) -> bool:
    await (await socket.ping())
    return True


@pytest.fixture
async def victim(site):
    person = await asyncio.to_thread(SignedUpUser, site)
    await person.sign_in()
    yield person
    await person.browser.aclose()


async def test_signing_out_closes_only_sockets_of_this_browser(victim):
    token_pair = await victim.tokens()
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        await victim.post("/accounts/logout/")
        assert await closed_with(mine) == 4401
        assert await is_open(phone) and await victim.api_status(**bearer(token_pair)) == 200


async def test_signing_out_everywhere_else_closes_other_sockets(victim):
    token_pair = await victim.tokens()
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        await victim.post("/settings/sessions/end/")
        assert await closed_with(phone) == 4401
        assert await is_open(mine) and await victim.api_status(**bearer(token_pair)) == 401


async def test_ending_one_session_closes_its_sockets(victim):
    token_pair, other = await victim.tokens(), await victim.tokens()
    async with httpx.AsyncClient(base_url=victim.url, headers=bearer(token_pair)) as http:
        mine = (await http.get("/api/v1/sessions/")).json()["results"]
    current = next(each["id"] for each in mine if each["current"])
    async with _socket(victim.url, bearer(token_pair)) as phone, _socket(victim.url, bearer(other)) as tablet:
        await victim.post(f"/settings/sessions/{current}/end/")
        assert await closed_with(phone) == 4401 and await is_open(tablet)


async def test_a_password_change_ends_all_other_sign_ins(victim):
    token_pair, new = await victim.tokens(), "another one entirely"
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        await victim.post("/accounts/password/change/", oldpassword=PASSWORD, password1=new, password2=new)
        assert await closed_with(phone) == 4401
        assert await is_open(mine)
        assert await victim.api_status(**bearer(token_pair)) == 401
        assert (await victim.browser.get("/api/v1/me/")).status_code == 200


async def test_a_password_reset_ends_all_sign_ins(site, victim):
    token_pair, new = await victim.tokens(), "another one entirely"
    link = await asyncio.to_thread(_reset_link, site, victim.pk)
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        stranger = httpx.AsyncClient(base_url=victim.url, headers={"Origin": victim.url}, follow_redirects=True)
        async with stranger:
            page = await stranger.get(link)
            token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.text)
            assert token, _page_text(page.text)
            form = {"csrfmiddlewaretoken": token[1], "password1": new, "password2": new}
            answer = await stranger.post(str(page.url), data=form)
            assert "Password changed" in answer.text, _page_text(answer.text)
        assert await closed_with(phone) == 4401 and await closed_with(mine) == 4401


def _reset_link(site: Site, user_id: int) -> str:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    with site.orm():
        user = User.objects.get(pk=user_id)
        return f"/accounts/password/reset/key/{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}/"


async def test_suspension_in_the_admin_closes_sockets(site, victim):
    token_pair = await victim.tokens()
    root = await asyncio.to_thread(SignedUpUser, site)
    await asyncio.to_thread(_make_superuser, site, root.pk)
    await root.sign_in()
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        await root.post("/admin/accounts/user/", action="suspend", _selected_action=str(victim.pk), confirmed="yes")
        assert await closed_with(phone) == 4403 and await closed_with(mine) == 4403
        assert await victim.api_status(**bearer(token_pair)) in (401, 403)
    await root.browser.aclose()


def _make_superuser(site: Site, user_id: int) -> None:
    with site.orm():
        User.objects.filter(pk=user_id).update(is_staff=True, is_superuser=True)


@pytest.mark.parametrize("what", ["an authenticator app", "a passkey", "a provider"])
async def test_removing_a_sign_in_method_ends_other_sign_ins(site, victim, what):
    token_pair = await victim.tokens()
    await victim.reauthenticate()
    path, fields = await asyncio.to_thread(_add_sign_in_method, site, victim.pk, what)
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        await victim.post(path, **fields)
        assert await closed_with(phone) == 4401
        assert await is_open(mine) and await victim.api_status(**bearer(token_pair)) == 401


def _add_sign_in_method(site: Site, user_id: int, what: str) -> tuple[str, dict[str, str]]:
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


async def test_reusing_a_refresh_token_ends_its_sign_in_and_access_tokens(victim):
    first, other = await victim.tokens(), await victim.tokens()
    async with httpx.AsyncClient(base_url=victim.url, timeout=20) as http:
        second = (await http.post("/api/v1/auth/token/refresh/", json={"refresh": first["refresh"]})).json()
        async with (
            _socket(victim.url, bearer(second)) as phone,
            _socket(victim.url, bearer(first)) as same_phone,
            _socket(victim.url, bearer(other)) as tablet,
        ):
            # Within 30 seconds the first token may be sent again, until the second one is used.
            third = await http.post("/api/v1/auth/token/refresh/", json={"refresh": second["refresh"]})
            assert third.status_code == 200
            again = await http.post("/api/v1/auth/token/refresh/", json={"refresh": first["refresh"]})
            assert again.status_code == 401
            assert await closed_with(phone) == 4401 and await closed_with(same_phone) == 4401
            assert await is_open(tablet)
    assert await victim.api_status(**bearer(second)) == 401 and await victim.api_status(**bearer(first)) == 401


async def test_deleting_the_account_closes_sockets(victim):
    await victim.reauthenticate()
    token_pair = await victim.tokens()
    async with victim.cookie_headers() as mine, _socket(victim.url, bearer(token_pair)) as phone:
        answer = await victim.post("/settings/delete/", username=victim.name, words="stay")
        assert answer.headers["Location"] == "/goodbye/"
        assert await closed_with(phone) == 4401 and await closed_with(mine) == 4401
        assert await victim.api_status(**bearer(token_pair)) == 401


async def test_revocation_is_as_fast_across_processes(make_site):
    site = make_site(database="postgres", redis=True, LIMITS="off", SWEEP_SECONDS="600", WORKER="off")
    first, second = await asyncio.to_thread(site.start), await asyncio.to_thread(site.start)
    site.environment["SITE_URL"] = first.url
    person = await asyncio.to_thread(SignedUpUser, site, first.url)
    await person.sign_in()
    token_pair = await person.tokens()
    async with _socket(second.url, bearer(token_pair)) as phone:
        await person.post("/settings/sessions/end/")
        assert await closed_with(phone) == 4401
    await person.browser.aclose()
