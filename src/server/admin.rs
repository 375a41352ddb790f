//! What the operator asks of a running server: `flack admin`, over a Unix socket in the data
//! directory.
//!
//! Whoever may use the socket owns the data directory anyway. A question is one line of JSON, and so
//! is its answer: both ends are this program, and a protocol of the network would only add doors. What
//! is ordered goes through the log like everything else, and is live for everyone.

use std::{
    fmt, fs,
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream as BlockingStream},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use super::{
    backup, config::Config, doors, files::Hold, flack::Flack, log::Order, random, token::Token,
};
use crate::domain::{
    device::{LINK_MINUTES, Link},
    message::Message,
    name::DisplayName,
    person::PersonId,
    position::Position,
    refusal::Refusal,
};

/// The name of the subcommand.
pub const ADMIN: &str = "admin";

/// More than any question needs, in bytes.
const QUESTION_LIMIT: u64 = 64 * 1024;

/// How long a question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// Who has this in their name.
    People {
        name: String,
    },
    /// What was said last in a channel.
    Messages {
        channel: String,
    },
    /// A link that lets a device speak for somebody.
    Link {
        name: String,
    },
    Order(Order),
    /// All that is kept, in one file.
    Backup,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    People(Vec<Listed>),
    Messages(Vec<Message>),
    Link(Link),
    Done,
    /// The backup itself follows, to the end of the stream.
    Backup,
    /// Why it was not done.
    Refused(String),
}

/// How long whoever asked for a backup may take nothing of it.
const STALLED: Duration = Duration::from_secs(60);

/// Somebody, as the operator sees them.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    id: PersonId,
    name: DisplayName,
    /// Whether a page of theirs is open now.
    is_online: bool,
}

/// Where the socket of a data directory is.
fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("flack.sock")
}

// --- The server's end ---------------------------------------------------------------

/// Takes the socket of the data directory, which nobody else may use meanwhile.
///
/// # Errors
/// When the operating system does not give it, such as for a path of more than 100 bytes.
pub fn listen(config: &Config) -> io::Result<UnixListener> {
    let path = socket(&config.data_dir);
    // A server that was killed has left it there.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers the operator, for as long as the server runs.
pub async fn serve(listener: UnixListener, flack: Flack, config: Config) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        // The file says the same; this holds from the first moment on, and where files do not say.
        let is_operator = stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw());
        if !is_operator {
            tracing::warn!("somebody else tried to be the operator");
            continue;
        }
        let (flack, config) = (flack.clone(), config.clone());
        tokio::spawn(async move {
            let mut stream = stream;
            match timeout(PATIENCE, converse(&mut stream, &flack, &config)).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(hold))) => {
                    if let Err(error) = back_up(stream, hold, flack, config) {
                        tracing::error!(%error, "a backup did not begin");
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "the operator's question"),
                Err(error) => tracing::debug!(%error, "the operator's question"),
            }
        });
    }
}

/// The end of the socket.
pub fn close(config: &Config) {
    let _ = fs::remove_file(socket(&config.data_dir));
}

/// Answers a question. Gives what a backup needs that is to follow.
async fn converse(
    stream: &mut UnixStream,
    flack: &Flack,
    config: &Config,
) -> io::Result<Option<Hold>> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    AsyncBufReader::new(reading.take(QUESTION_LIMIT)).read_line(&mut line).await?;
    let mut hold = None;
    let answer = match serde_json::from_str(&line) {
        Ok(Question::Backup) => {
            hold = flack.files().hold();
            hold.is_some().then_some(Answer::Backup).ok_or_else(Refusal::backup_under_way)
        }
        Ok(question) => answer(question, flack.clone(), config).await,
        Err(_) => Err(Refusal::malformed()),
    };
    let answer = answer.unwrap_or_else(|refusal| Answer::Refused(refusal.to_string()));
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writing.write_all(&line).await?;
    Ok(hold)
}

