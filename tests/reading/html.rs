//! Ways in which HTML hides one text and breaks up another.
//!
//! In a page stand `{s}` for the sentence that is seen, `{a}` and `{b}` for its halves, `{h}` for what
//! is hidden, `{x:…}` for the sentence with `…` between the letters of each word.

use crate::fixture::{Fixture, Want};
use crate::mail;
use crate::words::{between, each, english, halves, harmless, sentence};
use callbluff::message::Origin;

/// Pages that hide `{h}` and show the sentence.
fn hiding(pages: &[&str]) -> Vec<Fixture> {
    let fixtures = pages.iter().enumerate().map(|(number, page)| {
        let (seen, hidden) = (sentence(number), harmless(number));
        let wants = vec![Want::Seen(seen.to_owned()), Want::Hidden(hidden.to_owned())];
        Fixture::new(*page, mail::html(&fill(page, seen, hidden)), wants)
    });
    fixtures.collect()
}

/// Pages that show the sentence in pieces.
fn breaking(pages: &[&str]) -> Vec<Fixture> {
    let fixtures = pages.iter().enumerate().map(|(number, page)| {
        let seen = sentence(number);
        let wants = vec![Want::Seen(seen.to_owned())];
        Fixture::new(
            *page,
            mail::html(&fill(page, seen, harmless(number))),
            wants,
        )
    });
    fixtures.collect()
}

fn fill(page: &str, seen: &str, hidden: &str) -> String {
    let (first, second) = halves(seen);
    let mut page = page
        .replace("{s}", seen)
        .replace("{a}", first)
        .replace("{b}", second)
        .replace("{h}", hidden);
    while let Some(start) = page.find("{x:") {
        let end = start + page[start..].find(":x}").expect("the mark has an end");
        let broken = between(seen, &page[start + 3..end]);
        page.replace_range(start..end + 3, &broken);
    }
    page
}

pub(crate) fn display() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style=\"display:none\">{h}</span>{b}</p>",
        "<p>{a}<span style='DISPLAY : NONE ;'>{h}</span>{b}",
        "<p>{a}<span style='display:none!important;display:inline'>{h}</span>{b}",
        "<p>{a}<span style='dis/**/play:no/* x */ne'>{h}</span>{b}",
        "<p>{a}<span style='display:\\6eone'>{h}</span>{b}",
        "<p>{a}<span style='color:red;;x;display:none'>{h}</span>{b}",
        "<div style='display:none'>{h}</div><p>{s}</p>",
        "<div style='display:none'><div style='display:block'><b>{h}</b></div></div><p>{s}</p>",
        "<p>{s}</p><table style='display:none'><tr><td>{h}</td></tr></table>",
        "<style>.x{display:none}</style><p>{a}<i class=x>{h}</i>{b}",
        "<style>span.q9 { color:red; display : none }</style><p>{a}<span class='k q9'>{h}</span>{b}",
        "<style>#zz{display:none}</style><p>{a}<i id=zz>{h}</i>{b}",
        "<style>b{display:none}</style><p>{a}<b>{h}</b>{b}",
        "<style>div .k span{display:none}</style><div><p class=k>{a}<span>{h}</span>{b}</p></div>",
        "<style>.o,.x, .y{display:none}</style><p>{a}<i class=y>{h}</i>{b}",
        "<style>@media screen{.x{display:none}}</style><p>{a}<i class=x>{h}</i>{b}",
        "<style><!-- .x{display:none} --></style><p>{a}<i class=x>{h}</i>{b}",
        "<style>.x{display:none}</style><p>{s}</p><p class=x>{h}",
        "<p>{a}<template>{h}</template>{b}",
        "<p>{a}<span style='mso-hide:all'>{h}</span>{b}",
    ])
}

