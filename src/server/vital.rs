//! Threads without which nothing works.

use std::{
    process,
    thread::{self, JoinHandle},
};

/// What the server ends with when one of them panics: `EX_SOFTWARE` of sysexits.h.
pub const EXIT: i32 = 70;

/// Starts a thread that the server cannot do without. If it panics, the server ends, for whoever runs it to
/// start it again: what is left of it would refuse everything and say that it is well.
///
/// # Panics
/// When the operating system starts no thread.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let run = move || {
        let _vital = Vital;
        work();
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.expect("the operating system starts a thread")
}

struct Vital;

impl Drop for Vital {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("a part that nothing works without has failed; stopping");
            process::exit(EXIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    /// Set where this test runs in a process of its own, to fail there.
    const FAILS: &str = "FLACK_TEST_FAILS";

    #[test]
    fn the_server_ends_when_one_of_them_panics() {
        if env::var_os(FAILS).is_some() {
            let _ = spawn("fails", || panic!("as the test wants")).join();
            // Not reached.
            process::exit(1);
        }
        let this = "server::vital::tests::the_server_ends_when_one_of_them_panics";
        let program = env::current_exe().expect("this program");
        let ended = Command::new(program).args(["--exact", this]).env(FAILS, "").output();
        assert_eq!(ended.expect("it runs").status.code(), Some(EXIT));
    }

    #[test]
    fn one_that_has_done_its_work_ends_nothing() {
        assert!(spawn("works", || {}).join().is_ok());
    }
}
