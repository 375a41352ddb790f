//! The server's end: who may ask is asked, and answered.

use std::{
    fs,
    io::{self, BufWriter},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use rustix::process::geteuid;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use super::{Answer, Listed, PATIENCE, Question, socket};
use crate::{
    domain::{device::Link, refusal::Refusal},
    server::{backup, config::Config, doors, files::Hold, flack::Flack, random, token::Token},
};

/// More than any question needs, in bytes.
const QUESTION_LIMIT: u64 = 64 * 1024;

/// How long whoever asked for a backup may take nothing of it.
const STALLED: Duration = Duration::from_secs(60);

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
    BufReader::new(reading.take(QUESTION_LIMIT)).read_line(&mut line).await?;
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