pub(crate) fn visibility() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='visibility:hidden'>{h}</span>{b}",
        "<p>{a}<span style='VISIBILITY: Hidden'>{h}</span>{b}",
        "<p>{a}<span style='visibility:collapse'>{h}</span>{b}",
        "<p>{a}<span style='visibility:hidden !important'>{h}</span>{b}",
        "<p>{a}<b style='color:red;visibility:hidden;'>{h}</b>{b}",
        "<p>{a}<span style='visibility:hidden'><i><u>{h}</u></i></span>{b}",
        "<div style='visibility:hidden'><p>{h}</p><p style='visibility:visible'>{s}</p></div>",
        "<div style='visibility:hidden'>{h}</div><div>{s}</div>",
        "<style>.v{visibility:hidden}</style><p>{a}<i class=v>{h}</i>{b}",
        "<style>p i{visibility:hidden}</style><p>{a}<i>{h}</i>{b}",
        "<style>.v{visibility:hidden} .w{visibility:visible}</style><div class=v>{h}<p class=w>{s}",
        "<table><tr style='visibility:collapse'><td>{h}</td></tr><tr><td>{s}</td></tr></table>",
        "<p>{a}<span style='vis\\69 bility:hidden'>{h}</span>{b}",
        "<p>{s}</p><h1 style='visibility:hidden'>{h}</h1>",
    ])
}

pub(crate) fn size() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='font-size:0'>{h}</span>{b}",
        "<p>{a}<span style='font-size:0px'>{h}</span>{b}",
        "<p>{a}<span style='font-size: 1px; line-height: 1px'>{h}</span>{b}",
        "<p>{a}<span style='font-size:.5pt'>{h}</span>{b}",
        "<p>{a}<span style='font-size:0.05em'>{h}</span>{b}",
        "<p>{a}<span style='font-size:1%'>{h}</span>{b}",
        "<p>{a}<span style='font:0/0 a'>{h}</span>{b}",
        "<p>{a}<span style='font:bold 1px/1px Arial'>{h}</span>{b}",
        "<p>{a}<span style='font-size:.3em'><b style='font-size:.3em'>{h}</b></span>{b}",
        "<p>{a}<span style='font-size:0.01rem'>{h}</span>{b}",
        "<p>{a}<span style='FONT-SIZE:0.1MM'>{h}</span>{b}",
        "<style>.t{font-size:0}</style><p>{a}<i class=t>{h}</i>{b}",
        "<style>small{font-size:1px}</style><p>{a}<small>{h}</small>{b}",
        "<div style='font-size:0'>{h}<span style='font-size:16px'>{s}</span></div>",
        "<p>{a}<span style='font-size:0!important;font-size:20px'>{h}</span>{b}",
    ])
}

pub(crate) fn color_inherited() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='color:#fff'>{h}</span>{b}",
        "<p>{a}<span style='color:#FFFFFF'><b>{h}</b></span>{b}",
        "<p>{a}<span style='color:white'>{h}</span>{b}",
        "<p>{a}<span style='color:rgb(255,255,255)'>{h}</span>{b}",
        "<p>{a}<span style='color:rgb(99.5% 100% 100%)'>{h}</span>{b}",
        "<p>{a}<span style='color:hsl(0,0%,100%)'>{h}</span>{b}",
        "<p>{a}<span style='color:#fefefe'>{h}</span>{b}",
        "<p>{a}<span style='color:transparent'>{h}</span>{b}",
        "<p>{a}<span style='color:rgba(0,0,0,0)'>{h}</span>{b}",
        "<p>{a}<span style='color:#00000000'>{h}</span>{b}",
        "<div style='background:#000;color:#fff'>{a}<span style='color:#000'>{h}</span>{b}</div>",
        "<div style='background:navy'><p style='color:white'>{a}<i style='color:#000080'>{h}</i>{b}",
        "<div style='color:#fff'>{h}<p style='color:#000'>{s}</p></div>",
        "<body style='background-color:#123456;color:#eee'>{a}<b style='color:#133557'>{h}</b>{b}",
        "<table style='background:#fafafa'><tr><td>{a}<span style='color:#f9f9f9'>{h}</span>{b}",
        "<p>{a}<span style='-webkit-text-fill-color:white'>{h}</span>{b}",
    ])
}

