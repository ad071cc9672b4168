"""The provider class that allauth uses for sign-in with WeChat."""

from __future__ import annotations

from allauth.socialaccount.providers.weixin.provider import WeixinProvider
from django.utils.translation import gettext_lazy as _

from accounts.weixin.views import WeChatAdapter


class WeChatProvider(WeixinProvider):
    # Translators: the messenger by Tencent; 微信 in Chinese
    name = _("WeChat")  # type: ignore[assignment]  # lazy translation
    oauth2_adapter_class = WeChatAdapter

    def extract_common_fields(self, data: dict) -> dict:
        """Returns the WeChat nickname as user name and display name.

        A nickname can be any text, and is often Chinese with emoji. WeChat never provides an e-mail address.
        """
        return {"username": data["nickname"], "name": data["nickname"]} if data.get("nickname") else {}


provider_classes = [WeChatProvider]
