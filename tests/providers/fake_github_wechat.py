"""Fake OAuth servers for tests of signing in with GitHub and WeChat. They run in a thread of the test process.

Their URL paths, checks and unusual responses are the same as those of the real GitHub and WeChat.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "our-client", "our-secret"


class Provider:
    """Base class of a fake OAuth server.

    `person` is the profile of the account that signs in, `calls` are the URL paths requested so far. If `broken` is
    true, the server issues no access tokens.
    """

    def __init__(self) -> None:
        provider = self

        class Handler(_Handler):
            pass

        Handler.provider = provider
        self._server = ThreadingHTTPServer(("localhost", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"
        self.reset()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forgets all sign-ins and what a test has set, so that another test can use the server."""
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict] = {}
        self.calls: list[str] = []
        self.person: dict = {}
        self.broken = False

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def our_settings(self) -> dict[str, str]:
        raise NotImplementedError

    def respond(self, path: str, params: dict[str, str], headers) -> tuple[int, str, bytes]:
        """Returns the status, content type and body of the fake server's response to a request."""
        raise NotImplementedError

    # ── Authorization ───
    def page(self, params: dict[str, str], denial: dict[str, str]) -> tuple[int, str, bytes]:
        code = secrets.token_hex(8)
        self.codes[code] = params
        links = "".join(
            f'<p><a id="{name}" href="{escape(self._back(params, **result))}">{name}</a>'
            for name, result in (("yes", {"code": code}), ("no", denial), ("oops", {"error": "server_error"}))
        )
        return 200, "text/html", f"<!doctype html><title>A provider</title>{links}".encode()

    def _back(self, params: dict[str, str], **result: str) -> str:
        return f"{params['redirect_uri']}?{urlencode({**result, 'state': params.get('state', '')})}"

    def redeem(self, params: dict[str, str]) -> str | None:
        """Exchanges an authorization code for an access token.

        Returns None if the code is unknown or was used before.
        """
        authorization = self.codes.pop(params.get("code", ""), None)
        if authorization is None:
            return None
        token = secrets.token_hex(8)
        self.tokens[token] = self.person
        return token


class GitHub(Provider):
    def reset(self) -> None:
        super().reset()
        self.person = {"id": 583231, "login": "octo-cat", "name": "Mona Octo", "email": None}
        self.emails = [
            {"email": "mona@example.org", "primary": True, "verified": True},
            {"email": "alice@example.org", "primary": False, "verified": False},
        ]

    def our_settings(self) -> dict[str, str]:
        return {"GITHUB_CLIENT_ID": CLIENT, "GITHUB_CLIENT_SECRET": SECRET, "GITHUB_URL": self.url}

    def respond(self, path, params, headers):
        if path == "/login/oauth/authorize":
            assert params["client_id"] == CLIENT and params["state"] and params["code_challenge_method"] == "S256"
            return self.page(params, {"error": "access_denied"})
        if path == "/login/oauth/access_token":
            authorization = self.codes.get(params.get("code", ""), {})
            digest = hashlib.sha256(params.get("code_verifier", "").encode()).digest()
            right = (
                params.get("client_secret") == SECRET
                and authorization.get("code_challenge") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                and params.get("redirect_uri") == authorization.get("redirect_uri")
            )
            token = self.redeem(params)
            if self.broken or not (right and token):
                return _json({"error": "bad_verification_code"})
            return _json({"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})
        person = self.tokens.get(headers.get("Authorization", "").removeprefix("token "))
        if person is None:
            return _json({"message": "Bad credentials"}, 401)
        return _json(person if path == "/api/v3/user" else self.emails)


class WeChat(Provider):
    """Fake of WeChat. Unlike GitHub it reports errors with status 200, sends JSON as text/plain without a charset, does
    not use PKCE and gives no e-mail address.
    """

    def reset(self) -> None:
        super().reset()
        self.person = {"openid": "oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "nickname": "小明🎉", "sex": 1, "city": "Guangzhou"}

    def our_settings(self) -> dict[str, str]:
        return {
            "WEIXIN_CLIENT_ID": CLIENT,
            "WEIXIN_CLIENT_SECRET": SECRET,
            "WEIXIN_AUTHORIZE_URL": f"{self.url}/connect/qrconnect",
            "WEIXIN_API_URL": self.url,
        }

    def respond(self, path, params, headers):
        if path == "/connect/qrconnect":
            assert params["appid"] == CLIENT and params["scope"] == "snsapi_login" and params["state"]
            return self.page(params, {})  # after a denial WeChat redirects back without a code
        if path == "/sns/oauth2/access_token":
            token = self.redeem(params) if params.get("secret") == SECRET else None
            if self.broken or not token:
                return _json({"errcode": 40029, "errmsg": "invalid code"}, kind="text/plain")
            openid = self.person["openid"]
            return _json({"access_token": token, "expires_in": 7200, "openid": openid}, kind="text/plain")
        person = self.tokens.get(params.get("access_token", ""))
        return _json(person or {"errcode": 40001, "errmsg": "invalid credential"}, kind="text/plain")


def _json(data, status: int = 200, kind: str = "application/json") -> tuple[int, str, bytes]:
    return status, kind, json.dumps(data, ensure_ascii=False).encode()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def _do(self, params: dict[str, str]) -> None:
        url = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(url.query).items()} | params
        self.provider.calls.append(url.path)
        if url.path == "/favicon.ico":
            status, kind, body = 200, "image/x-icon", b""
        else:
            status, kind, body = self.provider.respond(url.path, params, self.headers)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._do({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._do({name: values[0] for name, values in parse_qs(body).items()})

    def log_message(self, *_: object) -> None:
        pass