pub(crate) fn color_by_class() -> Vec<Fixture> {
    hiding(&[
        "<style>.g{color:#fff}</style><p>{a}<i class=g>{h}</i>{b}",
        "<style>.g{color:white !important}</style><p>{a}<i class=g style='color:red'>{h}</i>{b}",
        "<style>i{color:#ffffff}</style><p>{a}<i>{h}</i>{b}",
        "<style>#n{color:rgb(255, 255, 255)}</style><p>{a}<i id=n>{h}</i>{b}",
        "<style>.d{background:#000;color:#fff} .d .g{color:#000}</style><div class=d>{a}<i class=g>{h}</i>{b}",
        "<style>.d{background-color:#222;color:#eee}.g{color:#222}</style><div class=d>{a}<i class=g>{h}</i>{b}",
        "<style>.g{color:transparent}</style><p>{a}<i class='a g b'>{h}</i>{b}",
        "<style>p>i{color:#fff}</style><p>{a}<i>{h}</i>{b}",
        "<style>td.g{color:#fff}</style><table><tr><td>{s}</td></tr><tr><td class=g>{h}",
        "<style>/* .g{color:red} */.g{color:#fefefe}</style><p>{a}<i class=g>{h}</i>{b}",
        "<style>.g{color:red}</style><style>.g{color:#fff}</style><p>{a}<i class=g>{h}</i>{b}",
        "<style>.g{color:#fff}i.g{color:#fff}b.g{color:red}</style><p>{a}<i class=g>{h}</i>{b}",
        "<style>@media all{.g{color:#fff}}</style><p>{a}<i class=g>{h}</i>{b}",
    ])
}

pub(crate) fn color_by_attribute() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<font color=white>{h}</font>{b}",
        "<p>{a}<font color='#ffffff'>{h}</font>{b}",
        "<p>{a}<font color=ffffff>{h}</font>{b}",
        "<p>{a}<FONT COLOR=\"#FFF\">{h}</FONT>{b}",
        "<p>{a}<font color=#fdfdfd><b>{h}</b></font>{b}",
        "<body bgcolor=black text=white>{a}<font color=black>{h}</font>{b}",
        "<body bgcolor='#eeeeee'>{a}<font color='#eeeeee'>{h}</font>{b}",
        "<table bgcolor=navy><tr><td><font color=yellow>{a}<font color=navy>{h}</font>{b}</font>",
        "<table><tr><td bgcolor=#102030><font color=#fff>{s}</font><font color=#102030>{h}</font>",
        "<table><tr bgcolor=red><td><font color=red>{h}</font></td></tr></table><p>{s}",
        "<body bgcolor=white><font color=black>{a}<font color=white>{h}</font>{b}</font>",
        "<p>{a}<font size=1 color=white face=Arial>{h}</font>{b}",
        "<p>{a}<font color=red><font color=white>{h}</font></font>{b}",
        "<p>{a}<font color=black style='color:#fff'>{h}</font>{b}",
    ])
}

pub(crate) fn opacity() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='opacity:0'>{h}</span>{b}",
        "<p>{a}<span style='opacity: 0.0'>{h}</span>{b}",
        "<p>{a}<span style='opacity:.01'>{h}</span>{b}",
        "<p>{a}<span style='opacity:0%'>{h}</span>{b}",
        "<p>{a}<span style='opacity:2%'>{h}</span>{b}",
        "<p>{a}<span style='OPACITY:0 !important'>{h}</span>{b}",
        "<p>{a}<span style='opacity:0'><b style='opacity:1'>{h}</b></span>{b}",
        "<p>{a}<span style='filter:opacity(0)'>{h}</span>{b}",
        "<p>{a}<span style='filter:opacity(0%)'>{h}</span>{b}",
        "<style>.f{opacity:0}</style><p>{a}<i class=f>{h}</i>{b}",
        "<style>p .f{opacity:0.02}</style><p>{a}<i class=f>{h}</i>{b}",
        "<div style='opacity:0'><p>{h}</p></div><p style='opacity:.9'>{s}</p>",
        "<table style='opacity:0'><tr><td>{h}</table>{s}",
        "<p>{a}<span style='opacity:-1'>{h}</span>{b}",
    ])
}

pub(crate) fn clipping() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='position:absolute;clip:rect(0,0,0,0)'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;clip:rect(1px 1px 1px 1px)'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;clip: rect( 0 0 0 0 )'>{h}</span>{b}",
        "<p>{a}<span style='clip-path:inset(50%)'>{h}</span>{b}",
        "<p>{a}<span style='clip-path:inset(100%)'>{h}</span>{b}",
        "<p>{a}<span style='clip-path:circle(0)'>{h}</span>{b}",
        "<p>{a}<span style='display:inline-block;width:0;overflow:hidden'>{h}</span>{b}",
        "<p>{a}<span style='display:inline-block;height:0px;overflow:hidden'>{h}</span>{b}",
        "<p>{a}<span style='max-height:0;overflow:hidden;display:inline-block'>{h}</span>{b}",
        "<p>{a}<span style='max-width:0;overflow:clip'>{h}</span>{b}",
        "<div style='height:1px;width:1px;overflow:hidden'>{h}</div><p>{s}",
        "<style>.c{clip:rect(0 0 0 0);position:absolute}</style><p>{a}<i class=c>{h}</i>{b}",
        "<style>.c{max-height:0;overflow:hidden}</style><p>{s}</p><div class=c>{h}</div>",
        "<p>{a}<span style='transform:scale(0)'>{h}</span>{b}",
        "<p>{a}<span style='transform:scaleX(0)'>{h}</span>{b}",
    ])
}

