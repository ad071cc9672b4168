from __future__ import annotations

from allauth.socialaccount.providers.weixin.provider import WeixinProvider
from django.utils.translation import gettext_lazy as _

from accounts.weixin.views import WeChatAdapter


class WeChatProvider(WeixinProvider):
    # Translators: the messenger by Tencent; 微信 in Chinese
    name = _("WeChat")  # type: ignore[assignment]  # worded when it is read
    oauth2_adapter_class = WeChatAdapter

    def extract_common_fields(self, data: dict) -> dict:
        """A nickname is no user name: it is any text, often Chinese, with emoji. No e-mail is ever told."""
        return {"username": data["nickname"], "name": data["nickname"]} if data.get("nickname") else {}


provider_classes = [WeChatProvider]
