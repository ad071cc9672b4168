"""WeChat (微信) by allauth's provider, with what WeChat's own papers say and that leaves out."""
