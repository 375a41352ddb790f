//! A server in memory, as far as that goes, which lives as long as the fuzzer.

use std::{path::Path, sync::LazyLock, time::Duration};

use flack::{
    domain::person::{Person, SessionId},
    server::{
        files::FileLimits,
        flack::{Flack, Limits},
        log::NewDevice,
        rates::RateLimits,
        store::DataDir,
        token::Token,
    },
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct House {
    pub runtime: Runtime,
    pub flack: Flack,
    pub ada: Guest,
    /// Removed with the process's other files.
    _dir: TempDir,
}

pub struct Guest {
    pub person: Person,
    pub session: SessionId,
    /// As a browser sends it.
    pub cookie: String,
}

pub static HOUSE: LazyLock<House> = LazyLock::new(|| {
    // Syncing costs nothing where there is no disk.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.expect("a directory");
    let data = DataDir::lock(&dir.path().join("data")).expect("a directory of one's own");
    let limits = Limits {
        sockets: 100,
        people: 100,
        channels: 100,
        gather: Duration::ZERO,
        rates: RateLimits::default(),
        files: FileLimits::default(),
    };
    let (flack, _) = Flack::open(data, limits).expect("the store opens");
    let runtime = Runtime::new().expect("a runtime");
    let ada = runtime.block_on(join(&flack, "Ada"));
    House { runtime, flack, ada, _dir: dir }
});

async fn join(flack: &Flack, name: &str) -> Guest {
    let token = Token::draw().expect("randomness");
    let device = NewDevice { session: token.session(), label: "a fuzzer".to_owned() };
    let person = flack.sign_in(name, device).await.expect("the name is free");
    Guest { person, session: token.session(), cookie: format!("flack={}", token.reveal()) }
}
