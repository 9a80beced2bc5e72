//! A private Sendmail on the loopback interface.

use crate::ground::{Folder, Process, free_port, missing, wait_for};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running Sendmail; it ends with the test.
pub(crate) struct Sendmail {
    dir: PathBuf,
    port: u16,
    _process: Process,
}

impl Sendmail {
    /// The folder with Sendmail's unpacked packages. Where there is none, says so.
    ///
    /// They are not installed but unpacked, because Debian's packages of Sendmail and Postfix exclude each other.
    pub(crate) fn root() -> Option<PathBuf> {
        let root = std::env::var_os("CALLBLUFF_SENDMAIL").map(PathBuf::from);
        let root = root.filter(|root| root.join("usr/libexec/sendmail/sendmail").exists());
        if root.is_none() {
            missing("Sendmail");
        }
        root
    }

    /// Starts it in `folder`, relaying to the port `sink` and asking `milter` (in Sendmail's notation, empty for none).
    /// `flag` says what happens when the milter fails: `F=T`, `F=R`, `F=4`, or `F=` for nothing. `lines` go to the .mc file.
    pub(crate) fn start(
        folder: &Folder,
        root: &Path,
        sink: u16,
        milter: &str,
        flag: &str,
        lines: &[String],
    ) -> Self {
        let dir = folder.sub("sendmail");
        let port = free_port();
        let queue = folder.sub("sendmail/queue");
        fs::set_permissions(&queue, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(dir.join("service.switch"), "hosts files\naliases files\n").unwrap();
        for file in ["helpfile", "statistics", "local-host-names"] {
            fs::write(dir.join(file), "").unwrap();
        }
        let mc = dir.join("sendmail.mc");
        fs::write(
            &mc,
            sendmail_mc(&dir, port, sink, milter, flag) + &lines.join("\n") + "\nMAILER(`smtp')\n",
        )
        .unwrap();
        let m4 = root.join("usr/share/sendmail/cf");
        let cf = Command::new("m4")
            .arg(format!("-D_CF_DIR_={}/", m4.display()))
            .arg(m4.join("m4/cf.m4"))
            .arg(&mc)
            .output()
            .unwrap();
        assert!(
            cf.status.success(),
            "{}",
            String::from_utf8_lossy(&cf.stderr)
        );
        fs::write(dir.join("sendmail.cf"), cf.stdout).unwrap();
        // Sendmail sleeps for a minute at its start when the host name has no dot: it gets one, in a namespace of its own.
        let child = Command::new("unshare")
            .args([
                "--uts",
                "sh",
                "-c",
                "hostname sm.example.org; exec \"$0\" -C \"$1\" -bD -q30s",
            ])
            .arg(root.join("usr/libexec/sendmail/sendmail"))
            .arg(dir.join("sendmail.cf"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(dir.join("stdout")).unwrap())
            .stderr(fs::File::create(dir.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let sendmail = Self {
            dir,
            port,
            _process: Process::new(child),
        };
        wait_for("Sendmail to listen", || {
            TcpStream::connect(sendmail.smtp()).ok()
        });
        sendmail
    }

    /// Where it listens.
    pub(crate) fn smtp(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The program as an admin would call it: with this one's config, and a host name with a dot.
    pub(crate) fn program(&self) -> PathBuf {
        let path = self.dir.join("sendmail");
        let root = Self::root().unwrap();
        let script = format!(
            "#!/bin/sh\nexec unshare --uts sh -c 'hostname sm.example.org; exec \"$0\" \"$@\"' {} -C {} \"$@\"\n",
            root.join("usr/libexec/sendmail/sendmail").display(),
            self.dir.join("sendmail.cf").display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// What it printed; its log goes to syslog, where no test can read it.
    pub(crate) fn output(&self) -> String {
        let read = |file| fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        read("stdout") + &read("stderr")
    }

    /// The messages that it holds, by ID: those whose envelope file begins with `hf`.
    pub(crate) fn held(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.join("queue")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter_map(|name| Some(name.strip_prefix("hf")?.to_owned()))
            .collect()
    }

    /// The reason in the envelope file of a held message.
    pub(crate) fn hold_reason(&self, id: &str) -> String {
        let envelope = fs::read(self.dir.join(format!("queue/hf{id}"))).unwrap();
        // Note: fields that the milter inserted are marked with a byte that is not UTF-8.
        let envelope = String::from_utf8_lossy(&envelope);
        envelope
            .lines()
            .find_map(|line| line.strip_prefix('q'))
            .unwrap()
            .to_owned()
    }

    /// The body of a held message, lines ended by CRLF.
    pub(crate) fn body(&self, id: &str) -> Vec<u8> {
        let body = fs::read(self.dir.join(format!("queue/df{id}"))).unwrap();
        let lines = body.split_inclusive(|&byte| byte == b'\n');
        lines
            .flat_map(|line| [line.strip_suffix(b"\n").unwrap_or(line), b"\r\n"].concat())
            .collect()
    }
}

impl Drop for Sendmail {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Sendmail\n{}", self.output());
        }
    }
}

fn sendmail_mc(dir: &Path, port: u16, sink: u16, milter: &str, flag: &str) -> String {
    let dir = dir.display();
    let filter = match milter {
        "" => String::new(),
        _ => format!(
            "INPUT_MAIL_FILTER(`callbluff', `S={milter}, {flag}, T=C:10s;S:60s;R:60s;E:5m')"
        ),
    };
    format!(
        "divert(0)dnl\n\
         VERSIONID(`test')\n\
         OSTYPE(`linux')\n\
         define(`confDOMAIN_NAME', `sm.example.org')\n\
         define(`QUEUE_DIR', `{dir}/queue')\n\
         define(`confQUEUE_LA', `1000')define(`confREFUSE_LA', `1000')define(`confDELAY_LA', `0')dnl\n\
         define(`confPID_FILE', `{dir}/sendmail.pid')\n\
         define(`STATUS_FILE', `{dir}/statistics')\n\
         define(`HELP_FILE', `{dir}/helpfile')\n\
         define(`confCW_FILE', `{dir}/local-host-names')\n\
         define(`ALIAS_FILE', `')\n\
         define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')\n\
         define(`confDELIVERY_MODE', `background')\n\
         define(`confTO_IDENT', `0')\n\
         define(`confQUEUE_LA', `1000')\n\
         define(`confREFUSE_LA', `1000')\n\
         define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,TrustStickyBit')\n\
         define(`SMART_HOST', `relay:[127.0.0.1]')\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {sink}')\n\
         FEATURE(`nouucp', `reject')\n\
         FEATURE(`nocanonify')\n\
         FEATURE(`accept_unqualified_senders')\n\
         FEATURE(`accept_unresolvable_domains')\n\
         FEATURE(`promiscuous_relay')\n\
         FEATURE(`no_default_msa')\n\
         DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA')\n\
         {filter}\n"
    )
}
