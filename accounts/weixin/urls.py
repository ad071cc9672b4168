"""URLs for sign-in with WeChat: one starts the sign-in, and WeChat redirects back to the other (callback)."""

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from accounts.weixin.provider import WeChatProvider

urlpatterns = default_urlpatterns(WeChatProvider)
