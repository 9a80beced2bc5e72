//! Where MTAs connect.

use crate::peer::{Mta, config, judge, shown, start, start_with};
use callbluff::config::SocketAddress;
use callbluff::daemon::Daemon;
use callbluff::engine::Engine;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

async fn fails(text: &str) -> String {
    let engine = Engine::with_judge(config(text), judge);
    let load = Box::new(|| Err(String::new()));
    Daemon::start(engine, load).await.expect_err("it started")
}

fn at(path: &Path) -> String {
    format!(
        "[milter]\nlisten = \"unix:{}\"\nsocket_mode = \"0600\"",
        path.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sockets_are_served_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    let listen = format!(
        "[milter]\nlisten = [\"inet:0@127.0.0.1\", \"inet6:0@[::1]\", \"unix:{}\"]",
        path.display()
    );
    let daemon = start(&listen).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut unix = Mta::unix(&path).await;
    let mut tcp = Mta::new(&daemon).await;
    for mta in [&mut unix, &mut tcp] {
        mta.connect("192.0.2.7").await;
        let (told, _) = mta.message("sockets", "suspect").await;
        assert_eq!(shown(&told).len(), 3);
    }
    let SocketAddress::Inet { v6, host, port } = &daemon.sockets()[1] else {
        panic!("{:?}", daemon.sockets());
    };
    assert!(*v6);
    tokio::net::TcpStream::connect((host.as_str(), *port))
        .await
        .unwrap();
    drop((unix, tcp));
    daemon.stop(std::future::pending::<()>()).await;
    assert!(!path.exists(), "the socket file stayed behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_says_what_to_do() {
    let daemon = start("").await;
    let used = daemon.sockets()[0].to_string();
    let error = fails(&format!("[milter]\nlisten = \"{used}\"")).await;
    assert!(
        error.contains(&used) && error.contains("the port is in use; stop the program"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_dead_process_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _daemon = start(&at(&path)).await;
    Mta::unix(&path).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_living_process_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    let _other = UnixListener::bind(&path).unwrap();
    let error = fails(&at(&path)).await;
    assert!(
        error.contains("another program answers on the socket"),
        "{error}"
    );
    assert!(std::fs::metadata(&path).unwrap().file_type().is_socket());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_the_way_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    std::fs::write(&path, "mine").unwrap();
    let error = fails(&at(&path)).await;
    assert!(error.contains("which is no socket"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    let error = fails(&at(&folder.path().join("missing/milter.sock"))).await;
    assert!(error.contains("its folder does not exist"), "{error}");
    let group = format!(
        "{}\nsocket_group = \"nosuchgroup\"",
        at(&folder.path().join("other.sock"))
    );
    let error = fails(&group).await;
    assert!(
        error.contains("there is no group \"nosuchgroup\""),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_cannot_be_made_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = fails(&format!("state_dir = \"{}\"", file.path().display())).await;
    assert!(error.contains("could not make the folder"), "{error}");
    assert!(error.contains("set state_dir"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_wait_and_are_told_of() {
    let text = "[milter]\nlisten = \"inet:0@127.0.0.1\"\nmax_connections = 2";
    let daemon = start_with(config(text), judge).await;
    let first = Mta::new(&daemon).await;
    let mut second = Mta::new(&daemon).await;
    let mut third = Mta::silent(&daemon).await;
    crate::peer::until("the limit is noticed", || {
        daemon.metrics().connection_limit.get() == 1
    })
    .await;
    let warnings = crate::peer::log_lines("all 2 milter connections are in use");
    assert!(warnings[0].starts_with("WARN"), "{warnings:?}");
    second.connect("192.0.2.7").await;
    assert_eq!(second.message("limit", "clean").await.1.0, 'c');
    drop(first);
    third.negotiate(6, crate::peer::ALL).await;
    third.connect("192.0.2.7").await;
    assert_eq!(third.message("limit", "clean").await.1.0, 'c');
}
