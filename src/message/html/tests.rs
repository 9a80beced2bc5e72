use super::*;

fn page(source: &str) -> Rendered {
    render(source, 1 << 20, 1 << 20)
}

#[test]
fn text_is_laid_out_as_seen() {
    for (source, expected) in [
        ("one <b>two</b>\n three", "one two three"),
        ("<p>one<p>two", "one\ntwo"),
        ("one<br>two<br><br/>three", "one\ntwo\n\nthree"),
        ("<div>one</div>two", "one\ntwo"),
        (
            "<table><tr><td>one</td><td>two</td></tr><tr><td>three",
            "one two\nthree",
        ),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<pre>a\n b</pre>c", "a\nb\nc"),
        ("bit<!-- x -->coin", "bitcoin"),
        ("bit<span></span>coin", "bitcoin"),
        ("bit<wbr>coin", "bitcoin"),
        ("bit<b>co</b>in", "bitcoin"),
        ("bit<div style='display:inline'>coin</div>", "bitcoin"),
        ("&lt;&amp &#66;&#x69;tcoin &eacute", "<& Bitcoin é"),
        (
            "<head><title>t</title><style>.x{}</style><p>in the head",
            "in the head",
        ),
        ("a<script>b</script>c", "ac"),
        ("<noscript><b>see</b> this</noscript>", "see this"),
        ("<textarea>field</textarea>", "field"),
        (
            "<input value='press'><input type=hidden value='not'>",
            "press",
        ),
        ("</p>one</p>two", "one\ntwo"),
        ("<svg><text>drawn</text></svg> rest", "drawn rest"),
        ("<select><option>one<option>two</select>", "one\ntwo"),
        ("<object data=x>instead</object>", "instead"),
        ("text after <", "text after <"),
        ("", ""),
    ] {
        assert_eq!(page(source).visible, expected, "{source:?}");
    }
}

#[test]
fn hidden_text_is_taken_out_and_kept() {
    for source in [
        "see<span style='display:none'>hid</span>n",
        "see<span style='DISPLAY : none !important;'>hid</span>n",
        "see<span style='visibility:hidden'>hid</span>n",
        "see<span style='visibility:collapse'>hid</span>n",
        "see<span style='mso-hide:all'>hid</span>n",
        "see<span style='font-size:0'>hid</span>n",
        "see<span style='font-size:1px'>hid</span>n",
        "see<span style='font-size:1%'>hid</span>n",
        "see<span style='font-size:.01em'>hid</span>n",
        "see<span style='font:0/0 a'>hid</span>n",
        "see<span style='font:0px/0 a'>hid</span>n",
        "see<span style='color:#fff'>hid</span>n",
        "see<font color=white>hid</font>n",
        "see<font color='#fefefe'>hid</font>n",
        "see<font style='color:rgb(254, 254, 254)'>hid</font>n",
        "see<span style='color:transparent'>hid</span>n",
        "see<span style='color:rgba(0,0,0,0)'>hid</span>n",
        "see<span style='background:black'>hid</span>n",
        "see<span style='color:#123456;background-color:#123456'>hid</span>n",
        "see<span style='opacity:0'>hid</span>n",
        "see<span style='opacity:.05'>hid</span>n",
        "see<span style='filter:opacity(0)'>hid</span>n",
        "see<span style='width:0;overflow:hidden;display:inline-block'>hid</span>n",
        "see<span style='max-height:0px;overflow:hidden'>hid</span>n",
        "see<span style='position:absolute;left:-9999px'>hid</span>n",
        "see<span style='position:absolute;clip:rect(0,0,0,0)'>hid</span>n",
        "see<span style='clip-path:inset(50%)'>hid</span>n",
        "see<span style='text-indent:-9999px'>hid</span>n",
        "see<span style='transform:scale(0)'>hid</span>n",
        "see<span hidden>hid</span>n",
        "see<template>hid</template>n",
        "<style>.h{display:none}</style>see<span class='a h'>hid</span>n",
        "<style>#h{display:none}</style>see<span id=h>hid</span>n",
        "<style>i{display:none}</style>see<i>hid</i>n",
        "<style>i.h, b{font-size:0}</style>see<i class=h>hid</i>n",
        "<style>@media screen{.h{display:none}}</style>see<i class=h>hid</i>n",
        "<style>.o .h{display:none}</style><p class=o>see<i class=h>hid</i>n",
        "<style>/*{*/.h{color:white}</style>see<i class=h>hid</i>n",
        "<body bgcolor=black text=white>see<font color='#000'>hid</font>n",
        "<table bgcolor=red><td><font color=black>see<font color=red>hid</font>n",
        "see<span style='display:none'><b style='display:inline'>hid</b></span>n",
    ] {
        let page = page(source);
        assert_eq!(page.visible, "seen", "{source:?}");
        assert_eq!(page.hidden, "hid", "{source:?}");
    }
}

