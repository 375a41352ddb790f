//! The operator's end: `flack admin`, which asks and prints the answer.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{Answer, Listed, PATIENCE, Question, socket};
use crate::{
    domain::{device::LINK_MINUTES, message::Message, position::Position},
    server::{config::Config, log::Order},
};

/// The name of the subcommand.
pub const ADMIN: &str = "admin";

/// `flack admin …`, for `--help` and for parsing.
pub fn command() -> Command {
    let name = || Arg::new("name").value_name("NAME").required(true);
    let channel = || Arg::new("channel").value_name("CHANNEL").required(true);
    Command::new(ADMIN)
        .about("Asks something of the server that runs on the data directory")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("json")
                .long("json")
                .global(true)
                .action(ArgAction::SetTrue)
                .help("Answer in JSON, for scripts"),
        )
        .subcommands([
            Command::new("people").about("Lists everybody, and says who is here now").arg(
                Arg::new("name").value_name("PART").help("Only those with this in their name"),
            ),
            Command::new("messages")
                .about("Lists what was said last in a channel, with the numbers of the messages")
                .arg(channel()),
            Command::new("link")
                .about("Makes a link that lets a device speak for somebody, who has lost theirs")
                .arg(name()),
            Command::new("sign-out").about("Signs somebody out everywhere").arg(name()),
            Command::new("free-name")
                .about(
                    "Signs somebody out everywhere, and lets whoever asks first take their name. \
                     What they have said stays; to give them a new device, use link instead",
                )
                .arg(name()),
            Command::new("delete-channel")
                .about("Deletes a channel, with all that was said there")
                .arg(channel()),
            Command::new("delete-message")
                .about("Deletes a message of a channel, for ever")
                .arg(channel())
                .arg(
                    Arg::new("message")
                        .value_name("NUMBER")
                        .required(true)
                        .value_parser(clap::value_parser!(u64))
                        .help("As messages lists it"),
                ),
        ])
}

/// Why the operator got no answer.
#[derive(Debug)]
pub enum NoAnswer {
    NoServer(PathBuf),
    /// It does not do it.
    Refused(String),
    Io(io::Error),
    /// It could not be shown.
    Unsaid(io::Error),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::NoServer(dir) => {
                write!(f, "no server runs on the data directory {}", dir.display())
            }
            NoAnswer::Refused(why) => f.write_str(why),
            NoAnswer::Io(error) => write!(f, "the server did not answer: {error}"),
            NoAnswer::Unsaid(error) => write!(f, "its answer could not be shown: {error}"),
        }
    }
}

/// Asks the running server what `arguments` say, and prints its answer.
///
/// # Errors
/// When there is no answer.
pub fn ask(config: &Config, arguments: &ArgMatches) -> Result<ExitCode, NoAnswer> {
    let answer = put(&config.data_dir, &question(arguments))?;
    let is_done = !matches!(answer, Answer::Refused(_));
    let shown = match arguments.get_flag("json") {
        true => serde_json::to_string(&answer).unwrap_or_default() + "\n",
        false => told(&answer),
    };
    match io::stdout().write_all(shown.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(NoAnswer::Unsaid(error));
        }
        _ => {}
    }
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn question(arguments: &ArgMatches) -> Question {
    let (command, arguments) = arguments.subcommand().expect("clap requires one");
    let text = |name: &str| arguments.get_one::<String>(name).cloned().unwrap_or_default();
    match command {
        "people" => Question::People { name: text("name") },
        "messages" => Question::Messages { channel: text("channel") },
        "link" => Question::Link { name: text("name") },
        "sign-out" => Question::Order(Order::SignOut { name: text("name") }),
        "free-name" => Question::Order(Order::FreeName { name: text("name") }),
        "delete-channel" => Question::Order(Order::DeleteChannel { channel: text("channel") }),
        "delete-message" => Question::Order(Order::DeleteMessage {
            channel: text("channel"),
            message: Position(arguments.get_one("message").copied().unwrap_or_default()),
        }),
        unknown => unreachable!("clap does not know {unknown}"),
    }
}

fn put(data_dir: &Path, question: &Question) -> Result<Answer, NoAnswer> {
    Ok(exchange(data_dir, question)?.0)
}

/// Asks the running server for a backup, and gives what it is to be read from.
///
/// # Errors
/// When there is no answer, or none that is one.
pub fn backup(data_dir: &Path) -> Result<impl io::Read, NoAnswer> {
    let (answer, stream) = exchange(data_dir, &Question::Backup)?;
    // It comes when the database is copied, whenever that is.
    stream.get_ref().set_read_timeout(None).map_err(NoAnswer::Io)?;
    match answer {
        Answer::Backup => Ok(stream),
        Answer::Refused(why) => Err(NoAnswer::Refused(why)),
        _ => Err(NoAnswer::Io(io::ErrorKind::InvalidData.into())),
    }
}

/// Asks, and gives the answer with what may follow it.
fn exchange(
    data_dir: &Path,
    question: &Question,
) -> Result<(Answer, BufReader<UnixStream>), NoAnswer> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let stream = UnixStream::connect(socket(data_dir)).map_err(|error| match error.kind() {
        NotFound | ConnectionRefused => NoAnswer::NoServer(data_dir.to_owned()),
        _ => NoAnswer::Io(error),
    })?;
    converse_blocking(stream, question).map_err(NoAnswer::Io)
}

fn converse_blocking(
    mut stream: UnixStream,
    question: &Question,
) -> io::Result<(Answer, BufReader<UnixStream>)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    stream.read_line(&mut answer)?;
    Ok((serde_json::from_str(&answer)?, stream))
}

/// What there is to tell on the standard output; what is not for programs is told on the other one.
fn told(answer: &Answer) -> String {
    match answer {
        Answer::People(people) if people.is_empty() => eprintln!("Nobody."),
        Answer::People(people) => {
            let line = |Listed { id, name, is_online }: &Listed| {
                let online = if *is_online { "  (here now)" } else { "" };
                format!("{:>8}  {name}{online}\n", id.0)
            };
            return people.iter().map(line).collect();
        }
        Answer::Messages(messages) => {
            // What people write may have codes that mean something to a terminal.
            let line = |Message { position, author, at, text, .. }: &Message| {
                let (at, text) = (at.format("%F %R"), text.as_str());
                format!("{position:>8}  {at}  {}  {text:?}\n", author.name)
            };
            return messages.iter().map(line).collect();
        }
        Answer::Link(link) => {
            eprintln!(
                "It works once, and for {LINK_MINUTES} minutes. Whoever opens it is this person."
            );
            return format!("{}\n", link.path);
        }
        Answer::Done | Answer::Backup => eprintln!("Done."),
        Answer::Refused(why) => eprintln!("flack: {why}"),
    }
    String::new()
}
