//! A milter that takes whole messages and does nothing with them: the floor for any program on indymilter.

use indymilter::{Actions, Callbacks, Config, ContextActions as _, ProtoOpts, Status};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener};

/// TCP as callbluff has it, with immediate sending and immediate ACKs; otherwise the comparison would be one of sockets.
struct Quick(TcpListener);
struct QuickStream(TcpStream);

impl indymilter::Listener for Quick {
    type Io = QuickStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<QuickStream>> {
        self.0.poll_accept(cx).map_ok(|(stream, _)| {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_quickack(true);
            QuickStream(stream)
        })
    }
}

impl AsyncRead for QuickStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        if read.is_ready() {
            let _ = self.0.set_quickack(true);
        }
        read
    }
}

impl AsyncWrite for QuickStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Serves until it is killed. `arguments`: `accept` or `tag`, a TCP address, the path of a UNIX socket.
pub(crate) fn run(arguments: &[String]) {
    let [word, tcp, unix] = arguments else {
        panic!("noop accept|tag ADDRESS PATH")
    };
    let tags = word == "tag";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = Config {
            max_connections: 1000,
            ..Default::default()
        };
        let tcp = Quick(TcpListener::bind(tcp).await.unwrap());
        let unix_listener = UnixListener::bind(unix).unwrap();
        std::fs::set_permissions(unix, std::fs::Permissions::from_mode(0o666)).unwrap();
        let over_unix = indymilter::run(
            unix_listener,
            callbacks(tags),
            config.clone(),
            std::future::pending::<()>(),
        );
        tokio::spawn(over_unix);
        indymilter::run(tcp, callbacks(tags), config, std::future::pending::<()>())
            .await
            .unwrap();
    });
}

fn callbacks(tags: bool) -> Callbacks<Vec<u8>> {
    Callbacks::new()
        .on_negotiate(|cx, _, _| {
            Box::pin(async move {
                cx.requested_actions = Actions::ADD_HEADER;
                cx.requested_opts = ProtoOpts::LEADING_SPACE
                    | ProtoOpts::NO_UNKNOWN
                    | ProtoOpts::NOREPLY_CONNECT
                    | ProtoOpts::NOREPLY_HELO
                    | ProtoOpts::NOREPLY_MAIL
                    | ProtoOpts::NOREPLY_RCPT
                    | ProtoOpts::NOREPLY_DATA
                    | ProtoOpts::NOREPLY_HEADER
                    | ProtoOpts::NOREPLY_EOH
                    | ProtoOpts::NOREPLY_BODY;
                Status::Continue
            })
        })
        .on_connect(|_, _, _| Box::pin(async { Status::Noreply }))
        .on_helo(|_, _| Box::pin(async { Status::Noreply }))
        .on_mail(|cx, _| {
            Box::pin(async {
                cx.data = Some(Vec::new());
                Status::Noreply
            })
        })
        .on_rcpt(|_, _| Box::pin(async { Status::Noreply }))
        .on_data(|_| Box::pin(async { Status::Noreply }))
        .on_header(|cx, name, value| {
            Box::pin(async move {
                if let Some(message) = &mut cx.data {
                    message.extend_from_slice(name.as_bytes());
                    message.push(b':');
                    message.extend_from_slice(value.as_bytes());
                    message.extend_from_slice(b"\r\n");
                }
                Status::Noreply
            })
        })
        .on_eoh(|_| Box::pin(async { Status::Noreply }))
        .on_body(|cx, chunk| {
            Box::pin(async move {
                if let Some(message) = &mut cx.data {
                    message.extend_from_slice(&chunk);
                }
                Status::Noreply
            })
        })
        .on_eom(move |cx| {
            Box::pin(async move {
                let message = cx.data.take().unwrap_or_default();
                if tags {
                    let _ = cx
                        .actions
                        .add_header("X-Noop", format!(" bytes={}", message.len()))
                        .await;
                }
                Status::Continue
            })
        })
        .on_abort(|cx| {
            Box::pin(async {
                cx.data = None;
                Status::Continue
            })
        })
}