pub(crate) fn off_screen() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span style='position:absolute;left:-9999px'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;top:-9999px'>{h}</span>{b}",
        "<p>{a}<span style='position:fixed;left:-2000px'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;right:-5000px'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;left:-1000em'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;left:-100in'>{h}</span>{b}",
        "<p>{a}<span style='position:absolute;left:-200vw'>{h}</span>{b}",
        "<p>{a}<span style='text-indent:-9999px;display:inline-block'>{h}</span>{b}",
        "<p>{a}<span style='text-indent:-999em'>{h}</span>{b}",
        "<p>{a}<span style='margin-left:-9999px'>{h}</span>{b}",
        "<p>{a}<span style='transform:translateX(-9999px)'>{h}</span>{b}",
        "<p>{a}<span style='transform:translate(-2000px, 0)'>{h}</span>{b}",
        "<style>.o{position:absolute;left:-9999px}</style><p>{a}<i class=o>{h}</i>{b}",
        "<style>.o{text-indent:-9999px}</style><p>{s}</p><p class=o>{h}</p>",
        "<div style='position:absolute;left:-9999px;width:1px'><p>{h}</p></div><p>{s}</p>",
    ])
}

pub(crate) fn hidden_attribute() -> Vec<Fixture> {
    hiding(&[
        "<p>{a}<span hidden>{h}</span>{b}",
        "<p>{a}<span HIDDEN>{h}</span>{b}",
        "<p>{a}<span hidden=''>{h}</span>{b}",
        "<p>{a}<span hidden=hidden>{h}</span>{b}",
        "<p>{a}<span hidden=until-found>{h}</span>{b}",
        "<p>{a}<span hidden=false>{h}</span>{b}",
        "<p>{a}<b class=x hidden id=y>{h}</b>{b}",
        "<div hidden><div style='display:block'>{h}</div></div><p>{s}</p>",
        "<p hidden>{h}</p><p hidden style='display:block'>{s}</p>",
        "<p>{a}<span hidden/>{h}</span>{b}",
        "<table hidden><tr><td>{h}</td></tr></table><p>{s}",
        "<ul><li hidden>{h}<li>{s}</ul>",
        "<section hidden><h2>{h}</h2></section><section>{s}</section>",
    ])
}

pub(crate) fn comments_in_words() -> Vec<Fixture> {
    breaking(&[
        "<p>{x:<!-- -->:x}</p>",
        "<p>{x:<!---->:x}</p>",
        "<p>{x:<!--a-->:x}</p>",
        "<p>{x:<!-- <b> -->:x}</p>",
        "<p>{a}<!-- {h} -->{b}</p>",
        "<p>{a}<!--{h}--!>{b}</p>",
        "<p>{a}<!>{b}</p>",
        "<p>{a}<!-->{b}</p>",
        "<p>{a}<!doctype x>{b}</p>",
        "<p>{a}<?php {h} ?>{b}</p>",
        "<p>{a}</ {h}>{b}</p>",
        "<p>{a}<![CDATA[x]]>{b}</p>",
        "<p>{a}<!--\n{h}\n-->{b}</p>",
        "<p>{a}<!--[if mso]>{h}<![endif]-->{b}</p>",
        "<p>{a}<!-- a -- b -->{b}</p>",
    ])
}

