"""The provider WeChat (微信): allauth's, with what WeChat's documentation requires and allauth does not do."""
