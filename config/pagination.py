"""How API lists are cut into pages."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """A cursor over the primary key: no row is skipped or shown twice while others are being added."""

    ordering = "-pk"
    page_size_query_param = "page_size"
    max_page_size = 500
