//! Protocol scripts in `tests/miltertest`, run by Debian's miltertest against the real binary.

use crate::filter::{Filter, Socket};
use crate::ground::{Folder, missing};
use std::path::Path;
use std::process::Command;

fn run(script: &str) {
    if !Path::new("/usr/bin/miltertest").exists() {
        missing("miltertest");
        return;
    }
    let filter = Filter::start(&Folder::new(), Socket::Inet, "");
    let out = Command::new("/usr/bin/miltertest")
        .current_dir(folder())
        .arg("-D")
        .arg(format!("socket=inet:{}@127.0.0.1", filter.port()))
        .arg("-s")
        .arg(script)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{script}: {said}\n{}", filter.log());
    // A script that stops half-way without an error must not pass.
    assert!(
        said.contains("all passed"),
        "{script}: {said}\n{}",
        filter.log()
    );
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/miltertest"))
}

macro_rules! scripts {
    ($($name:ident,)*) => {
        $(#[test] fn $name() { run(concat!(stringify!($name), ".lua")); })*

        #[test]
        fn every_script_is_run() {
            let known = [$(concat!(stringify!($name), ".lua"),)* "common.lua"];
            for entry in std::fs::read_dir(folder()).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(known.contains(&name.as_str()), "{name} is not run");
            }
        }
    };
}

scripts!(negotiation, macros, aborts, messages, headers,);
