"""OAuth 2 client and views for sign-in with WeChat."""

from __future__ import annotations

import json

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.weixin.client import WeixinOAuth2Client
from allauth.socialaccount.providers.weixin.views import WeixinOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest


class WeChatClient(WeixinOAuth2Client):
    def get_redirect_url(self, authorization_url, scope, extra_params) -> str:
        """Returns the URL of WeChat's sign-in page, with the fragment `#wechat_redirect`.

        Without this fragment, some WeChat apps show an error.
        """
        return super().get_redirect_url(authorization_url, scope, extra_params) + "#wechat_redirect"

    def get_access_token(self, code, pkce_code_verifier=None, extra_data=None) -> dict:
        params = {
            "appid": self.consumer_key,
            "secret": self.consumer_secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        return _get_json(self.access_token_url, params, "access_token", "openid")


class WeChatAdapter(WeixinOAuth2Adapter):
    client_class = WeChatClient

    def __init__(self, request: HttpRequest):
        super().__init__(request)
        api = settings.SOCIALACCOUNT_PROVIDERS["weixin"].get("API_URL", "https://api.weixin.qq.com")
        self.access_token_url = f"{api}/sns/oauth2/access_token"
        self.profile_url = f"{api}/sns/userinfo"

    def complete_login(self, request: HttpRequest, app, token, **kwargs):
        openid = kwargs["response"]["openid"]
        profile = _get_json(self.profile_url, {"access_token": token.token, "openid": openid}, "openid")
        if profile["openid"] != openid:
            raise OAuth2Error("WeChat returned the profile of another user")
        # Data that we do not need, such as the user's location, is not stored.
        fields = {name: profile.get(name) for name in ("openid", "unionid", "nickname", "headimgurl")}
        extra_data = {name: value[:500] for name, value in fields.items() if value and isinstance(value, str)}
        return self.get_provider().sociallogin_from_response(request, extra_data)


def _get_json(url: str, params: dict, *required: str) -> dict:
    """Requests a URL of WeChat and returns the JSON object. Raises OAuth2Error if a `required` text is missing in it.

    WeChat's responses are always UTF-8, even if the headers say something else. Error responses have status 200. The
    message of OAuth2Error does not contain the URL, because the app's secret is part of the URL.
    """
    with get_adapter().get_requests_session() as session:
        response = session.get(url, params=params)
    try:
        data = json.loads(response.content)
    except ValueError:
        raise OAuth2Error(f"WeChat answered {response.status_code} and no JSON") from None
    if not isinstance(data, dict) or not all(isinstance(data.get(name), str) and data[name] for name in required):
        code = data.get("errcode") if isinstance(data, dict) else None
        raise OAuth2Error(f"WeChat answered {response.status_code}, error {code}")
    return data


oauth2_login = OAuth2LoginView.adapter_view(WeChatAdapter)
oauth2_callback = OAuth2CallbackView.adapter_view(WeChatAdapter)
