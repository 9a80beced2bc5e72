//! Quoted passwords come out of neither log nor metrics nor header fields.

use crate::life::get;
use crate::peer::{Mta, config, log_lines, shown, start_with};
use callbluff::classify::Judge;

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_password_is_in_no_log_metric_or_field() {
    let judge = Judge::builtin();
    let daemon = start_with(
        config("[defaults]\nsextortion = \"tag\""),
        move |envelope, reading| judge.judge(envelope, reading),
    )
    .await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("canary1", b"ann@example.net", &[b"kim@example.org"])
        .await;
    mta.body(
        b"I hacked your device. Your password is Zq7canaryMilter. I recorded you through your webcam while you watched \
          porn.\r\nPay me 900 USD in Bitcoin within 48 hours or I send the video to all your contacts.\r\n",
    )
    .await;
    let (changes, _) = mta.end().await;
    let fields = shown(&changes).join("\n");
    assert!(
        fields.contains("proof.password"),
        "the password was seen:\n{fields}"
    );
    let log = log_lines("").join("\n");
    assert!(log.contains("canary1: verdict=sextortion"), "{log}");
    let metrics = get(&daemon, "/metrics").await.1;
    for (what, text) in [
        ("a field", fields),
        ("the log", log),
        ("the metrics", metrics),
    ] {
        assert!(
            !text.contains("Zq7canary"),
            "the password is in {what}:\n{text}"
        );
    }
}
