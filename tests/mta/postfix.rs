//! A private Postfix on the loopback interface.

use crate::ground::{Folder, Process, free_port, missing, send, wait_for};
use nix::sys::signal::Signal;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running Postfix; it ends with the test.
pub(crate) struct Postfix {
    dir: PathBuf,
    port: u16,
    // The script around Postfix's master, which is not in its process group.
    script: Process,
}

impl Postfix {
    /// Is Postfix installed? Where it is not, says so.
    pub(crate) fn is_there() -> bool {
        let there = Path::new("/usr/sbin/postfix").exists();
        if !there {
            missing("Postfix");
        }
        there
    }

    /// Starts it in `folder`, relaying to the port `sink` and asking `milter` (in Postfix's notation, empty for none).
    /// `lines` go to main.cf.
    pub(crate) fn start(folder: &Folder, sink: u16, milter: &str, lines: &[String]) -> Self {
        let dir = folder.sub("postfix");
        let port = free_port();
        let (etc, spool, data) = (
            folder.sub("postfix/etc"),
            folder.sub("postfix/spool"),
            folder.sub("postfix/data"),
        );
        let owned = Command::new("chown")
            .arg("postfix")
            .arg(&data)
            .status()
            .unwrap();
        assert!(owned.success(), "Postfix needs root");
        fs::write(
            etc.join("main.cf"),
            main_cf(&dir, &etc, &spool, &data, sink, milter) + &lines.join("\n") + "\n",
        )
        .unwrap();
        let mut services = master_cf(port);
        // Without IPv6 on the machine this line would keep Postfix from starting at all.
        if TcpListener::bind("[::1]:0").is_ok() {
            services += &format!("[::1]:{port} inet n - n - - smtpd\n");
        }
        fs::write(etc.join("master.cf"), services).unwrap();
        make_queue(&spool);
        // postfix(1) closes every descriptor up to the limit, which takes seconds where that is a billion.
        let script = Command::new("sh")
            .args([
                "-c",
                "ulimit -n 4096; exec /usr/sbin/postfix -c \"$0\" start-fg",
            ])
            .arg(&etc)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let postfix = Self {
            dir,
            port,
            script: Process::new(script),
        };
        wait_for("Postfix to listen", || {
            TcpStream::connect(postfix.smtp()).ok()
        });
        postfix
    }

    /// Where it listens.
    pub(crate) fn smtp(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Where it listens for IPv6 clients, once it does: that socket comes after the other.
    pub(crate) fn smtp6(&self) -> SocketAddr {
        let address = (std::net::Ipv6Addr::LOCALHOST, self.port).into();
        wait_for("Postfix to listen on IPv6", || {
            TcpStream::connect(address).ok()
        });
        address
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("mail.log")).unwrap_or_default()
    }

    /// Its configuration folder.
    pub(crate) fn etc(&self) -> PathBuf {
        self.dir.join("etc")
    }

    /// The messages in its hold queue, by ID.
    pub(crate) fn held(&self) -> Vec<String> {
        self.queue("hold")
    }

    /// The messages in one of its queues, by ID.
    pub(crate) fn queue(&self, name: &str) -> Vec<String> {
        let out = Command::new("/usr/sbin/postqueue")
            .arg("-c")
            .arg(self.dir.join("etc"))
            .arg("-j")
            .output()
            .unwrap();
        String::from_utf8(out.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|row| row["queue_name"] == name)
            .map(|row| row["queue_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Lets a held message go on its way.
    pub(crate) fn release(&self, id: &str) {
        let status = Command::new("/usr/sbin/postsuper")
            .arg("-c")
            .arg(self.dir.join("etc"))
            .args(["-H", id])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let flushed = Command::new("/usr/sbin/postqueue")
            .arg("-c")
            .arg(self.dir.join("etc"))
            .arg("-f")
            .status()
            .unwrap();
        assert!(flushed.success());
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Note: the script is not the master, and the master ends its own children when it is told to end.
        let pid = fs::read_to_string(self.dir.join("spool/pid/master.pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            send(pid, Signal::SIGTERM);
            // The script reaps the master, which would stay as a zombie otherwise.
            if !std::thread::panicking() {
                wait_for("the end of Postfix", || self.script.ended());
            }
        }
        if std::thread::panicking() {
            eprintln!("--- Postfix\n{}", self.log());
        }
    }
}

/// The folders of the queue, as Postfix's own set-up would make them. That one calls a hundred small
/// programs, which takes two seconds; with the file `quick-start` Postfix leaves it out.
fn make_queue(spool: &Path) {
    let private = "active bounce corrupt defer deferred flush hold incoming private saved trace";
    for (names, mode, owner) in [
        (private, 0o700, "postfix"),
        ("maildrop", 0o730, "postfix:postdrop"),
        ("public", 0o710, "postfix:postdrop"),
        ("pid", 0o755, "root"),
    ] {
        let folders: Vec<PathBuf> = names.split(' ').map(|name| spool.join(name)).collect();
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        let owned = Command::new("chown")
            .arg(owner)
            .args(&folders)
            .status()
            .unwrap();
        assert!(owned.success(), "Postfix needs root");
    }
    fs::write(spool.join("quick-start"), "").unwrap();
}

fn main_cf(dir: &Path, etc: &Path, spool: &Path, data: &Path, sink: u16, milter: &str) -> String {
    let (dir, etc, spool, data) = (
        dir.display(),
        etc.display(),
        spool.display(),
        data.display(),
    );
    // No name is ever looked up in the DNS; `local_header_rewrite_clients` is empty so that not a byte is touched.
    format!(
        "compatibility_level = 3.6\n\
         config_directory = {etc}\n\
         queue_directory = {spool}\n\
         data_directory = {data}\n\
         maillog_file = {dir}/mail.log\n\
         maillog_file_prefixes = {dir}\n\
         inet_interfaces = loopback-only\n\
         inet_protocols = all\n\
         myhostname = mx.example.org\n\
         mydomain = example.org\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24 [2001:db8::]/32\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         smtpd_authorized_xclient_hosts = 127.0.0.1\n\
         smtpd_peername_lookup = no\n\
         smtp_dns_support_level = disabled\n\
         smtp_host_lookup = native\n\
         relayhost = [127.0.0.1]:{sink}\n\
         alias_maps =\n\
         alias_database =\n\
         local_recipient_maps =\n\
         local_header_rewrite_clients =\n\
         smtpd_client_connection_count_limit = 0\n\
         smtpd_client_connection_rate_limit = 0\n\
         message_size_limit = 52428800\n\
         smtpd_milters = {milter}\n"
    )
}

/// Every service without chroot: Debian's own file has it, and a UNIX milter socket is then looked up inside the queue folder.
fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\n\
         pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         proxywrite unix - - n - 1 proxymap\n\
         smtp unix - - n - - smtp\n\
         relay unix - - n - - smtp\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         local unix - n n - - local\n\
         virtual unix - n n - - virtual\n\
         lmtp unix - - n - - lmtp\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
