"""URL path converters: `<id:…>` for primary keys and `<token:…>` for random tokens. Other values lead to status 404."""

from django.urls import register_converter

MAX_ID = 2**63 - 1


class IdConverter:
    """Converts digits in a URL path to an integer (a primary key).

    A number that does not fit in a bigint column would cause a database error, so the response is 404.
    """

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > MAX_ID:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(IdConverter, "id")


class TokenConverter:
    """Accepts a random token of URL-safe characters. The URLs of uploads and of invite links contain such tokens."""

    regex = "[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(TokenConverter, "token")
