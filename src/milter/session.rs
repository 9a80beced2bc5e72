//! One connection of an MTA: from command to command.

use crate::engine::Engine;
use crate::maillog::Escaped;
use crate::message::{Address, Client, Envelope};
use crate::milter::Shared;
use crate::milter::edit::{Fields, Forged};
use crate::milter::finish;
use crate::milter::frames::{BEFORE_QUIT_NC, NO_NAME};
use crate::milter::negotiate::Agreement;
use crate::milter::passage::Passes;
use crate::spool::{Spool, SpoolSettings};
use bytes::Bytes;
use indymilter::{Callbacks, Context, EomContext, Macros, ProtoOpts, SocketInfo, Status};
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing::error;

/// What is known about a connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) agreement: Agreement,
    number: u64,
    client: Client,
    daemon_name: Option<String>,
    host: String,
    message: Option<Message>,
}

/// The message of a connection that is arriving.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) engine: Arc<Engine>,
    pub(super) envelope: Envelope,
    /// Why it is let through without judging.
    pub(super) trusted: Option<String>,
    pub(super) spool: Spool,
    in_body: bool,
    pub(super) size: u64,
    pub(super) forged: Forged,
    /// What a notice would change; empty where no rule sends any.
    pub(super) fields: Fields,
    pub(super) subject: Option<CString>,
    pub(super) passes: Passes,
    /// The failure of our own that makes it impossible to judge.
    pub(super) failure: Option<&'static str>,
}

/// The callbacks for indymilter.
pub(super) fn callbacks(shared: &Arc<Shared>) -> Callbacks<Session> {
    let negotiating = shared.clone();
    let connecting = shared.clone();
    let saying_helo = shared.clone();
    let mailing = shared.clone();
    Callbacks::new()
        .on_negotiate(move |cx, actions, opts| {
            let needs = negotiating.engine.load().needs();
            let agreement = Agreement::with(actions, opts, needs);
            cx.data = Some(Session::new(&negotiating, agreement));
            agreement.answer(cx);
            Box::pin(async { Status::Continue })
        })
        .on_connect(move |cx, name, address| {
            let daemon_name = text(&cx.macros, c"{daemon_name}");
            let host = text(&cx.macros, c"j").unwrap_or_default();
            let session = opened(cx, &connecting);
            session.connect(&name, address);
            session.daemon_name = daemon_name;
            session.host = host;
            replied(cx, ProtoOpts::NOREPLY_CONNECT)
        })
        .on_helo(move |cx, name| {
            opened(cx, &saying_helo).client.helo = name.to_string_lossy().into_owned();
            replied(cx, ProtoOpts::NOREPLY_HELO)
        })
        .on_mail(move |cx, args| {
            let user = text(&cx.macros, c"{auth_authen}").filter(|user| !user.is_empty());
            opened(cx, &mailing).mail(&args, user);
            replied(cx, ProtoOpts::NOREPLY_MAIL)
        })
        .on_rcpt(|cx, args| {
            if let (Some(message), Some(recipient)) = (message(cx), args.first()) {
                let recipient = Address::new(recipient.as_bytes());
                message.envelope.recipients.push(recipient);
            }
            replied(cx, ProtoOpts::NOREPLY_RCPT)
        })
        .on_header(|cx, name, value| {
            Box::pin(async move {
                let keeps_space = agreement(cx).keeps_space();
                if let Some(message) = message(cx)
                    && !message.header(&name, value, keeps_space)
                {
                    flush(cx, Bytes::new()).await;
                }
                agreement(cx).reply(ProtoOpts::NOREPLY_HEADER)
            })
        })
        .on_body(|cx, chunk| {
            Box::pin(async move {
                if let Some(message) = message(cx)
                    && let Some(rest) = message.body(chunk)
                {
                    flush(cx, rest).await;
                }
                agreement(cx).reply(ProtoOpts::NOREPLY_BODY)
            })
        })
        .on_eom(|cx| Box::pin(eom(cx)))
        .on_abort(|cx| {
            if let Some(session) = &mut cx.data {
                session.forget();
            }
            Box::pin(async { Status::Continue })
        })
        .on_close(|cx| {
            // After QUIT_NC the connection goes on with another client.
            if let Some(session) = &mut cx.data {
                session.forget();
                session.client = Client::default();
                session.daemon_name = None;
            }
            Box::pin(async { Status::Continue })
        })
        .on_unknown(|cx, command| {
            // The one that the stream puts before QUIT_NC: the MTA waits for no reply to it.
            let is_ours = command.as_bytes() == BEFORE_QUIT_NC;
            let status = if is_ours {
                Status::Noreply
            } else {
                agreement(cx).reply(ProtoOpts::NOREPLY_UNKNOWN)
            };
            Box::pin(async move { status })
        })
}

/// The session. A client may skip the negotiation; then it begins here.
fn opened<'a>(cx: &'a mut Context<Session>, shared: &Arc<Shared>) -> &'a mut Session {
    cx.data
        .get_or_insert_with(|| Session::new(shared, Agreement::default()))
}

fn message(cx: &mut Context<Session>) -> Option<&mut Message> {
    cx.data.as_mut()?.message.as_mut()
}

fn agreement(cx: &Context<Session>) -> Agreement {
    cx.data
        .as_ref()
        .map(|session| session.agreement)
        .unwrap_or_default()
}

fn replied<'a>(cx: &Context<Session>, noreply: ProtoOpts) -> indymilter::CallbackFuture<'a> {
    let status = agreement(cx).reply(noreply);
    Box::pin(async move { status })
}

fn text(macros: &Macros, name: &CStr) -> Option<String> {
    macros
        .get(name)
        .map(|value| value.to_string_lossy().into_owned())
}