pub(crate) fn tags_in_words() -> Vec<Fixture> {
    breaking(&[
        "<p>{x:<b></b>:x}</p>",
        "<p>{x:<span></span>:x}</p>",
        "<p>{x:<font color=red></font>:x}</p>",
        "<p>{x:<wbr>:x}</p>",
        "<p>{x:<x>:x}</p>",
        "<p>{x:</x>:x}</p>",
        "<p>{x:<a name=q></a>:x}</p>",
        "<p>{x:</b><b>:x}</p>",
        "<p>{a}<i>{b}</i></p>",
        "<p>{a}<span class=q style='color:red'>{b}</span></p>",
        "<p>{a}<img width=1 height=1 src=x>{b}</p>",
        "<p>{a}<input type=hidden value=v>{b}</p>",
        "<p>{a}<script>var h='{h}'</script>{b}</p>",
        "<p>{a}<o:p></o:p>{b}</p>",
        "<p>{x:<u title='>'></u>:x}</p>",
    ])
}

/// Each letter in a cell of its own; `open` and `close` stand around it.
fn cells(text: &str, open: &str, close: &str) -> String {
    each(text, |_, c| match c {
        ' ' => format!("{open}&nbsp;{close}"),
        c => format!("{open}{c}{close}"),
    })
}

pub(crate) fn cells_of_letters() -> Vec<Fixture> {
    let rows = [
        ("<table><tr>", "<td>", "</td>", "</tr></table>"),
        ("<table><tr>", "<td>", "", "</table>"),
        ("<table><tr>", "<TD align=center>", "</TD>\n", "</table>"),
        ("<table><tr>", "<th>", "</th>", "</tr></table>"),
        (
            "<table><tbody><tr>",
            "<td><font color=black>",
            "</font></td>",
            "</table>",
        ),
        (
            "<table cellspacing=0><tr>",
            "<td style='padding:0'>",
            "</td>",
            "</tr></table>",
        ),
        ("<table><tr>", "<td><b>", "</b></td>", "</table>"),
        (
            "<p>",
            "<span style='display:inline-block'>",
            "</span>",
            "</p>",
        ),
        ("<p>", "<span style='float:left'>", "</span>", "</p>"),
        (
            "<p>",
            "<span style='display:table-cell'>",
            "</span>",
            "</p>",
        ),
        ("<p>", "<span>", "</span>", "</p>"),
        ("<div>", "<div style='float:left'>", "</div>", "</div>"),
        (
            "<div style='display:flex'>",
            "<div style='display:inline-block'>",
            "</div>\n",
            "</div>",
        ),
        (
            "<style>.c{display:inline-block}</style><p>",
            "<i class=c>",
            "</i>",
            "</p>",
        ),
    ];
    let fixtures = rows
        .iter()
        .enumerate()
        .map(|(number, (before, open, close, behind))| {
            let seen = sentence(number);
            let page = format!("{before}{}{behind}", cells(seen, open, close));
            Fixture::new(*open, mail::html(&page), vec![Want::Seen(seen.to_owned())])
        });
    fixtures.collect()
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

pub(crate) fn directions() -> Vec<Fixture> {
    let pages = [
        "<bdo dir=rtl>{r}</bdo>",
        "<p><bdo dir='RTL'>{r}</bdo></p>",
        "<p style='unicode-bidi:bidi-override;direction:rtl'>{r}</p>",
        "<p><span style='direction:rtl;unicode-bidi:bidi-override'>{r}</span></p>",
        "<p dir=rtl><span style='unicode-bidi:bidi-override'>{r}</span></p>",
        "<p style='direction:rtl;unicode-bidi:isolate-override'>{r}</p>",
        "<style>.r{unicode-bidi:bidi-override;direction:rtl}</style><p class=r>{r}</p>",
        "<style>bdo{color:red}</style><bdo dir=rtl style='color:blue'>{r}</bdo>",
        "<p>&#x202e;{r}&#x202c;</p>",
        "<p>&#8238;{r}&#8236;</p>",
        "<p>\u{202e}{r}\u{202c}</p>",
        "<p>\u{202e}{r}</p>",
        "<p>{a}<bdo dir=rtl>{rb}</bdo></p>",
        "<bdo dir=rtl><b>{r}</b></bdo>",
    ];
    let mut fixtures: Vec<Fixture> = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let seen = sentence(number);
        let (first, second) = halves(seen);
        let filled = page
            .replace("{r}", &reversed(seen))
            .replace("{a}", first)
            .replace("{rb}", &reversed(second));
        fixtures.push(Fixture::new(
            *page,
            mail::html(&filled),
            vec![Want::Seen(seen.to_owned())],
        ));
    }
    for number in 0..4 {
        let seen = english(number);
        let turned = format!("\u{202e}{}\u{202c}", reversed(seen));
        let wants = || vec![Want::Seen(seen.to_owned())];
        fixtures.push(Fixture::new("plain", mail::plain(&turned), wants()));
        let subject = format!("Subject: =?utf-8?b?{}?=\n\nx\n", mail::b64(&turned));
        fixtures.push(Fixture::new("subject", subject, wants()));
        let alt = format!("<img src=x alt='{turned}'>");
        fixtures.push(Fixture::new("alt", mail::html(&alt), wants()));
    }
    fixtures
}

