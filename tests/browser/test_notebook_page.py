"""The browser that the tests drive hears of everything that goes wrong."""

from __future__ import annotations


def test_the_page_hears_errors_and_foreign_requests(page, troubles):
    page.set_content(
        "<p>hello</p><img src='http://example.org/picture.png'>"
        "<script>console.error('broken'); throw new Error('worse')</script>"
    )
    page.wait_for_load_state("networkidle")
    said = "\n".join(troubles)
    troubles.clear()
    assert "foreign request: http://example.org/picture.png" in said
    assert "console: broken" in said
    assert "error in the page: worse" in said
    assert page.inner_text("p") == "hello"