/// Moves what is in memory to the spool file, and these bytes behind it.
async fn flush(cx: &mut Context<Session>, rest: Bytes) {
    let id = text(&cx.macros, c"i");
    let Some(session) = &mut cx.data else { return };
    let tag = session.tag();
    let Some(message) = &mut session.message else {
        return;
    };
    if message.failure.is_some() {
        return;
    }
    if let Err(err) = message.spool.flush_with(rest).await {
        message.failure = Some("spool");
        session.shared.metrics.failure("spool");
        if let Some(more) = session.shared.failing.sounds() {
            let id = id.unwrap_or(tag);
            error!(
                "{}: could not write the message to its spool file ({err}); it is not judged and gets the answer of on_error.spool; {more} more failures since the last report",
                Escaped(&id)
            );
        }
    }
}

async fn eom(cx: &mut EomContext<Session>) -> Status {
    let id = text(&cx.macros, c"i");
    let Some(session) = &mut cx.data else {
        return Status::Continue;
    };
    let Some(mut message) = session.message.take() else {
        return Status::Continue;
    };
    let id = id.unwrap_or_else(|| session.tag());
    message.end(id);
    finish::finish(session, message, &cx.actions, &mut cx.reply).await
}

impl Session {
    fn new(shared: &Arc<Shared>, agreement: Agreement) -> Self {
        Self {
            shared: shared.clone(),
            agreement,
            number: shared.connections.fetch_add(1, Ordering::Relaxed) + 1,
            client: Client::default(),
            daemon_name: None,
            host: String::new(),
            message: None,
        }
    }

    /// What stands in the log where there is no queue ID.
    fn tag(&self) -> String {
        format!("connection-{}", self.number)
    }

    /// The name of the mail server; empty where it did not say.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn connect(&mut self, name: &CStr, address: SocketInfo) {
        self.forget();
        let (ip, port) = match address {
            // An IPv4 client of an IPv6 socket is an IPv4 client to every policy.
            SocketInfo::Inet(address) => (Some(address.ip().to_canonical()), address.port()),
            SocketInfo::Unix(_) | SocketInfo::Unknown => (None, 0),
        };
        self.client = Client {
            ip,
            port,
            name: name.to_string_lossy().into_owned(),
            helo: String::new(),
        };
    }

    fn mail(&mut self, args: &[CString], auth_user: Option<String>) {
        self.forget();
        let engine = self.shared.engine.load_full();
        let envelope = Envelope {
            client: self.client.clone(),
            queue_id: None,
            daemon_name: self.daemon_name.clone(),
            auth_user,
            sender: args.first().map(|sender| Address::new(sender.as_bytes())),
            recipients: Vec::new(),
        };
        let config = engine.config();
        let trusted = config.policy.trust.reason(&envelope);
        let spool = SpoolSettings {
            memory: usize::try_from(config.limits.memory).unwrap_or(usize::MAX),
            folder: config.spool_dir(),
        };
        self.message = Some(Message {
            trusted: trusted.map(|reason| reason.to_string()),
            engine,
            envelope,
            spool: Spool::sharing(spool, &self.shared.arriving),
            in_body: false,
            size: 0,
            forged: Forged::default(),
            fields: Fields::default(),
            subject: None,
            passes: Passes::default(),
            failure: None,
        });
    }

    /// Drops a message that will not be finished.
    fn forget(&mut self) {
        if self.message.take().is_some() {
            self.shared.metrics.aborted.inc();
        }
    }
}

impl Drop for Session {
    /// indymilter calls neither abort nor close where a callback has panicked.
    fn drop(&mut self) {
        self.forget();
    }
}

impl Message {
    /// Takes a header field; false where the spool must be flushed.
    fn header(&mut self, name: &CStr, value: CString, keeps_space: bool) -> bool {
        let name = Some(name.to_bytes()).filter(|name| *name != NO_NAME);
        let name = name.unwrap_or_default();
        let space: &[u8] = if keeps_space { b"" } else { b" " };
        let bytes = value.as_bytes();
        self.size += (name.len() + space.len() + bytes.len()) as u64 + 3;
        self.passes.see(name, bytes);
        if self.trusted.is_some() {
            return true;
        }
        self.forged.see(name);
        if self.engine.needs().replaces {
            self.fields.see(name);
        }
        if self.failure.is_some() {
            return true;
        }
        self.spool.push(name);
        self.spool.push(b":");
        self.spool.push(space);
        // MTAs give folded lines with a bare LF; the message had CRLF.
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            if at == 0 || bytes[at - 1] != b'\r' {
                self.spool.push(&bytes[from..at]);
                self.spool.push(b"\r");
                self.size += 1;
                from = at;
            }
        }
        self.spool.push(&bytes[from..]);
        let has_room = self.spool.push(b"\r\n");
        if self.subject.is_none() && name.eq_ignore_ascii_case(b"subject") {
            self.subject = Some(value);
        }
        has_room
    }

    /// Takes a part of the body; where the spool must be flushed, what is to be written behind it.
    fn body(&mut self, chunk: Bytes) -> Option<Bytes> {
        self.begin_body();
        self.size += chunk.len() as u64;
        if self.trusted.is_some() || self.failure.is_some() {
            return None;
        }
        if !self.spool.make_room(chunk.len()) {
            return Some(chunk);
        }
        self.spool.push(&chunk);
        None
    }

    fn begin_body(&mut self) {
        if !self.in_body {
            self.in_body = true;
            self.size += 2;
            self.spool.push(b"\r\n");
        }
    }

    fn end(&mut self, queue_id: String) {
        self.begin_body();
        self.envelope.queue_id = Some(queue_id);
    }
}