/// A name, and how a character by its number is written.
type Way<'a> = (&'a str, &'a dyn Fn(usize, char) -> String);

pub(crate) fn entities() -> Vec<Fixture> {
    let decimal = |c: char| format!("&#{};", u32::from(c));
    let hex = |c: char| format!("&#x{:x};", u32::from(c));
    let ways: [Way<'_>; 14] = [
        ("decimal", &|_, c| decimal(c)),
        ("hexadecimal", &|_, c| hex(c)),
        ("upper hexadecimal", &|_, c| {
            format!("&#X{:X};", u32::from(c))
        }),
        ("leading zeros", &|_, c| format!("&#{:07};", u32::from(c))),
        ("leading zeros, hexadecimal", &|_, c| {
            format!("&#x{:06x};", u32::from(c))
        }),
        (
            "without semicolons",
            &|_, c| match c.is_ascii_alphabetic() {
                true => format!("&#{}<b></b>", u32::from(c)),
                false => c.to_string(),
            },
        ),
        ("every second", &|at, c| {
            if at.is_multiple_of(2) {
                decimal(c)
            } else {
                c.to_string()
            }
        }),
        ("in turn", &|at, c| {
            if at.is_multiple_of(2) {
                decimal(c)
            } else {
                hex(c)
            }
        }),
        ("spaces", &|_, c| {
            if c == ' ' {
                "&#32;".to_owned()
            } else {
                c.to_string()
            }
        }),
        ("named spaces", &|_, c| {
            if c == ' ' {
                "&ensp;".to_owned()
            } else {
                c.to_string()
            }
        }),
        ("tabs", &|_, c| {
            if c == ' ' {
                "&Tab;".to_owned()
            } else {
                c.to_string()
            }
        }),
        ("line ends", &|_, c| {
            if c == ' ' {
                "&#13;&#10;".to_owned()
            } else {
                c.to_string()
            }
        }),
        ("within tags", &|_, c| format!("<b>{}</b>", hex(c))),
        ("with comments", &|_, c| format!("{}<!--x-->", decimal(c))),
    ];
    let fixtures = ways.iter().enumerate().map(|(number, (name, write))| {
        let seen = sentence(number);
        let page = format!("<p>{}</p>", each(seen, write));
        Fixture::new(*name, mail::html(&page), vec![Want::Seen(seen.to_owned())])
    });
    fixtures.collect()
}

pub(crate) fn alt_and_title() -> Vec<Fixture> {
    let decimal = |text: &str| each(text, |_, c| format!("&#{};", u32::from(c)));
    let pages = [
        "<img src=x alt='{s}'>",
        "<img src=x alt=\"{s}\" width=300>",
        "<IMG ALT='{s}' SRC=cid:a>",
        "<img src=x alt='{d}'>",
        "<img src=x alt=' {s} ' alt=other>",
        "<img src=x title='{s}'>",
        "<a href=x title='{s}'>see</a>",
        "<p title='{s}'>text</p>",
        "<td title='{d}'>text",
        "<abbr title='{s}'>a</abbr>",
        "<map><area alt='{s}' href=x></map>",
        "<object title='{s}'></object>",
        "<input type=image alt='{s}'>",
        "<table><tr><td><img alt='{s}'\nsrc=x></td></tr></table>",
    ];
    let fixtures = pages.iter().enumerate().map(|(number, page)| {
        let seen = sentence(number);
        let page = page.replace("{s}", seen).replace("{d}", &decimal(seen));
        let wants = vec![Want::SeenAs(Origin::Attribute, seen.to_owned())];
        Fixture::new(page.clone(), mail::html(&page), wants)
    });
    fixtures.collect()
}