#[test]
fn what_can_be_seen_stays() {
    for source in [
        "<div style='font-size:0'><span style='font-size:14px'>seen</span></div>",
        "<div style='visibility:hidden'><p style='visibility:visible'>seen</p></div>",
        "<td bgcolor=black><font color=white>seen</font>",
        "<td background='x.png'><font color=white>seen</font>",
        "<td style='background:url(x) #fff;color:#fff'>seen",
        "<p style='color:#fff'><a href='x'>seen</a>",
        "<p style='display:none'>h<p>seen",
        "<p style='display:none'>h<div>seen</div>",
        "<style>.m{display:block} @media (max-width:480px){.d{display:none}}</style><p class=d>seen",
        "<style>.h:hover{display:none}</style><p class=h>seen",
        "<p style='color:#767676'>seen",
        "<p style='max-height:0'>seen",
        "<p style='position:relative;left:-20px'>seen",
        "<span style='display:none'>h</span></div></td>seen",
        "<table><td style='display:none'>h<td>seen</table>",
        "<p style='opacity:0.5'>seen",
        "<b><p>seen</b>",
    ] {
        assert_eq!(page(source).visible, "seen", "{source:?}");
    }
}

#[test]
fn formatting_left_open_goes_on() {
    let page = page("<p>see<font color=white>hid</p><p>den</p></font><p>n</p>");
    assert_eq!(page.visible, "see\nn");
    assert_eq!(page.hidden, "hid\nden");
}

#[test]
fn a_cell_per_letter_is_a_word() {
    for (source, expected, letters) in [
        (
            "<table><tr><td>b</td><td>i</td>\n<td>t</td></tr></table>",
            "bit",
            2,
        ),
        (
            "<tr><td>b<td>i<td>t<td>&nbsp;<td>c<td>o",
            "bit \u{a0} co",
            3,
        ),
        ("<tr><td>b<td>i<td><td>c<td>o", "bi co", 2),
        ("<tr><td>bit<td>i<td>t", "bit it", 1),
        ("<tr><td>one<td>two", "one two", 0),
        ("<tr><td>a<tr><td>b", "a\nb", 0),
        (
            "<div style='float:left'>b</div><div style='float:left'>i</div>",
            "bi",
            1,
        ),
        (
            "<p><span style='display:inline-block'>b</span><span style='display:inline-block'>i</span>",
            "bi",
            1,
        ),
    ] {
        let page = page(source);
        assert_eq!(
            (page.visible.as_str(), page.letter_cells),
            (expected, letters),
            "{source:?}"
        );
    }
}

#[test]
fn turned_text_is_turned_back() {
    for source in [
        "a <bdo dir=rtl>nioctib</bdo> b",
        "a <span style='unicode-bidi:bidi-override;direction:rtl'>nioctib</span> b",
        "<style>.r{direction:rtl;unicode-bidi:bidi-override}</style>a <i class=r>nioctib</i> b",
        "a &#x202e;nioctib&#x202c; b",
    ] {
        let page = page(source);
        assert_eq!(
            (page.visible.as_str(), page.turned_letters),
            ("a bitcoin b", 7),
            "{source:?}"
        );
    }
}