/// Writes a backup, on a thread that may wait for whoever reads it. The server may end meanwhile.
fn back_up(stream: UnixStream, hold: Hold, flack: Flack, config: Config) -> io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(STALLED))?;
    let backups = flack.metrics().backups().clone();
    tokio::task::spawn_blocking(move || {
        tracing::info!("a backup begins");
        match backup::write(&config.data_dir, hold, BufWriter::with_capacity(64 << 10, stream)) {
            Ok(about) => {
                backups.inc();
                tracing::info!(files = about.files, bytes = about.bytes, "a backup is made");
            }
            Err(error) => tracing::error!(%error, "a backup broke off"),
        }
    });
    Ok(())
}

async fn answer(question: Question, flack: Flack, config: &Config) -> Result<Answer, Refusal> {
    match question {
        Question::People { name } => {
            let people = flack.people(None, name, usize::MAX).await?;
            let listed = people.into_iter().map(|person| Listed {
                id: person.id,
                is_online: flack.is_online(person.id),
                name: person.name,
            });
            Ok(Answer::People(listed.collect()))
        }
        Question::Messages { channel } => {
            let window = flack.window(&channel).await?;
            Ok(Answer::Messages(window.messages().cloned().collect()))
        }
        Question::Link { name } => {
            let secret = Token::draw().map_err(random::refused)?;
            flack.link_for(name, secret.link()).await?;
            let link = doors::link_of(&secret);
            let here = format!("http://{}", config.address);
            let origin = config.origin.as_ref().map_or(here.as_str(), |origin| origin.as_str());
            Ok(Answer::Link(Link { path: format!("{origin}{}", link.path), ..link }))
        }
        Question::Backup => Err(Refusal::malformed()),
        Question::Order(order) => {
            tracing::info!(order = order.kind(), "the operator");
            flack.order(order).await.map(|()| Answer::Done)
        }
    }
}

// --- The operator's end ---------------------------------------------------------------

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
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::NoServer(dir) => {
                write!(f, "no server runs on the data directory {}", dir.display())
            }
            NoAnswer::Refused(why) => f.write_str(why),
            NoAnswer::Io(error) => write!(f, "the server did not answer: {error}"),
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
    if arguments.get_flag("json") {
        println!("{}", serde_json::to_string(&answer).unwrap_or_default());
    } else {
        print(&answer);
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
) -> Result<(Answer, BufReader<BlockingStream>), NoAnswer> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let stream = BlockingStream::connect(socket(data_dir)).map_err(|error| match error.kind() {
        NotFound | ConnectionRefused => NoAnswer::NoServer(data_dir.to_owned()),
        _ => NoAnswer::Io(error),
    })?;
    converse_blocking(stream, question).map_err(NoAnswer::Io)
}

fn converse_blocking(
    mut stream: BlockingStream,
    question: &Question,
) -> io::Result<(Answer, BufReader<BlockingStream>)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    stream.read_line(&mut answer)?;
    Ok((serde_json::from_str(&answer)?, stream))
}

fn print(answer: &Answer) {
    match answer {
        Answer::People(people) if people.is_empty() => eprintln!("Nobody."),
        Answer::People(people) => {
            for Listed { id, name, is_online } in people {
                let online = if *is_online { "  (here now)" } else { "" };
                println!("{:>8}  {name}{online}", id.0);
            }
        }
        // What people write may have codes that mean something to a terminal.
        Answer::Messages(messages) => messages.iter().for_each(|message| {
            let Message { position, author, at, text, .. } = message;
            println!("{position:>8}  {}  {}  {:?}", at.format("%F %R"), author.name, text.as_str());
        }),
        Answer::Link(link) => {
            println!("{}", link.path);
            eprintln!(
                "It works once, and for {LINK_MINUTES} minutes. Whoever opens it is this person."
            );
        }
        Answer::Done | Answer::Backup => eprintln!("Done."),
        Answer::Refused(why) => eprintln!("flack: {why}"),
    }
}
