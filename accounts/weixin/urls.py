"""Sign-in and callback URLs of WeChat."""

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from accounts.weixin.provider import WeChatProvider

urlpatterns = default_urlpatterns(WeChatProvider)
