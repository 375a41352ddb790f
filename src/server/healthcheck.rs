//! Asks a server on this machine whether it works, for what watches over a container and has no `curl`.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use clap::Command;

use super::{config::Config, http::HEALTH};

/// The name of the subcommand.
pub const HEALTHCHECK: &str = "healthcheck";

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// More than the answer has, in bytes.
const ANSWER_LIMIT: u64 = 16 * 1024;

/// `flack healthcheck`, for `--help` and for parsing.
pub fn command() -> Command {
    Command::new(HEALTHCHECK)
        .about("Asks the server at the address of the settings whether it works")
}

/// Says whether the server works, and ends with 0 if it does, and with 1 otherwise.
pub fn check(config: &Config) -> ExitCode {
    match ask(reachable(config.address)) {
        Ok((200, answer)) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Ok((_, answer)) => {
            eprintln!("flack: {answer}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("flack: the server at {} does not answer: {error}", config.address);
            ExitCode::FAILURE
        }
    }
}

/// Where one that listens everywhere is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The status and the first line of the answer.
fn ask(address: SocketAddr) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {HEALTH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").and_then(|(_, body)| body.lines().next());
    status
        .zip(body.map(str::to_owned))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is no Flack"))
}
