import re
from base64 import b64decode

import pytest

from mien.report.document import Code, Document, Fold, Note, Picture, Section, Table, Text, inline

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def a_document():
    return Document(
        "Results of <all>",
        [
            Note("a is **better** than b.", kind="conclusion"),
            Note("Two protocols.", kind="warning"),
            Section("Ranking"),
            Table(("model", "accuracy"), [("a|b", "82.0 %"), ("`c`", "-")], caption="Of 10 images."),
            Picture("dot.png", PNG, caption="A dot"),
            Code("python compare.py 'runs=[a,b]' < x"),
            Fold("More", [Text("Inside, [here](report.md)."), Picture("other.png", PNG)]),
        ],
    )


def test_markdown():
    assert a_document().markdown() == (
        "# Results of <all>\n\n> a is **better** than b.\n\n> **Warning.** Two protocols.\n\n## Ranking\n\n"
        "| model | accuracy |\n| --- | ---: |\n| a\\|b | 82.0 % |\n| `c` | - |\n\nOf 10 images.\n\n"
        "![A dot](plots/dot.png)\n\nA dot\n\n```text\npython compare.py 'runs=[a,b]' < x\n```\n\n"
        "### More\n\nInside, [here](report.md).\n\n![](plots/other.png)\n"
    )


def test_html_needs_no_other_file_and_escapes_all_text():
    page = a_document().html()
    assert page.lstrip().startswith("<!doctype html>")
    assert "<h1>Results of &lt;all&gt;</h1>" in page
    assert '<td class="right">82.0 %</td>' in page
    assert page.count('src="data:image/png;base64,iVBOR') == 2
    assert page.count('width="1"') == 2
    assert not re.search(r'(src|href)="(?!data:|report\.md)', page)
    assert "runs=[a,b]&#39; &lt; x" in page
    assert '<meta name="viewport"' in page


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** < `b`", "<strong>a</strong> &lt; <code>b</code>"),
        ("`**a**`", "<code>**a**</code>"),
        ("[x](https://a.org/b?c=1&d)", '<a href="https://a.org/b?c=1&amp;d">x</a>'),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("runs=[a](b", "runs=[a](b"),
        ('"<script>"', "&#34;&lt;script&gt;&#34;"),
    ],
)
def test_inline(text, html):
    assert inline(text) == html


def test_writes_page_text_and_pictures(tmp_path):
    page, text = a_document().write(tmp_path, "report")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["dot.png", "other.png", "report.html", "report.md"]
    assert (tmp_path / "plots" / "dot.png").read_bytes() == PNG
    assert page.read_text(encoding="utf-8") == a_document().html()
    assert text.read_text(encoding="utf-8") == a_document().markdown()


def test_a_picture_may_lie_where_it_belongs(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "dot.png").write_bytes(PNG)
    Document("t", [Picture("dot.png", tmp_path / "plots" / "dot.png")]).write(tmp_path, "report")
    assert (tmp_path / "plots" / "dot.png").read_bytes() == PNG


def test_refuses_ragged_tables_and_pictures_of_one_name():
    with pytest.raises(ValueError, match="expected 2 columns"):
        Table(("a", "b"), [("1",)])
    with pytest.raises(ValueError, match="expected 2 columns"):
        Table(("a", "b"), [], align="lx")
    with pytest.raises(ValueError, match="two pictures of one name"):
        Document("t", [Picture("a.png", PNG), Fold("f", [Picture("a.png", PNG)])])