#[test]
fn texts_of_attributes_are_kept() {
    for (source, expected) in [
        ("<img alt='pay now' src=x>", "pay now\n"),
        ("<p title='a note'>x", "a note\n"),
        (
            "<a href='mailto:ann@example.org?subject=a%20b'>x</a>",
            "mailto:ann@example.org?subject=a b\n",
        ),
        (
            "<a href='bitcoin:1abc?amount=1'>x</a>",
            "bitcoin:1abc?amount=1\n",
        ),
        ("<a href='https://example.org/'>x</a>", ""),
        ("<div style='display:none'><img alt='hidden'></div>", ""),
    ] {
        assert_eq!(page(source).attributes, expected, "{source:?}");
    }
}

#[test]
fn data_uris_are_decoded() {
    let page = page(
        "<img src='data:image/png;base64,aGVs bG8='><img src='data:,a%20b'><img width=1 src=x>",
    );
    assert_eq!(page.data, [b"hello".to_vec(), b"a b".to_vec()]);
    assert_eq!(page.pictures, 2);
}

#[test]
fn a_preheader_and_a_second_layout_are_no_hidden_text() {
    let preheader = "<div style='display:none'>Our autumn offers are here, with many words that only the list of mails shows to you</div>";
    let layout =
        "<p>Every word of this long paragraph stands twice in the mail, once for wide screens</p>";
    let ordinary = format!("{preheader}{layout}<div style='display:none'>{layout}</div>");
    assert_eq!(page(&ordinary).hidden_letters, 0);
    let noise = "<p>The seen text is some words.</p>".repeat(8)
        + &"<i style='font-size:0'>qwe rty uio pas dfg hjk</i>".repeat(10);
    assert!(page(&noise).hidden_letters > 100);
}

#[test]
fn words_taken_apart_are_counted() {
    let page = page("b<!-- x -->it<b></b>co<i style='display:none'>q</i>in p<b>a</b>y");
    assert_eq!(page.visible, "bitcoin pay");
    assert_eq!((page.broken_words, page.tagged_words), (3, 2));
}

#[test]
fn limits_hold_and_are_told() {
    let cut = render(&"word ".repeat(100), 50, 50);
    assert!(cut.visible.len() <= 50 && cut.is_cut);
    let deep = page(&("<div>".repeat(1000) + "x" + &"</div>".repeat(1000) + "y"));
    assert_eq!(deep.visible, "x\ny");
    assert!(deep.is_deep);
    let deep = page(&("<b style='color:red'>".repeat(100_000) + "x"));
    assert_eq!(deep.visible, "x");
}

#[test]
fn comments_and_titles_are_kept_apart_without_code() {
    for (source, hidden) in [
        ("<!-- said aside -->x", "said aside"),
        (
            "<!--[if mso]><style>p {color:red}</style><p>in Outlook</p><![endif]-->x",
            "in Outlook",
        ),
        ("<title>a title</title>x", "a title"),
    ] {
        let page = page(source);
        assert_eq!(page.visible, "x", "{source:?}");
        assert_eq!(page.hidden.trim(), hidden, "{source:?}");
        assert_eq!(page.hidden_letters, 0, "{source:?}");
    }
}

#[test]
fn a_simple_program_shows_what_only_others_hide() {
    for (source, simply) in [
        ("<style>.h{display:none}</style>a<i class=h>b</i>", "ab"),
        ("a<i style='mso-hide:all'>b</i>", "ab"),
        ("a<i style='clip-path:inset(50%)'>b</i>", "ab"),
        ("a<i style='position:absolute;left:-9999px'>b</i>", "ab"),
        ("a<i style='display:none'>b</i>", "a"),
        ("a<font color=white>b</font>", "a"),
    ] {
        let page = page(source);
        assert_eq!(page.visible, "a", "{source:?}");
        assert_eq!(page.is_doubtful, simply == "ab", "{source:?}");
        assert_eq!(render_simply(source, 100), simply, "{source:?}");
    }
}
